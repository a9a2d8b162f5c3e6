"""Window switching: long windows as SPEC.md defines them, exact reconstruction under any choice, and the choice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.dsp import mdct, window_switching
from formats.grid import COEFFICIENTS, HOP, SAMPLE_RATE, SEGMENT, WINDOW_UNIT, WINDOW_UNITS
from tests.support.codec import Array

N, K = np.arange(2800), np.arange(1400)
BASIS = np.sqrt(2 / 1400) * np.cos(np.pi / 1400 * (N[:, None] + 700.5) * (K + 0.5))
PAD = 350
"""Samples that the outer windows of a run extend beyond its frames; the windows are zero there."""


def windows(count: int) -> NDArray[np.float64]:
    """Windows of a run of `count` long windows, in the words of the specification."""
    short = np.sin(np.pi / 2 * np.sin(np.pi * (np.arange(1400) + 0.5) / 1400) ** 2)
    long = np.sin(np.pi / 2 * np.sin(np.pi * (N + 0.5) / 2800) ** 2)
    out = np.tile(long, (count, 1))
    for n in range(1400):
        v = 0 if n < 350 else short[n - 350] if n < 1050 else 1
        out[0, n] = out[-1, 2799 - n] = v
    return out


def slow_forward(x: Array) -> NDArray[np.float64]:
    """Samples under a run [2, (18 n + 1) 700] -> frames [18 n, 1400], window by window."""
    padded = np.pad(x.astype(float), ((0, 0), (PAD, PAD)))
    count = x.shape[1] // 1400
    out = np.zeros((2 * count, COEFFICIENTS))
    for j, window in enumerate(windows(count)):
        for channel in range(2):
            z = (padded[channel, 1400 * j :][:2800] * window) @ BASIS
            for k in range(700):
                out[2 * j, 700 * channel + k], out[2 * j + 1, 700 * channel + k] = z[2 * k], z[2 * k + 1]
    return out


def slow_inverse(frames: Array) -> NDArray[np.float64]:
    """Frames of a run [18 n, 1400] -> what they add to the samples under it [2, (18 n + 1) 700]."""
    count = len(frames) // 2
    out = np.zeros((2, 1400 * (count + 1)))
    for j, window in enumerate(windows(count)):
        for channel in range(2):
            z = np.zeros(1400)
            for k in range(700):
                z[2 * k], z[2 * k + 1] = frames[2 * j : 2 * j + 2, 700 * channel + k]
            out[channel, 1400 * j :][:2800] += window * (BASIS @ z)
    assert not out[:, :PAD].any() and not out[:, -PAD:].any()
    return out[:, PAD:-PAD]


def noise(frames: int, seed: int = 0) -> Array:
    """Samples under `frames` frames."""
    return np.random.default_rng(seed).standard_normal((2, (frames + 1) * HOP)).astype(np.float32)


def choose(patch: pytest.MonkeyPatch, units: NDArray[np.bool_]) -> None:
    """Let the units of the segments have long windows where `units` [S, 7] says so, row by row."""
    rows = iter(units)
    patch.setattr(window_switching, "steady", lambda _: next(rows).copy())
    patch.setattr(window_switching, "cheaper", lambda short, _: np.ones(len(short), np.bool_))


def masks(segments: int) -> st.SearchStrategy[NDArray[np.bool_]]:
    bits = st.lists(st.integers(0, (1 << WINDOW_UNITS) - 1), min_size=segments, max_size=segments)
    return bits.map(lambda rows: (np.array(rows).reshape(-1, 1) >> np.arange(WINDOW_UNITS) & 1).astype(np.bool_))


# The transform


@pytest.mark.parametrize("units", [1, 2, 7])
def test_forward_is_the_direct_cosine_sum(units: int) -> None:
    x = noise(WINDOW_UNIT * units)
    got = window_switching.forward(x)
    assert got.shape == (WINDOW_UNIT * units, COEFFICIENTS) and got.dtype == np.float32
    np.testing.assert_allclose(got, slow_forward(x), atol=4e-5)


@pytest.mark.parametrize("units", [1, 2, 7])
def test_inverse_is_the_sum_of_the_specification(units: int) -> None:
    frames = np.random.default_rng(1).standard_normal((WINDOW_UNIT * units, COEFFICIENTS)).astype(np.float32)
    got = window_switching.inverse(frames)
    assert got.shape == (2, (WINDOW_UNIT * units + 1) * HOP) and got.dtype == np.float32
    np.testing.assert_allclose(got, slow_inverse(frames), atol=4e-5)


@pytest.mark.parametrize("count", [1, 2, 9, 63])
def test_windows_are_power_complementary_in_a_run_and_with_short_windows_around_it(count: int) -> None:
    rising, falling = window_switching.slopes(count)
    wanted = windows(count)
    np.testing.assert_allclose(rising, wanted[:, :1400], atol=1e-7)
    np.testing.assert_allclose(falling, wanted[:, 1400:], atol=1e-7)
    np.testing.assert_allclose(falling[:-1] ** 2 + rising[1:] ** 2, 1, atol=1e-6)
    both = rising[0, PAD:-PAD] ** 2 + mdct.WINDOW[HOP:] ** 2
    np.testing.assert_allclose(both, 1, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(masks(2), st.integers(0, 130), st.integers(0, 7), st.integers(0, 3))
def test_the_inverse_is_exact_whatever_is_long(units: NDArray[np.bool_], more: int, before: int, behind: int) -> None:
    """Two whole segments and a third, which keeps short windows even where it is whole."""
    count = 2 * SEGMENT + more
    x = noise(before + count + behind, more)
    wanted = np.zeros((-(-count // SEGMENT), WINDOW_UNITS), np.bool_)
    wanted[:2] = units
    with pytest.MonkeyPatch.context() as patch:
        choose(patch, wanted)
        frames, long = window_switching.transform(x, before, count)
    assert frames.shape == (before + count + behind, COEFFICIENTS) and frames.dtype == np.float32
    assert long.dtype == np.bool_ and np.array_equal(long, wanted)
    y = window_switching.inverse_transform(frames[before : before + count], long)
    assert y.shape == (2, (count + 1) * HOP)
    inner = slice(before * HOP, (before + count + 1) * HOP)
    np.testing.assert_allclose(y[:, HOP:-HOP], x[:, inner][:, HOP:-HOP], atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(masks(3))
def test_the_transform_is_orthonormal_whatever_is_long(long: NDArray[np.bool_]) -> None:
    frames = np.zeros((3 * SEGMENT, COEFFICIENTS), np.float32)
    inner = frames[2 * WINDOW_UNIT : -2 * WINDOW_UNIT]
    inner[:] = np.random.default_rng(2).standard_normal(inner.shape)
    x = window_switching.inverse_transform(frames, long)
    assert np.sum(x.astype(float) ** 2) == pytest.approx(np.sum(frames.astype(float) ** 2), rel=1e-5)
    with pytest.MonkeyPatch.context() as patch:
        choose(patch, long)
        np.testing.assert_allclose(window_switching.transform(x)[0], frames, atol=2e-5)


def test_units_have_the_windows_that_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs end with their segment; context and a segment that is not whole have short windows."""
    before, count = 6, 2 * SEGMENT + 100
    x = noise(before + count + 9)
    units = np.zeros((3, WINDOW_UNITS), np.bool_)
    units[0, 1:3] = units[0, 6] = units[1, 0] = True
    choose(monkeypatch, units)
    got, long = window_switching.transform(x, before, count)
    assert np.array_equal(long, units)
    wanted = mdct.frames(x)
    for first, end in ((18, 54), (108, 126), (126, 144)):
        at = slice((before + first) * HOP, (before + end + 1) * HOP)
        wanted[before + first : before + end] = slow_forward(x[:, at])
    np.testing.assert_allclose(got, wanted, atol=4e-5)
    assert [(run.start, run.stop) for run in window_switching.runs(long)] == [(18, 54), (108, 126), (126, 144)]


