"""A checkpoint as it comes back from a lease."""

from pathlib import Path

import pytest
import torch

from tests.support import ROOT
from training.lease import results
from training.loop.checkpoint import load


@pytest.fixture(scope="package")
def slimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slim")
    state = load(ROOT / "training" / "checkpoints" / "music.pt")
    torch.save({**state, "optimiser": torch.zeros(1000)}, folder / "last.pt")
    (folder / "log.csv").write_text("step,loss\n1,2.5\n2,1.25\n")
    (folder / "out").mkdir()
    results.slim(folder, folder / "out")
    return folder / "out"
