"""Hostile files, the short form of `tests/fuzz/run.py`: the corpus of what was found, and mutations by Hypothesis."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formats import Reader
from formats.errors import FormatError
from tests.fuzz import audio_tags, corpus, playing, seeds, targets
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
    for variant in range(4):
        guard = targets.Guard(lambda data, variant=variant: targets.opening(data, variant))
        guard(data)
        guard.check()
    for variant in range(6 if path.name.startswith("decode") else 0):
        guard = targets.Guard(lambda data, variant=variant: playing.playing(data, variant))
        guard(data)
        guard.check()


def test_the_corpus_is_what_its_code_makes():
    """So that a change of the format never leaves files behind that show nothing any more."""
    assert {path.name: path.read_bytes() for path in CORPUS} == corpus.build()


HARMLESS = {"reader-tags-of-nothing.aez", "decode-a-megahertz.aez", "decode-overflowing-network.aez",
            "decode-silence-into-later-chunks.aez", "decode-one-stretch.aez",
            "decode-overflowing-stretch.aez"}  # fmt: skip
"""Files whose container is good: what is wrong with them is not the reader's to say."""


@pytest.mark.parametrize("path", CORPUS, ids=[path.name for path in CORPUS])
def test_every_fault_is_damage_to_the_reader(path):
    if path.name in HARMLESS:
        Reader(io.BytesIO(path.read_bytes())).verify()
        return
    with pytest.raises(FormatError):
        Reader(io.BytesIO(path.read_bytes())).verify()
    with pytest.raises(FormatError):
        Reader(targets.Pipe(path.read_bytes())).verify()


@pytest.mark.parametrize(
    "path", [path for path in CORPUS if path.name.startswith("decode")], ids=lambda path: path.name
)
def test_every_fault_is_damage_to_the_decoder(path):
    if path.name in HARMLESS - {"decode-silence-into-later-chunks.aez"}:
        playing.playing(path.read_bytes(), 0)
        return
    with pytest.raises(FormatError):
        playing.playing(path.read_bytes(), 0)


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


def test_no_tags_of_audio_harm_their_readers():
    guard = targets.Guard(audio_tags.Tags())
    seeds = audio_tags.Tags().seeds()
    for data in seeds:
        guard(data)

    @settings(max_examples=300, **relaxed)
    @given(st.sampled_from(seeds), st.randoms())
    def all_of_them(data, random):
        guard(scribble(random, data))

    all_of_them()
    guard.check()


@settings(max_examples=60, **relaxed)
@given(st.sampled_from(SONGS), st.randoms())
def test_no_file_harms_the_decoder(play, data, random):
    play(mutate(data, random))


PAYLOADS = targets.Payloads()


def test_seeds_have_side_information_of_every_kind():
    """Whatever the coder and model; the first chunk of a song has it all."""
    assert {(data[0], data[3]) for data in PAYLOADS.seeds()} == {(k, f) for k in range(6) for f in (0, 3, 6, 9, 15)}
    for data in SONGS:
        assert next(iter(Reader(io.BytesIO(data)))).payload[0] == seeds.EVERY_LIST


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