def test_the_choice_depends_on_a_segments_own_frames_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Array] = []
    compared: list[tuple[Array, Array]] = []
    some = np.array([True, False, False, True, True, False, True])

    def steady(frames: Array) -> NDArray[np.bool_]:
        seen.append(frames.copy())
        return some.copy()

    def cheaper(short: Array, long: Array) -> NDArray[np.bool_]:
        compared.append((short.copy(), long.copy()))
        return np.zeros(len(short), np.bool_)

    monkeypatch.setattr(window_switching, "steady", steady)
    monkeypatch.setattr(window_switching, "cheaper", cheaper)
    x = noise(6 + 2 * SEGMENT + 50)
    got, long_windows = window_switching.transform(x, 6, 2 * SEGMENT + 30)
    assert not long_windows.any() and np.array_equal(got, mdct.frames(x))
    assert len(seen) == len(compared) == 2
    for number, (frames, (short, long)) in enumerate(zip(seen, compared, strict=True)):
        at = 6 + number * SEGMENT
        under = x[:, at * HOP : (at + SEGMENT + 1) * HOP]
        np.testing.assert_allclose(frames, mdct.frames(under), atol=1e-6)
        np.testing.assert_array_equal(short, frames.reshape(WINDOW_UNITS, WINDOW_UNIT, -1)[some])
        wanted = slow_forward(under).reshape(WINDOW_UNITS, WINDOW_UNIT, -1)[some]
        np.testing.assert_allclose(long, wanted, atol=4e-5)


def test_without_long_windows_it_is_the_mdct() -> None:
    frames = np.random.default_rng(3).standard_normal((40, COEFFICIENTS)).astype(np.float32)
    wanted = mdct.inverse(frames.reshape(-1, 2, HOP).transpose(1, 2, 0))
    assert np.array_equal(window_switching.inverse_transform(frames, np.zeros((1, WINDOW_UNITS), np.bool_)), wanted)


