"""A song, its .aez, and the fakes of the pipeline for tests of the command line."""

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support import cli_fakes
from tests.support.cli_fakes import RATE, TAGS


@pytest.fixture
def fakes(tiny: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fakes of `tests.support.cli_fakes` in place, and signal handlers as they were at the end."""
    cli_fakes.patch(monkeypatch)
    numbers = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
    handlers = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """5 s of stereo noise with tags, a flac in the temporary folder."""
    path = tmp_path / "song.flac"
    samples = np.random.default_rng(1).integers(-3000, 3000, (5 * RATE + 17, 2)).astype(np.int16)
    with soundfile.SoundFile(path, "w", RATE, 2) as file:
        file.title, file.artist, file.tracknumber = (TAGS[key][0] for key in ("TITLE", "ARTIST", "TRACKNUMBER"))
        file.write(samples)
    return path


@pytest.fixture
def coded(fakes: None, song: Path) -> Path:
    """The song encoded by the fakes, beside it."""
    assert cli_fakes.aez("encode", song, "--quiet") == 0
    return song.with_suffix(".aez")
