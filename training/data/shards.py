"""Decoded music on disk: 44.1 kHz stereo int16 in shards of up to 64 clips that are mapped into memory.

A shard is CACHE/<digest>.shard, the clips' samples one after the other, interleaved and little-endian, together with
CACHE/<digest>.shard.json, which says where each clip lies, which ones could not be read, and why. Clips are known by
path, size and time of change, so that any list of tracks finds what an earlier one has decoded. The json is written
last: a shard without one does not count, and an interrupted run goes on with the clips that no shard has. Of a clip
that is cut, the rest is kept. 8,000 clips of 30 s take 42 GB.

The folder has a limit. Of a collection that might exceed it, every song gets an equal share, and of a longer song the
middle is kept: whole songs of fma_full would take 5 TB. Shards that no song of the present collection needs are removed
where others are decoded and the limit is exceeded, the longest unused first, unless somebody used them within a day
(`training.data.shard_cache`).
"""

import contextlib
import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from codec.audio.open import open_source
from codec.audio.resample import Resampler
from codec.files import new_file
from codec.pipeline.workers import cores
from formats.errors import AezError, AudioError, UsageError
from formats.grid import SAMPLE_RATE
from training.data.fma import KNOWN_BAD
from training.data.shard_cache import VERSION, InUse, Location, index_of, known, make_room
from training.data.tracks import Track

CLIPS = 64
"""Most clips of a shard: 340 MB of 30 s clips."""

FULL_SCALE = np.float32(32767)
"""Integer that stands for 1.0 in a shard."""

LIMIT_GB = 200.0
"""Size of a cache in GB (10^9 bytes), unless another one is asked for."""

SHORTEST = 3.0
"""Seconds that a usable clip has at least: a segment of 2 s and some room to choose it."""


class Shards:
    """Decoded tracks; `shards[i]` is track i as int16 [2, N], full scale at 32767, read from disk when it is touched.

    Attributes:
        tracks: those that can be used, in the order they were given.
        skipped: name -> reason of those that cannot.
        lengths: N of each usable track.
        shortened: number of usable tracks of which only the middle is kept, because of the cache's limit.
    """

    def __init__(self, tracks: list[Track], locations: list[Location], skipped: dict[str, str]) -> None:
        self.tracks = tracks
        self.skipped = skipped
        self.lengths = [location.samples for location in locations]
        self.shortened = sum(location.shortened for location in locations)
        self._locations = locations
        self._in_use = InUse({location.shard for location in locations})

    @classmethod
    def build(
        cls, tracks: Sequence[Track], cache: Path, jobs: int | None = None, shortest: float = SHORTEST,
        limit_gb: float | None = None,
    ) -> Self:  # fmt: skip
        """Decode what the cache does not hold yet, in several processes and with a bar while a person watches.

        The processes import the main module anew, which has to have its `if __name__ == "__main__"`.

        Args:
            tracks: names must be unique.
            cache: folder of the shards; made if need be.
            jobs: processes; as many as cores by default. Each holds about 100 MB.
            shortest: seconds below which a clip is skipped.
            limit_gb: size of the cache. None takes what the cache holds of a song, and LIMIT_GB for other songs; a
                number also decodes anew what was shortened more than it asks for.

        Raises:
            UsageError: the limit leaves less than `shortest` of every song.
            AezError: a process died; everything that was finished is kept.
            OSError: the cache cannot be written.
        """
        cache.mkdir(parents=True, exist_ok=True)
        keys = [identity(track.path) for track in tracks]
        wanted = LIMIT_GB if limit_gb is None else limit_gb
        if not 0 < wanted < 1e6:
            raise UsageError(f"a cache of {wanted:g} GB cannot be; up to a million are possible")
        limit = round(1e9 * wanted)
        most = limit // (4 * max(1, len(tracks)))
        if most < max(1, shortest * SAMPLE_RATE):
            raise UsageError(
                f"a cache of {limit / 1e9:g} GB leaves {most / SAMPLE_RATE:.1f} s of each of {len(tracks)} songs"
            )
        found = known(cache)
        InUse(_needed(keys, found))  # before others are decoded, which may take longer than shards are kept for
        less = 0 if limit_gb is None else most
        pending = {
            key: track.path
            for key, track in zip(keys, tracks, strict=True)
            if key and (key not in found or _is_shorter(found[key], less))
        }
        if pending:
            _decode(list(pending.items()), cache, jobs or cores(), most)
            found = known(cache)
        made = cls._of(tracks, keys, found, shortest)
        if pending or limit_gb is not None:  # a step that only reads need not know how large the cache may be
            make_room(cache, _needed(keys, found), limit)
        return made

    @classmethod
    def _of(
        cls, tracks: Sequence[Track], keys: Sequence[str], there: Mapping[str, Location | str], shortest: float
    ) -> Self:
        """The tracks that can be used of those known by `keys`, and why others cannot."""
        usable, locations, skipped = [], [], {}
        for key, track in zip(keys, tracks, strict=True):
            found = there[key] if key else "no such file"
            if isinstance(found, Location) and found.samples < max(1, shortest * SAMPLE_RATE):
                found = f"too short: {found.samples / SAMPLE_RATE:.1f} s" if found.samples else "no samples in it"
            if isinstance(found, Location):
                usable.append(track)
                locations.append(found)
            else:
                skipped[track.name] = found
        return cls(usable, locations, skipped)

    def __len__(self) -> int:
        return len(self.tracks)

    def __getitem__(self, number: int) -> NDArray[np.int16]:
        self._in_use.renew()
        return self._locations[number].read()

    def named(self) -> list[str]:
        """A line for each track that was skipped: its name, what decoding found, and what is known of FMA's clips."""
        known = {name: f" (others have found {seconds:g} s in this clip of FMA)" for name, seconds in KNOWN_BAD.items()}
        return [f"{name}: {reason}{known.get(Path(name).stem, '')}" for name, reason in sorted(self.skipped.items())]

    def report(self) -> str:
        """Return one line: how many tracks there are, and how many were skipped why."""
        line = f"{len(self)} tracks, {sum(self.lengths) / SAMPLE_RATE / 3600:.2f} h"
        reasons = Counter(reason.partition(":")[0] for reason in self.skipped.values())
        counts = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        if self.shortened:
            line += f"; of {self.shortened} songs only the middle is kept, because of the cache's limit"
        return f"{line}; {len(self.skipped)} skipped: {counts}" if reasons else line


