"""Which music travels: songs with voices first, then the rest, spread over artists; and a manifest of what goes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path

from training.csv_table import write_csv
from training.data.collection import manifest

Line = dict[str, str]


def read_manifest(folder: Path) -> list[Line]:
    """The lines of a collection's manifest.csv whose files are there."""
    return [line for line in manifest(folder) if (folder / line["path"]).is_file()]


def ordered(lines: Iterable[Line], split: str) -> list[Line]:
    """Songs of a split in the order in which they travel."""
    own = [line for line in lines if line["split"] == split]
    voices = [line for line in own if line.get("vocals") == "yes"]
    return [*_spread(voices), *_spread([line for line in own if line.get("vocals") != "yes"])]


def _spread(lines: Sequence[Line]) -> Iterator[Line]:
    """One song of each artist, then a second one of each, and so on; in an order by hash, which is always the same."""
    artists: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: sha256(line["path"].encode()).digest()):
        artists[line.get("artist") or line["path"]].append(line)
    for turn in zip_longest(*artists.values()):
        yield from (line for line in turn if line is not None)


def loops(folder: Path, limit: int) -> list[Path]:
    """Files of the folder loops/ that take up to `limit` bytes together, chosen by hash."""
    found = sorted((folder / "loops").glob("*"), key=lambda path: sha256(path.name.encode()).digest())
    taken: list[Path] = []
    for path in found:
        size = path.stat().st_size
        if size <= limit:
            taken.append(path)
            limit -= size
    return taken


def write_manifest(lines: Sequence[Line], kept: set[str], target: Path) -> None:
    """Write the lines whose paths travel, in the same columns."""
    target.parent.mkdir(parents=True, exist_ok=True)
    head = list(lines[0]) if lines else ["path"]
    write_csv(target, head, (line for line in lines if line["path"] in kept))
