"""The player's own tests, in Node: another reader of the same golden files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codec import player
from tests.support import ROOT

FOLDER = ROOT / "codec" / "player"


def built() -> bool:
    return shutil.which("npm") is not None and all((FOLDER / name).is_dir() for name in ("node_modules", "dist"))


@pytest.mark.skipif(not built(), reason="the player was not built: npm ci && npm run build in codec/player")
def test_in_node() -> None:
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(["npm", "test"], cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


def test_the_folder_is_only_what_was_built_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "__file__", str(tmp_path / "__init__.py"))
    assert player.folder() is None
    (tmp_path / "dist" / "page").mkdir(parents=True)
    (tmp_path / "dist" / "page" / "index.html").touch()
    assert player.folder() is None
    (tmp_path / "dist" / "aez.js").touch()
    assert player.folder() == tmp_path / "dist"
