"""Hostile files, the short form of `tests/fuzz/run.py`: the corpus of what was found, and mutations by Hypothesis."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formats import Reader
from formats.payload.bits import Cursor
from formats.payload.side_info import LONG, MORE
from tests.fuzz import playing, seeds, targets
from tests.fuzz.mutate import join, mutate, scribble, split

RUN = Path(__file__).parent / "run.py"
CORPUS = sorted(targets.CORPUS.iterdir())
SONGS, CONTAINERS = seeds.songs(), seeds.containers()
relaxed = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module", autouse=True)
def _stubs():
    with playing.stubs():
        yield


def measured(target):
    guard = targets.Guard(target)
    yield guard
    guard.check()


@pytest.fixture(scope="module")
def opening():
    yield from measured(targets.opening)


@pytest.fixture(scope="module")
def play():
    yield from measured(playing.playing)


@pytest.mark.parametrize("path", CORPUS, ids=[path.name for path in CORPUS])
def test_what_was_found_stays_found(path):
    data = path.read_bytes()
    for turn in range(4):
        guard = targets.Guard(lambda data, turn=turn: targets.opening(data, turn))
        guard(data)
        guard.check()
    for turn in range(6 if path.name.startswith("decode") else 0):
        guard = targets.Guard(lambda data, turn=turn: playing.playing(data, turn))
        guard(data)
        guard.check()


@pytest.mark.parametrize("data", CONTAINERS + SONGS)
def test_seeds_are_good_files(data):
    assert join(split(data)) == data
    guard = targets.Guard(targets.opening)
    guard(data)
    assert not guard.errors


@pytest.mark.parametrize("data", SONGS)
def test_seeds_decode(data):
    playing.playing(data, 0)


@settings(max_examples=600, **relaxed)
@given(st.sampled_from(CONTAINERS), st.randoms())
def test_no_container_harms_the_reader(opening, data, random):
    opening(mutate(data, random))


@settings(max_examples=60, **relaxed)
@given(st.sampled_from(SONGS), st.randoms())
def test_no_file_harms_the_decoder(play, data, random):
    play(mutate(data, random))


PAYLOADS = targets.Payloads()


def test_seeds_list_everything():
    """Payloads are of all four versions, whatever the coder and model; the longest chunks of songs have it all."""
    every = {(data[0], Cursor(data[3:]).varint() // MORE) for data in PAYLOADS.seeds()}
    assert every == {(kind, flags) for kind in range(8) for flags in (0, 1, 3, 7)}
    for data in SONGS:
        assert max(Cursor(chunk.payload).varint() for chunk in Reader(io.BytesIO(data))) >= MORE + LONG


@settings(max_examples=150, **relaxed)
@given(st.sampled_from(PAYLOADS.seeds()), st.randoms())
def test_no_payload_harms_the_coders(data, random):
    targets.Guard(PAYLOADS)(scribble(random, data))


def test_other_errors_are_noticed():
    def fails(_):
        raise ValueError

    with pytest.raises(ValueError):
        targets.Guard(fails)(b"")


def test_hangs_are_noticed(monkeypatch):
    monkeypatch.setattr(targets, "SECONDS", 0.05)

    def endless(_):
        while True:
            pass

    with pytest.raises(targets.HangError):
        targets.Guard(endless)(b"")


def test_memory_is_noticed(monkeypatch):
    monkeypatch.setattr(targets, "MEMORY", -1)
    with pytest.raises(targets.MemoryGrewError):
        targets.Guard(bytes).check()


@pytest.mark.parametrize("how", ["plain", "guided"])
def test_the_command_counts(tmp_path, how):
    if how == "guided":
        pytest.importorskip("atheris")
    options = ["--runs", "300", "--seed", "3", "--found", str(tmp_path / "found")]
    command = [sys.executable, str(RUN), "reader", *options, *(["--plain"] if how == "plain" else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"reader {how}: 300 executions" in done.stdout
    assert not list((tmp_path / "found").iterdir())
