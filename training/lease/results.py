"""What comes back from the rented machine, within the tool's limits.

`slim` makes a run's checkpoint small, `deliver` fills the folder that the tool hands back, and `collect` puts files
together again that were too large for it.
"""

import shutil
from pathlib import Path

MIB = 1 << 20
FILES = 8
"""Files that come back, at most; one of them holds all logs."""

FILE = 15 * MIB
"""Bytes of a file, at most (the limit is 16 MiB); larger ones come in pieces."""

LOG = 200_000
"""Bytes of each log's end that come back."""

LOGS = "logs.txt"
CHECKPOINT = "checkpoint.pt"


def slim(run: Path, out: Path) -> None:
    """A checkpoint with the averaged weights only, the decoder's as 16-bit floats, and the run's log.

    Everything else decides the bitstream, and keeps all its bits.
    """
    from training.loop.checkpoint import halved, load, save

    state = load(run / "last.pt")
    learning = {name for name in state["ema"] if name.startswith("decoder.")}
    kept = {key: state[key] for key in ("config", "step", "seen", "spent")}
    save(out / CHECKPOINT, ema=halved(state["ema"], learning), **kept)
    if (run / "log.csv").is_file():
        shutil.copyfile(run / "log.csv", out / "log.csv")
    print(f"{CHECKPOINT}: step {state['step']}, {(out / CHECKPOINT).stat().st_size / MIB:.1f} MiB")


def deliver(home: Path, target: Path) -> list[str]:
    """Copy results and logs of a home into the folder that is handed back; names of those left out for want of room.

    The checkpoint goes first, then small files.
    """
    target.mkdir(parents=True, exist_ok=True)
    with (target / LOGS).open("wb") as together:
        for log in sorted((home / "logs").glob("*.log")):
            data = log.read_bytes()[-LOG:]
            together.write(f"==> {log.name}\n".encode() + data + b"\n")
    left, left_out = FILES - 1, []
    found = [path for path in (home / "out").iterdir() if path.is_file()]
    for path in sorted(found, key=lambda path: (path.name != CHECKPOINT, path.stat().st_size)):
        size = path.stat().st_size
        pieces = max(1, -(-size // FILE))
        if pieces > min(left, 4):
            left_out.append(path.name)
            continue
        left -= pieces
        if pieces == 1:
            shutil.copyfile(path, target / path.name)
            continue
        data = path.read_bytes()
        for number in range(pieces):
            (target / f"{path.name}.{number}").write_bytes(data[number * FILE : (number + 1) * FILE])
    return left_out


def collect(folder: Path, name: str, target: Path) -> bool:
    """Put a file that came back, perhaps in pieces, at a place; whether there was one."""
    pieces = [folder / name] if (folder / name).is_file() else sorted(folder.glob(f"{name}.[0-9]"))
    if pieces:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    return bool(pieces)
