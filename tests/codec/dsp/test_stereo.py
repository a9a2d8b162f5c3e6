"""Stereo rotation: exact inverses, angles that suit the sound, and their benefit through the real codec."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.dsp import mdct, stereo
from codec.dsp.gain_control import apply_gain_control
from codec.pipeline.payload import unpack
from codec.runtime import models
from formats import Reader
from formats.grid import BAND_EDGES, BANDS, COEFFICIENTS, HOP, ROTATION_ANGLES, SAMPLE_RATE, SEGMENT
from tests.support.codec import Array, decoded, encoded
from training.data.songs import song

SHIPPED = "music"  # by name: other tests make the tiny model the default
OFF = 0.0
"""In place of `stereo.ROTATION_THRESHOLD`: no band is rotated."""


def noise(frames: int, seed: int = 0) -> Array:
    """One channel of coefficients [F, 700], its bands of different loudness."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(10.0 ** rng.uniform(-2, 0, BANDS), np.diff(BAND_EDGES))
    return (rng.standard_normal((frames, HOP)) * loudness).astype(np.float32)


def mid_side(left: Array, right: Array) -> Array:
    """Coefficients of left and right [F, 700] -> mid and side [F, 1400]."""
    return np.concatenate([left + right, left - right], 1) * np.float32(0.5)


def absolute_sums(coefficients: Array) -> NDArray[np.float64]:
    """Sums of absolute values of both channels in every band: [2, 24]."""
    return np.add.reduceat(np.abs(coefficients).sum(0, dtype=np.float64).reshape(2, HOP), BAND_EDGES[:-1], axis=1)


def energies(coefficients: Array) -> NDArray[np.float64]:
    """Energies of both channels in every band: [2, 24]."""
    squares = (coefficients.astype(np.float64) ** 2).sum(0).reshape(2, HOP)
    return np.add.reduceat(squares, BAND_EDGES[:-1], axis=1)


