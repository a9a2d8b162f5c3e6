"""Plans: what can be asked for, and one line where it cannot, before any file is opened."""

from typing import Any

import aez
import numpy as np
import pytest

from codec.pipeline.plan import DecodePlan, EncodePlan
from codec.runtime import models
from formats import Coder
from formats.errors import AezError, ModelError, UsageError
from formats.grid import CHUNK

pytestmark = pytest.mark.usefixtures("tiny")

SOUND = np.zeros((1, 2000), np.float32)


def test_a_plan_of_nothing_takes_the_models_defaults() -> None:
    plan, model = EncodePlan.make(), models.by_name()
    assert (plan.model.id, plan.latent, plan.gain) == (model.id, 128, model.gain(128))
    assert (plan.bitrate, plan.coder, plan.chunk_frames, plan.main_count) == (None, None, CHUNK, 112)
    assert DecodePlan.make() == DecodePlan() == DecodePlan(0.0, None, None, None, False)


def test_a_default_gain_is_lower_for_a_narrow_source() -> None:
    default = models.by_name().gain(128)
    gains = [EncodePlan.make().gain_for(rate) - default for rate in (96000, 44100, 16000, 12000, 8000, 1000)]
    assert gains == [0, 0, 0, -4, -8, -15]
    assert EncodePlan.make(gain=default).gain_for(8000) == default


def test_a_bit_rate_chooses_the_tier() -> None:
    for kbps in (6, 20, 100):
        assert EncodePlan.make(bitrate=kbps).latent == models.by_name().tier_for(kbps)


@pytest.mark.parametrize("number", [np.int64, np.int8, np.float32, float, int])
def test_whole_numbers_of_any_type_are_taken(number: Any) -> None:
    plan = EncodePlan.make(latent=number(64), gain=number(-7), coder="zstd", chunk_frames=np.uint16(252))
    assert (plan.latent, plan.gain, plan.coder, plan.chunk_frames) == (64, -7, Coder.ZSTD, 252)
    assert all(type(value) is int for value in (plan.latent, plan.gain, plan.chunk_frames))
    assert EncodePlan.make(bitrate=number(16)).bitrate == 16.0
    assert DecodePlan.make(start=number(1), duration=number(2)) == DecodePlan(1.0, 2.0)


IMPOSSIBLE: list[dict[str, Any]] = [
    {"gain": 1.5},
    {"gain": "3"},
    {"gain": None, "latent": "128"},
    {"gain": float("nan")},
    {"gain": True},
    {"gain": [1]},
    {"gain": 10**30},
    {"latent": 128.5},
    {"latent": b"128"},
    {"latent": np.array([64, 64])},
    {"bitrate": "24"},
    {"bitrate": float("inf")},
    {"bitrate": 10**400},
    {"bitrate": (24,)},
    {"bitrate": 24, "latent": 128},
    {"bitrate": 24, "gain": 0},
    {"coder": "zip"},
    {"chunk_frames": "630"},
    {"chunk_frames": 630.5},
    {"device": "tpu"},
]


@pytest.mark.parametrize("options", IMPOSSIBLE, ids=str)
def test_what_cannot_be_encoded_with_is_one_line_that_names_no_flag(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as error:
        aez.encode(SOUND, 44100, **options)
    assert "\n" not in str(error.value)
    assert "--" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"start": "1:00"},
        {"start": None},
        {"start": -1e-9},
        {"start": 1e12},
        {"duration": "3"},
        {"duration": -1},
        {"duration": float("nan")},
        {"duration": [1]},
        {"device": "tpu"},
    ],
    ids=str,
)
def test_what_cannot_be_decoded_is_one_line_that_names_no_flag(options: dict[str, Any]) -> None:
    data = aez.encode(SOUND, 44100, device="cpu")
    with pytest.raises(UsageError) as error:
        aez.decode(data, **options)
    assert "\n" not in str(error.value)
    assert "--" not in str(error.value)


@pytest.mark.parametrize(
    ("plan", "name", "good", "bad"),
    [
        (EncodePlan, "gain", (-512, 512), (-513, 513)),
        (EncodePlan, "bitrate", (6, 128), (5.99, 128.01)),
        (EncodePlan, "chunk_frames", (126, 2520), (0, 63, 127, 2646)),
        (DecodePlan, "start", (0, 999_999_999), (-1, 1e9)),
        (DecodePlan, "duration", (0, 999_999_999), (-1, 1e9)),
        (DecodePlan, "rate", (1000, 768_000), (999, 768_001)),
    ],
)
def test_values_at_the_ends_of_their_ranges(plan: Any, name: str, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    for value in good:
        assert getattr(plan.make(**{name: value}), name) == value
    for value in bad:
        with pytest.raises(UsageError):
            plan.make(**{name: value})


def test_models_and_decoders_that_are_not_there_are_named() -> None:
    with pytest.raises(ModelError, match="no such model"):
        EncodePlan.make(model="no such model")
    data = aez.encode(SOUND, 44100, device="cpu")
    with pytest.raises(ModelError, match="no decoder 'better'; it has standard"):
        aez.decode(data, decoder="better")


@pytest.mark.parametrize("rate", [44100, 44100.0, np.float64(44100), np.int32(44100)])
def test_sample_rates_may_be_any_whole_number(rate: Any) -> None:
    samples, got = aez.decode(aez.encode(SOUND, rate, device="cpu"), device="cpu")
    assert (samples.shape, got) == (SOUND.shape, 44100)


@pytest.mark.parametrize("rate", [44100.5, "44100", None, 0, -1, 1e9, float("nan")])
def test_other_sample_rates_are_refused(rate: Any) -> None:
    with pytest.raises(AezError):
        aez.encode(SOUND, rate)


@pytest.mark.parametrize(
    "options",
    [{"gain": 10**400}, {"model": 1}, {"model": b"music"}, {"coder": ["range"]}, {"coder": None}, {"device": 1}],
    ids=str,
)
def test_options_of_another_type_are_refused_by_encode(options: Any) -> None:
    with pytest.raises((UsageError, ModelError)) as caught:
        aez.encode(SOUND, 44100, **options)
    assert "\n" not in str(caught.value) and "attribute" not in str(caught.value)


@pytest.mark.parametrize("options", [{"model": ["music"]}, {"decoder": ["standard"]}, {"device": None}], ids=str)
def test_options_of_another_type_are_refused_by_decode(options: Any) -> None:
    data = aez.encode(SOUND, 44100)
    with pytest.raises((UsageError, ModelError)) as caught:
        aez.decode(data, **options)
    assert "attribute" not in str(caught.value)


@pytest.mark.parametrize("call", [aez.decode, lambda data: aez.peel(data, 32)], ids=["decode", "peel"])
@pytest.mark.parametrize("data", ["song.aez", None, 5], ids=str)
def test_a_path_in_place_of_bytes_is_refused(call: Any, data: Any) -> None:
    with pytest.raises(UsageError, match=r"must be the bytes of an \.aez file"):
        call(data)


@pytest.mark.parametrize("call", [aez.encode_file, aez.decode_file])
@pytest.mark.parametrize(
    "names", [(None, "out.wav"), (b"a.wav", "out.wav"), ("a.wav", None), ("a.wav", b"out")], ids=str
)
def test_what_is_neither_a_path_nor_a_file_object_is_refused(call: Any, names: Any, tmp_path: Any) -> None:
    paths = (tmp_path / name if isinstance(name, str) else name for name in names)
    with pytest.raises(UsageError, match="a path or a binary file object"):
        call(*paths)
