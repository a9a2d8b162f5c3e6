"""Whole songs through the tiny plain models, one for each transform: the promises that ranked models keep."""

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from codec.cli.main import cli
from codec.cli.terminal import run
from codec.dsp import framing
from codec.inspection.info import describe
from codec.pipeline import payload, plain
from codec.pipeline import peel as peeling
from codec.pipeline.chunks import ENCODER_CONTEXT, Windower
from codec.pipeline.output import Overlap
from codec.runtime import models
from codec.runtime.session import Sessions
from formats import Reader, Writer
from formats.errors import FormatError, ModelError, UsageError
from formats.grid import CHUNK, HOP, SAMPLE_RATE, SEGMENT, frame_count
from formats.payload.side_info import SideInfo
from tests.support.codec import MODELS, Array, decoded, encoded
from tests.support.pipeline_files import rewritten

pytestmark = pytest.mark.usefixtures("tiny")

NAMES = ["tiny-dense", "tiny-time"]


@pytest.fixture(scope="session", params=NAMES)
def model(request: pytest.FixtureRequest, tiny: SimpleNamespace) -> models.Model:
    return models.by_name(request.param)


@pytest.fixture(scope="session")
def files(model: models.Model, music: Array) -> dict[int, bytes]:
    """Thirteen seconds of music with digital silence in them, by chunk length."""
    x = music[:, : 13 * SAMPLE_RATE + 77].copy()
    x[:, 90_000:95_000] = 0
    return {length: encoded(x, model=model.name, chunk_frames=length) for length in (SEGMENT, CHUNK)}


def integers(data: bytes) -> Array:
    reader = Reader(io.BytesIO(data))
    model = models.by_id(reader.header.bitstream)
    return np.concatenate([payload.unpack(reader.header, chunk, model).indices for chunk in reader])


def si_sdr(x: Array, y: Array) -> float:
    target = (x * y).sum() / (x * x).sum() * x
    return float(10 * np.log10((target**2).sum() / ((y - target) ** 2).sum()))


@pytest.mark.parametrize("samples", [0, 1, 699, 700, 5000, 88_200, 100_001])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_exact_length(samples: int, rate: int, model: models.Model, music: Array) -> None:
    assert decoded(encoded(music[:, :samples], rate, model=model.name)).shape == (2, samples)


def test_it_is_the_same_song(files: dict[int, bytes], music: Array) -> None:
    got = decoded(files[CHUNK])
    original = music[:, : got.shape[1]]
    assert si_sdr(original, got) > 3.0
    assert not got[:, 90_000:95_000].any()
    assert got[:, 80_000:90_000].any(1).all()


def test_finer_steps_are_more_bytes_and_less_error(model: models.Model, music: Array) -> None:
    x = music[:, : 2 * SAMPLE_RATE]
    made = [encoded(x, model=model.name, gain=gain) for gain in (-64, 0, 64)]
    sizes, errors = [len(data) for data in made], [float(np.square(decoded(data) - x).mean()) for data in made]
    assert sizes == sorted(set(sizes))
    assert errors == sorted(set(errors), reverse=True)


def test_chunk_length_changes_no_integer(files: dict[int, bytes]) -> None:
    assert np.array_equal(integers(files[SEGMENT]), integers(files[CHUNK]))
    np.testing.assert_allclose(decoded(files[SEGMENT]), decoded(files[CHUNK]), atol=1e-5)


def test_a_seek_is_a_slice(files: dict[int, bytes]) -> None:
    whole = decoded(files[SEGMENT])
    for start, duration in [(0.0, 1.0), (1.999, 0.5), (9.3, 2.0), (12.9, 5.0)]:
        low = round(start * SAMPLE_RATE)
        got = decoded(files[SEGMENT], start=start, duration=duration)
        wanted = whole[:, low : low + round(duration * SAMPLE_RATE)]
        np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_mono_comes_back_as_mono(model: models.Model, music: Array) -> None:
    mono = music[:1, : 2 * SAMPLE_RATE]
    got = decoded(encoded(mono, model=model.name))
    assert got.shape == mono.shape
    assert si_sdr(mono, got) > 3.0


