"""Moving arrays to a device without waiting for it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """An array on a device. A copy to a GPU goes through pinned memory and joins the queue of what it has to do."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def prepare(device: torch.device) -> None:
    """Settings of a process that trains: denormals are zero, and float32 is float32 on a GPU too.

    Reduced precision is for the decoder's layers alone: rounding decisions and the variances of NSIM do not bear it.
    """
    torch.set_flush_denormal(True)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True  # all steps have the same shapes
