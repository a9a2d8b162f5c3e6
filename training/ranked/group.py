"""Training on several GPUs: one process each, started by torchrun, with gradients averaged over all of them.

    torchrun --nproc-per-node 8 -m training train --device cuda ...

Every process has items of its own, so that a step's batch is as many times larger as there are processes.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


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
    def join(device: str) -> "Group":
        """The group that torchrun's environment variables describe."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        if not all(name in os.environ for name in names):
            return Group()
        group = Group(*(int(os.environ[name]) for name in names))
        if device == "cuda":
            torch.cuda.set_device(group.local_rank)
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")
        return group

    def leave(self) -> None:
        """End the group; nothing may be exchanged after it."""
        if self.size > 1:
            distributed.destroy_process_group()

    def device(self, name: str) -> torch.device:
        """This process's device: of several GPUs its own."""
        return torch.device(name, self.local_rank) if name == "cuda" and self.size > 1 else torch.device(name)

    def agree(self, value: float) -> float:
        """The first process's value. It travels between CPUs, so that nothing waits for a GPU."""
        if self.size == 1:
            return value
        agreed = torch.tensor(value, dtype=torch.float64)
        distributed.broadcast(agreed, 0)
        return agreed.item()

    def begin_alike(self, model: nn.Module) -> None:
        """Take over the first process's weights."""
        if self.size > 1:
            for value in model.state_dict().values():
                distributed.broadcast(value, 0)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes, in one exchange."""
        if self.size == 1:
            return
        gradients: list[Tensor] = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        parts = torch.split(flat / self.size, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))
