from pathlib import Path

import pytest

from training.lease import slices
from training.lease.slices import Item


def made(folder: Path, **sizes: int) -> list[Item]:
    found = []
    for name, size in sizes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(i * 7 % 251 for i in range(size)))
        found += slices.items(f"music/{name}", path, 100)
    return found


def test_each_item_goes_into_the_first_slice_with_room(tmp_path: Path) -> None:
    packed = slices.pack(made(tmp_path, a=60, b=60, c=40, d=90), 100)
    assert [[item.target for item in one] for one in packed] == [["music/a", "music/c"], ["music/b"], ["music/d"]]
    few = slices.pack(made(tmp_path, a=60, b=60, c=40, d=90), 100, 1)
    assert [[item.target for item in one] for one in few] == [["music/a", "music/c"]]


def test_slices_become_the_same_files(tmp_path: Path) -> None:
    contents = made(tmp_path / "here", small=30, large=250, empty=0)
    assert [item.size for item in contents] == [30, 100, 100, 50, 0]
    for number, one in enumerate(slices.pack(contents, 100)):
        folder = tmp_path / f"slice-{number}"
        size = slices.write(folder, one)
        assert size == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        assert slices.unpack(folder, tmp_path / "there") == (len(one), [])
        assert [path.name for path in folder.rglob("*") if path.is_file()] == [slices.INDEX]
    for name in ("small", "large", "empty"):
        assert (tmp_path / "there" / "music" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_damaged_and_missing_files_are_named_and_left_out(tmp_path: Path) -> None:
    slices.write(tmp_path / "one", made(tmp_path / "here", a=10, b=10, c=10))
    (tmp_path / "one" / "music" / "a").write_bytes(b"other")
    (tmp_path / "one" / "music" / "b").unlink()
    assert slices.unpack(tmp_path / "one", tmp_path / "there") == (3, ["music/a", "music/b"])
    assert [path.name for path in (tmp_path / "there" / "music").iterdir()] == ["c"]


def test_a_folder_without_an_index_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        slices.unpack(tmp_path, tmp_path)
