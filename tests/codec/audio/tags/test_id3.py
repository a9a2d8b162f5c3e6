"""ID3v2 of all versions as other programs write it."""

import time

import pytest

from codec.audio.headers.id3 import id3_size
from codec.audio.tags.gather import Gathered
from codec.audio.tags.id3 import read_id3
from formats import Picture
from tests.support.tags import id3, synchsafe

UTF16 = b"\1\xff\xfe" + "Zoë".encode("utf-16-le") + b"\0\0\xfe\xff" + "夜🎹".encode("utf-16-be")


def read(data):
    assert id3_size(data[:10]) == len(data)
    found = Gathered()
    read_id3(data, found)
    return found


def tags(data):
    return {key: tuple(values) for key, values in read(data).tags.items()}


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"\0Bj\xf6rk", ("Björk",)),
        (b"\0Bj\xf6rk\0", ("Björk",)),
        (b"\3Zo\xc3\xab\0Max", ("Zoë", "Max")),
        (UTF16[:9], ("Zoë",)),
        (UTF16[:11], ("Zoë",)),
        (b"\1\xfe\xff" + "夜🎹".encode("utf-16-be") + b"\0\0", ("夜🎹",)),
        (b"\1\xff\xfea\0\0\0\xff\xfeb\0", ("a", "b")),
        (b"\2" + "a\0b".encode("utf-16-be"), ("a", "b")),
        (b"\3\xff", ("\ufffd",)),
        (b"\x09odd", ("odd",)),
        (b"\3", ()),
        (b"\3\0\0", ()),
    ],
)
def test_encodings_and_several_values(content, values):
    expected = {"ARTIST": values} if values else {}
    assert tags(id3(4, ("TPE1", content))) == expected
    assert tags(id3(3, ("TPE1", content))) == expected
    assert tags(id3(2, ("TP1", content))) == expected


@pytest.mark.parametrize(
    ("text", "genres"),
    [
        ("17", ("Rock",)), ("(17)", ("Rock",)), ("(17)Rock", ("Rock",)), ("(4)Eurodisco", ("Eurodisco",)),
        ("(17)(8)", ("Rock", "Jazz")), ("Rock\0Jazz", ("Rock", "Jazz")), ("(RX)", ("Remix",)), ("((odd)", ("(odd)",)),
        ("Drum & Bass", ("Drum & Bass",)), ("255", ("255",)), ("191", ("Psybient",)), ("(a) b", ("(a) b",)),
        ("²", ("²",)),
    ],
)  # fmt: skip
def test_genres(text, genres):
    assert tags(id3(4, ("TCON", b"\3" + text.encode()))) == {"GENRE": genres}


def test_frames_of_version_2_3():
    data = id3(
        3, ("TYER", b"\x001997"), ("TDAT", b"\x000105"), ("TORY", b"\x001996"), ("TRCK", b"\x0003/12"),
        ("IPLS", b"\0producer\0P\0lute\0Ann"), ("TXXX", b"\0MusicBrainz Album Id\0x"), ("TXXX", b"\0\0no name"),
        ("UFID", b"http://musicbrainz.org\0id"), ("UFID", b"http://other\0id"), ("COMM", b"\0eng\0plain"),
        ("COMM", b"\1eng\xff\xfeb\0\0\0\xff\xfec\0"), ("USLT", b"\0eng\0la\nla"), ("WXXX", b"\0\0http://x"),
        ("WOAR", b"http://y"), ("TFOO", b"\0own"), ("PRIV", b"x\0y"), ("GEOB", b"\0x"),
    )  # fmt: skip
    assert tags(data) == {
        "ORIGINALDATE": ("1996",), "TRACKNUMBER": ("03",), "TRACKTOTAL": ("12",), "PRODUCER": ("P",),
        "PERFORMER": ("Ann (lute)",), "MUSICBRAINZ_ALBUMID": ("x",), "TXXX": ("no name",),
        "COMMENT": ("plain",), "COMMENT:B": ("c",), "LYRICS": ("la\nla",), "URL": ("http://x",),
        "WEBSITE": ("http://y",), "TFOO": ("own",), "DATE": ("1997-05-01",), "MUSICBRAINZ_TRACKID": ("id",),
    }  # fmt: skip
    assert read(data).left_out == ["ID3 frame UFID", "ID3 frame PRIV", "ID3 frame GEOB"]


@pytest.mark.parametrize(
    ("frames", "date"),
    [
        ({"TYER": "1997", "TDAT": "?"}, "1997"), ({"TYER": "97"}, "97"), ({"TYER": "1997", "TIME": "2015"}, "1997"),
        ({"TYER": "1997", "TDAT": "0105", "TIME": "2015"}, "1997-05-01T20:15"), ({"TYER": "1", "TDRC": "1998"}, "1998"),
    ],
)  # fmt: skip
def test_dates_of_version_2_3(frames, date):
    assert tags(id3(3, *((name, b"\0" + text.encode()) for name, text in frames.items()))) == {"DATE": (date,)}


