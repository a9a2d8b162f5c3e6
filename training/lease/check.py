"""CUDA beside the CPU: do both decode the same integers, and nearly the same audio?"""

import ctypes
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from codec.audio.demo import song
from codec.pipeline.calls import decode, encode
from formats.errors import AezError
from formats.grid import SAMPLE_RATE

SECONDS = 30
"""Of the demo song."""


LIMIT = -80.0
"""Decibels of the largest difference that is accepted between a song decoded by a device and by the CPU."""


def check(device: str, target: Path) -> bool:
    """Compare a device with the CPU, and write what was found; whether both give nearly the same.

    decode_db: the difference of the decoded songs relative to the song. encode_same: whether both wrote the same bytes,
    which they need not.
    """
    samples = np.concatenate(list(song(SECONDS)), 1)
    found: dict[str, Any] = {"device": device, "works": True}
    try:
        files = {name: encode(samples, SAMPLE_RATE, device=name) for name in dict.fromkeys(("cpu", device))}
        began = time.perf_counter()
        audio = {name: decode(files["cpu"], device=name)[0] for name in files}
        again = decode(files[device], device="cpu")[0]
        found["seconds"] = round(time.perf_counter() - began, 3)
    except AezError as error:
        found |= {"works": False, "error": str(error), "library": library_error()}
    else:
        level = float(np.abs(audio["cpu"]).max())
        found["decode_db"] = _db(np.abs(audio[device] - audio["cpu"]).max() / level)
        found["decode_rms_db"] = _db(np.sqrt(np.mean((audio[device] - audio["cpu"]) ** 2)) / level)
        found["encode_same"] = files[device] == files["cpu"]
        found["encode_db"] = _db(np.abs(again - audio["cpu"]).max() / level)
        found["bytes"] = {name: len(data) for name, data in files.items()}
        found["sha256"] = {name: hashlib.sha256(data).hexdigest()[:16] for name, data in files.items()}
    target.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(json.dumps(found))
    return bool(found["works"]) and max(found["decode_db"], found["decode_rms_db"]) < LIMIT


def library_error() -> str:
    """What the loader says of ONNX Runtime's CUDA library, of which the runtime itself says little."""
    import onnxruntime

    onnxruntime.preload_dlls(directory="")
    folder = Path(onnxruntime.__file__).parent / "capi"
    try:
        for name in ("libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"):
            ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
        session = onnxruntime.InferenceSession(b"", providers=["CUDAExecutionProvider"])
    except Exception as error:  # whatever it is, it is what we want to know
        return repr(error)
    return repr(session)


def _db(ratio: float) -> float:
    return round(20 * float(np.log10(max(ratio, 1e-12))), 1)