def decoded(path: Path) -> Iterator[NDArray[np.int16]]:
    """Yield a file as blocks [N, 2] of 44.1 kHz stereo; mono comes twice.

    Raises:
        AudioError: it cannot be read, or is damaged.
    """
    try:
        with open_source(path) as source:
            resampler = Resampler(source.sample_rate, SAMPLE_RATE, source.channels)
            for block in source.blocks():
                yield _stored(resampler.push(block))
            yield _stored(resampler.finish())
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror}") from None


def scaled(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """A shard's integers -> floats in [-1, 1], of any shape."""
    return np.asarray(samples, np.float32) / FULL_SCALE


def _stored(x: NDArray[np.float32]) -> NDArray[np.int16]:
    """[C, N] in [-1, 1] -> [N, 2]."""
    samples = np.round(np.clip(x, -1, 1) * FULL_SCALE).astype("<i2")
    return np.ascontiguousarray(np.broadcast_to(samples, (2, x.shape[1])).T)


def identity(path: Path) -> str:
    """What a file is known by: its place, size and time of change; "" if it is not there."""
    try:
        state = path.stat()
    except OSError:
        return ""
    return f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}"


def _needed(keys: Sequence[str], there: Mapping[str, Location | str]) -> set[Path]:
    """Shards that clips lie in."""
    return {clip.shard for key in keys if isinstance(clip := there.get(key), Location)}


def _is_shorter(found: Location | str, samples: int) -> bool:
    """Whether of a song only the middle is kept, and less of it than so many samples."""
    return isinstance(found, Location) and found.shortened and found.samples < samples


