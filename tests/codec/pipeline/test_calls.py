"""Tags and pictures in the library."""

import io

import aez
import pytest
import soundfile

from codec.audio.tags.read import read_tags
from formats import Metadata, Picture, Reader
from tests.support.tags import PICTURES, SILENCE, png

pytestmark = pytest.mark.usefixtures("tiny")


def test_tags_and_covers_of_files_and_arrays(tmp_path):
    coded, cover = tmp_path / "a.aez", Picture(png(), "image/png")
    soundfile.write(tmp_path / "a.wav", SILENCE.T, 44100)
    (tmp_path / "c.png").write_bytes(png())
    aez.encode_file(tmp_path / "a.wav", coded, tags={"artist": ["Zoë", "Max"], "title": "T"}, cover=tmp_path / "c.png")
    wanted = Metadata({"ARTIST": ("Zoë", "Max"), "TITLE": ("T",)}, (cover,))
    found = aez.info(coded)
    assert (found.tags, found.pictures) == (wanted.tags, wanted.pictures)
    aez.decode_file(coded, tmp_path / "b.mp3", tags={"title": []}, keep_cover=False)
    assert read_tags(tmp_path / "b.mp3").metadata == Metadata({"ARTIST": ("Zoë", "Max")})
    aez.peel_file(coded, tmp_path / "p.aez", 32, keep_tags=False)
    assert aez.info(tmp_path / "p.aez").tags == {} and aez.info(tmp_path / "p.aez").pictures == (cover,)
    data = aez.encode(SILENCE, 44100, tags={"title": "T"}, cover=png())
    assert Reader(io.BytesIO(data)).metadata == Metadata({"TITLE": ("T",)}, (cover,))
    assert Reader(io.BytesIO(aez.peel(data, 32, keep_cover=False))).metadata == Metadata({"TITLE": ("T",)})


def test_a_limit_for_the_pictures_of_a_source(tmp_path):
    from codec.audio.sink import open_sink

    with open_sink(tmp_path / "a.flac", 44100, 2, tags=Metadata({}, PICTURES)) as sink:
        sink.write(SILENCE)
    report = aez.encode_file(tmp_path / "a.flac", tmp_path / "a.aez", cover_limit=1000)
    assert len(report.notes) == 1 and "a picture of 0.1 MB" in report.notes[0]
    assert aez.info(tmp_path / "a.aez").pictures == (PICTURES[0], PICTURES[2])
    report = aez.encode_file(tmp_path / "a.flac", tmp_path / "a.aez", cover_limit=None, force=True)
    assert report.notes == () and report.picture_bytes > 50_000
    assert report.kbps < 1000 < report.coded_bytes / 125 / report.seconds
    for wrong in ({"tags": "title=T"}, {"cover": b"text"}, {"tags": {"": "x"}}):
        with pytest.raises(aez.UsageError):
            aez.encode_file(tmp_path / "a.flac", tmp_path / "b.aez", **wrong)
