"""Output files: they appear complete or not at all, and what must not be written is refused with one sentence."""

import errno
import os
import pickle
import sys
import tempfile
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from codec.files import TargetExistsError, check_target, is_fifo, named_reader, new_file, opened, temporary_file
from formats.errors import AezError, UsageError


def test_new_files_appear_complete_with_the_usual_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with new_file(path) as file:
        file.write(b"x" * 10)
        assert not path.exists()
    assert path.read_bytes() == b"x" * 10
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o600)
    with new_file(path, force=True) as file:
        file.write(b"y")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, AezError])
def test_an_interrupted_file_leaves_the_old_one(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(error), new_file(path, force=True) as file:
        file.write(b"new")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_targets_that_are_refused(tmp_path: Path) -> None:
    existing = tmp_path / "a"
    existing.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(existing)
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    for target, force, source, text in [
        (tmp_path, True, None, f"{tmp_path} names a folder; give the name of a file in it"),
        ("", True, None, "an empty name names a folder; give the name of a file in it"),
        (f"{tmp_path}/new/", True, None, f"{tmp_path}/new/ names a folder; give the name of a file in it"),
        (f"{tmp_path}/new/.", True, None, f"{tmp_path}/new/. names a folder; give the name of a file in it"),
        (existing, False, None, f"{existing} exists already"),
        (dangling, False, None, f"{dangling} exists already"),
        (existing, True, existing, f"{existing} is the input itself; give the output another name"),
        (link, True, str(existing), f"{link} is the input itself; give the output another name"),
        (
            tmp_path / "none" / "a",
            False,
            None,
            f"cannot write {tmp_path}/none/a: {tmp_path}/none does not exist; create that folder first",
        ),
        (existing / "b", False, None, f"cannot write {existing}/b: {existing} is not a folder"),
    ]:
        with pytest.raises(UsageError) as checked:
            check_target(target, force=force, source=source)
        with pytest.raises(UsageError) as opened, new_file(target, force=force, source=source):
            pytest.fail("opened")
        assert str(checked.value) == str(opened.value) == text
    assert existing.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "link", "dangling"}


def test_a_source_that_is_missing_is_not_the_target(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    check_target(tmp_path / "a", force=True, source=tmp_path / "missing")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_told_from_files_and_from_names_of_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    assert is_fifo(tmp_path / "pipe")
    assert not any(map(is_fifo, (tmp_path / "file", tmp_path, tmp_path / "missing", "a\0b")))


def test_a_descriptor_that_is_read_stays_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"all of it")
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        with named_reader(descriptor) as file:
            assert file.read() == b"all of it"
        os.fstat(descriptor)
    finally:
        os.close(descriptor)


def test_an_existing_target_has_an_error_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(TargetExistsError) as caught:
        check_target(str(path))
    assert caught.value.target == path
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.target) == (TargetExistsError, f"{path} exists already", path)


def test_links_and_devices_stay_what_they_are(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(real)
    with new_file(link, force=True) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    check_target(os.devnull)
    with new_file(os.devnull) as file:
        file.write(b"new")
    assert Path(os.devnull).is_char_device()


def test_an_error_without_a_name_gets_the_targets(tmp_path: Path) -> None:
    with pytest.raises(AezError) as full, new_file(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(full.value) == f"cannot write {tmp_path / 'a'}: No space left on device"
    with pytest.raises(FileNotFoundError, match="other"), new_file(tmp_path / "a"):
        (tmp_path / "other").read_bytes()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("call", "left"), [("tempfile.mkstemp", False), ("pathlib.Path.replace", True)])
def test_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, left: bool
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / ".a.x.part"))

    monkeypatch.setattr(call, refuse)
    with pytest.raises(AezError) as caught, new_file(tmp_path / "a", force=True) as file:
        assert left
        file.write(b"new")
    assert str(caught.value) == f"cannot write {tmp_path / 'a'}: Permission denied"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device_is_one_sentence() -> None:
    with (
        pytest.raises(AezError, match=r"^cannot write /dev/full: No space left on device$"),
        new_file("/dev/full") as f,
    ):
        f.write(b"new")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_folder_of_temporary_files_is_named() -> None:
    file = temporary_file(Path("/dev/full"))
    file.write(b"new")
    with pytest.raises(OSError, match="No space left") as caught:
        file.close()
    assert caught.value.filename == tempfile.gettempdir()


