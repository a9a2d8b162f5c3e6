"""Checkpoints of ranked autoencoders; `training.loop.checkpoint` reads and writes those of any kind."""

from pathlib import Path
from typing import Any

import torch

from formats.errors import UsageError
from training.loop.checkpoint import effort, is_plain, load, load_weights
from training.ranked.config import NetworkConfig, TrainConfig
from training.ranked.network import Autoencoder


def load_ranked(path: Path) -> dict[str, Any]:
    """Read a checkpoint of a ranked autoencoder, as `load` reads any.

    Raises:
        UsageError: it cannot be read, or is no such checkpoint.
    """
    state = load(path)
    config_of(state, path)
    return state


def config_of(state: dict[str, Any], path: Path) -> TrainConfig:
    """The configuration of the run that wrote a checkpoint.

    Raises:
        UsageError: it is a plain autoencoder's, or one of another version.
    """
    if is_plain(state):
        raise UsageError(f"{path} is a checkpoint of a plain autoencoder, not of a ranked one")
    try:
        return TrainConfig.from_dict(state["config"])
    except (TypeError, KeyError, AttributeError):
        raise UsageError(f"{path} was written by another version of the training") from None


def restore(path: Path | None) -> tuple[Autoencoder, dict[str, Any]]:
    """The averaged weights of a checkpoint, or the untrained start; and what a card says of the training.

    Raises:
        UsageError: it cannot be read, or is no checkpoint of a ranked autoencoder.
    """
    if path is None:
        torch.manual_seed(0)
        return Autoencoder(NetworkConfig()).eval(), {"steps": 0, "seconds_of_audio_seen": 0}
    state = load(path)
    config = config_of(state, path)
    model = Autoencoder(config.network).eval()
    load_weights(model, state["ema"], path)
    return model, {**effort(state), "config": config.as_dict()}
