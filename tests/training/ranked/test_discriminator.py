"""Critics: they learn to tell, and what is coded coarsely learns from them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.ranked.test_train import SHORT, folder, run
from training.ranked import train
from training.ranked.config import TrainConfig
from training.ranked.discriminator import Adversary, Critic

__all__ = ["folder"]  # the fixture


def test_a_critic_scores_every_place_of_a_spectrum() -> None:
    score, features = Critic(512)(torch.randn(3, 8192))
    assert score.shape == (3, 1, 65, 33) and len(features) == 4  # 257 bins halved thrice


def test_silence_has_a_gradient() -> None:
    x = torch.zeros(1, 4096, requires_grad=True)
    Critic(512)(x)[0].sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()


def test_critics_learn_to_tell_and_their_term_is_less_for_the_real() -> None:
    """Noise without its high bands stands for coded music."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    adversary = Adversary(3e-3, torch.device("cpu"))

    def pair() -> tuple[torch.Tensor, torch.Tensor]:
        real = torch.randn(2, 8192) * 0.1
        return torch.nn.functional.avg_pool1d(real[:, None], 5, 1, 2)[:, 0], real

    first = np.mean([float(adversary.term(*pair(), rng).detach()) for _ in range(6)])
    for _ in range(60):
        adversary.term(*pair(), rng)
    coded, real = pair()
    for critic in adversary.critics:
        assert critic(real)[0].mean() > critic(coded)[0].mean() + 0.5
    assert float(adversary.term(coded, real, rng).detach()) > first
    coded.requires_grad_(True)
    (slope,) = torch.autograd.grad(adversary.term(coded, real, rng), coded)
    assert torch.isfinite(slope).all() and slope.abs().max() > 0
    assert float(adversary.term(real, real, rng).detach()) < float(adversary.term(coded, real, rng).detach()) - 0.5


@pytest.mark.parametrize(("coarse", "heard"), [(0.0, True), (1e9, False)])
def test_the_decoder_alone_hears_critics_and_coarse_items_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch, coarse: float, heard: bool
) -> None:
    monkeypatch.setattr(train, "COARSE", coarse or 1e-9)
    config = TrainConfig(**{**vars(SHORT), "adversary": 0.1})
    start = run(monkeypatch, folder, config, 0)["model"]
    trained = run(monkeypatch, folder, config, 1)["model"]
    moved = {name.split(".")[0] for name in start if not torch.equal(trained[name], start[name])}
    assert moved == {"decoder", "noise"}
    line = json.loads((folder / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert ("adversary" in line) == heard and np.isfinite(line["norm"])
