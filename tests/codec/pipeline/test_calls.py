"""Tags and pictures in the library."""

import io
from pathlib import Path

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
    limits = ({"cover_limit": "16"}, {"cover_limit": -1})
    for wrong in ({"tags": "title=T"}, {"cover": b"text"}, {"tags": {"": "x"}}, *limits):
        with pytest.raises(aez.UsageError):
            aez.encode_file(tmp_path / "a.flac", tmp_path / "b.aez", **wrong)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (aez.encode, (SILENCE, 44100)), (aez.encode_file, ("a.wav", "a.aez")), (aez.decode, (b"",)),
        (aez.decode_file, ("a.aez", "a.wav")), (aez.peel, (b"", 32)), (aez.peel_file, ("a.aez", "b.aez", 32)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_keyword_that_a_function_does_not_have_is_refused_in_its_name(function, arguments):
    with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) got an unexpected keyword argument 'keep_tag'$"):
        function(*arguments, keep_tag=False)


def test_a_file_is_taken_from_any_buffer():
    data = aez.encode(SILENCE, 44100)
    spread = memoryview(bytes(byte for one in data for byte in (one, 0)))[::2]
    for same in (bytearray(data), memoryview(data), spread):
        assert aez.decode(same)[0].shape == SILENCE.shape


@pytest.mark.parametrize("bitrate", ["128", [128], float("nan")], ids=repr)
def test_a_bit_rate_that_is_no_number_is_wrong_usage(tmp_path, bitrate):
    (tmp_path / "a.aez").write_bytes(aez.encode(SILENCE, 44100))
    with pytest.raises(aez.UsageError, match="the bit rate must be a number"):
        aez.decode_file(tmp_path / "a.aez", tmp_path / "a.mp3", bitrate=bitrate)


def test_files_that_were_opened_as_text_are_refused(tmp_path):
    (tmp_path / "a.aez").write_bytes(aez.encode(SILENCE, 44100))
    with (tmp_path / "a.aez").open(encoding="latin-1") as text:
        for function in (aez.info, aez.verify):
            with pytest.raises(aez.UsageError, match=r"open it in mode 'rb'$"):
                function(text)
    with (tmp_path / "b.wav").open("w") as text, pytest.raises(aez.UsageError, match=r"open it in mode 'wb'$"):
        aez.decode_file(tmp_path / "a.aez", text)


def test_an_empty_name_of_a_source_is_told(tmp_path):
    for job in (
        lambda: aez.encode_file("", tmp_path / "c.aez"),
        lambda: aez.decode_file("", tmp_path / "c.wav"),
        lambda: aez.peel_file("", tmp_path / "c.aez", 32),
        lambda: aez.info(""),
        lambda: aez.verify(""),
    ):
        with pytest.raises(aez.AezError, match=r"^the name of the source is empty$"):
            job()


def test_a_model_is_named_by_a_path_too(tmp_path, tiny):
    data = aez.encode(SILENCE, 44100, model=tiny.folder)
    (tmp_path / "a.aez").write_bytes(data)
    assert aez.info(tmp_path / "a.aez", model=tiny.folder).model == tiny.folder.name
    nowhere = Path("nowhere")
    for job in (
        lambda: aez.encode(SILENCE, 44100, model=nowhere),
        lambda: aez.decode(data, model=nowhere),
        lambda: aez.peel(data, 32, model=nowhere),
        lambda: aez.peel_file(tmp_path / "a.aez", tmp_path / "b.aez", 32, model=nowhere),
        lambda: aez.info(tmp_path / "a.aez", model=nowhere),
        lambda: aez.verify(tmp_path / "a.aez", model=nowhere),
    ):
        with pytest.raises(aez.ModelError, match=r"^there is no model 'nowhere';"):
            job()
