"""Fixtures that tests of the command line and of batches share."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.albums import make_album


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
