"""A folder is one process's at a time, and free again whatever happens."""

from pathlib import Path

import pytest

from formats.errors import UsageError
from training import lock


def test_a_folder_is_kept_and_freed(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with pytest.raises(KeyError), lock.held(folder):
        with pytest.raises(UsageError, match="another process is at work in"), lock.held(folder):
            pass
        raise KeyError
    with lock.held(folder):
        pass
