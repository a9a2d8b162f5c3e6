"""Training against slow twins: losses, levels, the untrained start, the loop, export, tables, data."""

import math
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from codec.dsp import window_switching
from codec.dsp.mdct import forward
from codec.quantization.rdoq import decide
from codec.runtime.models import Model
from codec.runtime.session import Network
from formats.grid import COEFFICIENTS, HOP, HYPER_SIZE, SCALES, SEGMENT, TIERS, UNIT_SCALE, WINDOW_UNITS, main_count
from formats.model.contexts import CLASSES, CONTEXTS
from formats.model.scales import predict_scales, ranks, scale_indices
from formats.model.tables import MAGNITUDES, PRECISION, SIGMA_UNIT
from training.data.songs import song
from training.metrics import spectral
from training.metrics.visqol import _audio_mode, resample
from training.ranked import losses, train
from training.ranked.export import DECODER_INPUTS, Reference, example, export
from training.ranked.network import Autoencoder
from training.ranked.onnx_graphs import DecoderGraph, EncoderGraph
from training.ranked.start import EDGES
from training.ranked.tables import code_lengths, count, integer_part
from training.ship.tiny import TINY, SyntheticMusic, untrained

Array = NDArray[np.floating[Any]]


def frames_of(x: Array) -> NDArray[np.float32]:
    """Left and right [2, N] -> mid/side frames [T, 1400]."""
    middle = np.stack([x[0] + x[1], x[0] - x[1]]) / 2
    return np.ascontiguousarray(forward(middle.astype(np.float32)).transpose(2, 0, 1).reshape(-1, COEFFICIENTS))


@pytest.fixture(scope="module")
def clip() -> NDArray[np.float32]:
    """Two seconds, 126 frames of left and right."""
    return song(3.0, seed=5)[:, 20_000 : 20_000 + 127 * HOP]


@pytest.fixture(scope="module")
def counted() -> Any:
    """Tables and plain counts of the tiny model on two pieces."""
    return count(untrained(), SyntheticMusic(), 2)


# Losses


NONE = torch.zeros(1, 1, WINDOW_UNITS, dtype=torch.bool)


