"""Unfinished files: their names fit every file system, and those of processes that are certainly dead are removed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from codec import part_files
from codec.files import new_file
from codec.part_files import cut, place
from tests.support import ROOT

WRITE = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from codec.files import new_file
with new_file(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("written", flush=True)
    time.sleep(60)
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="kills a process as POSIX does")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Folders are looked through once for each process."""
    part_files.remove_stale.cache_clear()


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    return ended.pid


def writing(target: Path) -> subprocess.Popen[str]:
    running = subprocess.Popen([sys.executable, "-c", WRITE, str(target)], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "written\n"
    return running


def test_a_part_lies_in_the_folder_of_its_target(tmp_path: Path) -> None:
    part, file = part_files.create(tmp_path / "a.aez")
    file.close()
    assert part.parent == tmp_path


@posix
def test_what_a_killed_process_left_is_removed_by_the_next_run(tmp_path: Path) -> None:
    with writing(tmp_path / "a\nb.aez") as killed, writing(tmp_path / "living.aez") as living:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(list(tmp_path.iterdir())) == 2
        with new_file(tmp_path / "b.aez") as file:
            file.write(b"b")
        left = sorted(path.name for path in tmp_path.iterdir())
        assert len(left) == 2 and left[0].startswith(".living.aez.aez-") and left[1] == "b.aez"
        living.kill()


def test_nothing_else_is_removed(tmp_path: Path, dead: int) -> None:
    here, elsewhere = place(), "0123456789ab"
    kept = [
        f".a.aez-{elsewhere}-{dead}-abcdefgh.part",  # of another machine
        f".a.aez-{here}-{os.getpid()}-abcdefgh.part",  # of a thread of this process
        f".a.aez-{here}-1-abcdefgh.part",  # of a process that lives
        f".a.aez-{here}-{dead}-abcdefgh.part.wav",
        f"a.aez-{here}-{dead}-abcdefgh.part",
        f".a.aez-{here}-{dead}-abcdefg.part",
        ".a.abcdefgh.part",
        f".a.aez-{here}-99999999999999999999-abcdefgh.part",
        f".a.aez-{here}-9999999999-abcdefgh.part",  # more than a process number can be
    ]
    for name in kept:
        (tmp_path / name).write_bytes(b"of someone")
    (tmp_path / f".folder.aez-{here}-{dead}-abcdefgh.part").mkdir()
    stale = tmp_path / f".a.aez-{here}-{dead}-abcdefgh.part"
    old = tmp_path / f".a.aez-{elsewhere}-1-abcdefgh.part"  # of an earlier boot: its number means nothing
    aged = ((stale, 0), (old, 8), (tmp_path / kept[0], 6), (tmp_path / kept[2], 99), (tmp_path / kept[6], 99))
    for path, age in aged:
        path.write_bytes(b"half")
        os.utime(path, (time.time(), time.time() - age * 86400))
    with new_file(tmp_path / "b") as file:
        file.write(b"b")
    assert not stale.exists() and not old.exists()
    assert len(list(tmp_path.iterdir())) == len(kept) + 2


def test_a_folder_that_cannot_be_listed_is_written_all_the_same(tmp_path: Path, monkeypatch: Any) -> None:
    def refuse(folder: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.scandir", refuse)
    with new_file(tmp_path / "a") as file:
        file.write(b"a")
    assert (tmp_path / "a").read_bytes() == b"a"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_without_proc_no_place_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place() == place()

    def refuse(path: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr("os.readlink", refuse)
    assert place() != place()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("song.aez", "song.aez"),
        ("漢" * 80, "漢" * 20),
        ("a" + "é" * 60, "a" + "é" * 29),
        ("\udcff" * 70, "\udcff" * 60),
    ],
)
def test_names_are_cut_between_letters(name: str, kept: str) -> None:
    assert cut(name) == kept


@pytest.mark.parametrize("name", ["漢" * 83 + ".aez", "a" * 251 + ".aez", "😀" * 62 + ".aez"], ids=len)
def test_the_longest_names_can_be_written(tmp_path: Path, name: str) -> None:
    with new_file(tmp_path / name) as file:
        file.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == [name]
