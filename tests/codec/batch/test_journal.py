"""The journal of an output folder: what it remembers, and what it makes of lines that are none."""

import io
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.batch import journal as journals
from codec.batch.jobs import Job
from codec.batch.journal import NAME, Entry, Journal, Seal, SourceState, settings_digest
from codec.batch.run import Result

ENTRY = Entry("settings", 10, 20, 4, 0x1234, False)


def results(folder: Path, *entries: tuple[str, Entry | None]) -> Iterator[Result]:
    for name, entry in entries:
        yield Result(Job(Path("in"), folder / name), entry=entry)


def line(**values: object) -> bytes:
    """A line about a file called a, with these values in place of good ones."""
    return json.dumps({"path": "a"} | vars(ENTRY) | values).encode()


def record(folder: Path, *entries: tuple[str, Entry | None]) -> Journal:
    with Journal(folder) as journal:
        for result in results(folder, *entries):
            journal.record(result)
    return journal


def test_the_last_line_about_a_file_counts(tmp_path):
    record(tmp_path, ("a/b.wav", ENTRY), ("é \n.wav", ENTRY), ("none.wav", None))
    later = replace(ENTRY, size=5, damaged=True)
    record(tmp_path, ("a/b.wav", later))
    with Journal(tmp_path) as journal:
        assert journal.entry(tmp_path / "a" / "b.wav") == later
        assert journal.entry(tmp_path / "é \n.wav") == ENTRY
        assert journal.entry(tmp_path / "none.wav") is None
    lines = (tmp_path / NAME).read_text().splitlines()
    assert [json.loads(line)["path"] for line in lines] == ["a/b.wav", "é \n.wav", "a/b.wav"]


def test_every_result_is_written_as_it_comes(tmp_path):
    with Journal(tmp_path) as journal:
        for count, result in enumerate(results(tmp_path, ("a", ENTRY), ("b", ENTRY)), 1):
            journal.record(result)
            assert (tmp_path / NAME).read_bytes().count(b"\n") == count


def test_threads_may_record_at_the_same_time(tmp_path):
    made = list(results(tmp_path, *((f"{number}.wav", ENTRY) for number in range(200))))
    with Journal(tmp_path) as journal, ThreadPoolExecutor(8) as pool:
        list(pool.map(journal.record, made))
    paths = [json.loads(line)["path"] for line in (tmp_path / NAME).read_bytes().splitlines()]
    assert sorted(paths) == sorted(f"{number}.wav" for number in range(200))


def test_a_folder_that_does_not_exist_has_no_journal(tmp_path):
    with Journal(tmp_path / "none") as journal:
        assert journal.entry(tmp_path / "none" / "a") is None
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'{"path": "a"}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        line(path=7),
        line(settings=1),
        line(crc32c=True),
        line(crc32c=1.0),
        line(damaged=0),
        line(size="1"),
        line(source_size="LARGE").replace(b'"LARGE"', b"9" * 5000),
    ],
)
def test_lines_that_are_none_are_skipped(tmp_path, written):
    record(tmp_path, ("good", ENTRY))
    with (tmp_path / NAME).open("ab") as file:
        file.write(written)  # with no end, as a full disk leaves it
    record(tmp_path, ("after", ENTRY))
    with Journal(tmp_path) as journal:
        assert journal.entry(tmp_path / "good") == journal.entry(tmp_path / "after") == ENTRY
        assert journal.entry(tmp_path / "a") is None


@given(st.binary(max_size=200))
def test_no_bytes_stop_a_run(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journal")
    (folder / NAME).write_bytes(data)
    record(folder, ("a", ENTRY))
    with Journal(folder) as journal:
        assert journal.entry(folder / "a") == ENTRY


def test_a_journal_that_cannot_be_written_is_told_and_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / NAME).mkdir()
    assert isinstance(record(tmp_path, ("a", ENTRY), ("b", ENTRY)).problem, OSError)
    assert record(tmp_path / "none", ("a", ENTRY)).problem is not None
    assert record(tmp_path, ("a", None)).problem is None


# What an entry says


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path, Entry]:
    """A source, a target, and the entry of the target."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"source")
    target.write_bytes(bytes(3_000_000) + b"target")
    return source, target, SourceState.of(source).finished("settings", Seal.of(io.BytesIO(target.read_bytes())))


def describes(made: tuple[Path, Path, Entry], settings: str = "settings") -> bool:
    source, target, entry = made
    return entry.describes(settings, SourceState.of(source), target)


def test_an_entry_describes_what_was_made(made):
    assert describes(made)
    assert not describes(made, "other settings")
    source, target, entry = made
    assert not describes((source, target, replace(entry, damaged=True)))


def test_another_source_is_noticed(made):
    source = made[0]
    state = source.stat()
    source.write_bytes(b"others")  # as long
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns - 1))  # and older
    assert not describes(made)
    source.write_bytes(b"longer source")
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not describes(made)
    source.unlink()
    assert not describes(made)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_was_made_from_a_pipe_or_from_nothing_has_no_entry(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "pipe", tmp_path / "missing", tmp_path):
        assert SourceState.of(source) == SourceState(-1, -1)
        assert SourceState.of(source).finished("settings", Seal(1, 2)) is None


def test_any_change_of_the_target_is_noticed(made):
    target = made[1]
    whole = target.read_bytes()
    for data in (whole[:-1], whole + b"x", bytes([whole[0] ^ 1]) + whole[1:], whole[:-1] + b"T", b""):
        target.write_bytes(data)
        assert not describes(made)
    target.write_bytes(whole)
    assert describes(made)
    target.unlink()
    assert not describes(made)
    target.mkdir()
    assert not describes(made)


def test_a_checksum_is_the_one_of_the_format(tmp_path):
    (tmp_path / "check").write_bytes(b"123456789")
    with (tmp_path / "check").open("rb") as file:
        assert Seal.of(file) == Seal(9, 0xE3069283)  # CRC-32C's check value


def test_settings_are_told_apart(monkeypatch):
    seen = {
        settings_digest("decode", {"start": 0.0}),
        settings_digest("decode", {"start": 1.0}),
        settings_digest("decode", {"start": None}),
        settings_digest("encode", {"start": 0.0}),
        settings_digest("decode", {"start": 0.0, "duration": None}),
    }
    assert settings_digest("decode", {"duration": None, "start": 0.0}) in seen
    monkeypatch.setattr(journals, "__version__", "0.2.0")
    assert settings_digest("decode", {"start": 0.0}) not in seen
    assert len(seen) == 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_the_journal_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    assert record(tmp_path, ("a", ENTRY)).problem is not None