@pytest.mark.parametrize("share", [0, 0.4, 1])
def test_synthesize_is_the_inverse_transform(share: float) -> None:
    """`codec.dsp.window_switching.inverse_transform`, and a gradient that is its transpose: the product with the samples' is the same."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((2, 2 * SEGMENT, COEFFICIENTS)).astype(np.float32)).requires_grad_()
    long = torch.from_numpy(rng.random((2, 2, WINDOW_UNITS)) < share)
    got = losses.synthesize(x, long)
    assert got.shape == (2, 2, (2 * SEGMENT - 1) * HOP)
    values = x.detach().numpy().copy()
    for item, frames, units in zip(got.detach().numpy(), values, long.numpy(), strict=True):
        mid, side = window_switching.inverse_transform(frames, units)[:, HOP:-HOP]
        np.testing.assert_allclose(item, [mid + side, mid - side], atol=3e-5)
    against = torch.randn(got.shape, generator=torch.Generator().manual_seed(0))
    (got * against).sum().backward()
    assert x.grad is not None and (x.grad != 0).all()
    products = (x.grad.double() * x.detach()).sum(), (got.detach().double() * against).sum()
    assert products[0].item() == pytest.approx(products[1].item(), rel=1e-3)


def test_the_basis_is_the_inverse_transform_of_short_blocks() -> None:
    x = np.random.default_rng(1).standard_normal((2, COEFFICIENTS)).astype(np.float32)
    got = torch.from_numpy(x.reshape(2, 2, HOP)) @ losses.basis()
    wanted = window_switching.inverse_transform(x, np.zeros((0, WINDOW_UNITS), np.bool_))
    np.testing.assert_allclose((got[1, :, :HOP] + got[0, :, HOP:]).numpy(), wanted[:, HOP:-HOP], atol=3e-5)


class Listed:
    """A generator whose `choice` gives the n-th of what it may give."""

    def __init__(self, *places: int) -> None:
        self.places = list(places)

    def choice(self, options: list[int]) -> int:
        return options[self.places.pop(0)]


def test_spectral_losses_are_the_metrics_in_expectation(clip: NDArray[np.float32]) -> None:
    decoded = clip + 0.01 * np.random.default_rng(1).standard_normal(clip.shape).astype(np.float32)
    a, b = torch.from_numpy(decoded), torch.from_numpy(clip)
    drawn = [losses.spectral_distances(a, b, Listed(i, j)) for i in range(2) for j in range(5)]  # type: ignore[arg-type]
    mel, stft = (np.mean([pair[k].item() for pair in drawn]) for k in range(2))
    assert 7 * mel == pytest.approx(spectral.mel_distance(clip, decoded), rel=1e-3)
    assert 2 * stft == pytest.approx(spectral.stft_distance(clip, decoded), rel=1e-3)


def test_similarity_follows_visqol(clip: NDArray[np.float32]) -> None:
    rng = np.random.default_rng(2)
    long = song(4.0, rate=44100, channels=1, seed=6)[0]
    spectrum = np.fft.rfft(long)
    f = np.fft.rfftfreq(len(long), 1 / 44100)
    worse = {
        "noise": long + 0.003 * rng.standard_normal(len(long)),
        "low-pass": np.fft.irfft(spectrum * (f < 6000), len(long)),
        "dull": np.fft.irfft(spectrum / (1 + (f / 3000) ** 2), len(long)),
        "rough": long * (1 + 0.3 * rng.standard_normal(len(long))),
    }
    pairs = []
    for x in worse.values():
        a, b = (np.asarray(resample(v[None], 44100, 48000)[0], np.float64) for v in (long, x))
        result = _audio_mode().measure_from_arrays(a, b, 48000)
        score = float((losses.EAR_WEIGHTS * (1 - np.asarray(result.fvnsim))).sum())
        given = (torch.from_numpy(v[None].astype(np.float32)) for v in (x, long))
        pairs.append((losses.dissimilarity(*given).item(), score))
    got, wanted = np.array(pairs).T
    assert np.corrcoef(got, wanted)[0, 1] > 0.98
    np.testing.assert_allclose(got, wanted, rtol=0.1, atol=0.2)


def test_similarity_of_equals_is_whole(clip: NDArray[np.float32]) -> None:
    x = torch.from_numpy(clip.copy())
    assert losses.dissimilarity(x, x).item() == pytest.approx(0, abs=1e-3)
    assert losses.dissimilarity(0.2 * torch.randn_like(x), x).item() > 0.3


def test_code_length_is_the_table_at_integers_and_linear_between() -> None:
    bits = torch.rand(SCALES, MAGNITUDES, generator=torch.Generator().manual_seed(0)) * 20
    level, magnitude = torch.meshgrid(torch.arange(47.0), torch.arange(17.0), indexing="ij")
    got = losses.code_length(magnitude.flatten(), level.flatten(), bits)
    torch.testing.assert_close(got, bits[:47, :17].flatten(), rtol=0, atol=1e-4)
    one = torch.tensor([2.5]), torch.tensor([7.25])
    low, high = (bits[i, 2:4].mean() for i in (7, 8))
    torch.testing.assert_close(losses.code_length(*one, bits), (0.75 * low + 0.25 * high)[None])
    large = losses.code_length(torch.tensor([17.0, 24.0, 32.0]), torch.full((3,), 30.0), bits)
    assert large[1] - large[0] == pytest.approx(2 * 3, abs=1e-4)
    assert large[2] - large[0] == pytest.approx(2 * 4, abs=1e-4)


# Levels


def test_levels_are_the_twin_of_the_integers() -> None:
    rng = np.random.default_rng(3)
    model = untrained()
    with torch.no_grad():
        for value in (model.levels.predictor, model.levels.offset, model.levels.bias):
            value.add_(0.02 * torch.from_numpy(rng.standard_normal(value.shape).astype(np.float32)))
        tables = integer_part(model)
        hyper = rng.integers(-20, 21, (84, HYPER_SIZE)).astype(np.int8)  # two segments
        expected = predict_scales(hyper, 252, tables)
        sigma = model.levels.log_sigma(torch.from_numpy(hyper.astype(np.float32))[None])
        loud, steady = model.levels.loudness(sigma)[0].numpy(), model.levels.steady.numpy()
        assert np.abs(steady).max() > 0.1
        # Entries are rounded to 1/2048 octave a hyper unit: half of that each, and of the offset.
        bound = (np.abs(hyper.astype(float)).sum(1).max() + 1) * 0.5 / 2048 + 1e-4
        error = np.abs(expected.sigma / SIGMA_UNIT - sigma[0].numpy())
        loud_error = np.abs(expected.loudness / SIGMA_UNIT - loud)
        assert error.max() < bound and loud_error.max() < bound
        assert np.sqrt((error**2).mean()) < 0.015  # what independent roundings add up to
        for gain in (-31, 0, 87):
            exact = model.levels.level(sigma, model.levels.log_step(sigma, torch.tensor(-gain / 32)))[0].numpy()
            got = scale_indices(expected, gain, tables)
            near = 4 * (error + np.abs(steady) * loud_error) + 1e-3
            near += 0.004 * (np.abs(sigma[0].numpy()) + np.abs(loud))
            assert (np.abs(got - exact) <= 0.5 + near).all()
            clear = np.abs(exact % 1 - 0.5) > near
            assert clear.mean() > 0.8
            assert np.array_equal(got[clear], np.round(exact[clear]))


def test_loudness_is_the_mean_of_the_first_channel_s_bands() -> None:
    sigma = torch.randn(2, 5, COEFFICIENTS, generator=torch.Generator().manual_seed(1)) - 8
    got = Autoencoder(TINY).levels.loudness(sigma)
    assert got.shape == (2, 5, 1)
    bands = [sigma[..., low:high].mean(-1) for low, high in pairwise(EDGES)]
    torch.testing.assert_close(got[..., 0], torch.stack(bands).mean(0), rtol=0, atol=1e-5)


def test_varied_steps_are_those_of_other_exponents(clip: NDArray[np.float32]) -> None:
    """What is added to both exponents turns around the typical loudness: there the step stays what it was."""
    model, x = untrained(), torch.from_numpy(frames_of(clip))[None]
    one, two = 0.05, -0.04
    runs = []
    for vary in ((torch.full((1, 1, 1), one), torch.full((1, 1, 1), two)), None):
        torch.manual_seed(0)
        with torch.no_grad():
            runs.append(train.run_codec(model, x, NONE, torch.zeros(1, 1, 1), [112], vary))
            model.levels.shape.add_(one)
            model.levels.steady.add_(two - one)
            model.levels.bias.sub_(two * train.TYPICAL)
    assert runs[0].keys() == runs[1].keys()
    equal = runs[0]["q"] == runs[1]["q"]
    assert equal.float().mean() > 0.999  # but for ties
    torch.testing.assert_close(runs[0]["decoded"][equal], runs[1]["decoded"][equal], rtol=0.02, atol=0.02)
    torch.manual_seed(0)
    with torch.no_grad():
        other = train.run_codec(untrained(), x, NONE, torch.zeros(1, 1, 1), [112])
    assert (other["q"] == runs[0]["q"]).float().mean() < 0.999


def test_the_decoder_knows_which_frames_are_long() -> None:
    model, inputs = untrained(), example(2, 40)
    *others, long, gain = inputs
    with torch.no_grad():
        short, some = (Reference(model)(*others, flags, gain) for flags in (torch.zeros_like(long), long))
        model.decoder.long.zero_()
        same = Reference(model)(*others, long, gain)
    assert 0 < long.float().mean() < 1
    changed = (short != some).any(-1)
    assert changed[long[..., 0]].all()
    assert not torch.equal(same, some)
    torch.testing.assert_close(same, short)


def test_what_training_sends_is_what_a_file_sends() -> None:
    level = np.random.default_rng(4).integers(0, SCALES, (2, 5, COEFFICIENTS)).astype(np.uint8)
    mains = [main_count(32), main_count(512)]
    real = level + np.random.default_rng(5).uniform(-0.49, 0.49, level.shape)
    got = train.choose_sent(torch.from_numpy(real.astype(np.float32)), mains).numpy()
    for mask, item, main in zip(got, level, mains, strict=True):
        wanted = np.zeros(item.shape)
        np.put_along_axis(wanted, ranks(item, main), 1, 1)
        assert np.array_equal(mask, wanted)
        assert (mask.sum(1) == main).all()


# The untrained start, section 3 of the design, loop by loop


def slow_hyper(x: Array) -> Array:
    """[T, 1400] frames -> band RMS in steps of 3 dB, every three frames."""
    hyper = np.zeros((len(x) // 3, HYPER_SIZE))
    for g in range(len(hyper)):
        for band in range(HYPER_SIZE):
            channel, b = divmod(band, 24)
            cells = x[3 * g : 3 * g + 3, channel * HOP + EDGES[b] : channel * HOP + EDGES[b + 1]]
            hyper[g, band] = 2 * math.log2(math.sqrt(float((cells.astype(float) ** 2).mean())) + 2e-5)
    return hyper


def slow_start(x: Array, rounded: Array, d: float, main: int, noise: Array) -> dict[str, NDArray[Any]]:
    """[T, 1400] frames of one segment and their hyper latents -> what an untrained codec makes of them."""
    sigma, level = np.zeros(x.shape), np.zeros(x.shape, int)
    centre = (EDGES[:-1] + EDGES[1:]) / 2
    middle = 3 * np.arange(len(rounded)) + 1
    for channel in range(2):
        half = slice(channel * HOP, (channel + 1) * HOP)
        bands = rounded[:, 24 * channel : 24 * channel + 24] / 2
        in_time = np.stack([np.interp(np.arange(len(x)), middle, bands[:, b]) for b in range(24)], 1)
        for t in range(len(x)):
            sigma[t, half] = np.interp(np.arange(HOP) + 0.5, centre, in_time[t])
    step = d * 2 ** (0.6 * sigma)
    level = np.clip(np.floor(4 * (sigma - np.log2(step)) + 20.5), 0, 47).astype(int)
    sent = np.zeros(x.shape, bool)
    for t in range(len(x)):
        for k in sorted(range(COEFFICIENTS), key=lambda k: (-level[t, k], k))[:main]:
            sent[t, k] = True
    q = np.where(sent, np.sign(x) * np.floor(np.abs(x) / step + 0.38), 0)
    fill = noise * np.where(sent, np.minimum(step / 4, 2**sigma), 0.8 * 2**sigma)
    return {"log_sigma": sigma, "sent": sent, "q": q, "decoded": np.where(q == 0, fill, q * step)}


def test_training_decides_as_the_encoder_does(counted: Any) -> None:
    limits, rng = code_lengths(*counted)["limits"], np.random.default_rng(2)
    index = np.tile(np.arange(0, COEFFICIENTS, 3), (2 * SEGMENT, 1))
    value = np.zeros((1, 2 * SEGMENT, COEFFICIENTS), np.float32)
    value[0, :, ::3] = rng.laplace(0, 1.5, index.shape)
    level = rng.integers(0, SCALES, value.shape)
    passed = torch.from_numpy(value).requires_grad_()
    got = train.decide_through(passed, torch.from_numpy(level).float(), torch.from_numpy(limits))
    wanted = decide(value[0, :, ::3], level[0, :, ::3].astype(np.uint8), index, limits)
    assert np.array_equal(got.detach()[0, :, ::3].numpy(), wanted)
    got.sum().backward()
    assert passed.grad is not None and (passed.grad == 1).all()


def test_untrained_reproduces_the_design(clip: NDArray[np.float32]) -> None:
    torch.manual_seed(0)
    model = Autoencoder(TINY).eval()
    x = frames_of(clip)
    noise = np.random.default_rng(6).uniform(-1, 1, x.shape).astype(np.float32)
    d, main = 0.8, main_count(128)
    with torch.no_grad():
        model.noise.pattern[0].copy_(torch.from_numpy(noise))
        hyper = model.encoder(torch.from_numpy(x)[None])
        out = train.run_codec(model, torch.from_numpy(x)[None], NONE, torch.tensor([[[math.log2(d)]]]), [main])
    wanted = slow_hyper(x)
    np.testing.assert_allclose(hyper[0], wanted, atol=2e-4)
    rounded = out["hyper"][0].numpy()
    assert np.abs(rounded - wanted).max() < 0.5 + 2e-4
    slow = slow_start(x, rounded, d, main, noise)
    np.testing.assert_allclose(model.levels.log_sigma(out["hyper"])[0].detach().numpy(), slow["log_sigma"], atol=1e-4)
    sent, q, decoded = (out[name][0].numpy() for name in ("sent", "q", "decoded"))
    # A level or a ratio that lies on a tie may fall to either side.
    equal = (sent == slow["sent"]) & (q == slow["q"])
    assert equal.mean() > 0.999
    scale = np.abs(slow["decoded"]).max()
    np.testing.assert_allclose(decoded[equal], slow["decoded"][equal], atol=1e-4 * scale, rtol=1e-3)


# Export


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as `training.ranked.export` writes it."""
    out = tmp_path_factory.mktemp("models") / "small"
    export(untrained(), {"what": "a test"}, SyntheticMusic(), 1, out)
    return out


