"""Each metric against a closed form, a slow second implementation, or both."""

import itertools

import numpy as np
import pytest
from scipy import signal

from formats.errors import UsageError
from training.metrics import clip, noise_to_mask, spectral, visqol
from training.metrics.mel import mel_filters

RATE = 44100


def noise(seconds: float = 1.0, channels: int = 2, level: float = 0.1, seed: int = 0) -> np.ndarray:
    count = int(seconds * RATE)
    return (np.random.default_rng(seed).standard_normal((channels, count)) * level).astype(np.float32)


def low_pass(x: np.ndarray, hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(x, axis=1)
    spectrum[:, np.fft.rfftfreq(x.shape[1], 1 / RATE) > hz] = 0
    return np.fft.irfft(spectrum, x.shape[1], axis=1).astype(np.float32)


def slow_magnitudes(x: np.ndarray, window: int, hop: int) -> np.ndarray:
    """[F, bins] of one channel, one frame at a time, by the definition of the DFT."""
    half = window // 2
    padded = np.concatenate([x[half:0:-1], x, x[-2 : -half - 2 : -1]]).astype(np.float64)
    n = np.arange(window)
    hann = np.sin(np.pi * n / window) ** 2
    dft = np.exp(-2j * np.pi * np.outer(np.arange(half + 1), n) / window)
    return np.array([np.abs(dft @ (hann * padded[i * hop : i * hop + window])) for i in range(len(x) // hop + 1)])


def slow_filterbank(window: int, mels: int) -> np.ndarray:
    """[bins, mels] by Slaney's two-part scale, one bin and one triangle at a time."""

    def to_hz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    top = 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4)
    edges = [to_hz(top * i / (mels + 1)) for i in range(mels + 2)]
    bank = np.zeros((window // 2 + 1, mels))
    for bin_ in range(window // 2 + 1):
        hz = bin_ * RATE / window
        for mel in range(mels):
            low, mid, high = edges[mel : mel + 3]
            if low < hz <= mid:
                bank[bin_, mel] = (hz - low) / (mid - low)
            elif mid < hz < high:
                bank[bin_, mel] = (high - hz) / (high - mid)
            bank[bin_, mel] *= 2 / (high - low)
    return bank


@pytest.fixture(scope="module")
def short_pair() -> tuple[np.ndarray, np.ndarray]:
    x = low_pass(noise(0.1), 9000)
    return x, (x + noise(0.1, seed=1, level=0.003)).astype(np.float32)


@pytest.mark.parametrize("window, mels", spectral.MEL_SCALES)
def test_filterbank_equals_slow(window: int, mels: int) -> None:
    np.testing.assert_allclose(mel_filters(RATE, window, mels).T, slow_filterbank(window, mels), atol=1e-12)


def test_mel_distance_equals_slow(short_pair: tuple[np.ndarray, np.ndarray]) -> None:
    total = 0.0
    for window, mels in ((32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320)):
        bank = slow_filterbank(window, mels)
        logs = [
            [np.log10(np.maximum(slow_magnitudes(c, window, window // 4) @ bank, 1e-5)) for c in x] for x in short_pair
        ]
        total += float(np.mean(np.abs(np.array(logs[0]) - np.array(logs[1]))))
    assert spectral.mel_distance(*short_pair) == pytest.approx(total, rel=1e-4)


def test_stft_distance_equals_slow(short_pair: tuple[np.ndarray, np.ndarray]) -> None:
    total = 0.0
    for window in (2048, 512):
        a, b = (np.array([slow_magnitudes(c, window, window // 4) for c in x]) for x in short_pair)
        total += float(np.mean(np.abs(np.log10(np.maximum(a, 1e-5) ** 2) - np.log10(np.maximum(b, 1e-5) ** 2))))
        total += float(np.mean(np.abs(a - b)))
    assert spectral.stft_distance(*short_pair) == pytest.approx(total, rel=1e-4)


def test_magnitudes_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = noise(0.2)
    whole = np.concatenate(list(spectral.stft_magnitudes(x, 512, 128)), axis=1)
    monkeypatch.setattr(spectral, "_BLOCK", 512 * 7)
    blocks = list(spectral.stft_magnitudes(x, 512, 128))
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole)


def test_scaled_copy_has_closed_forms() -> None:
    x = noise()
    half = x / 2
    # Every log magnitude moves by log 2; triangles that hold no bin stay at the clamp on both sides.
    filled = sum(np.mean(slow_filterbank(w, m).any(axis=0)) for w, m in spectral.MEL_SCALES)
    loud = x * 1e6  # clear of the clamp even where a bin only touches a triangle
    assert spectral.mel_distance(loud, loud / 2) == pytest.approx(filled * np.log10(2), rel=1e-3)
    assert spectral.log_spectral_rmse(x, half) == pytest.approx(np.log(2), rel=1e-3)
    linear = sum(np.mean([m / 2 for m in slow_magnitudes(x[0, :8192], w, w // 4)]) for w in (2048, 512))
    assert spectral.stft_distance(x, half) == pytest.approx(4 * np.log10(2) + linear, rel=0.03)
    assert clip.si_sdr(x, half) == clip.SDR_LIMIT
    assert clip.measure(x, half)["level_error_db"] == pytest.approx(-6.0206, abs=1e-3)


def test_equal_signals_are_perfect() -> None:
    x = noise(2)
    result = clip.measure(x, x.copy())
    for name in ("mel", "stft", "rmse_44k", "rmse_8k", "width_error_db", "level_error_db", "clipped"):
        assert result[name] == 0, name
    assert result["bandwidth_kept"] == 1
    assert result["nmr"] < -100
    assert result["visqol"] > 4.7
    assert result["si_sdr"] == result["si_sdr_mid"] == result["si_sdr_side"] == clip.SDR_LIMIT


def test_spectral_distances_are_deaf_to_polarity_and_si_sdr_to_scale_sign() -> None:
    x = noise()
    assert spectral.mel_distance(x, -x) == 0
    assert spectral.stft_distance(x, -x) == 0
    assert clip.si_sdr(x, -x) == clip.SDR_LIMIT
    one_flipped = np.stack([x[0], -x[1]])  # mid and side change places: the fold hears it, SI-SDR per part as well
    assert clip.si_sdr(x, one_flipped) < 0
    assert clip.width_error(np.stack([x[0], x[0] / 2]), np.stack([x[0], -x[0] / 2])) > 15


@pytest.mark.parametrize("decibel", [0.0, 10.0, 30.0])
def test_si_sdr_of_orthogonal_noise_is_its_snr(decibel: float) -> None:
    n = np.arange(RATE)
    tone = np.sin(2 * np.pi * 440 * n / RATE)[None]
    error = np.cos(2 * np.pi * 440 * n / RATE)[None] * 10 ** (-decibel / 20)
    assert clip.si_sdr(tone, 0.3 * (tone + error)) == pytest.approx(decibel, abs=1e-6)


def test_si_sdr_extremes() -> None:
    x = noise(0.1)
    assert clip.si_sdr(x, 0 * x) == -clip.SDR_LIMIT
    assert np.isnan(clip.si_sdr(0 * x, x))
    mono = np.repeat(x[:1], 2, axis=0)
    assert np.isnan(clip.quick_metrics(mono, mono, with_visqol=False)["si_sdr_side"])


def test_rmse_clamps_at_minus_100_db_of_full_scale() -> None:
    steady = np.full((1, RATE), 0.5)  # reads 1 on bin 0, as a full-scale sine would on its bin, and 0.5 on bin 1
    quiet = steady * 1e-7
    expected = np.sqrt((np.log(1e5) ** 2 + np.log(0.5e5) ** 2) / 1025)
    assert spectral.log_spectral_rmse(steady, quiet) == pytest.approx(expected, rel=1e-6)
    assert spectral.log_spectral_rmse(quiet, 0 * quiet) == 0


def twin_rmse(reference: np.ndarray, decoded: np.ndarray, rate: int, window: int, hop: int) -> float:
    """Log-spectral RMSE by SciPy's short-time transform, which scales and extends edges by itself."""
    logs = []
    for x in (reference, decoded):
        _, _, z = signal.stft(
            x.astype(np.float64), rate, "hann", window, window - hop, boundary="even", padded=False, scaling="spectrum"
        )
        logs.append(np.log(np.maximum(2 * np.abs(z), 1e-5)))  # 2: a real sine of amplitude 1 has two lines of a half
    return float(np.sqrt(np.mean((logs[0] - logs[1]) ** 2)))


@pytest.mark.parametrize("window, hop", [(2048, 512), (512, 128)])
@pytest.mark.parametrize("samples", [22050, 22051, 5000])
def test_rmse_equals_scipys_transform(window: int, hop: int, samples: int) -> None:
    x = low_pass(noise(0.5), 12000)[:, :samples]
    x[:, samples // 2 :] *= 1e-4  # down to where the clamp bites
    y = (x + noise(0.5, seed=1, level=0.01)[:, :samples] * np.abs(x).max(initial=0)).astype(np.float32)
    expected = twin_rmse(x, y, RATE, window, hop)
    assert expected > 0.1
    assert spectral.log_spectral_rmse(x, y, window, hop) == pytest.approx(expected, rel=1e-3)


def test_8_khz_rmse_equals_another_resampler_and_transform() -> None:
    x = noise(2)
    y = (x + noise(2, seed=1, level=0.05)).astype(np.float32)
    low = [signal.resample_poly(z.mean(axis=0, keepdims=True).astype(np.float64), 80, 441, axis=1) for z in (x, y)]
    # The two low passes differ in the last few hundred Hz under 4 kHz, and nowhere else.
    assert clip.measure(x, y)["rmse_8k"] == pytest.approx(twin_rmse(*low, 8000, 512, 128), rel=0.03)


def test_si_sdr_equals_a_least_squares_projection() -> None:
    x = noise(0.2)
    y = (0.7 * x + noise(0.2, seed=1, level=0.03)).astype(np.float32)

    def direct(a: np.ndarray, b: np.ndarray) -> float:
        column = a.reshape(-1, 1).astype(np.float64)
        (scale,), (residue,), *_ = np.linalg.lstsq(column, b.ravel().astype(np.float64))
        return float(10 * np.log10(sum((scale * value) ** 2 for value in column[:, 0].tolist()) / residue))

    result = clip.quick_metrics(x, y, with_visqol=False)
    assert result["si_sdr"] == pytest.approx(direct(x, y), abs=1e-6)
    assert result["si_sdr_mid"] == pytest.approx(direct(x.sum(axis=0), y.sum(axis=0)), abs=1e-4)
    assert result["si_sdr_side"] == pytest.approx(direct(x[0] - x[1], y[0] - y[1]), abs=1e-4)


def test_spectral_distances_equal_scipys_transform(short_pair: tuple[np.ndarray, np.ndarray]) -> None:
    def magnitudes(x: np.ndarray, window: int) -> np.ndarray:
        transform = signal.ShortTimeFFT(signal.get_window("hann", window), window // 4, RATE)
        half = window // 2
        padded = np.pad(x.astype(np.float64), ((0, 0), (half, half)), mode="reflect")
        frames = x.shape[1] // (window // 4) + 1
        # Slice p is centred on sample p hop of the padded signal; ours starts where the first whole frame does.
        return np.abs(transform.stft(padded, p0=2, p1=2 + frames))

    a, b = ([magnitudes(x, window) for window in (2048, 512)] for x in short_pair)
    stft = sum(
        np.mean(np.abs(2 * np.log10(np.maximum(p, 1e-5) / np.maximum(q, 1e-5)))) + np.mean(np.abs(p - q))
        for p, q in zip(a, b, strict=True)
    )
    assert spectral.stft_distance(*short_pair) == pytest.approx(stft, rel=1e-4)
    mel = 0.0
    for window, mels in spectral.MEL_SCALES:
        bank = slow_filterbank(window, mels).T
        p, q = (np.log10(np.maximum(bank @ magnitudes(x, window), 1e-5)) for x in short_pair)
        mel += float(np.mean(np.abs(p - q)))
    assert spectral.mel_distance(*short_pair) == pytest.approx(mel, rel=1e-4)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_width_by_summed_energies(factor: float) -> None:
    x = noise(0.2)
    y = np.stack([x[0], factor * x[1]])
    ratios = [sum(((a - b) ** 2).tolist()) / sum(((a + b) ** 2).tolist()) for a, b in (x, y)]
    assert clip.width_error(x, y) == pytest.approx(10 * np.log10(ratios[1] / ratios[0]), abs=1e-3)


def slow_nmr(reference: np.ndarray, decoded: np.ndarray) -> float:
    """One channel by the recommendation's text: loops over frames, bands and bins, sums in place of recursions."""
    edges = [650 * np.sinh(min(7 * np.arcsinh(80 / 650) + i / 4, 7 * np.arcsinh(18000 / 650)) / 7) for i in range(110)]
    mids = [650 * np.sinh((np.arcsinh(a / 650) + np.arcsinh(b / 650)) / 2) for a, b in itertools.pairwise(edges)]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2047)
    tone = np.sin(2 * np.pi * 1019.5 / 48000 * np.arange(2048))
    # The level is set by what the strongest bin of the tone really reads, not by a formula for it.
    gain = 10 ** (92 / 20) / np.abs(np.fft.rfft(hann * tone))[:88].max()

    def bands(energy: np.ndarray) -> np.ndarray:
        result = np.zeros(109)
        for i in range(109):
            for k in range(1, 1025):
                low, high = (k - 0.5) * 48000 / 2048, (k + 0.5) * 48000 / 2048
                result[i] += energy[k] * max(0.0, min(high, edges[i + 1]) - max(low, edges[i])) / (48000 / 2048)
        return np.maximum(result, 1e-12)

    def spread(pattern: np.ndarray) -> np.ndarray:
        total = np.zeros(109)
        for source, energy in enumerate(pattern):
            level = 10 * np.log10(energy)
            shape = np.empty(109)
            for target in range(109):
                barks = (target - source) / 4
                slope = 27.0 if target < source else -24 - 230 / mids[source] + 0.2 * level
                shape[target] = 10 ** (barks * slope / 10)
            total += (energy * shape / shape.sum()) ** 0.4
        return total**2.5

    flat = spread(np.ones(109))
    memory, ratios = np.zeros(109), []
    frequencies = np.maximum(np.arange(1025) * 48 / 2048, 1e-6)
    weight = -0.6 * 3.64 * frequencies**-0.8 + 6.5 * np.exp(-0.6 * (frequencies - 3.3) ** 2) - 1e-3 * frequencies**3.6
    for start in range(0, len(reference) - 2047, 1024):
        a, b = (
            gain * np.abs(np.fft.rfft(hann * x[start : start + 2048])) * 10 ** (weight / 20)
            for x in (reference, decoded)
        )
        own = np.array([10 ** (0.4 * 0.364 * (f / 1000) ** -0.8) for f in mids])
        excitation = spread(bands(a**2) + own) / flat
        keep = np.array([np.exp(-1024 / 48000 / (0.008 + 100 / f * 0.022)) for f in mids])
        memory = keep * memory + (1 - keep) * excitation
        offset = np.array([10 ** ((3 if i <= 48 else i / 16) / 10) for i in range(109)])
        ratios.append(np.mean(bands((a - b) ** 2) * offset / np.maximum(memory, excitation)))
    return float(10 * np.log10(np.mean(ratios)))


def test_noise_to_mask_equals_slow() -> None:
    rng = np.random.default_rng(5)
    n = np.arange(2048 + 2 * 1024)
    reference = 0.3 * np.sin(n * 0.05) + 0.02 * rng.standard_normal(len(n))
    reference[2500:] *= 0.01  # a release, so that forward masking matters
    decoded = reference + 0.003 * rng.standard_normal(len(n))
    got = noise_to_mask.noise_to_mask(reference[None], decoded[None])
    assert got[0] == pytest.approx(slow_nmr(reference, decoded), abs=0.01)


def test_noise_to_mask_bands_are_those_of_the_recommendation() -> None:
    centre = noise_to_mask.ear_model().centre
    np.testing.assert_allclose(centre[[0, 1, 50, 108]], [91.708, 115.216, 2183.564, 17690.045], atol=1e-3)


def test_noise_to_mask_hears_shape() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)[None]
    hiss = np.random.default_rng(1).standard_normal((1, 48000)) * 0.003
    sos = signal.butter(6, [900, 1100], "bandpass", fs=48000, output="sos")
    near = signal.sosfilt(sos, hiss)
    near *= np.sqrt((hiss**2).mean() / (near**2).mean())
    # The same energy under the tone and all over the place: masking hides the first.
    assert noise_to_mask.noise_to_mask(tone, tone + near)[0] < noise_to_mask.noise_to_mask(tone, tone + hiss)[0] - 10


def test_spreading_keeps_a_flat_pattern_and_slopes_by_27_db_a_bark_downwards() -> None:
    np.testing.assert_allclose(noise_to_mask.spread(np.ones((1, 109))), 1)
    pattern = np.full((1, 109), 1e-30)
    pattern[0, 60] = 1e6
    spread = 10 * np.log10(noise_to_mask.spread(pattern)[0])
    flat = 10 * np.log10(noise_to_mask._spread(np.ones((1, 109)))[0])
    assert (spread + flat)[60] - (spread + flat)[56] == pytest.approx(27, abs=1e-6)
    upward = 24 + 230 / noise_to_mask.ear_model().centre[60] - 0.2 * 60
    assert (spread + flat)[60] - (spread + flat)[64] == pytest.approx(upward, abs=1e-6)


def test_bandwidth_of_a_low_pass() -> None:
    x = noise(2)
    assert clip.bandwidth(x, x) > 21500
    assert clip.bandwidth(x, low_pass(x, 7000)) == pytest.approx(7000, abs=300)
    assert clip.bandwidth(low_pass(x, 16000), x) == pytest.approx(16000, abs=300)
    assert clip.bandwidth(x, 0 * x) == 0
    assert clip.measure(x, low_pass(x, 7000))["bandwidth_kept"] == pytest.approx(7000 / 22050, abs=0.02)


def test_8_khz_rmse_is_deaf_to_what_lies_above_4_khz() -> None:
    x = noise(1)
    result = clip.measure(x, low_pass(x, 7000))
    assert result["rmse_8k"] < 0.02
    assert result["rmse_44k"] > 2


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0])
def test_width_error_of_a_scaled_side(factor: float) -> None:
    mid, side = noise(1, seed=1)[:1], noise(1, seed=2)[:1] * 0.3
    reference = np.concatenate([mid + side, mid - side])
    decoded = np.concatenate([mid + factor * side, mid - factor * side])
    assert clip.width_error(reference, decoded) == pytest.approx(20 * np.log10(factor), abs=1e-3)
    mono = np.repeat(mid, 2, axis=0)
    assert clip.width_error(mono, mono * 0.9) == pytest.approx(0, abs=1e-6)
    assert clip.width_error(reference, mono) < -25


def test_clipping_is_counted_at_16_bit_full_scale() -> None:
    x = np.array([[0.0, 32766 / 32768, 32767 / 32768, 1.0, -1.0, -32767 / 32768]], np.float32)
    assert clip.clipped(x) == 3


def test_visqol_falls_with_noise_and_ignores_stereo() -> None:
    n = np.arange(3 * RATE)
    chord = sum(np.sin(2 * np.pi * f * n / RATE) for f in (220, 277, 330, 1100, 3300)) * 0.05
    x = np.stack([chord, chord]).astype(np.float32) + noise(3, level=0.02)
    scores = [visqol.visqol(x, x + noise(3, level=level, seed=3)) for level in (0.002, 0.02, 0.2)]
    assert visqol.visqol(x, x) > scores[0] > scores[1] > scores[2] >= 1
    folded = np.repeat(x.mean(axis=0, keepdims=True), 2, axis=0)
    assert visqol.visqol(x, folded) == pytest.approx(visqol.visqol(x, x), abs=1e-6)
    assert visqol.visqol(x, x) > 4.7
    assert visqol.visqol(x, 0 * x) == 1
    assert np.isnan(visqol.visqol(0 * x, x))
    assert np.isnan(visqol.visqol(x[:, :1000], x[:, :1000]))


def test_visqol_with_its_memory_equals_the_package_alone() -> None:
    from visqol import VisqolApi

    plain = VisqolApi()
    plain.create(mode="audio")
    clips = [noise(2, channels=1, seed=seed) for seed in (0, 1)]
    for _ in range(2):
        for x in clips:
            y = low_pass(x, 8000)
            a, b = (np.asarray(visqol.resample(z, RATE, 48000)[0], np.float64) for z in (x, y))
            assert visqol.visqol(x, y) == plain.measure_from_arrays(a, b, 48000).moslqo
    assert isinstance(visqol._audio_mode()._manager.spect_builder.build, visqol._Remembering)


@pytest.mark.parametrize("shape", [(2, 99), (1, 100), (2, 0), (3, 100)])
def test_unequal_or_odd_shapes_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(UsageError):
        clip.measure(np.zeros((2, 100) if shape != (2, 0) else (2, 0), np.float32), np.zeros(shape, np.float32))


@pytest.mark.parametrize("samples", [1, 2, 31, 700])
def test_tiny_clips_have_finite_distances(samples: int) -> None:
    x = noise()[:, :samples]
    result = clip.quick_metrics(x, x / 2, with_visqol=False)
    assert all(np.isfinite(v) for v in result.values())
    assert result["mel"] > 0
