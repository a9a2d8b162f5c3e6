"""Training in several processes, on a GPU each or all on the CPU, started by torchrun:

    torchrun --nproc-per-node 8 -m training train --device cuda ...

Gradients are averaged over all of them. A step's batch has `--batch` items of each process, and every process takes its
own part of it: they learn what one process learns from a batch as large as all of theirs.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib import import_module

import torch
from torch import Tensor, distributed, nn

from formats.errors import AezError, UsageError

PATIENCE = timedelta(hours=12)
"""How long processes wait for each other: the first one may have to decode all of the music."""

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
"""What torchrun tells its processes."""


@dataclass(frozen=True)
class Group:
    """The processes of a run; a run without torchrun is a group of one.

    Attributes:
        rank: number of this process; the first one writes log and checkpoints.
        size: processes in all.
        local_rank, local_size: the same on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @staticmethod
    def described() -> "Group":
        """The group that torchrun's environment variables describe, which nothing has joined yet."""
        try:
            return Group(*(int(os.environ[name]) for name in VARIABLES))
        except (KeyError, ValueError):
            return Group()

    @staticmethod
    @contextmanager
    def joined(device: str) -> Iterator["Group"]:
        """Join the group that torchrun describes, and leave it at the end.

        Args:
            device: cpu or cuda.

        Raises:
            UsageError: this machine has fewer GPUs than processes.
            AezError: the other processes cannot be reached.
        """
        group = Group.described()
        if device == "cuda" and group.local_size > (there := torch.cuda.device_count()):
            raise UsageError(f"{group.local_size} processes on a machine of {there} GPUs: start one for each")
        if group.size == 1:
            yield group
            return
        if device == "cuda":
            torch.cuda.set_device(group.local_rank)
        # The functions of this module have the group of the moment at which it is imported as a default argument, and
        # optimisers import it. Imported within the group, it would keep the group's threads alive beyond its end, and
        # one that still lets go of a tensor while the interpreter ends takes the process down.
        import_module("torch.distributed.nn.functional")
        kind = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
        _together(lambda: distributed.init_process_group(kind, timeout=PATIENCE))
        try:
            yield group
        finally:
            distributed.destroy_process_group()

    def device(self, name: str) -> torch.device:
        """This process's device: of several GPUs its own."""
        return torch.device(name, self.local_rank) if name == "cuda" and self.size > 1 else torch.device(name)

    def part(self, items: int) -> slice:
        """Of a step's items, `items` of each process, this process's own."""
        return slice(self.rank * items, (self.rank + 1) * items)

    def agree(self, *values: float) -> list[float]:
        """The first process's values. They travel between CPUs, so that nothing waits for a GPU."""
        if self.size == 1:
            return list(values)
        agreed = torch.tensor(values, dtype=torch.float64)
        _together(lambda: distributed.broadcast(agreed, 0))
        return [float(value) for value in agreed]

    def wait(self) -> None:
        """Wait until all processes have come this far."""
        self.mean(torch.zeros(1))

    def mean(self, value: Tensor) -> Tensor:
        """The mean of all processes' values."""
        if self.size == 1:
            return value
        total = value.clone()
        _together(lambda: distributed.all_reduce(total))
        return total / self.size

    def begin_alike(self, model: nn.Module) -> None:
        """Take over the first process's weights."""
        if self.size > 1:
            for value in model.state_dict().values():
                _together(partial(distributed.broadcast, value, 0))

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes, in one exchange."""
        if self.size == 1:
            return
        gradients: list[Tensor] = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        _together(lambda: distributed.all_reduce(flat))
        parts = torch.split(flat / self.size, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))


ALONE = Group()
"""A run without torchrun."""


def _together(exchange: Callable[[], object]) -> None:
    """Exchange something with the other processes.

    Raises:
        AezError: one of them has ended.
    """
    try:
        exchange()
    except RuntimeError as error:
        raise AezError(f"another process of this training has ended ({str(error).splitlines()[0][:120]})") from None