def test_graphs_are_the_networks_at_any_weights() -> None:
    model = untrained()
    with torch.no_grad():
        for layer in (model.decoder.heads, model.encoder.hyper):
            layer.weight.mul_(200)  # so that every clamp and every tanh bends
        x = torch.from_numpy(frames_of(song(1.0, seed=7)[:, : 31 * HOP]))[None]
        torch.testing.assert_close(EncoderGraph(model.encoder)(x), model.encoder(x), rtol=1e-4, atol=1e-4)
        inputs = example(2, 40)
        torch.testing.assert_close(DecoderGraph(model)(*inputs), Reference(model)(*inputs), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("batch", "frames"), [(1, 3), (1, 9), (8, 3), (8, 33), (3, 81)])
def test_exported_encoder_is_the_torch_one(exported: Path, batch: int, frames: int) -> None:
    x = frames_of(song(2.0, seed=batch)[:, : (frames + 1) * HOP])
    x = np.stack([x * np.float32(0.5**b) for b in range(batch)])
    got = Network(Model(exported).encoder, {"coefficients"}, "cpu")(coefficients=x)
    with torch.no_grad():
        hyper = untrained().encoder(torch.from_numpy(x))
    assert got["hyper"].shape == (batch, frames // 3, HYPER_SIZE)
    np.testing.assert_allclose(got["hyper"], hyper, atol=1e-3)


@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (1, 2), (1, 79), (8, 1), (8, 37)])
def test_exported_decoder_is_the_torch_one(exported: Path, batch: int, frames: int) -> None:
    inputs = example(batch, frames, seed=frames)
    network = Network(Model(exported).decoder, set(DECODER_INPUTS), "cpu")
    got = network(**{name: value.numpy() for name, value in zip(DECODER_INPUTS, inputs, strict=True)})["coefficients"]
    with torch.no_grad():
        wanted = Reference(untrained())(*inputs).numpy()
    assert got.shape == (batch, frames, COEFFICIENTS)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


