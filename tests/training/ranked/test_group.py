"""Several processes learn what one process learns from all of their items."""

import os
import socket
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch

from formats.grid import SEGMENT, main_count
from training.data.batches import Batch, batches
from training.ranked.config import TrainConfig
from training.ranked.group import Group
from training.ranked.library import on_device
from training.ranked.loop import clip_gradients
from training.ranked.objective import Comparison, Settings, reconstruction_terms, run_codec
from training.ranked.synthesis import rotate_back, synthesize
from training.ship.tiny import SyntheticMusic, untrained

CONFIG = TrainConfig(scales=7, mask=0.0)


def step(group: Group, batch: Batch, seed: int) -> dict[str, Any]:
    """One step on this process's share of a batch of four items: mean loss, and the weights after it."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = untrained()
    with torch.no_grad():
        for value in model.decoder.parameters():
            value += 0.05 * torch.randn_like(value)
    group.begin_alike(model)
    share = 4 // group.size
    own = slice(group.rank * share, (group.rank + 1) * share)
    part = on_device(Batch(*(array[own] for array in batch)), torch.device("cpu"))
    main = torch.tensor([main_count(tier) for tier in (32, 128, 256, 512)])[own]
    settings = Settings(main, torch.tensor([1.5, 1.0, 0.5, -0.5])[own, None, None])
    comparison = Comparison(2 * torch.arange(share) + 1, False, range(7))
    coded = run_codec(model, part.coefficients, part.long, settings)
    decoded = synthesize(rotate_back(coded.decoded, part.rotation), part.long)
    waves = decoded, part.waves
    terms = reconstruction_terms(CONFIG, model, coded.decoded, part.coefficients, waves, settings.fine, comparison)
    loss = torch.stack(list(terms.values())).sum()
    learning = [*model.decoder.parameters(), model.noise.pattern]
    optimiser = torch.optim.AdamW(learning, lr=1e-3)
    loss.backward()  # type: ignore[no-untyped-call]
    group.average_gradients(learning)
    norm = clip_gradients(learning)
    optimiser.step()
    return {"loss": loss.detach(), "norm": norm, "elapsed": group.agree(seed), "model": model.state_dict()}


def process(rank: int, port: int, batch: Batch, out: Path) -> None:
    """What torchrun starts."""
    own = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", **{name: str(value) for name, value in own.items()}}
    group = Group.join("cpu")
    torch.save(step(group, batch, 7 + rank), out / f"{rank}.pt")
    group.leave()


def test_two_processes_learn_what_one_does_from_all_items(tmp_path: Path) -> None:
    batch = next(batches(SyntheticMusic(), SyntheticMusic(), 1, 4, SEGMENT))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = get_context("spawn")
    started = [context.Process(target=process, args=(rank, port, batch, tmp_path)) for rank in range(2)]
    for one in started:
        one.start()
    alone = step(Group(), batch, 7)
    for one in started:
        one.join(120)
        assert one.exitcode == 0
    both = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    assert torch.stack([one["loss"] for one in both]).mean().item() == pytest.approx(alone["loss"].item(), rel=1e-5)
    for one in both:
        assert one["norm"].item() == pytest.approx(alone["norm"].item(), rel=1e-3)
        assert one["elapsed"] == 7
        for name, value in alone["model"].items():
            torch.testing.assert_close(one["model"][name], value, rtol=1e-3, atol=2e-4)
    assert all(torch.equal(both[0]["model"][name], value) for name, value in both[1]["model"].items())


def test_a_run_without_torchrun_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    group = Group.join("cpu")
    assert group == Group() and group.agree(3.5) == 3.5 and group.device("cuda") == torch.device("cuda")
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    group.average_gradients([weight])
    group.leave()
    assert torch.equal(weight.grad, torch.ones(2))
    assert Group(3, 4, 1, 2).device("cuda") == torch.device("cuda", 1)
