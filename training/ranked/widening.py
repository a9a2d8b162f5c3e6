"""A decoder of other sizes for the bitstream of a trained model.

Encoder, predictor, steps and noise are those of the checkpoint. A decoder that has all channels of the old one, and
more of them or further blocks, begins as the same function (Chen et al. 2016, Net2Net): old channels keep their weights
and take nothing from the new ones, whose inputs are random and whose outputs are zero. Any other begins untrained.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from formats.errors import UsageError
from training.ranked.checkpoint import config_of
from training.ranked.config import NetworkConfig
from training.ranked.network import Autoencoder

DECODER_SIZES = ("width", "blocks", "frame_blocks")
"""Sizes of NetworkConfig that the decoder alone has."""


def start_from(model: Autoencoder, state: dict[str, Any], path: Path) -> None:
    """Give a new model a checkpoint's bitstream, and as much of its decoder as fits.

    Raises:
        UsageError: the checkpoint's encoder has other sizes.
    """
    old, new = config_of(state, path).network, model.config
    sizes = {name: (value, getattr(new, name)) for name, value in vars(old).items() if name not in DECODER_SIZES}
    different = [name for name, (is_now, wanted) in sizes.items() if is_now != wanted]
    if different:
        raise UsageError(f"a decoder for the bitstream of {path} keeps its {', '.join(different)}")
    weights: dict[str, Tensor] = state["ema"]
    own = model.state_dict()
    own |= {name: value for name, value in weights.items() if not name.startswith("decoder.")}
    if can_widen(old, new):
        own |= {f"decoder.{name}": value for name, value in widened(model, weights, old).items()}
    model.load_state_dict(own)


def can_widen(old: NetworkConfig, new: NetworkConfig) -> bool:
    """Whether a decoder of the new sizes has all channels and blocks of one of the old sizes."""
    return old.blocks == new.blocks and old.width <= new.width and old.frame_blocks <= new.frame_blocks


def widened(model: Autoencoder, weights: dict[str, Tensor], old: NetworkConfig) -> dict[str, Tensor]:
    """The new decoder's weights by name, with the old decoder inside: see this module's text."""
    out = {name: value.clone() for name, value in model.decoder.state_dict().items()}
    each, before = 1 + model.config.frame_blocks, 1 + old.frame_blocks
    for name in out:
        source = name
        if name.startswith("trunk.blocks."):
            number, _, rest = name.removeprefix("trunk.blocks.").partition(".")
            group, within = divmod(int(number), each)
            if within >= before:
                continue  # a further block, which begins as identity
            source = f"trunk.blocks.{group * before + within}.{rest}"
        out[name] = _inside(out[name], weights[f"decoder.{source}"])
    return out


def _inside(new: Tensor, old: Tensor) -> Tensor:
    """The new tensor with the old one in its first corner, and zeros in the rest of those rows."""
    out = new.clone()
    out[: len(old)] = 0  # what old channels would take from new ones
    out[tuple(slice(size) for size in old.shape)] = old
    return out
