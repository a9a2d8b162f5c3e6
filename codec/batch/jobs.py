"""Which of many files become what: `find` looks at the disk, `pair` only at names."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

AUDIO = frozenset(
    f".{kind}"
    for kind in (
        "aac", "ac3", "aif", "aifc", "aiff", "ape", "au", "caf", "flac", "m4a", "m4b", "mka", "mp2", "mp3", "mp4",
        "oga", "ogg", "opus", "rf64", "snd", "tta", "w64", "wav", "webm", "wma", "wv",
    )
)  # fmt: skip
"""Extensions that are taken for audio in folders; a file that is named itself is taken whatever it is called."""

CODED = frozenset([".aez"])
"""Extension of our own files."""


@dataclass(frozen=True)
class Found:
    """What there is to do below the inputs.

    Attributes:
        files: each with its place in the output's tree.
        others: how many files of folders were left out.
        failures: folders that cannot be read, and why.
    """

    files: list[tuple[Path, Path]]
    others: int
    failures: list[tuple[Path, str]]


@dataclass(frozen=True)
class Job:
    """One file, and what it becomes."""

    source: Path
    target: Path


def find(inputs: Iterable[Path], extensions: Collection[str]) -> Found:
    """Files to do, in order: those that are named, and those below folders that have one of the extensions.

    Hidden files and folders below folders are left out, links to folders are not followed. A file's place is its path
    below its folder, or its bare name.
    """
    found = Found([], 0, [])
    others = 0
    for given in inputs:
        if not given.is_dir():
            found.files.append((given, Path(given.name)))
            continue

        def note(error: OSError) -> None:
            found.failures.append((Path(error.filename), error.strerror or str(error)))

        for folder, below, names in os.walk(given, onerror=note):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder, name)
                if not name.startswith(".") and file.suffix.lower() in extensions and file.is_file():
                    found.files.append((file, file.relative_to(given)))
                else:
                    others += 1
    return Found(found.files, others, found.failures)


def pair(files: Iterable[tuple[Path, Path]], out: Path, extension: str) -> tuple[list[Job], list[tuple[Path, str]]]:
    """Give every file its target: its place below `out`, with the new extension. A pure function of names.

    Returns the jobs, and the files that cannot have a target with the reason.

    Where two places differ in their extension only (song.mp3 and song.flac), both keep it: song.mp3.aez and
    song.flac.aez. Upper and lower case count as one, because some disks cannot tell them apart. What still clashes
    fails, all of it, and nothing is overwritten; a file named twice is done once.
    """
    places = dict(files)
    stems: dict[str, int] = {}
    for place in places.values():
        stem = str(place.with_suffix("")).casefold()
        stems[stem] = stems.get(stem, 0) + 1
    jobs = []
    for source, place in places.items():
        alone = stems[str(place.with_suffix("")).casefold()] == 1
        jobs.append(Job(source, out / (place.with_suffix(extension) if alone else Path(f"{place}{extension}"))))
    takers: dict[Path, list[Path]] = {}
    for job in jobs:
        takers.setdefault(job.target, []).append(job.source)
    clashes = [(job.source, _clash(job, takers[job.target])) for job in jobs if len(takers[job.target]) > 1]
    return [job for job in jobs if len(takers[job.target]) == 1], clashes


def _clash(job: Job, sources: list[Path]) -> str:
    other = next(source for source in sources if source != job.source)
    return f"{job.target} would be made of {other} too; give their folders one by one, each its own output"
