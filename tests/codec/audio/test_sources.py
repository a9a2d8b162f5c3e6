"""Sources and resampler on synthesized audio: nothing lost, nothing added, one clear line where it cannot be."""

import os
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile

from codec.audio import open as opening
from codec.audio.open import open_source
from codec.audio.resample import Resampler, resampled_length
from codec.audio.source import ArraySource
from formats.errors import AezError, AudioError
from tests.support.audio_files import music, read, write

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg here")
needs_lame = pytest.mark.skipif(not shutil.which("lame"), reason="no lame here")

RATES = (8000, 11025, 22050, 44100, 48000, 96000, 192000)
LOSSLESS = {
    "wav": {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 0, "DOUBLE": 0},
    "flac": {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24},
    "aiff": {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 0},
}
LOSSY = {"ogg": "VORBIS", "opus": "OPUS", "mp3": "MPEG_LAYER_III"}
LOSSY_RATES = {"ogg": RATES, "opus": (8000, 16000, 48000), "mp3": (8000, 22050, 44100, 48000)}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("kind", "subtype"), [(kind, subtype) for kind in LOSSLESS for subtype in LOSSLESS[kind]])
def test_every_lossless_format_arrives_exactly(tmp_path, kind, subtype, channels, rate):
    audio = music(3002, channels, rate)  # libsndfile writes no odd aiff of bytes
    got = read(write(tmp_path / f"a.{kind}", audio, rate, subtype), 1000)
    bits = LOSSLESS[kind][subtype]
    assert got.shape == audio.shape
    assert np.abs(got - audio).max() <= (2.0 ** (1 - bits) if bits else 0) + 1e-7


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("kind", "rate"), [(kind, rate) for kind in LOSSY for rate in LOSSY_RATES[kind]])
def test_every_lossy_format_arrives_whole(tmp_path, kind, rate, channels):
    audio = music(rate, channels, rate)
    got = read(write(tmp_path / f"a.{kind}", audio, rate, LOSSY[kind]))
    assert got.shape == audio.shape
    error = np.sqrt(np.mean((got - audio) ** 2) / np.mean(audio**2))
    assert error < 0.1  # a delay of one sample at 8 kHz alone would be 0.17


@pytest.mark.parametrize("kind", ["wav", "flac", "aiff", "ogg", "opus", "mp3"])
def test_blocks_do_not_change_what_arrives(tmp_path, kind):
    path = write(tmp_path / f"a.{kind}", music(70_001, 2, 48000), 48000, LOSSY.get(kind))
    whole = read(path, 100_000)
    for size in (1, 997, 65536) if kind == "wav" else (997, 65536):
        np.testing.assert_array_equal(read(path, size), whole)


@pytest.mark.parametrize("kind", ["wav", "aiff", "ogg", "flac", "mp3", "opus"])
def test_almost_nothing_is_audio_too(tmp_path, kind):
    for samples in (0, 1) if kind in ("wav", "aiff", "ogg") else (1,):  # libsndfile makes no others of nothing
        path = write(tmp_path / f"a.{kind}", music(samples, 2, 48000), 48000, LOSSY.get(kind))
        assert read(path).shape == (2, samples)


@needs_ffmpeg
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", ["m4a", "aac", "wma", "flac", "caf", "mka"])
def test_what_ffmpeg_reads_arrives(tmp_path, kind, channels):
    audio = music(44_100, channels)
    made = write(tmp_path / "made.wav", audio, 44100)
    path = tmp_path / f"a:b.{kind}"  # the colon: no protocol
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, f"file:{path}"], check=True)
    reference = subprocess.run(["ffmpeg", "-v", "error", "-i", f"file:{path}", "-f", "s16le", "-"], capture_output=True)
    expected = np.frombuffer(reference.stdout, "<i2").reshape(-1, channels).T / 32768
    got = read(path, 1000)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=1e-4)


@needs_ffmpeg
def test_ffmpeg_runs_ahead_only_a_little_and_ends_with_the_source(tmp_path):
    made = write(tmp_path / "made.wav", music(44100 * 60), 44100)
    path = tmp_path / "a.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, "-c:a", "alac", path], check=True)
    before = threading.active_count()
    with open_source(path) as source:
        next(source.blocks(1000))
        ffmpeg = source._ffmpeg
        ffmpeg.stdout_reader.join(0.5)
        assert ffmpeg.stdout_reader.queue.qsize() <= 1280  # of the file's 1292: it was let go before the bound was set
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


