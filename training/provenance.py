"""Which command made a folder of results, of which commit and when: made.json in the folder."""

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from codec.files import new_file
from codec.version import __version__

NAME = "made.json"
ROOT = Path(__file__).resolve().parents[1]


def record(folder: Path, command: str, arguments: Sequence[str] | None) -> None:
    """Write made.json into a folder of results.

    Args:
        folder: of the results.
        command: of `python -m training`.
        arguments: as the command's `main` was given them; None stands for those of the process.

    Raises:
        UsageError, OSError: it cannot be written.
    """
    text = json.dumps(made(command, arguments), ensure_ascii=False) + "\n"
    with new_file(folder / NAME, force=True) as file:
        file.write(text.encode("utf-8", "replace"))


def made(command: str, arguments: Sequence[str] | None) -> dict[str, str]:
    """What `record` writes: command, version, commit and time."""
    given = sys.argv[1:] if arguments is None else arguments
    return {
        "command": shlex.join(["python", "-m", "training", command, *given]),
        "aez": __version__,
        "commit": commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def commit() -> str:
    """The commit that this code is, with a plus where it was changed since; "" outside of a clone."""
    try:
        run = [
            subprocess.run(["git", "-C", str(ROOT), *more], capture_output=True, text=True, timeout=20, check=True)
            for more in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        ]
    except (OSError, subprocess.SubprocessError):
        return ""
    return run[0].stdout.strip() + ("+" if run[1].stdout.strip() else "")
