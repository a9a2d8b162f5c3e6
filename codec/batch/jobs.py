"""Input and output files of a run: `find` looks at the disk, `pair` only at names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from codec.files import check_coded, check_uncoded, is_folder
from formats.errors import AezError

if TYPE_CHECKING:
    from codec.batch.journal import Entry

AUDIO = frozenset(
    f".{kind}"
    for kind in (
        # what libsndfile reads
        "aif", "aifc", "aiff", "au", "caf", "flac", "mp1", "mp2", "mp3", "oga", "ogg", "opus", "rf64", "snd", "voc",
        "w64", "wav",
        # what ffmpeg reads: audio, and films
        "aac", "ac3", "amr", "ape", "dff", "dsf", "dts", "eac3", "m4a", "m4b", "mka", "mpc", "ra", "shn", "spx", "tak",
        "tta", "wma", "wv",
        "3gp", "asf", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "ts", "webm", "wmv",
    )
)  # fmt: skip
"""Extensions of files in folders that are taken for audio, or for films with sound; a file that is named itself may
have any extension."""

CODED = frozenset([".aez"])
"""Extension of .aez files."""

OWN = ".aez-"
"""How names begin of what aez keeps in folders, the journal and the index of `aez similar`; they do not count there."""


class Found(NamedTuple):
    """The files that were named, and those in the folders that were named.

    Attributes:
        files: each file with its path below the folder that was named, or its bare name.
        others: number of files in folders that were left out.
        failures: folders that cannot be read, and named files that the run cannot take, with the reason.
    """

    files: list[tuple[Path, Path]]
    others: int
    failures: list[tuple[Path, AezError | OSError]]


class Job(NamedTuple):
    """One input file and its output.

    Attributes:
        source, target: paths.
        entry: the entry for the target in the output folder's journal, if there is one.
    """

    source: Path
    target: Path
    entry: Entry | None = None


def find(inputs: Iterable[Path], extensions: Collection[str]) -> Found:
    """Find the files to code, in order: those that are named, and those in folders with one of the extensions.

    Extensions are compared without regard to case. Hidden files and folders inside folders are left out, and links to
    folders are not followed. A file that is named may have another extension, and what it holds tells then whether it
    is what the run takes: songs are not decoded, and .aez files not encoded.
    """
    files: list[tuple[Path, Path]] = []
    failures: list[tuple[Path, AezError | OSError]] = []
    check = check_coded if CODED.issubset(extensions) else check_uncoded
    others = 0

    def note(error: OSError) -> None:
        failures.append((Path(error.filename), error))

    for given in inputs:
        if not is_folder(given):
            try:
                if given.suffix.lower() not in extensions:
                    check(given)
                files.append((given, Path(given.name)))
            except AezError as error:
                failures.append((given, error))
            continue
        for folder, below, names in os.walk(given, onerror=note):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder, name)
                if not name.startswith(".") and file.suffix.lower() in extensions and file.is_file():
                    files.append((file, file.relative_to(given)))
                elif not name.startswith(OWN):
                    others += 1
    return Found(files, others, failures)


def pair(files: Iterable[tuple[Path, Path]], out: Path, extension: str) -> tuple[list[Job], list[tuple[Path, str]]]:
    """Give every file its target: its relative path below `out`, with the new extension. A pure function of names.

    Where two paths differ in their extension only (song.mp3 and song.flac), both keep it: song.mp3.aez and
    song.flac.aez. Upper and lower case count as equal, because they are on some disks. Files whose targets still clash
    all fail, so that nothing is overwritten; a file that is named twice is done once.

    Returns:
        the jobs, and the files that cannot have a target, with the reason.
    """
    relative = dict(files)
    stems = Counter(_stem(path) for path in relative.values())
    jobs = []
    for source, path in relative.items():
        alone = stems[_stem(path)] == 1
        jobs.append(Job(source, out / (path.with_suffix(extension) if alone else Path(f"{path}{extension}"))))
    takers: dict[Path, list[Path]] = {}
    for job in jobs:
        takers.setdefault(job.target, []).append(job.source)
    clashes = [(job.source, _clash(job, takers[job.target])) for job in jobs if len(takers[job.target]) > 1]
    return [job for job in jobs if len(takers[job.target]) == 1], clashes


def _stem(path: Path) -> str:
    return str(path.with_suffix("")).casefold()


def _clash(job: Job, sources: list[Path]) -> str:
    other = next(source for source in sources if source != job.source)
    return f"{job.target} would be made from {other} too; run their folders one by one, each with its own output folder"
