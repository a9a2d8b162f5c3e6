"""What the training loops of ranked and plain autoencoders share: learning rates, averaged weights, the log."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

import torch
from torch import Tensor, nn

FINAL = 0.03
"""Share of the learning rate at which a run ends."""


def set_learning_rates(
    optimiser: torch.optim.Optimizer, peaks: Sequence[float], steps: int, warmup: int, done: float
) -> None:
    """Set the learning rate of each group: linear warm-up, then a cosine down to FINAL of its peak.

    Args:
        optimiser: with as many groups as there are peaks.
        peaks: highest learning rates. They are not read from the optimiser, whose state a resumed run loads.
        steps: of this run so far.
        warmup: steps until the peak is reached.
        done: share of this run that is over, 0 to 1.
    """
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    factor = min(1.0, (steps + 1) / warmup) * (FINAL + (1 - FINAL) * cosine)
    for group, peak in zip(optimiser.param_groups, peaks, strict=True):
        group["lr"] = peak * factor


@torch.no_grad()
def update_average(average: Mapping[str, Tensor], model: nn.Module, decay: float, steps: int) -> None:
    """Move averaged weights towards the model's; over the first steps of a run the average is shorter."""
    weights = model.state_dict()
    means = [average[name] for name in weights]
    torch._foreach_lerp_(means, list(weights.values()), max(1 - decay, 1 / (steps + 10)))


def clip_gradients(parameters: Iterable[nn.Parameter], largest: float = 1.0) -> Tensor:
    """Scale gradients so that their norm is at most `largest`, and return what it was, without waiting for the device.

    Where the norm is not finite, all gradients become zero.
    """
    learning = [p for p in parameters if p.grad is not None]
    norm = torch.nn.utils.clip_grad_norm_(learning, largest)
    for p in learning:
        if p.grad is not None:
            torch.nan_to_num_(p.grad, 0.0, 0.0, 0.0)  # with such a norm, what is not zero is no number
    return norm


class TrainingLog:
    """A log of one JSON object a line: means of what was added since the line before."""

    def __init__(self, file: TextIO, every: int) -> None:
        self._file, self._every = file, every
        self._total: dict[str, Tensor] = {}
        self._steps = 0

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Take the terms of a step; their values are read when a line is written, so that no step waits for them."""
        self._steps += 1
        for name, value in terms.items():
            self._total[name] = self._total[name] + value.detach() if name in self._total else value.detach()

    def note(self, values: Mapping[str, float]) -> None:
        """Write a line of its own."""
        self._file.write(json.dumps(dict(values)) + "\n")
        self._file.flush()

    def write(self, step: int, seconds: float, seen: float) -> None:
        """Write a line if this step is a multiple of `every`.

        A resumed run may begin between two such steps, so that its first line has fewer steps to average.
        """
        if step % self._every:
            return
        means = {name: round(total.item() / self._steps, 4) for name, total in self._total.items()}
        self._file.write(json.dumps({"step": step, "seconds": round(seconds), "seen": round(seen), **means}) + "\n")
        self._file.flush()
        self._total, self._steps = {}, 0