def test_without_ffmpeg_the_error_says_so(tmp_path, monkeypatch):
    path = tmp_path / "a.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match=r"a\.m4a .*ffmpeg.* is not installed$"):
        open_source(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n" * 100, b"RIFF\x24\0\0\0WAVEfmt ", b"fLaC", b"OggS\0\2", b"\xff\xfb"]
)
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.txt", "a.raw", "a"])
def test_no_audio_is_one_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        open_source(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_directories_and_missing_files(tmp_path):
    with pytest.raises(AudioError, match="is a directory"):
        open_source(tmp_path)
    with pytest.raises(AudioError, match="no such file"):
        open_source(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="no regular file"):
        open_source(os.devnull)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_no_numbers(tmp_path, subtype, value):
    audio = music(88_200)
    audio[1, 66_150] = value
    path = write(tmp_path / "a.wav", audio, 44100, subtype)
    with pytest.raises(AudioError, match=r"no finite numbers, near 1\.\d\d s"):
        read(path)


def test_float_files_keep_what_lies_over_full_scale(tmp_path):
    audio = 4 * music(1000)
    np.testing.assert_array_equal(read(write(tmp_path / "a.wav", audio, 44100, "FLOAT")), audio)


@pytest.mark.parametrize("kind", ["flac", "ogg", "opus"])
def test_damage_in_the_middle_is_an_error(tmp_path, kind):
    noise = np.random.default_rng(1).standard_normal((2, 144_000)).astype(np.float32) * 0.2
    path = write(tmp_path / f"a.{kind}", noise, 48000, LOSSY.get(kind))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(AudioError, match="is damaged"):
        read(path)


def test_a_cut_flac_is_an_error_and_a_cut_wav_a_warning(tmp_path):
    noise = np.random.default_rng(1).standard_normal((2, 50_000)).astype(np.float32) * 0.2
    for kind in ("flac", "wav", "aiff"):
        path = write(tmp_path / f"a.{kind}", noise, 44100)
        assert read(path).shape == (2, 50_000)
        path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(AudioError, match="is damaged"):
        read(tmp_path / "a.flac")
    for kind in ("wav", "aiff"):
        with open_source(tmp_path / f"a.{kind}") as source:
            total = sum(block.shape[1] for block in source.blocks())
        assert total == source.samples
        assert 24_900 < total < 25_000
        assert re.search("is cut: 99[0-9]{3} of 20000[08] bytes", source.warnings[0])


def test_a_wav_from_a_pipe_has_no_true_length(tmp_path):
    path = write(tmp_path / "a.wav", music(1000), 44100)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    path.write_bytes(data)
    with open_source(path) as source:
        assert sum(block.shape[1] for block in source.blocks()) == 1000
        assert source.warnings == []


@needs_lame
def test_an_mp3_without_header_arrives_whole(tmp_path):
    # Half loud noise, half silence, no Xing header: the first bitrate misleads whoever guesses the length.
    audio = np.random.default_rng(1).standard_normal((2, 44_100 * 4)).astype(np.float32) * 0.2
    audio[:, 44_100:] = 0
    audio[:, : 44_100 // 2] = 0
    made = write(tmp_path / "made.wav", audio[:, ::-1], 44100)
    path = tmp_path / "a.mp3"
    subprocess.run(["lame", "--quiet", "-v", "-t", "-V0", made, path], check=True)
    frames = 44_100 * 4 / 1152
    for extra in (b"", b"TAG" + bytes(125)):
        with path.open("ab") as file:
            file.write(extra)
        got = read(path)
        assert frames + 1 <= got.shape[1] / 1152 <= frames + 3
    assert soundfile.info(path).frames != got.shape[1]  # the guess that would have cut or stretched it


@needs_lame
def test_cut_and_joined_mp3s_are_read_with_a_warning(tmp_path):
    noise = np.random.default_rng(1).standard_normal((2, 100_000)).astype(np.float32) * 0.2
    made = write(tmp_path / "made.wav", noise, 44100)
    plain, tagless = tmp_path / "a.mp3", tmp_path / "b.mp3"
    subprocess.run(["lame", "--quiet", made, plain], check=True)
    subprocess.run(["lame", "--quiet", "-t", made, tagless], check=True)
    assert read(plain).shape == (2, 100_000)
    whole = read(tagless)

    tagless.write_bytes(tagless.read_bytes()[:20_000])
    with open_source(tagless) as source:
        got = np.concatenate(list(source.blocks(7000)), axis=1)
    np.testing.assert_array_equal(got, whole[:, : got.shape[1]])
    assert got.shape[1] > 50_000 - 3 * 1152
    assert "cut in its last frame" in source.warnings[0]

    plain.write_bytes(plain.read_bytes() * 2)
    with open_source(plain) as source:
        assert sum(block.shape[1] for block in source.blocks()) == 100_000
    assert "goes on after" in source.warnings[0]


@needs_ffmpeg
def test_chained_ogg_streams_are_all_read(tmp_path):
    path = write(tmp_path / "a.ogg", music(44_100), 44100)
    with path.open("rb") as file:
        assert not opening._is_chained_ogg(file)
    path.write_bytes(path.read_bytes() * 2)
    assert abs(read(path).shape[1] - 88_200) < 2048


def test_ctrl_c_while_libsndfile_reads_is_not_lost(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp3", music(200_000), 44100, "MPEG_LAYER_III")
    with open_source(path) as source:
        blocks = source.blocks(1000)
        next(blocks)

        def stop(*_: object) -> int:
            raise KeyboardInterrupt

        source._whole.close()
        monkeypatch.setattr(source._whole, "_file", type("File", (), {"readinto": stop, "close": lambda _: None})())
        with pytest.raises(KeyboardInterrupt):
            list(blocks)


def test_arrays_are_sources_too():
    audio = music(2500)
    with ArraySource(audio.astype(np.float64), 44100) as source:
        assert (source.samples, source.channels, source.tags.tags) == (2500, 2, {})
        np.testing.assert_array_equal(np.concatenate(list(source.blocks(1000)), axis=1), audio)
    for wrong in (audio[0], audio[:, :, None], np.zeros((3, 10), np.float32), np.zeros((0, 10), np.float32)):
        with pytest.raises(AudioError):
            ArraySource(wrong, 44100)
    with pytest.raises(AudioError, match="sample rate"):
        ArraySource(audio, 0)


@pytest.mark.parametrize(
    ("start", "end"), [(48000, 44100), (44100, 48000), (8000, 44100), (44100, 192000), (44100, 11025)]
)
def test_resampling_does_not_depend_on_blocks_and_has_no_delay(start, end):
    audio = music(start, 2, start) * np.hanning(start).astype(np.float32)
    results = []
    for size in (1, 333, 4096, start) if start == 8000 else (333, 4096, start):
        resampler = Resampler(start, end, 2)
        parts = [resampler.push(audio[:, at : at + size]) for at in range(0, start, size)]
        results.append(np.concatenate([*parts, resampler.finish()], axis=1))
        np.testing.assert_array_equal(results[-1], results[0])
    assert results[0].dtype == np.float32
    assert abs(results[0].shape[1] - resampled_length(start, start, end)) <= 1
    there = (music(end, 2, end) * np.hanning(end).astype(np.float32))[:, : results[0].shape[1]]
    assert np.abs(results[0][:, : there.shape[1]] - there).max() < 1e-3


def test_equal_rates_pass_through():
    resampler = Resampler(44100, 44100, 2)
    audio = music(100)
    assert resampler.push(audio) is audio
    assert resampler.finish().shape == (2, 0)


@pytest.mark.parametrize(
    ("samples", "start", "end", "length"), [(0, 8000, 44100, 0), (1, 8000, 44100, 6), (1, 44100, 8000, 0)]
)
def test_lengths_round_half_up(samples, start, end, length):
    assert resampled_length(samples, start, end) == length
    assert resampled_length(1, 2, 1) == 1
    assert resampled_length(3, 2, 1) == 2
    assert resampled_length(10**15 + 1, 48000, 44100) == (10**15 + 1) * 147 // 160 + 1  # .91875: beyond a float's reach


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_song(tmp_path):
    script = rf"""
import re
import numpy as np
from codec.audio.open import open_source
from codec.audio.resample import Resampler
from codec.audio.sink import open_sink
block = np.random.default_rng(1).standard_normal((2, 44100)).astype(np.float32) * 0.1
with open_sink({str(tmp_path / "a.wav")!r}, 44100, 2) as sink:
    for _ in range(900):
        sink.write(block)
total, resampler = 0, Resampler(44100, 48000, 2)
with open_source({str(tmp_path / "a.wav")!r}) as source:
    for block in source.blocks():
        total += resampler.push(block).shape[1]
print(total + resampler.finish().shape[1], re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())[1])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    total, kilobytes = map(int, done.stdout.split())
    assert total == 900 * 48000
    assert kilobytes < 150_000  # the samples as float32 would be 318 MB


def test_one_error_family():
    assert issubclass(AudioError, AezError)
