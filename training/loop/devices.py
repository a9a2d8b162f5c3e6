"""The device that a run computes on, and moving arrays to it without waiting for it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from formats.errors import UsageError

DEVICES = ("cpu", "cuda", "auto")
"""What a device can be called; auto is a GPU where there is one."""


def choose(name: str) -> str:
    """The device, cpu or cuda, that is meant by one of DEVICES.

    Raises:
        UsageError: there is no such device.
    """
    if name not in DEVICES:
        raise UsageError(f"there is no device {name!r}: it is one of {', '.join(DEVICES)}")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        built = f"torch {torch.__version__} finds none" if torch.version.cuda else "this torch is built for the CPU"
        raise UsageError(f"no GPU for --device cuda: {built}")
    return name if name != "auto" else "cuda" if there else "cpu"


def to_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """An array on a device. A copy to a GPU goes through pinned memory and joins the queue of what it has to do."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def prepare(device: torch.device) -> None:
    """Settings of a process that trains: denormals are zero, and float32 is float32 on a GPU too.

    Reduced precision is for what `--bf16` names alone: rounding decisions and the variances of NSIM do not bear it.
    """
    torch.set_flush_denormal(True)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True  # all steps have the same shapes
