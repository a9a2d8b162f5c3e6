import csv
from pathlib import Path

from training.lease import music


def collection(folder: Path) -> list[music.Line]:
    rows = [
        ("train/a1.ogg", "train", "no", "A"),
        ("train/a2.ogg", "train", "no", "A"),
        ("train/b1.ogg", "train", "no", "B"),
        ("train/a3.ogg", "train", "yes", "A"),
        ("train/c1.ogg", "train", "yes", "C"),
        ("train/a4.ogg", "train", "yes", "A"),
        ("train/gone.ogg", "train", "yes", "D"),
        ("test/e1.ogg", "test", "yes", "E"),
    ]
    for path, *_ in rows:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if "gone" not in path:
            (folder / path).write_bytes(b"music")
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "split", "vocals", "artist"), *rows])
    return music.read_manifest(folder)


def test_voices_come_first_and_artists_take_turns(tmp_path: Path) -> None:
    lines = collection(tmp_path)
    assert len(lines) == 7
    order = [(line["vocals"], line["artist"]) for line in music.ordered(lines, "train")]
    assert [vocals for vocals, _ in order] == ["yes"] * 3 + ["no"] * 3
    assert sorted(artist for _, artist in order[:2]) == ["A", "C"]
    assert sorted(artist for _, artist in order[3:5]) == ["A", "B"]
    assert music.ordered(lines[::-1], "train") == music.ordered(lines, "train")


def test_the_manifest_names_what_travels_in_the_same_columns(tmp_path: Path) -> None:
    lines = collection(tmp_path)
    music.write_manifest(lines, {"train/b1.ogg", "test/e1.ogg"}, tmp_path / "new" / "manifest.csv")
    text = (tmp_path / "new" / "manifest.csv").read_text(encoding="utf-8").splitlines()
    assert text == ["path,split,vocals,artist", "train/b1.ogg,train,no,B", "test/e1.ogg,test,yes,E"]


def test_loops_fill_their_share(tmp_path: Path) -> None:
    (tmp_path / "loops").mkdir()
    for name, size in (("a", 60), ("b", 60), ("c", 30), ("d", 200)):
        (tmp_path / "loops" / name).write_bytes(bytes(size))
    taken = music.loops(tmp_path, 100)
    assert {path.name for path in taken} in ({"a", "c"}, {"b", "c"})
    assert not music.loops(tmp_path / "loops", 100)
