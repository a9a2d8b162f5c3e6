"""The software that travels: wheels that the rented machine lacks, and ONNX Runtime for its GPU, made small."""

import importlib.metadata
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from training.lease import fatbin

PYTHON = "3.12"
"""Version of Python on the rented machine."""

GPU_RUNTIME = "onnxruntime-gpu"
MANYLINUX = (39, 35, 34, 31, 28, 27, 24, 17)
"""Versions of glibc that wheels may name; pip takes exactly those that it is told."""

COPIED = ("libsvm", "libsvm_official")
"""Packages without wheels that do not depend on the version of Python: copied as they are installed here."""

LEFT_OUT = ("transformers/", "tools/", "quantization/", "datasets/", "backend/", "ThirdPartyNotices", "Privacy")
LEFT_OUT_LIBRARIES = ("libonnxruntime_providers_tensorrt", "libonnxruntime.so")
"""Parts of ONNX Runtime's wheel that importing and running a graph on CUDA does not need. (The Python module has the
whole library inside it.)"""


def download(name: str, folder: Path) -> None:
    """Fetch the wheel of a package for the rented machine, in the version that is installed here if one is.

    Raises:
        subprocess.CalledProcessError: there is none.
    """
    try:
        wanted = f"{name}=={importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        wanted = name
    tags = [*(f"manylinux_2_{n}_x86_64" for n in MANYLINUX), "manylinux2014_x86_64", "manylinux1_x86_64"]
    platforms = [word for tag in tags for word in ("--platform", tag)]
    subprocess.run(
        [
            sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version",
            PYTHON, "--implementation", "cp", *platforms, "-d", str(folder), wanted,
        ],
        check=True,
    )  # fmt: skip


def wheels(folder: Path) -> list[Path]:
    """The wheels of wheels.txt, fetched into a folder unless it has them."""
    listed = Path(__file__).with_name("wheels.txt").read_text(encoding="utf-8").splitlines()
    folder.mkdir(parents=True, exist_ok=True)
    for name in listed:
        if name.startswith("#"):
            continue
        start = name.replace("-", "_")
        if not any(path.name.startswith(f"{start}-") for path in folder.glob("*.whl")):
            download(name, folder)
    return sorted(folder.glob("*.whl"))


def gpu_runtime(wheel: Path | None, target: Path, *, whole: bool = False) -> None:
    """Write an archive of the folders that belong on the module path: ONNX Runtime, and the packages of COPIED.

    Args:
        wheel: ONNX Runtime's GPU wheel for the rented machine; fetched if None.
        target: a file .tar.xz.
        whole: keep all device code of the machine's architecture, not only what networks of codecs may call.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if wheel is None:
            download(GPU_RUNTIME, folder)
            wheel = next(folder.glob("*.whl"))
        site = folder / "site"
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(site, [name for name in packed.namelist() if needed(name)])
        for library in (site / "onnxruntime" / "capi").glob("libonnxruntime_providers_cuda*.so"):
            print(fatbin.trim_file(library, whole=whole))
        target.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(target, "w:xz", preset=6) as archive:
            for path in sorted(site.iterdir()):
                archive.add(path, path.name)
            for path in copied():
                archive.add(path, path.name, filter=_without_bytecode)


def needed(name: str) -> bool:
    """Whether a file of ONNX Runtime's wheel travels."""
    _, _, inside = name.partition("/")
    return not (inside.startswith(LEFT_OUT) or Path(name).name.startswith(LEFT_OUT_LIBRARIES))


def copied() -> list[Path]:
    """The folders of COPIED packages that are installed here, and of their metadata."""
    places = [Path(place) for place in sys.path if place.endswith("site-packages")]
    return [path for place in places for name in COPIED for path in sorted(place.glob(f"{name}*")) if path.is_dir()]


def _without_bytecode(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
