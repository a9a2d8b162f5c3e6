"""What only the machine can tell: in which memory layout, and compiled or not, the decoder's layers are fastest.

A few steps of the decoder alone are timed at the beginning of a run. Results do not depend on the choice, except for
rounding.
"""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from formats.grid import COEFFICIENTS
from training.ranked.network import Autoencoder, Decoder

LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}

STEPS = 4
"""Steps that are timed, after two that are not."""


def tune(model: Autoencoder, batch: int, frames: int, *, bf16: bool, compiled: bool) -> dict[str, float]:
    """Set the decoder's fastest way for batches of this size; returns seconds a step of each way that works."""
    device = next(model.parameters()).device
    decoder, found = model.decoder, dict[str, float]()
    for name, layout in LAYOUTS.items():
        decoder.trunk.layout = layout
        with _tried(name):
            found[name] = step_time(decoder, batch, frames, device, bf16=bf16)
    fastest = min(found, key=lambda name: found[name], default="contiguous")
    decoder.trunk.layout = LAYOUTS[fastest]
    if compiled:
        with _tried("compiled"):
            decoder.compile(dynamic=False)
            found["compiled"] = step_time(decoder, batch, frames, device, bf16=bf16)
        if found.get("compiled", math.inf) > found.get(fastest, math.inf):
            decoder._compiled_call_impl = None  # as before `compile`
    return {name: round(seconds, 4) for name, seconds in found.items()}


@contextmanager
def _tried(name: str) -> Iterator[None]:
    """A layout may have no kernel, and a compiler may be missing: what fails is left out, with a line on stderr."""
    try:
        yield
    except Exception as error:
        print(f"train: the decoder does not work {name}: {error!s:.300}", file=sys.stderr)


def step_time(decoder: Decoder, batch: int, frames: int, device: torch.device, *, bf16: bool) -> float:
    """Seconds of a forward and backward pass of the decoder on plausible inputs; leaves no gradients."""
    inputs = plausible(batch, frames, device)
    for number in range(2 + STEPS):
        if number == 2:
            began = _now(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            out = decoder(*inputs)
        out.square().mean().backward()
        decoder.zero_grad(set_to_none=True)
    return (_now(device) - began) / STEPS


def plausible(batch: int, frames: int, device: torch.device) -> tuple[Tensor, ...]:
    """Inputs of `Decoder.forward`."""
    shape = (batch, frames, COEFFICIENTS)
    sent = (torch.rand(shape, device=device) < 0.3).float()
    q = torch.round(torch.randn(shape, device=device) * 2) * sent
    log_sigma = torch.randn(shape, device=device) - 6
    noise = torch.randn(shape, device=device)
    return q, log_sigma, 0.6 * log_sigma, sent, noise, torch.zeros(batch, frames, device=device)


def _now(device: torch.device) -> float:
    """Seconds, once the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
