"""Install the software of the slices on the rented machine.

Wheels and ONNX Runtime's archive go into HOME/site, which stands before the machine's own packages. Where Python is of
another version, as in a rehearsal, the packages that are installed are used.
"""

import importlib.util
import subprocess
import sys
import tarfile
from pathlib import Path

PYTHON = (3, 12)
"""Version that the wheels are for; `training.lease.runtime` fetches them."""

MODULES = (
    "audioread", "cffi", "constriction", "construct", "google_crc32c", "libsvm", "numba", "onnx", "onnxruntime",
    "onnxscript", "scipy", "soundfile", "soxr", "threadpoolctl", "tinytag", "torch", "visqol", "zstandard",
)  # fmt: skip
"""What the steps import, to be tried at once."""


def install(home: Path) -> int:
    """Fill HOME/site, and import everything once in a new process; returns that one's exit code."""
    site = home / "site"
    site.mkdir(exist_ok=True)
    link(site / "aez", home / "tree" / "codec" / "api")  # as the project's wheel installs it
    if sys.version_info[:2] != PYTHON:
        print(f"Python is {sys.version_info[0]}.{sys.version_info[1]}: its own packages are used")
        return try_modules()
    wheels = sorted(map(str, (home / "wheels").glob("*.whl")))
    if wheels:
        options = ["--no-index", "--no-deps", "--no-compile", "--no-cache-dir", "--upgrade", "--target", str(site)]
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", *options, *wheels], check=False)
    with tarfile.open(home / "site.tar.xz") as archive:
        archive.extractall(site, filter="data")
    nvidia = importlib.util.find_spec("nvidia")
    for place in (nvidia.submodule_search_locations or []) if nvidia else []:
        link(site / "nvidia", Path(place))  # ONNX Runtime looks for CUDA's libraries beside itself
    return try_modules()


def link(path: Path, target: Path) -> None:
    """Make a link unless there is one, or the same folder."""
    if not path.exists() and target.is_dir():
        path.symlink_to(target)


def try_modules() -> int:
    """Say which of MODULES cannot be imported, and what ONNX Runtime offers; 0 if that one works at least."""
    lines = [f"try: import {name}\nexcept Exception as error: print({name!r}, repr(error))" for name in MODULES]
    lines += ["print(torch.__version__, torch.cuda.is_available() and torch.cuda.get_device_name())"]
    lines += ["import onnxruntime", "print(onnxruntime.__version__, onnxruntime.get_available_providers())"]
    return subprocess.run([sys.executable, "-c", "\n".join(lines)], check=False).returncode