def test_nothing_is_dropped_without_a_word():
    names = ("PRIV", "MCDI", "NCON", "PCNT", "POPM", "UFID", "GEOB", "PCST", "SYLT", "CHAP", "RVA2", "RGAD", "TDAT")
    for name in names:
        assert read(id3(3, (name, b"\0x\0data"))).left_out == [f"ID3 frame {name}"]
    old = id3(2, ("TXX", b"\0a\0b"), ("TFO", b"\0own"), ("CNT", b"\0\0\0\1"), ("XYZ", b"?"), ("TSI", b"\x0099"))
    assert tags(old) == {"A": ("b",), "TFO": ("own",)}
    assert read(old).left_out == ["ID3 frame PCNT", "ID3 frame XYZ"]
    assert read(id3(3, ("APIC", b"\0image/png"))).left_out == ["a picture that is damaged"]


def test_facts_about_the_source_file_are_not_carried():
    found = read(id3(3, ("TLEN", b"\x003000"), ("TSIZ", b"\x0099"), ("TIT2", b"\0T"), ("COMM", b"\0engiTunSMPB\0 00")))
    assert found.metadata().tags == {"TITLE": ("T",)}
    assert found.left_out == []


def test_pictures():
    found = read(
        id3(3, ("APIC", b"\0image/png\0\3front\0\x89PNG"), ("APIC", b"\1image/jpeg\0\4\xff\xfeb\0\0\0JPEG"),
            ("APIC", b"\0-->\0\3\0http://x"), ("APIC", b"\0image/png\0\x99\0data"))
    )  # fmt: skip
    assert found.pictures == [
        Picture(b"\x89PNG", "image/png", 3, "front"), Picture(b"JPEG", "image/jpeg", 4, "b"),
        Picture(b"data", "image/png", 0),
    ]  # fmt: skip
    assert found.left_out == ["a link to a picture"]
    assert read(id3(2, ("PIC", b"\0JPG\3x\0data"))).pictures == [Picture(b"data", "image/jpeg", 3, "x")]


def test_unsynchronization_and_extended_headers():
    picture = ("APIC", b"\0image/jpeg\0\3\0\xff\xd8\xff\xe0")
    for version in (3, 4):
        assert read(id3(version, picture, flags=0x80)).pictures[0].data == b"\xff\xd8\xff\xe0"
    plain = id3(4, ("TIT2", b"\3T"))
    body = synchsafe(6) + b"\1\0" + plain[10:]
    assert tags(b"ID3\4\0\x40" + synchsafe(len(body)) + body) == {"TITLE": ("T",)}
    body = (6).to_bytes(4, "big") + bytes(6) + id3(3, ("TIT2", b"\0T"))[10:]
    assert tags(b"ID3\3\0\x40" + synchsafe(len(body)) + body) == {"TITLE": ("T",)}


def test_sizes_as_itunes_wrote_them():
    frame = b"TIT2" + (201).to_bytes(4, "big") + b"\0\0\3" + b"x" * 200 + b"TPE1" + synchsafe(2) + b"\0\0\3A"
    body = frame + bytes(50)
    assert tags(b"ID3\4\0\0" + synchsafe(len(body)) + body) == {"TITLE": ("x" * 200,), "ARTIST": ("A",)}


def test_frames_that_cannot_be_read_are_told():
    compressed = b"TIT2" + synchsafe(5) + b"\0\x08\3abcd" + b"TPE1" + synchsafe(2) + b"\0\0\3A"
    found = read(b"ID3\4\0\0" + synchsafe(len(compressed)) + compressed)
    assert found.tags == {"ARTIST": ["A"]} and "TIT2, which is compressed" in found.left_out[0]
    cut = b"TPE1" + synchsafe(2) + b"\0\0\3ATIT2" + synchsafe(500) + b"\0\0\3abcd"
    found = read(b"ID3\4\0\0" + synchsafe(len(cut)) + cut)
    assert found.tags == {"ARTIST": ["A"]} and "TIT2, which is cut" in found.left_out[0]
    assert "version 2.9" in read(b"ID3\x09\0\0" + synchsafe(5) + b"TIT2x").left_out[0]


def test_long_and_hostile_tags_take_no_time():
    begun = time.process_time()
    read(id3(3, ("TXXX", b"\1" + b"\0\1" * 200_000)))
    read(id3(3, ("APIC", b"\1image/png\0\3" + b"\1\0\0\1" * 100_000)))
    read(id3(3, *[("TPE1", b"\0x")] * 20_000))
    read(id3(4, ("TCON", b"\3" + b"(1)" * 100_000)))
    assert time.process_time() - begun < 3