# Rotation and its inverse


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3 * SEGMENT), st.integers(0, 1000))
def test_rotating_back_undoes_a_rotation(frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((frames, COEFFICIENTS)).astype(np.float32)
    angles = rng.integers(0, ROTATION_ANGLES, (-(-frames // SEGMENT), BANDS)).astype(np.uint8)
    before = x.copy()
    rotated = stereo.rotate(x, angles)
    assert rotated.shape == x.shape and rotated.dtype == np.float32
    assert np.array_equal(x, before)  # not in place
    back = stereo.rotate_back(rotated, angles)
    np.testing.assert_allclose(back, x, atol=2e-6)
    # A rotation keeps the energy of both channels together.
    np.testing.assert_allclose(energies(rotated).sum(0), energies(x).sum(0), rtol=1e-5)
    assert stereo.rotate_back(rotated, angles, out=rotated) is rotated
    assert np.array_equal(rotated, back)


@pytest.mark.parametrize("angle", range(ROTATION_ANGLES))
def test_an_angle_counts_in_units_of_22_5_degrees(angle: int) -> None:
    x = mid_side(noise(5, 1), noise(5, 2))
    angles = np.full((1, BANDS), angle, np.uint8)
    cosine, sine = np.cos(angle * np.pi / 8), np.sin(angle * np.pi / 8)
    mid, side = x[:, :HOP], x[:, HOP:]
    wanted = np.concatenate([cosine * mid - sine * side, sine * mid + cosine * side], 1)
    np.testing.assert_allclose(stereo.rotate(x, angles), wanted, atol=1e-6)
    np.testing.assert_allclose(stereo.rotate_back(stereo.rotate(x, angles), angles), x, atol=1e-6)


@pytest.mark.parametrize(("before", "behind", "last"), [(6, 6, SEGMENT), (6, 0, 7), (0, 3, 1), (1, 200, 40)])
def test_context_is_rotated_like_the_nearest_segment(before: int, behind: int, last: int) -> None:
    frames = 2 * SEGMENT + last
    x = mid_side(noise(before + frames + behind, 1), noise(before + frames + behind, 2))
    angles = np.random.default_rng(3).integers(0, ROTATION_ANGLES, (3, BANDS)).astype(np.uint8)
    got = stereo.rotate(x, angles, before)
    core = slice(before, before + frames)
    assert np.array_equal(got[core], stereo.rotate(x[core], angles))
    assert np.array_equal(got[:before], stereo.rotate(x[:before], angles[:1]))
    assert np.array_equal(got[before + frames :], stereo.rotate(x[before + frames :], angles[2:]))


def test_an_angle_changes_its_own_band_and_segment_only() -> None:
    x = mid_side(noise(2 * SEGMENT, 1), noise(2 * SEGMENT, 2))
    angles = np.zeros((2, BANDS), np.uint8)
    angles[1, 5] = 3
    changed = stereo.rotate(x, angles) != x
    low, high = BAND_EDGES[5:7]
    assert not changed[:SEGMENT].any()
    columns = np.flatnonzero(changed[SEGMENT:].any(0))
    assert columns.tolist() == [*range(low, high), *range(HOP + low, HOP + high)]


def test_training_rotates_back_as_the_decoder_does() -> None:
    torch = pytest.importorskip("torch")
    from training.items import synthesis

    for frames in (40, SEGMENT, SEGMENT + 9):
        rng = np.random.default_rng(frames)
        x = rng.standard_normal((2, frames, COEFFICIENTS)).astype(np.float32)
        angles = rng.integers(0, ROTATION_ANGLES, (2, -(-frames // SEGMENT), BANDS)).astype(np.uint8)
        got = synthesis.rotate_back(torch.from_numpy(x), torch.from_numpy(angles)).numpy()
        wanted = [stereo.rotate_back(*pair) for pair in zip(x, angles, strict=True)]
        np.testing.assert_allclose(got, wanted, atol=2e-6)


# The choice of angles


@pytest.mark.parametrize("frames", [SEGMENT, 2 * SEGMENT + 30])
@pytest.mark.parametrize("channel", ["left", "right"])
def test_sound_on_one_side_only_leaves_the_second_channel_silent(channel: str, frames: int) -> None:
    sound, silence = noise(frames), np.zeros((frames, HOP), np.float32)
    x = mid_side(sound, silence) if channel == "left" else mid_side(silence, sound)
    angles = stereo.choose_angles(x)
    assert angles.shape == (-(-frames // SEGMENT), BANDS) and angles.dtype == np.uint8
    assert (angles == (6 if channel == "left" else 2)).all()
    first, second = energies(stereo.rotate(x, angles))
    assert first.all() and not second.any()  # exactly zero: it is coded as digital silence


@pytest.mark.parametrize("angle", [1, 3, 5, 7])
def test_panned_sound_is_rotated_into_the_first_channel(angle: int) -> None:
    sound = noise(SEGMENT)
    rotated = np.concatenate([sound, np.zeros_like(sound)], 1)
    x = stereo.rotate_back(rotated, np.full((1, BANDS), angle, np.uint8))
    assert (stereo.choose_angles(x) == angle).all()
    np.testing.assert_allclose(stereo.rotate(x, stereo.choose_angles(x)), rotated, atol=1e-6)


def test_mono_is_not_rotated_and_its_side_stays_silent() -> None:
    sound = noise(2 * SEGMENT)
    x = mid_side(sound, sound)
    angles = stereo.choose_angles(x)
    assert not angles.any()
    assert not stereo.rotate(x, angles)[:, HOP:].any()


def test_side_alone_has_one_silent_channel() -> None:
    x = mid_side(noise(SEGMENT), -noise(SEGMENT))
    first, second = energies(stereo.rotate(x, stereo.choose_angles(x)))
    assert np.minimum(first, second).max() == 0


def test_silence_and_rounding_noise_of_16_bits_are_not_rotated() -> None:
    assert not stereo.choose_angles(np.zeros((2 * SEGMENT, COEFFICIENTS), np.float32)).any()
    faint = noise(SEGMENT) * np.float32(1e-5)
    assert not stereo.choose_angles(mid_side(faint, np.zeros_like(faint))).any()


def test_two_unrelated_sounds_of_equal_loudness_are_not_rotated() -> None:
    """One on the left and one on the right: no angle is better than another."""
    left, right = (np.random.default_rng(seed).standard_normal((8 * SEGMENT, HOP)) for seed in (1, 2))
    assert not stereo.choose_angles(mid_side(left.astype(np.float32), right.astype(np.float32))).any()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 2 * SEGMENT), st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1))
def test_rotated_channels_have_the_smallest_absolute_sum(frames: int, seed: int, shared: float, right: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = (noise(frames, int(rng.integers(1 << 30))) for _ in range(2))
    x = mid_side(a, (np.float32(right * shared) * a + np.float32(right * (1 - shared)) * b).astype(np.float32))
    angles = stereo.choose_angles(x)
    for number, row in enumerate(angles):
        segment = x[number * SEGMENT : (number + 1) * SEGMENT]
        before, after = absolute_sums(segment), absolute_sums(stereo.rotate(segment, row[None]))
        rotated, exchanged = (row > 0) & (row != ROTATION_ANGLES // 2), row == ROTATION_ANGLES // 2
        assert (after.sum(0) < (stereo.ROTATION_THRESHOLD + 1e-4) * before.sum(0))[rotated].all()
        assert (after[0] >= (1 - 1e-5) * after[1])[row > 0].all()
        assert (before[1] >= stereo.EXCHANGE * before[0])[exchanged].all()
        assert np.array_equal(before[:, row == 0], after[:, row == 0])
        for angle in range(1, ROTATION_ANGLES):
            other = absolute_sums(stereo.rotate(segment, np.full((1, BANDS), angle, np.uint8))).sum(0)
            assert (after.sum(0) < (1 + 1e-5) * other)[row > 0].all()  # no angle is better


def test_different_tones_on_both_sides_become_left_and_right_though_powers_are_equal() -> None:
    even, odd = noise(SEGMENT), noise(SEGMENT, 1)
    even[:, 1::2] = odd[:, ::2] = 0
    assert set(stereo.choose_angles(mid_side(even, odd)).ravel().tolist()) <= {2, 6}
    alternating = np.arange(SEGMENT)[:, None] % 12 < 6
    angles = stereo.choose_angles(mid_side(noise(SEGMENT) * alternating, noise(SEGMENT) * ~alternating))
    assert set(angles.ravel().tolist()) <= {2, 6}


# Through the real codec


def tones(seconds: float) -> Array:
    """A chord on the far left; the right is silent except for faint noise."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    left = sum(np.sin(2 * np.pi * f * t) for f in (440, 1320, 3000, 5200)) * 0.15
    right = np.random.default_rng(0).standard_normal(t.size) * 1e-5
    return np.stack([left, right]).astype(np.float32)


@pytest.mark.parametrize("latent", [32, 64])
def test_sound_on_the_left_stays_on_the_left(latent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEZ_MODELS", raising=False)
    x = tones(3)
    decibels = {}
    for threshold in (stereo.ROTATION_THRESHOLD, OFF):
        monkeypatch.setattr(stereo, "ROTATION_THRESHOLD", threshold)
        y = decoded(encoded(x, model=SHIPPED, latent=latent, device="cpu"), device="cpu")
        decibels[threshold > OFF] = 10 * np.log10((y[:, 2000:-2000].astype(float) ** 2).mean(1))
    on, off = decibels[True], decibels[False]
    assert off[1] - on[1] > 40
    assert on[0] > off[0] - 1


def test_angles_do_not_depend_on_the_length_of_chunks(tiny: SimpleNamespace, music: Array) -> None:
    """All integers of such files are compared in `tests.codec.pipeline`."""
    x = music[:, : 13 * SAMPLE_RATE]
    found = []
    for frames in (SEGMENT, 5 * SEGMENT):
        reader = Reader(BytesIO(encoded(x, latent=64, chunk_frames=frames)))
        chunks = (unpack(reader.header, chunk, models.by_name("tiny")) for chunk in reader)
        found.append(np.concatenate([chunk.side_info.rotation for chunk in chunks]))
    assert np.array_equal(found[0], found[1]) and found[0].any()
    padded = np.pad(apply_gain_control(stereo.sum_difference(x) / 2), ((0, 0), (HOP, 2 * HOP))).astype(np.float32)
    whole = mdct.frames(padded[:, : padded.shape[1] // HOP * HOP])
    assert (stereo.choose_angles(whole)[:6] == found[0][:6]).mean() > 0.95


def test_antiphase_costs_what_mono_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEZ_MODELS", raising=False)
    mid = song(6, seed=3).mean(0)
    mono, antiphase = (len(encoded(np.stack([mid, sign * mid]), model=SHIPPED, device="cpu")) for sign in (1, -1))
    assert antiphase < 1.03 * mono


def test_mid_and_side_change_places_where_side_is_much_louder() -> None:
    mid, side = np.random.default_rng(0).laplace(size=(2, SEGMENT, HOP)).astype(np.float32)
    for loudness, expected in ((0.0, 0), (1.5, 0), (3.0, ROTATION_ANGLES // 2)):
        x = np.concatenate([mid, np.float32(loudness) * side], 1) * np.float32(0.1)
        assert (stereo.choose_angles(x) == expected).all()
    assert not stereo.choose_angles(np.concatenate([0 * mid, np.float32(1e-5) * side], 1)).any(), "rounding noise"
