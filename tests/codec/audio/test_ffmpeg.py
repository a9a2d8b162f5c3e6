"""Sources that ffmpeg reads: all of their samples, and nothing of the process left behind."""

import subprocess
import threading

import numpy as np
import pytest

from codec.audio.open import open_source
from codec.audio.sink import open_sink
from formats.errors import AudioError
from tests.support.audio_files import music, needs_ffmpeg, read, write


@needs_ffmpeg
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", ["m4a", "aac", "wma", "flac", "caf", "mka"])
def test_what_ffmpeg_reads_arrives(tmp_path, kind, channels):
    audio = music(44_100, channels)
    made = write(tmp_path / "made.wav", audio, 44100)
    path = tmp_path / f"a:b.{kind}"  # the colon must not make a protocol of the name
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, f"file:{path}"], check=True)
    reference = subprocess.run(["ffmpeg", "-v", "error", "-i", f"file:{path}", "-f", "s16le", "-"], capture_output=True)
    expected = np.frombuffer(reference.stdout, "<i2").reshape(-1, channels).T / 32768
    got = read(path, 1000)
    length = audio.shape[1] if kind == "m4a" else expected.shape[1]  # only this one says what is padding
    assert got.shape == (channels, length)
    np.testing.assert_allclose(got, expected[:, :length], atol=1e-4)


@needs_ffmpeg
@pytest.mark.parametrize("samples", [1, 44_099, 45_056, 45_057])
def test_an_m4a_has_the_length_that_it_states(tmp_path, samples):
    path = tmp_path / "a.m4a"
    with open_sink(path, 44100, 2) as sink:
        sink.write(music(samples))
    assert read(path, 1000).shape == read(path, 1 << 16).shape == (2, samples)


@needs_ffmpeg
def test_an_edit_list_in_milliseconds_is_followed_to_the_sample(tmp_path):
    audio, path = music(44_987), tmp_path / "a.m4a"
    made = write(tmp_path / "made.wav", audio, 44100)
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, path], check=True)
    assert read(path).shape == audio.shape


@needs_ffmpeg
@pytest.mark.parametrize("size", [1000, 1 << 16])
def test_a_length_that_would_cut_more_than_padding_is_not_believed(tmp_path, monkeypatch, size):
    monkeypatch.setattr("codec.audio.ffmpeg.exact_length", lambda *args: 10_000)
    path = tmp_path / "a.m4a"
    with open_sink(path, 44100, 2) as sink:
        sink.write(music(44_100))
    assert read(path, size).shape == (2, 45_056)


@needs_ffmpeg
def test_ffmpeg_decodes_only_a_little_in_advance_and_ends_with_the_source(tmp_path):
    made = write(tmp_path / "made.wav", music(44100 * 60), 44100)
    path = tmp_path / "a.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, "-c:a", "alac", path], check=True)
    before = threading.active_count()
    with open_source(path) as source:
        next(source.blocks(1000))
        ffmpeg = source._ffmpeg
        ffmpeg.stdout_reader.join(0.5)
        assert ffmpeg.stdout_reader.queue.qsize() <= 1280  # of the file's 1292: some before the bound was set
        assert ffmpeg.stdout_reader.queue.maxsize == 256
    assert ffmpeg.proc.returncode is not None
    assert threading.active_count() == before


@needs_ffmpeg
@pytest.mark.parametrize(("layout", "count"), [("quad", 4), ("5.1", 6)])
def test_more_than_two_channels_are_refused_by_name(tmp_path, layout, count):
    made = write(tmp_path / "made.wav", music(1000, count), 44100)
    path = tmp_path / "a.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, "-channel_layout", layout, path], check=True)
    for source in (made, path):
        with pytest.raises(AudioError, match="only mono and stereo"):
            open_source(source)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {}\n",
        "\ufeff\n <?xml version='1.0'?><MPD><BaseURL>{}</BaseURL></MPD>",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.m4a", "a.mp3", "a.m3u8"])
def test_a_list_of_files_is_not_followed(tmp_path, name, text):
    write(tmp_path / "other.wav", music(1000), 44100)
    (tmp_path / name).write_text(text.format(tmp_path / "other.wav"), encoding="utf-8")
    with pytest.raises(AudioError, match="is a playlist or a web page, and no audio file"):
        open_source(tmp_path / name)


@needs_ffmpeg
def test_a_list_of_files_behind_a_tag_is_not_followed(tmp_path):
    write(tmp_path / "other.wav", music(1000), 44100)
    tag = b"ID3\3\0\0\0\0\0\x20" + bytes(32)
    (tmp_path / "a.mp3").write_bytes(tag + b"ffconcat version 1.0\nfile other.wav\n")
    with pytest.raises(AudioError, match="is a playlist or a web page, and no audio file"):
        open_source(tmp_path / "a.mp3")


def test_without_ffmpeg_the_error_says_so(tmp_path, monkeypatch):
    path = tmp_path / "a.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match=r"a\.m4a .*ffmpeg.* is not installed$"):
        open_source(path)
