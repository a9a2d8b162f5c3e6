"""What a step does to weights after its gradients are known: clipping, and the averaged weights."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


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