def test_a_temporary_file_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_file() as file:
        file.write(b"new")
        file.seek(1)
        assert file.read() == b"ew"
    assert list(tmp_path.iterdir()) == []


def test_bytes_are_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "a", []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append((path.exists(), os.fstat(descriptor).st_size))
        sync(descriptor)

    monkeypatch.setattr("os.fsync", watched)
    with new_file(path) as file:
        file.write(b"new")
    assert synced == [(False, 3)]


@pytest.mark.parametrize(("number", "fails"), [(errno.EINVAL, False), (errno.EIO, True), (errno.ENOSPC, True)])
def test_bytes_that_do_not_reach_the_disk_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, fails: bool
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", refuse)
    path = tmp_path / "a"
    if fails:
        with pytest.raises(AezError, match=f"cannot write {path}: "), new_file(path) as file:
            file.write(b"new")
        assert list(tmp_path.iterdir()) == []
    else:
        with new_file(path) as file:
            file.write(b"new")
        assert path.read_bytes() == b"new"


@pytest.mark.parametrize("has_links", [True, False])
def test_of_two_who_end_at_once_one_loses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    if not has_links:
        monkeypatch.setattr("os.link", no_links)
    path, barrier, ends = tmp_path / "a", Barrier(8), []

    def write(number: int) -> None:
        try:
            with new_file(path) as file:
                file.write(bytes([number]) * 1000)
                barrier.wait()
        except TargetExistsError:
            ends.append(-1)
        else:
            ends.append(number)

    threads = [Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = set(ends) - {-1}
    assert ends.count(-1) == 7
    assert path.read_bytes() == bytes([winner]) * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_was_reserved_in_vain_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.link", refuse)
    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(AezError, match="Input/output error"), new_file(tmp_path / "a") as file:
        file.write(b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long_is_refused_before_any_work(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 300)
    with pytest.raises(UsageError, match=f"cannot write {path}: File name too long"):
        check_target(path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads a file of Linux that cannot be read")
def test_an_error_while_a_source_is_read_names_the_source_and_not_the_target(tmp_path: Path) -> None:
    for size in (10, -1):
        with pytest.raises(OSError) as caught, opened("/proc/self/mem") as file, new_file(tmp_path / "a"):
            file.read(size)
        assert (caught.value.errno, caught.value.filename) == (errno.EIO, "/proc/self/mem")


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    if not has_links:
        monkeypatch.setattr("os.link", no_links)
    path = tmp_path / "a"
    with pytest.raises(TargetExistsError, match="exists already"), new_file(path) as file:
        file.write(b"new")
        path.write_bytes(b"of another program")
    assert path.read_bytes() == b"of another program"
    assert list(tmp_path.iterdir()) == [path]
    with new_file(path, force=True) as file:
        file.write(b"new")
    with new_file(tmp_path / "b") as file:
        file.write(b"b")
    assert (path.read_bytes(), (tmp_path / "b").read_bytes(), len(list(tmp_path.iterdir()))) == (b"new", b"b", 2)


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NUL"):
        check_target(f"{tmp_path}/a\0b")


@pytest.mark.parametrize("source", [b"bytes of a file", None, 5], ids=str)
def test_what_is_neither_a_path_nor_a_file_object_is_refused(source: Any) -> None:
    with pytest.raises(UsageError, match="a path or a binary file object"), opened(source):
        pytest.fail("opened")