def test_silence_is_silence(model: models.Model) -> None:
    assert not decoded(encoded(np.zeros((2, 100_000), np.float32), model=model.name)).any()


def test_peeling_is_encoding_with_fewer_latents(model: models.Model, music: Array) -> None:
    x = music[:, : 3 * SAMPLE_RATE]
    small, large = model.latents
    for coder in ("range", "zstd"):
        whole, out = encoded(x, model=model.name, latent=large, coder=coder, gain=20), io.BytesIO()
        peeling.peel(io.BytesIO(whole), out, small)
        direct = encoded(x, model=model.name, latent=small, coder=coder, gain=20)
        assert rewritten(out.getvalue(), file_id=0) == rewritten(direct, file_id=0)
        with pytest.raises(UsageError):
            peeling.peel(io.BytesIO(out.getvalue()), io.BytesIO(), large)


@pytest.mark.parametrize("coder", ["auto", "range", "zstd"])
def test_bitrate_lands_whatever_the_coder(model: models.Model, music: Array, coder: str) -> None:
    x = music[:, : 8 * SAMPLE_RATE]
    data = encoded(x, model=model.name, bitrate=12, coder=coder)
    assert len(data) / 1000 == pytest.approx(12, rel=0.015)  # 8 seconds, 8 bits
    assert Reader(io.BytesIO(data)).header.latent == max(model.latents)


def test_info_knows_it(files: dict[int, bytes], model: models.Model) -> None:
    found = describe(io.BytesIO(files[CHUNK]))
    assert (found.model, found.latent, found.damage) == (model.name, max(model.latents), None)


# Which latent counts there are


