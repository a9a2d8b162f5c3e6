"""The codec in training, against the design loop by loop, and its varied steps."""

import math
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from formats.grid import COEFFICIENTS, HOP, HYPER_SIZE, SEGMENT, WINDOW_UNITS, main_count
from tests.support import ROOT
from tests.support.frames import Array, frames_of, two_seconds
from training.data.batches import Maker, batches
from training.items.library import Library, with_waves
from training.items.synthesis import rotate_back, synthesize
from training.loop.weights import clip_gradients, update_average
from training.ranked.code_length import CodeLengths
from training.ranked.config import TrainConfig
from training.ranked.network import Autoencoder
from training.ranked.objective import (
    TYPICAL_LOUDNESS,
    Settings,
    draw_comparison,
    draw_settings,
    encode,
    reconstruction_terms,
    run_codec,
)
from training.ranked.start import EDGES
from training.ship.tiny import TINY, SyntheticMusic, untrained


@pytest.fixture(scope="module")
def clip() -> NDArray[np.float32]:
    return two_seconds()


SHORT_WINDOWS = torch.zeros(1, 1, WINDOW_UNITS, dtype=torch.bool)


def test_varied_steps_are_those_of_other_exponents(clip: NDArray[np.float32]) -> None:
    """Adding to both exponents leaves the step as it is at the typical loudness."""
    model, x = untrained(), torch.from_numpy(frames_of(clip))[None]
    one, two = 0.05, -0.04
    runs = []
    for vary in ((torch.full((1, 1, 1), one), torch.full((1, 1, 1), two)), None):
        torch.manual_seed(0)
        with torch.no_grad():
            runs.append(run_codec(model, x, SHORT_WINDOWS, Settings(torch.tensor([112]), torch.zeros(1, 1, 1), vary)))
            model.scales.shape.add_(one)
            model.scales.steady.add_(two - one)
            model.scales.bias.sub_(two * TYPICAL_LOUDNESS)
    equal = runs[0].indices == runs[1].indices
    assert equal.float().mean() > 0.999  # but for ties
    torch.testing.assert_close(runs[0].decoded[equal], runs[1].decoded[equal], rtol=0.02, atol=0.02)
    torch.manual_seed(0)
    with torch.no_grad():
        other = run_codec(untrained(), x, SHORT_WINDOWS, Settings(torch.tensor([112]), torch.zeros(1, 1, 1)))
    assert (other.indices == runs[0].indices).float().mean() < 0.999


def test_a_step_waits_for_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors on the device meta have no values: reading one fails, and so does mixing them with those of a CPU."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    device, rng = torch.device("meta"), np.random.default_rng(0)
    model, config = untrained().to(device), TrainConfig(batch=2, scales=7)
    model.encoder.requires_grad_(False)
    model.scales.requires_grad_(False)
    lengths = CodeLengths.of_model(ROOT / "models" / "music", device)
    maker = Maker(SyntheticMusic(), SyntheticMusic(), 2 * SEGMENT)
    library = Library(4, maker, device, lambda x: encode(model, x, lengths))
    made = next(batches(SyntheticMusic(), SyntheticMusic(), 1, 2, 2 * SEGMENT))
    library.add(made)
    x, long, rotation, waves, hyper = with_waves(library.draw(2, rng), maker)
    settings, comparison = draw_settings(config, rng, device), draw_comparison(config, rng, device)
    coded = run_codec(model, x, long, settings, lengths, hyper=hyper, bf16=True)
    decoded = synthesize(rotate_back(coded.decoded, rotation), long)
    terms = reconstruction_terms(config, model, coded.decoded, x, (decoded, waves), settings.fine, comparison)
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    learning = [*model.decoder.parameters(), model.noise.pattern]
    assert clip_gradients(learning).device == device and all(p.grad is not None for p in learning)
    torch.optim.AdamW(learning, foreach=True).step()
    update_average({name: value.clone() for name, value in model.state_dict().items()}, model, 0.9, 1)


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
    sigma = np.zeros(x.shape)
    centre = (EDGES[:-1] + EDGES[1:]) / 2
    centres = 3 * np.arange(len(rounded)) + 1
    for channel in range(2):
        half = slice(channel * HOP, (channel + 1) * HOP)
        bands = rounded[:, 24 * channel : 24 * channel + 24] / 2
        in_time = np.stack([np.interp(np.arange(len(x)), centres, bands[:, b]) for b in range(24)], 1)
        for t in range(len(x)):
            sigma[t, half] = np.interp(np.arange(HOP) + 0.5, centre, in_time[t])
    step = d * 2 ** (0.6 * sigma)
    scale_index = np.clip(np.floor(4 * (sigma - np.log2(step)) + 20.5), 0, 47).astype(int)
    sent = np.zeros(x.shape, bool)
    for t in range(len(x)):
        for k in sorted(range(COEFFICIENTS), key=lambda k: (-scale_index[t, k], k))[:main]:
            sent[t, k] = True
    q = np.where(sent, np.sign(x) * np.floor(np.abs(x) / step + 0.38), 0)
    fill = noise * np.where(sent, np.minimum(step / 4, 2**sigma), 0.8 * 2**sigma)
    return {"log_sigma": sigma, "sent": sent, "q": q, "decoded": np.where(q == 0, fill, q * step)}


def test_untrained_reproduces_the_design(clip: NDArray[np.float32]) -> None:
    torch.manual_seed(0)
    model = Autoencoder(TINY).eval()
    x = frames_of(clip)
    noise = np.random.default_rng(6).uniform(-1, 1, x.shape).astype(np.float32)
    d, main = 0.8, main_count(128)
    with torch.no_grad():
        model.noise.pattern[0].copy_(torch.from_numpy(noise))
        hyper = model.encoder(torch.from_numpy(x)[None])
        out = run_codec(
            model,
            torch.from_numpy(x)[None],
            SHORT_WINDOWS,
            Settings(torch.tensor([main]), torch.tensor([[[math.log2(d)]]])),
        )
    wanted = slow_hyper(x)
    np.testing.assert_allclose(hyper[0], wanted, atol=2e-4)
    rounded = out.hyper[0].numpy()
    assert np.abs(rounded - wanted).max() < 0.5 + 2e-4
    slow = slow_start(x, rounded, d, main, noise)
    np.testing.assert_allclose(model.scales.log_sigma(out.hyper)[0].detach().numpy(), slow["log_sigma"], atol=1e-4)
    sent, q, decoded = (value[0].numpy() for value in (out.sent, out.indices, out.decoded))
    # A scale index or a ratio that lies on a tie may be rounded either way.
    equal = (sent == slow["sent"]) & (q == slow["q"])
    assert equal.mean() > 0.999
    scale = np.abs(slow["decoded"]).max()
    np.testing.assert_allclose(decoded[equal], slow["decoded"][equal], atol=1e-4 * scale, rtol=1e-3)
