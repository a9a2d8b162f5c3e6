"""MP4: atoms as other programs write them, and damaged ones."""

import io
import struct

from codec.audio.tags.gather import Gathered
from codec.audio.tags.mp4 import read_mp4, write_mp4
from formats import Metadata, Picture
from tests.support.tags import SONG, TAGS, png


def atom(name, *contents):
    content = b"".join(contents)
    return struct.pack(">I", len(content) + 8) + name + content


def data(kind, value):
    return atom(b"data", struct.pack(">II", kind, 0), value)


def movie(*items, before=b""):
    meta = atom(b"meta", bytes(4), atom(b"hdlr", bytes(25)), atom(b"ilst", *items))
    return (
        atom(b"ftyp", b"M4A ")
        + atom(b"mdat", bytes(50))
        + atom(b"moov", atom(b"mvhd", bytes(100)), before, atom(b"udta", meta))
    )


def read(file):
    found = Gathered()
    read_mp4(io.BytesIO(file), found)
    return found


def test_items_of_itunes():
    free = atom(b"----", atom(b"mean", bytes(4), b"com.apple.iTunes"), atom(b"name", bytes(4), b"MusicBrainz Album Id"),
                data(1, b"x"), data(1, b"y"))  # fmt: skip
    found = read(movie(
        atom(b"\xa9nam", data(1, b"T")), atom(b"\xa9ART", data(1, b"a"), data(1, b"b")),
        atom(b"gnre", data(0, b"\0\x12")),
        atom(b"trkn", data(0, bytes([0, 0, 0, 3, 0, 12, 0, 0]))), atom(b"disk", data(0, bytes([0, 0, 0, 1, 0, 0]))),
        atom(b"tmpo", data(21, b"\0\x78")), atom(b"cpil", data(21, b"\1")), atom(b"pgap", data(21, b"\0")), free,
        atom(b"covr", data(14, png()), data(13, b"\xff\xd8\xff")), atom(b"purd", data(1, b"2020")),
        atom(b"stik", data(21, b"\1")),
    ))  # fmt: skip
    assert {key: tuple(values) for key, values in found.tags.items()} == {
        "TITLE": ("T",), "ARTIST": ("a", "b"), "GENRE": ("Rock",), "TRACKNUMBER": ("3",), "TRACKTOTAL": ("12",),
        "DISCNUMBER": ("1",), "BPM": ("120",), "COMPILATION": ("1",), "MUSICBRAINZ_ALBUMID": ("x", "y"),
        "PURD": ("2020",),
    }  # fmt: skip
    assert found.pictures == [Picture(png(), "image/png"), Picture(b"\xff\xd8\xff", "image/jpeg")]


def test_what_is_there_is_replaced_and_audio_stays():
    file = io.BytesIO(movie(atom(b"\xa9nam", data(1, b"old" * 100))))
    before = file.getvalue()
    assert write_mp4(file, Metadata({"TITLE": ("new",)})) == []
    assert read(file.getvalue()).tags == {"TITLE": ["new"]}
    assert file.getvalue().startswith(before[: before.index(b"moov") - 4])
    assert write_mp4(file, SONG) == ["what its pictures show and their descriptions, because m4a has covers only"]
    assert {key: tuple(values) for key, values in read(file.getvalue()).tags.items()} == TAGS


def test_audio_behind_the_tags_is_found_again():
    head = atom(b"ftyp", b"M4A ")

    def tree(place):
        stco, co64 = struct.pack(">III", 0, 2, place) + struct.pack(">I", 8), struct.pack(">IIQ", 0, 1, place)
        table = atom(b"stbl", atom(b"stco", stco), atom(b"co64", co64))
        return atom(b"moov", atom(b"trak", atom(b"mdia", atom(b"minf", table))))

    place = len(head) + len(tree(0)) + 8
    file = io.BytesIO(head + tree(place) + atom(b"mdat", b"audio"))
    for title in ("x" * 500, "y"):
        assert write_mp4(file, Metadata({"TITLE": (title,)})) == []
        data = file.getvalue()
        at = data.index(b"stco")
        assert struct.unpack_from(">II", data, at + 12) == (data.index(b"audio"), 8)
        assert struct.unpack_from(">Q", data, data.index(b"co64") + 12)[0] == data.index(b"audio")
        assert read(data).tags == {"TITLE": [title]}


def test_fragmented_files_keep_what_they_have():
    data = atom(b"ftyp", b"M4A ") + atom(b"moov", atom(b"mvex", b"")) + atom(b"moof", b"")
    file = io.BytesIO(data)
    assert write_mp4(file, SONG) == ["all tags, because the file has an unusual layout"]
    assert file.getvalue() == data


def test_any_text():
    tags = {"TITLE": ("a=b;c#d\\e\nzweite Zeile",), "COMMENT": ("x" * 200_000,), "蛇 = ;": ("🎹",)}
    file = io.BytesIO(movie())
    assert write_mp4(file, Metadata(tags)) == []
    assert {key: tuple(values) for key, values in read(file.getvalue()).tags.items()} == tags


def test_numbers_that_do_not_fit_are_texts():
    file = io.BytesIO(movie())
    tags = {"TRACKNUMBER": ("A1",), "BPM": ("120.5",), "DISCNUMBER": ("70000",), "COMPILATION": ("yes",)}
    assert write_mp4(file, Metadata(tags)) == []
    assert {key: tuple(values) for key, values in read(file.getvalue()).tags.items()} == tags


def test_pictures_that_it_cannot_hold_are_told():
    file = io.BytesIO(movie())
    webp = Picture(b"RIFF\0\0\0\0WEBP", "image/webp")
    assert write_mp4(file, Metadata({}, (webp,))) == ["a picture of type image/webp, which m4a cannot hold"]
    assert read(file.getvalue()).pictures == []


def test_damaged_ones_give_what_they_have():
    whole = movie(atom(b"\xa9nam", data(1, b"T")), atom(b"covr", data(14, png())), atom(b"trkn", data(0, bytes(8))))
    for at in range(len(whole)):
        for changed in (whole[:at], whole[:at] + b"\xff" + whole[at + 1 :], whole[:at] + b"\0" + whole[at + 1 :]):
            read(changed)