def test_latents_that_the_model_does_not_have_are_named(
    model: models.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import soundfile

    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", np.zeros((500, 2)), SAMPLE_RATE)
    assert run(cli, ["encode", "a.wav", "--model", model.name, "--latent", "128"]) == 1
    error = capsys.readouterr().err
    assert error == f"aez: error: model {model.name} has no tier of 128 latents; it has " + (
        ", ".join(map(str, model.latents)) + "\n"
    )
    assert not Path("a.aez").exists()
    assert run(cli, ["encode", "a.wav", "--model", model.name, "--latent", str(model.latents[0])]) == 0
    assert run(cli, ["decode", "a.aez", "b.wav"]) == 0
    assert soundfile.info("b.wav").frames == 500


def test_a_header_with_other_latents_is_refused(files: dict[int, bytes]) -> None:
    reader, out = Reader(io.BytesIO(files[SEGMENT])), io.BytesIO()
    Writer(out, replace(reader.header, latent=128, samples=0)).finish(0)
    with pytest.raises(FormatError):
        decoded(out.getvalue())


# Windows of a network


@pytest.fixture
def middle(music: Array) -> Array:
    x = music[:, : 12 * SAMPLE_RATE]
    return np.stack([x[0] + x[1], x[0] - x[1]]) / 2


def test_frames_of_samples_come_back() -> None:
    x = np.random.default_rng(0).standard_normal((2, 7 * HOP)).astype(np.float32)
    cut = framing.forward(x)
    assert np.array_equal(cut[2].reshape(2, -1), x[:, 2 * HOP : 4 * HOP])
    np.testing.assert_array_equal(framing.inverse(cut)[:, HOP:-HOP], 2 * x[:, HOP:-HOP])
    np.testing.assert_array_equal(framing.inverse(cut)[:, :HOP], x[:, :HOP])


def test_analysis_in_windows_is_analysis_of_the_whole(model: models.Model, middle: Array) -> None:
    encoder = plain.PlainEncoder(model, Sessions("cpu"))
    windower = Windower(ENCODER_CONTEXT)
    windows = [*windower.push(middle), *windower.finish(middle.shape[1])]
    got = np.concatenate([encoder(window).coefficients for window in windows])
    count, context = frame_count(middle.shape[1]), ENCODER_CONTEXT
    padded = np.zeros((2, (count + 2 * context + 1) * HOP), np.float32)
    padded[:, (context + 1) * HOP :][:, : middle.shape[1]] = middle
    cut = framing.forward(padded) if model.transform == "frames" else plain.mdct.forward(padded).transpose(2, 0, 1)
    cut = np.ascontiguousarray(cut).reshape(len(cut), -1)
    whole = encoder._network(**{plain.NAMES[model.transform]: cut[None]})["latents"][0]
    np.testing.assert_allclose(got, whole[context:-context], atol=2e-4, rtol=1e-4)
    # The test could not fail if this network did not look at its neighbours.
    alone = encoder._network(**{plain.NAMES[model.transform]: cut[None, 300:330]})["latents"][0]
    assert np.abs(alone - whole[300:330]).max() > 1e-3


def test_synthesis_in_chunks_is_synthesis_of_the_whole(model: models.Model, files: dict[int, bytes]) -> None:
    reader = Reader(io.BytesIO(files[SEGMENT]))
    sessions = Sessions("cpu")
    decoder = plain.PlainDecoder(model, model.decoder(), sessions, reader.header)
    chunks = [decoder.open(payload.unpack(reader.header, c, model), c) for c in reader]
    overlap, alone = Overlap(), Overlap()
    around = zip([None, *chunks], chunks, [*chunks[1:], None], strict=False)
    got = np.concatenate([overlap.add(decoder(job)) for job in around], 1)
    joined = np.concatenate([c.quantized for c in chunks])
    long_chunk = replace(reader.header, chunk_frames=len(joined))
    whole = plain.PlainDecoder(model, model.decoder(), sessions, long_chunk)
    wanted = whole((None, plain.PlainChunk(0, joined, SideInfo.empty(len(joined))), None))[:, :-HOP]
    np.testing.assert_allclose(got, wanted, atol=1e-5)
    apart = np.concatenate([alone.add(decoder((None, c, None))) for c in chunks], 1)
    assert np.abs(apart - wanted).max() > 1e-4


# Models that are not what they say


@pytest.fixture
def copy(model: models.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the model, the only one that is installed."""
    folder = tmp_path / "models" / model.name
    shutil.copytree(MODELS / model.name, folder)
    monkeypatch.setattr(models, "folders", lambda: [folder.parent])
    return folder


def change(folder: Path, **fields: object) -> None:
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "other"},
        {"kind": "ranked"},
        {"kind": ["plain"]},
        {"transform": "wavelet"},
        {"transform": None},
        {"tiers": {}},
        {"tiers": {"8": {"gain": 0, "from_kbps": 0}}},
        {"tiers": {"x": 1}},
        {"tiers": {"16": {"gain": 0, "from_kbps": 0}, "100": {"gain": 0, "from_kbps": 0}}, "default_latent": 100},
        {"default_latent": 33},
        {"default_latent": None},
        {"encoder": {}},
        {"encoder": {"sha256": "0" * 64, "receptive_field": 2}},
        {"decoders": {}},
    ],
    ids=str,
)
def test_cards_of_nonsense_are_a_model_error(fields: dict[str, object], copy: Path) -> None:
    change(copy, **fields)
    with pytest.raises(ModelError) as error:
        encoded(np.zeros((1, 2000), np.float32), model=copy.name)
    assert "\n" not in str(error.value)


def test_the_other_transform_is_a_model_error(copy: Path) -> None:
    data = encoded(np.full((1, 2000), 0.1, np.float32), model=copy.name)
    change(copy, transform="mdct" if models.by_name(copy.name).transform == "frames" else "frames")
    with pytest.raises(ModelError):
        encoded(np.zeros((1, 2000), np.float32), model=copy.name)
    with pytest.raises(ModelError):
        decoded(data)


def test_a_plain_model_has_no_ranked_tables(model: models.Model) -> None:
    with pytest.raises(ModelError, match="rank"):
        _ = model.ranked_tables
