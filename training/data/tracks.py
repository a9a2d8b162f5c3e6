"""A track of a collection, and the CSV files that collections are listed in."""

import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from formats.errors import UsageError

SPLITS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "test": "test"}
"""What collections call the parts of their split, and what they are called here."""


NOTHING_TO_DO = 3
"""Exit code of a command that ends with `TooLittleError`, after which the study goes on."""


class TooLittleError(UsageError):
    """The music is too little, or says too little about itself, for what was asked; nothing is wrong with it."""


def failed(command: str, error: Exception, code: int = 2) -> int:
    """Say on stderr why a command ends; returns its exit code: NOTHING_TO_DO for a `TooLittleError`, else `code`."""
    print(f"{command}: {error}", file=sys.stderr)
    return NOTHING_TO_DO if isinstance(error, TooLittleError) else code


@dataclass(frozen=True)
class Track:
    """One file of a collection.

    Attributes:
        path: the audio file; it need not exist.
        name: unique in its collection: FMA's six digits, or the path in the folder without its extension.
        genre: "" where unknown.
        artist: "" where unknown.
        split: train, validation or test as the collection says, "" where it says nothing.
        vocals: whether the collection says that there are voices.
    """

    path: Path
    name: str
    genre: str
    artist: str
    split: str
    vocals: bool = False


def told_apart(names: Iterable[str]) -> list[str]:
    """Names of artists or genres, one a song, where those that are unknown ("") become names of their own."""
    return [name or f"\0{number}" for number, name in enumerate(names)]


def rows(path: Path) -> Iterator[list[str]]:
    """Yield the rows of a CSV file in UTF-8.

    Raises:
        UsageError: it cannot be read, or is no CSV.
    """
    limit = csv.field_size_limit(2**31 - 1)  # FMA keeps whole biographies in one field
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            yield from csv.reader(lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV file in UTF-8: {error}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    finally:
        csv.field_size_limit(limit)
