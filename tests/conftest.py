"""Fixtures that several rooms share: audio made of nothing, and the tiny model."""

import os
import signal
from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest

from codec.runtime import graph_check
from formats.grid import CHUNK, SEGMENT
from formats.model.tables import Tables
from tests.support import MODELS
from tests.support.codec import Array, encoded, tables_of
from training.data.songs import song

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is in the background of a shell, and commands that the tests start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores: tests wait for commands, browsers and signals an eighth of the time."""
    return (os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def _graphs_are_checked_once() -> Iterator[None]:
    """The same few graphs are loaded a thousand times, and checking one takes longer than a second of audio."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_check, "_checked", lru_cache(32)(graph_check._checked))
        yield


@pytest.fixture(scope="session")
def music() -> Array:
    """25 s of stereo at 44.1 kHz, [2, N]: chords, drums, hiss, panned. Do not write to it."""
    x = song(25.0, seed=3)
    x.flags.writeable = False
    return x


@pytest.fixture(scope="session")
def held() -> Array:
    """12 s of stereo at 44.1 kHz, [2, N]: held notes, hiss and a few hits: mostly long blocks. Do not write to it."""
    t = np.arange(12 * 44100) / 44100
    left, right = (
        sum(np.sin(2 * np.pi * 110 * 2 ** (note / 12) * k * t + k) / k for note in notes for k in range(1, 9))
        for notes in ((0, 7, 12), (4, 7, 16))
    )
    rng = np.random.default_rng(4)
    x = (0.05 * np.stack([left, right]) + 0.001 * rng.standard_normal((2, len(t)))).astype(np.float32)
    for second in (1.2, 5.1, 9.0):
        x[:, round(second * 44100) :][:, :2000] += 0.3 * rng.standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    x.flags.writeable = False
    return x


@pytest.fixture(scope="session")
def tables() -> Tables:
    """Tables of the tiny model."""
    return tables_of("tiny")


@pytest.fixture(scope="session")
def tiny() -> Iterator[SimpleNamespace]:
    """The tiny model installed and taken by default, for the session; `folder` is where it lies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEZ_MODELS", str(MODELS))
        patch.setattr("codec.runtime.models.DEFAULT", "tiny")
        yield SimpleNamespace(folder=MODELS / "tiny")


@pytest.fixture(scope="session")
def files(tiny: SimpleNamespace, music: Array) -> dict[tuple[int, int], bytes]:
    """25 s of music by rate and chunk length."""
    other = song(25.0, rate=48000, seed=3)
    return {
        (44100, SEGMENT): encoded(music, chunk_frames=SEGMENT, latent=64),
        (44100, CHUNK): encoded(music, latent=64),
        (48000, SEGMENT): encoded(other, 48000, chunk_frames=SEGMENT, latent=64),
    }