def _decode(pending: list[tuple[str, Path]], cache: Path, jobs: int, most: int) -> None:
    """Write shards of all pending clips, of each at most so many samples."""
    for part in cache.glob(".*.shard*.part"):  # left by a process that was killed, unless somebody still writes it
        if time.time() - part.stat().st_mtime > 3600:
            part.unlink(missing_ok=True)
    size = max(1, min(CLIPS, -(-len(pending) // (4 * jobs))))
    groups = [pending[i : i + size] for i in range(0, len(pending), size)]
    # Not forked: threads of torch or onnxruntime in this process may hold locks that a fork would never get back.
    context = get_context("spawn")
    stop = context.Event()
    workers = min(jobs, len(groups))
    with (
        _bar(len(pending)) as advance,
        ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(stop,)) as pool,
    ):
        futures = [pool.submit(_write_shard, group, cache, most) for group in groups]
        try:
            for future in as_completed(futures):
                advance(*future.result())
        except BrokenProcessPool:
            raise AezError("a process that decodes music died (out of memory?); what was finished is kept") from None
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr if that is a terminal; yields a function to call with clips done and clips skipped."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("decoding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    skips = TextColumn("{task.fields[skipped]} skipped")
    console = Console(stderr=True)
    with Progress(*columns, skips, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=total, skipped=0)
        counts = [0, 0]

        def advance(done: int, skipped: int) -> None:
            counts[0] += done
            counts[1] += skipped
            bar.update(task, completed=counts[0], skipped=counts[1])

        yield advance


# What runs in the processes

_stop: list[Event] = []


def _begin(stop: Event) -> None:
    """Prepare a process: the parent handles Ctrl-C, messages of decoders are discarded, it ends with its parent."""
    _stop.append(stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the parent's end, and end then."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _write_shard(group: list[tuple[str, Path]], cache: Path, most: int) -> tuple[int, int]:
    """Decode clips (key, path), of each at most so many samples, into a shard; how many there were and were skipped."""
    digest = hashlib.sha256(
        "\n".join([f"{most}", *(key for key, _ in group)]).encode("utf-8", "surrogateescape")
    ).hexdigest()[:24]
    shard = cache / f"{digest}.shard"
    clips: dict[str, tuple[int, int]] = {}
    skipped: dict[str, str] = {}
    position = 0
    with new_file(shard, force=True) as file:
        for key, path in group:
            if any(stop.is_set() for stop in _stop):
                raise InterruptedError("asked to stop")
            try:
                samples = _append(path, file, most)
            except AudioError as error:
                skipped[key] = _reason(error, path)
                file.seek(4 * position)
                file.truncate()
                continue
            clips[key] = (position, samples)
            position += samples
    shortened = [key for key, (_, samples) in clips.items() if samples == most]
    entry = {"version": VERSION, "samples": position, "clips": clips, "shortened": shortened, "skipped": skipped}
    with new_file(index_of(shard), force=True) as index:
        index.write(json.dumps(entry, indent=0).encode())
    return len(group), len(skipped)


def _append(path: Path, file: BinaryIO, most: int) -> int:
    """Write a clip at the end of a file, of a longer song the middle; its number of samples."""
    begin = file.tell()
    skip = max(0, _expected(path) - most) // 2
    samples, total = _copy(path, file, skip, most)
    if skip and samples < most:  # the song is shorter than its file says
        file.seek(begin)
        file.truncate()
        samples, _ = _copy(path, file, max(0, total - most) // 2, most)
    return samples


def _expected(path: Path) -> int:
    """Samples of a file at 44.1 kHz, as it says without being decoded; 0 if it does not."""
    try:
        with open_source(path) as source:
            return round((source.expected or 0) * SAMPLE_RATE / source.sample_rate)
    except OSError:
        return 0


def _copy(path: Path, file: BinaryIO, skip: int, most: int) -> tuple[int, int]:
    """Write at most so many samples behind the first `skip` ones; how many, and how many were decoded for that."""
    samples = total = 0
    for block in decoded(path):
        part = block[max(0, skip - total) :][: most - samples]
        file.write(part.tobytes())
        samples, total = samples + len(part), total + len(block)
        if samples == most:
            break
    return samples, total


def _reason(error: AudioError, path: Path) -> str:
    """An error's text without the path, which the reader knows."""
    return str(error).removeprefix(str(path)).lstrip(": ").replace(str(path), path.name)
