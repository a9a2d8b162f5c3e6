"""Sources: what all of them check, and arrays of every type."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from codec.audio.source import ArraySource
from formats import Metadata
from formats.errors import AezError, AudioError, UsageError
from tests.support.audio_files import music, read, write


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_not_finite_are_refused(tmp_path, subtype, value):
    audio = music(88_200)
    audio[1, 66_150] = value
    path = write(tmp_path / "a.wav", audio, 44100, subtype)
    with pytest.raises(AudioError, match=r"not finite numbers, near 1\.\d\d s"):
        read(path)


def test_float_files_keep_what_lies_over_full_scale(tmp_path):
    audio = 4 * music(1000)
    np.testing.assert_array_equal(read(write(tmp_path / "a.wav", audio, 44100, "FLOAT")), audio)


def samples(source: ArraySource, size: int = 1000) -> np.ndarray:
    """Everything that a source delivers, [C, N]."""
    return np.concatenate([np.zeros((source.channels, 0), np.float32), *source.blocks(size)], axis=1)


def test_arrays_are_sources_too():
    audio = music(2500)
    with ArraySource(audio.astype(np.float64), 44100) as source:
        assert (source.samples, source.channels, source.tags.tags) == (2500, 2, {})
        np.testing.assert_array_equal(samples(source), audio)
    with ArraySource(audio[0], 44100, Metadata(tags={"TITLE": ("T",)})) as source:
        assert (source.samples, source.channels, source.tags.tags) == (2500, 1, {"TITLE": ("T",)})
        np.testing.assert_array_equal(samples(source), audio[:1])
    np.testing.assert_array_equal(samples(ArraySource([[0.5, -0.25], [1.0, 0.0]], 44100)), [[0.5, -0.25], [1, 0]])
    for empty in ([], np.zeros((2, 0), np.int16)):
        assert samples(ArraySource(empty, 44100)).shape[1] == 0


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("kind", "values", "wanted"),
    [
        ("i2", [-(1 << 15), -1, 0, (1 << 15) - 1], [-1, -(2.0**-15), 0, 1 - 2.0**-15]),
        ("i4", [-(1 << 31), -(1 << 16), 0, (1 << 31) - (1 << 8)], [-1, -(2.0**-15), 0, 1 - 2.0**-23]),
        ("u1", [0, 127, 128, 255], [-1, -(2.0**-7), 0, 1 - 2.0**-7]),
        ("f2", [-1, -0.5, 0, 3], [-1, -0.5, 0, 3]),
        ("f4", [-1, -0.5, 0, 3], [-1, -0.5, 0, 3]),
        ("f8", [-1, -0.5, 0, 3], [-1, -0.5, 0, 3]),
    ],
)
def test_full_scale_follows_from_the_type(kind, order, values, wanted):
    got = samples(ArraySource(np.array([values, values[::-1]], order + kind), 44100), 3)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [wanted, wanted[::-1]])


@pytest.mark.parametrize("kind", ["int16", "int32", "uint8"])
def test_integers_are_scaled_as_soundfile_scales_them(tmp_path, kind):
    limits = np.iinfo(kind)
    integers = np.random.default_rng(0).integers(limits.min, limits.max, (2, 2000), endpoint=True).astype(kind)
    subtype = {"int16": "PCM_16", "int32": "PCM_32", "uint8": "PCM_U8"}[kind]
    shift = 24 if kind == "uint8" else 0  # soundfile takes 8 bits from the top of 32, signed
    written = ((integers.astype(np.int64) - (128 if shift else 0)) << shift).astype("int32" if shift else kind)
    soundfile.write(tmp_path / "a.wav", written.T, 44100, subtype=subtype)
    np.testing.assert_array_equal(samples(ArraySource(integers, 44100)), read(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    "kind", ["int8", "int64", "uint16", "uint32", "uint64", "bool", "complex64", "longdouble", "object", "str_"]
)
def test_types_without_a_known_full_scale_are_refused_by_name(kind):
    array = np.zeros((2, 10), kind)
    with pytest.raises(AudioError) as caught:
        ArraySource(array, 44100)
    assert str(caught.value).startswith(
        f"samples of type {array.dtype.name} are not accepted, only int16, int32, uint8, float16, float32 and float64;"
    )


@pytest.mark.parametrize("what", [[[0.0, 1.0], [0.0]], None, "song.wav", [1, 2, 3], {"a": 1}, object(), 1.0])
def test_what_is_no_array_of_samples_is_one_sentence(what):
    with pytest.raises(AudioError, match=r"^(the )?samples ") as caught:
        ArraySource(what, 44100)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("rows", [3, 44_100])
def test_samples_before_channels_are_refused_with_advice(rows, columns):
    with pytest.raises(AudioError, match=rf"\[channels, samples\], but .* {rows} rows and {columns} .* samples\.T$"):
        ArraySource(np.zeros((rows, columns), np.float32), 44100)
    for few in ((1, 1), (1, 2), (2, 1), (2, 2)):
        assert (ArraySource(np.zeros(few), 44100).channels, ArraySource(np.zeros(few), 44100).samples) == few


@pytest.mark.parametrize(
    ("shape", "says"),
    [((2, 5, 1), "3 dimensions"), ((3, 10), "has 3 channels"), ((0, 10), "has 0 channels"), ((5, 0), "has 5 channels")],
)
def test_other_shapes_are_refused(shape, says):
    with pytest.raises(AudioError, match=says):
        ArraySource(np.zeros(shape, np.float32), 44100)


@pytest.mark.parametrize("rate", [44100, 44100.0, np.int32(44100), np.uint16(44100), np.float32(44100)])
def test_whole_sample_rates_of_any_type_are_taken(rate):
    source = ArraySource(music(10), rate)
    assert source.sample_rate == 44100 and type(source.sample_rate) is int


@pytest.mark.parametrize("rate", [44100.5, np.nan, np.inf, "44100", None, 44100 + 0j, np.zeros((3, 3)), [44100]])
def test_sample_rates_that_are_no_whole_numbers_are_wrong_usage(rate):
    with pytest.raises(UsageError, match="a sample rate must be a whole number of Hz, not ") as caught:
        ArraySource(music(10), rate)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rate", [0, -44100, 999, 768_001, True])
def test_sample_rates_that_no_audio_has_are_refused(rate):
    with pytest.raises(AudioError, match="sample rate"):
        ArraySource(music(10), rate)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize(("value", "says"), [(1e30, r"of up to 1e\+30"), (-3e6, r"of up to 3e\+06")])
def test_samples_far_over_full_scale_are_refused(tmp_path, subtype, value, says):
    audio = music(88_200)
    audio[1, 66_150] = value
    with pytest.raises(AudioError, match=rf"{says}, where 1 is full scale; scale them down, near 1\.\d\d s"):
        read(write(tmp_path / "a.wav", audio, 44100, subtype))
    with pytest.raises(AudioError, match=says):
        samples(ArraySource(audio, 44100))
    loud = np.clip(audio, -1, 1) * 2**20
    np.testing.assert_array_equal(read(write(tmp_path / "b.wav", loud, 44100, "FLOAT")), loud)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_array_samples_that_are_not_finite_are_refused(value):
    audio = music(88_200).astype(np.float64)
    audio[1, 66_150] = value
    with pytest.raises(AudioError, match=r"the array holds samples that are not finite numbers, near 1\.50 s"):
        samples(ArraySource(audio, 44100), 441)


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
    assert issubclass(AudioError, AezError) and issubclass(UsageError, AezError)


@pytest.mark.parametrize("error", [TypeError, RuntimeError])
def test_an_object_that_gives_no_array_says_why(error):
    class Tensor:
        def __array__(self, *_: object, **__: object) -> np.ndarray:
            raise error("can't convert cuda:0 tensor.\nUse Tensor.cpu() first.")

    with pytest.raises(AudioError, match=r"can't convert cuda:0 tensor\. Use Tensor\.cpu\(\) first\.$"):
        ArraySource(Tensor(), 44100)


@pytest.mark.parametrize(
    "what", ["song.wav", b"RIFF", None, {"a": 1}, ["1", "2"], [None], [[1.0], [1.0, 2.0]]], ids=repr
)
def test_what_is_no_sequence_of_numbers_is_named_by_its_type(what):
    with pytest.raises(AudioError, match=rf"^the samples \({type(what).__name__}\) are neither an array nor"):
        ArraySource(what, 44100)
