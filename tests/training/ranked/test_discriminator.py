"""Discriminators learn to distinguish, and the decoder learns from them on coarsely coded items."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.training_runs import SHORT, log_of, run_ranked, write_music
from training.ranked import objective
from training.ranked.config import TrainConfig
from training.ranked.discriminator import Discriminator, Discriminators


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_music(tmp_path / "music")


def test_every_part_of_a_spectrum_gets_a_score() -> None:
    score, features = Discriminator(512)(torch.randn(3, 8192))
    assert score.shape == (3, 1, 65, 33) and len(features) == 4  # 257 bins halved thrice


def test_silence_has_a_gradient() -> None:
    x = torch.zeros(1, 4096, requires_grad=True)
    Discriminator(512)(x)[0].sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()


def test_they_learn_to_distinguish_and_their_term_is_less_for_uncoded_music() -> None:
    """Noise without its high bands stands for coded music."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    discriminators = Discriminators(3e-3, torch.device("cpu"))

    def pair() -> tuple[torch.Tensor, torch.Tensor]:
        real = torch.randn(2, 8192) * 0.1
        return torch.nn.functional.avg_pool1d(real[:, None], 5, 1, 2)[:, 0], real

    first = np.mean([float(discriminators.term(*pair(), rng).detach()) for _ in range(6)])
    for _ in range(60):
        discriminators.term(*pair(), rng)
    coded, real = pair()
    for network in discriminators.networks:
        assert network(real)[0].mean() > network(coded)[0].mean() + 0.5
    assert float(discriminators.term(coded, real, rng).detach()) > first
    coded.requires_grad_(True)
    (slope,) = torch.autograd.grad(discriminators.term(coded, real, rng), coded)
    assert torch.isfinite(slope).all() and slope.abs().max() > 0
    assert (
        float(discriminators.term(real, real, rng).detach())
        < float(discriminators.term(coded, real, rng).detach()) - 0.5
    )


@pytest.mark.parametrize(("coarse", "applied"), [(0.0, True), (1e9, False)])
def test_only_the_decoder_learns_from_them_and_only_on_coarse_items(
    folder: Path, monkeypatch: pytest.MonkeyPatch, coarse: float, applied: bool
) -> None:
    monkeypatch.setattr(objective, "COARSE", coarse or 1e-9)
    config = TrainConfig(**{**vars(SHORT), "adversarial": 0.1})
    start = run_ranked(folder, config, 0)["model"]
    trained = run_ranked(folder, config, 1)["model"]
    moved = {name.split(".")[0] for name in start if not torch.equal(trained[name], start[name])}
    assert moved == {"decoder", "noise"}
    row = log_of(folder)[-1]
    assert ("adversarial" in row) == applied and np.isfinite(row["norm"])