def test_the_card_tells_what_is_there(exported: Path) -> None:
    model = Model(exported)
    assert model.decoder and model.encoder  # checked against the card as they are read
    assert model.card["reach"] == {"encoder": TINY.encoder_reach, "decoder": TINY.decoder_reach}
    assert max(model.card["parity_with_torch"].values()) < 1e-4
    assert set(model.card["tiers"]) == {str(tier) for tier in TIERS}
    with np.load(exported.parent / "small-code-lengths.npz", allow_pickle=False) as lengths:
        assert lengths["main"].shape == (SCALES, MAGNITUDES)


def test_counted_tables_are_frequencies_of_the_music(counted: Any) -> None:
    tables, plain = counted
    for table in (tables.main, tables.hyper):
        assert table.min() >= 1
        assert (table.sum(-1, dtype=np.int64) == 1 << PRECISION).all()
    pairs = {sum(map(main_count, pair)) for pair in combinations(TIERS, 2)}  # every piece at two tiers
    assert plain.sum() / 630 in {a + b for a in pairs for b in pairs}
    seen = plain[:, 0] / np.maximum(plain.sum(1), 1)
    low, high = UNIT_SCALE - 10, UNIT_SCALE + 5
    assert seen[low] > 0.9 > 0.5 > seen[high]
    zero = tables.main[:, :, 0] / (1 << PRECISION)
    assert zero.shape == (CONTEXTS, SCALES)
    near = zero[1 : 1 + CLASSES, UNIT_SCALE]  # from quiet to loud neighbours in the next frames
    assert near[0] > near[3] > near[-1]
    lengths = code_lengths(tables, plain)
    assert (lengths["main"] > 0).all() and lengths["change"].shape == (56, 64)
    assert lengths["main"][low, 0] == pytest.approx(-math.log2(seen[low]), abs=0.02)
    assert lengths["main"][low, 1] > lengths["main"][high, 1]
    for group in range(8):  # what the bands below did is what is expected
        likely = np.exp2(-lengths["change"][[8 + group, 24 + group, 40 + group]]) @ (np.arange(64) - 32)
        assert (np.diff(likely) > 0).all(), (group, likely)


def test_a_decoder_leaves_large_values_their_precision() -> None:
    """However the heads were trained, a value of many steps moves by a step and a half at most."""
    model = Autoencoder(TINY).eval()
    torch.manual_seed(3)
    torch.nn.init.normal_(model.decoder.heads.weight, std=5.0)
    q = torch.randint(-500, 500, (1, 20, COEFFICIENTS)).float()
    sigma = torch.zeros_like(q)
    with torch.no_grad():
        y = model.decoder(q, sigma, sigma - 3, torch.ones_like(q), torch.zeros_like(q), torch.ones(1, 20))
    assert 0.5 < ((y - q / 8).abs() * 8).max() <= 1.5 + 1e-4
