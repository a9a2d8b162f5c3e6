"""Tests of `training` change nothing for the tests after them, and start processes only where these are tested."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from training.data import shards


@pytest.fixture(autouse=True)
def _torch_as_before() -> Iterator[None]:
    """Threads and denormals, which `main` of several commands sets for its process."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.fixture(autouse=True)
def _decoded_in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handful of short clips does not need the processes of `Shards.build`, which `test_shards` tests."""

    def decode(pending: list[tuple[str, Path]], cache: Path, jobs: int, most: int) -> None:
        shards._write_shard(pending, cache, most)

    if request.path.name != "test_shards.py":
        monkeypatch.setattr(shards, "_decode", decode)