def test_the_inverse_leaves_its_input_as_it_was() -> None:
    frames = np.random.default_rng(4).standard_normal((SEGMENT, COEFFICIENTS)).astype(np.float32)
    kept = frames.copy()
    window_switching.inverse_transform(frames, np.ones((1, WINDOW_UNITS), np.bool_))
    assert np.array_equal(frames, kept)


# The choice


def spread(signal: NDArray[np.float64]) -> Array:
    """A signal in mid, and a fifth of it in side."""
    return np.stack([signal, 0.2 * signal]).astype(np.float32)


def time(segments: int) -> NDArray[np.float64]:
    """Seconds at each sample under so many segments."""
    return np.arange((segments * SEGMENT + 1) * HOP) / SAMPLE_RATE


def chord(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sustained notes, each of eight partials."""
    pitches = [110 * 2 ** (note / 12) * k for note in (0, 4, 7, 16) for k in range(1, 9)]
    return np.asarray(sum(np.sin(2 * np.pi * f * t + f) / f for f in pitches) * 10)


def drums(t: NDArray[np.float64], every: float) -> NDArray[np.float64]:
    """Bursts of noise that die away in a few milliseconds."""
    rng = np.random.default_rng(5)
    return np.asarray(rng.standard_normal(len(t)) * np.exp(-(t % every) * 200) * 0.3)


def test_a_sustained_chord_has_long_windows() -> None:
    t = time(2)
    hiss = 1e-4 * np.random.default_rng(0).standard_normal(len(t))
    frames, long = window_switching.transform(spread(chord(t) + hiss))
    assert long.shape == (2, WINDOW_UNITS) and long.all()
    assert np.abs(frames).sum() < 0.9 * np.abs(mdct.frames(spread(chord(t)))).sum()


@pytest.mark.parametrize("every", [0.05, 0.1, 0.25])
def test_drums_have_short_windows(every: float) -> None:
    _, long = window_switching.transform(spread(drums(time(2), every)))
    assert not long.any()


def test_clicks_have_short_windows() -> None:
    x = np.zeros((2, (SEGMENT + 1) * HOP), np.float32)
    x[:, 5000::7000] = 0.5
    _, long = window_switching.transform(x)
    assert not long.any()


def test_a_hit_makes_only_its_own_unit_short() -> None:
    t = time(1)
    x = 0.1 * chord(t)
    hit = (3 * WINDOW_UNIT + 9) * HOP
    x[hit : hit + 2000] += np.random.default_rng(6).standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    _, long = window_switching.transform(spread(x))
    assert long.tolist() == [[True, True, True, False, True, True, True]]


def test_an_onset_after_quiet_is_not_under_a_long_window() -> None:
    """The chord alone would cost less with long windows; the noise that they would put before it decides."""
    t = time(1)
    x = chord(t) * np.where(np.arange(len(t)) < (4 * WINDOW_UNIT + 9) * HOP, 1e-3, 1)
    _, long = window_switching.transform(spread(x))
    assert not long[0, 4] and long[0, [0, 1, 6]].all()


def test_no_long_window_lies_over_a_frame_that_is_much_louder() -> None:
    for loud in range(SEGMENT):
        frames = np.full((SEGMENT, 2 * HOP), 0.01, np.float32)
        frames[loud] = 1
        wanted = [True] * WINDOW_UNITS
        for frame in range(0, SEGMENT, 2):  # a long window lies over its two frames, and one more on either side
            if frame - 1 <= loud <= frame + 2:
                wanted[frame // WINDOW_UNIT] = False
        assert window_switching.steady(frames).tolist() == wanted


def test_silence_has_short_windows_and_stays_exactly_zero() -> None:
    x = np.zeros((2, (SEGMENT + 1) * HOP), np.float32)
    frames, long = window_switching.transform(x)
    assert not frames.any() and not long.any()
    assert not window_switching.forward(x).any() and not window_switching.inverse(frames).any()
    assert not window_switching.inverse_transform(frames, np.ones((1, WINDOW_UNITS), np.bool_)).any()


def test_a_silent_side_stays_exactly_zero_beside_a_stationary_mid() -> None:
    t = time(1)
    frames, long = window_switching.transform(np.stack([chord(t), np.zeros_like(t)]).astype(np.float32))
    assert long.all() and not frames[:, HOP:].any()
    assert not window_switching.inverse_transform(frames, long)[1].any()


def test_inaudible_bands_do_not_influence_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drums far below the last step of 16 bits, in bands where the chord has nothing."""
    t = time(1)
    x = spread(chord(t) + 1e-6 * drums(t, 0.1))
    assert window_switching.transform(x)[1].all()
    monkeypatch.setattr(window_switching, "FLOOR_RMS", 1e-12)
    assert not window_switching.transform(x)[1].all()
