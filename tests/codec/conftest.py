"""Fixtures that tests of several rooms of the codec share."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.albums import make_album
from tests.support.cli_fakes import RATE
from tests.support.codec import Array, encoded
from tests.support.model_folders import own_model


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Four songs in two folders, a bad one, and what is no audio."""
    return make_album(tmp_path / "album")


@pytest.fixture
def classifier(tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A classifier for the tiny model, the only one that is installed; its folder."""
    from codec.runtime import models
    from tests.support import classifiers

    folder = classifiers.make(tmp_path / "models" / "byhand", "tiny")
    monkeypatch.setattr(models, "folders", lambda: [tiny.folder.parent, folder.parent])
    return folder


@pytest.fixture(scope="session")
def own(tiny: SimpleNamespace, music: Array, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A model that is neither shipped nor installed: its folder, its bitstream, and 3 s of music in it."""
    from codec.runtime.models import by_name

    folder = own_model(tmp_path_factory.mktemp("models"))
    song = encoded(music[:, : 3 * RATE], latent=64, model=str(folder))
    return SimpleNamespace(folder=folder, bitstream=by_name(str(folder)).id.hex(), song=song)
