"""A wider decoder for a trained bitstream begins as the same function, and all of it learns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from formats.errors import UsageError
from tests.support.training_runs import same
from training.ranked.config import NetworkConfig, TrainConfig
from training.ranked.network import Autoencoder
from training.ranked.tuning import plausible
from training.ranked.widening import start_from
from training.ship.tiny import TINY, untrained


def checkpoint(**changes: Any) -> tuple[Autoencoder, dict[str, Any]]:
    """A model whose decoder does something, and its checkpoint."""
    model = untrained()
    if changes:
        model = Autoencoder(replace(TINY, **changes))
    torch.manual_seed(3)
    with torch.no_grad():
        for value in model.parameters():
            value += 0.05 * torch.randn_like(value)
    return model, {"ema": model.state_dict(), "config": TrainConfig(network=model.config).as_dict()}


def started(config: NetworkConfig, state: dict[str, Any]) -> Autoencoder:
    model = Autoencoder(config)
    start_from(model, state, Path("old.pt"))
    return model


@pytest.mark.parametrize("old_frame_blocks", [0, 1])
def test_a_wider_decoder_begins_as_the_same_function(old_frame_blocks: int) -> None:
    old, state = checkpoint(blocks=2, frame_blocks=old_frame_blocks)
    new = started(replace(old.config, width=20, frame_blocks=2), state)
    inputs = plausible(2, 12, torch.device("cpu"))
    with torch.no_grad():
        torch.testing.assert_close(new.decoder(*inputs), old.decoder(*inputs), rtol=1e-5, atol=1e-6)
    others = {name: value for name, value in state["ema"].items() if not name.startswith("decoder.")}
    assert same({name: value for name, value in new.state_dict().items() if name in others}, others)
    assert new.config.decoder_receptive_field == old.config.decoder_receptive_field
    new.decoder(*inputs).square().mean().backward()
    still = [name for name, p in new.decoder.named_parameters() if p.grad is None or not p.grad.any()]
    # Layers before one that begins at zero learn from the second step on.
    assert all(".down." not in name and "heads" not in name for name in still)


def test_a_decoder_of_fewer_channels_begins_untrained() -> None:
    _, state = checkpoint()
    new = started(replace(TINY, width=4), state)
    assert not new.decoder.heads.weight.any()
    assert torch.equal(new.noise.pattern, state["ema"]["noise.pattern"])


def test_the_encoder_keeps_its_sizes() -> None:
    _, state = checkpoint()
    with pytest.raises(UsageError, match=r"a decoder for the bitstream of old\.pt keeps its time, encoder_width"):
        started(replace(TINY, time=3, encoder_width=8), state)
