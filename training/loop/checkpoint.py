"""Checkpoints: a dictionary of tensors and plain values.

`ema` are the averaged weights, which are the ones that are exported; `config` is every number of the run; `step`,
`seen` and `spent` are steps, seconds of audio and seconds of wall time so far. `model` and `optimiser` are there in
checkpoints of runs, and what a run needs to go on exactly; shipped checkpoints do without. Small checkpoints hold the
averaged weights of what learned in half precision; what did not learn stays exact, because it makes the bitstream.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from codec.files import check_target
from formats.errors import UsageError


class Config(Protocol):
    """Every number of a run, of either kind of autoencoder."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values."""


NEEDED = ("ema", "config", "step", "seen", "spent")
"""Entries that every checkpoint has."""

C = TypeVar("C", bound=Config)
M = TypeVar("M", bound=nn.Module)


@dataclass
class Run(Generic[C, M]):
    """What the checkpoints of both kinds of autoencoder keep of a run."""

    config: C
    model: M
    average: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    step: int = 0
    seen: float = 0.0  # seconds of audio
    spent: float = 0.0  # seconds of wall time before this process
    resumed: dict[str, Any] | None = None  # the checkpoint that it goes on from

    def save(self, path: Path, elapsed: float, **more: object) -> None:
        """Write a checkpoint with `more` entries; `elapsed` are the seconds of this process."""
        save(
            path, model=self.model.state_dict(), ema=self.average, optimiser=self.optimiser.state_dict(),
            step=self.step, seen=self.seen, spent=self.spent + elapsed, config=self.config.as_dict(), **more,
        )  # fmt: skip

    def save_small(self, path: Path, elapsed: float) -> None:
        """Write a checkpoint of a few megabytes: averaged weights alone, those that learn in half precision."""
        learning = {name for name, value in self.model.named_parameters() if value.requires_grad}
        save(
            path, ema=halved(self.average, learning), step=self.step, seen=self.seen, spent=self.spent + elapsed,
            config=self.config.as_dict(),
        )  # fmt: skip


def halved(weights: Mapping[str, Tensor], learning: Collection[str]) -> dict[str, Tensor]:
    """Weights of which those that learn are in half precision; the others decide the bitstream, and keep all bits."""
    return {name: value.half() if name in learning else value for name, value in weights.items()}


def save(path: Path, **state: object) -> None:
    """Write a checkpoint under another name and move it, so that it is either complete or not there.

    Raises:
        UsageError: the path names a folder, or lies in one that does not exist; OSError: it cannot be written. What was
            there before is kept.
    """
    check_target(path, force=True)
    part = path.with_suffix(".part")
    try:
        torch.save(state, part)
        part.replace(path)
    except RuntimeError as error:  # torch's writer hides the reason
        raise OSError(f"cannot write {path} (is the disk full?): {str(error).splitlines()[0][:120]}") from None
    finally:
        part.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint of any kind of autoencoder, to the CPU; nothing in it is executed.

    Raises:
        UsageError: it cannot be read, or is no checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception:  # damaged data raise whatever they lead its reader to
        raise UsageError(f"{path} is no checkpoint") from None
    if not isinstance(state, dict) or not _is_checkpoint(state):
        raise UsageError(f"{path} is no checkpoint")
    state["ema"] = {name: value.float() for name, value in state["ema"].items()}
    return state


def _is_checkpoint(state: dict[str, Any]) -> bool:
    """Whether it has the entries that every checkpoint has, of their types."""
    if not set(NEEDED) <= state.keys():
        return False
    numbers = all(isinstance(state[name], int | float) and state[name] >= 0 for name in ("step", "seen", "spent"))
    weights = [state["ema"], state.get("model", state["ema"])]
    return (
        numbers
        and isinstance(state["step"], int)
        and isinstance(state["config"], dict)
        and all(isinstance(part, dict) and all(map(torch.is_tensor, part.values())) for part in weights)
        and _shapes(weights[0]) == _shapes(weights[1])
    )


def _shapes(weights: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


def stripped(state: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a checkpoint that training needs to go on from its averaged weights."""
    return {key: state[key] for key in NEEDED}


def is_plain(state: dict[str, Any]) -> bool:
    """Whether a checkpoint is of a plain autoencoder."""
    return "kind" in state["config"]


def load_weights(model: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Load a checkpoint's weights; UsageError where they are not those of such a network."""
    try:
        model.load_state_dict(weights)
    except RuntimeError:
        raise UsageError(f"{path} was written by another version of the training") from None


def load_optimiser(optimiser: torch.optim.Optimizer, state: dict[str, Any], path: Path, hint: str = "") -> None:
    """Load a checkpoint's state of the optimiser; UsageError where it is not that of such a training."""
    try:
        optimiser.load_state_dict(state["optimiser"])
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        raise UsageError(f"{path} trained other parts of the network{hint}") from None


def effort(state: dict[str, Any]) -> dict[str, Any]:
    """Steps, audio and time that went into a checkpoint, for a card."""
    return {
        "steps": state["step"],
        "seconds_of_audio_seen": round(state["seen"]),
        "training_seconds": round(state["spent"]),
    }
