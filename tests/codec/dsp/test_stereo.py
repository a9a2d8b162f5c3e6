"""Turned bands: exact inverses, angles that fit what is heard, and what they are worth through the real codec."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.dsp import stereo
from codec.dsp.mdct import forward
from codec.pipeline.payload import unpack
from codec.runtime import models
from formats import Reader
from formats.grid import BAND_EDGES, BANDS, COEFFICIENTS, HOP, ROTATION_ANGLES, SAMPLE_RATE, SEGMENT
from tests.support.codec import Array, decoded, encoded

SHIPPED = "music6"  # by name: other tests make the tiny model the default
OFF = 0.0
"""In place of `stereo.APART`: nothing is worth turning."""


def noise(frames: int, seed: int = 0) -> Array:
    """[F, 700]: one channel of coefficients, its bands of different loudness."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(10.0 ** rng.uniform(-2, 0, BANDS), np.diff(BAND_EDGES))
    return (rng.standard_normal((frames, HOP)) * loudness).astype(np.float32)


def middle(left: Array, right: Array) -> Array:
    """Coefficients of left and right [F, 700] -> mid and side [F, 1400]."""
    return np.concatenate([left + right, left - right], 1) * np.float32(0.5)


def sizes(coefficients: Array) -> NDArray[np.float64]:
    """Absolute sums of both channels in every band: [2, 24]."""
    return np.add.reduceat(np.abs(coefficients).sum(0, dtype=np.float64).reshape(2, HOP), BAND_EDGES[:-1], axis=1)


def energies(coefficients: Array) -> NDArray[np.float64]:
    """Of both channels in every band: [2, 24]."""
    squares = (coefficients.astype(np.float64) ** 2).sum(0).reshape(2, HOP)
    return np.add.reduceat(squares, BAND_EDGES[:-1], axis=1)


# There and back


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3 * SEGMENT), st.integers(0, 1000))
def test_turning_back_undoes_turning(frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((frames, COEFFICIENTS)).astype(np.float32)
    turns = rng.integers(0, ROTATION_ANGLES, (-(-frames // SEGMENT), BANDS)).astype(np.uint8)
    before = x.copy()
    turned = stereo.rotate(x, turns)
    assert turned.shape == x.shape and turned.dtype == np.float32
    assert np.array_equal(x, before)  # not in place
    np.testing.assert_allclose(stereo.rotate_back(turned, turns), x, atol=2e-6)
    # A rotation: what both channels hold together stays.
    np.testing.assert_allclose(energies(turned).sum(0), energies(x).sum(0), rtol=1e-5)


@pytest.mark.parametrize("angle", range(ROTATION_ANGLES))
def test_every_angle_is_the_rotation_it_says(angle: int) -> None:
    x = middle(noise(5, 1), noise(5, 2))
    turns = np.full((1, BANDS), angle, np.uint8)
    cosine, sine = np.cos(angle * np.pi / 8), np.sin(angle * np.pi / 8)
    mid, side = x[:, :HOP], x[:, HOP:]
    wanted = np.concatenate([cosine * mid - sine * side, sine * mid + cosine * side], 1)
    np.testing.assert_allclose(stereo.rotate(x, turns), wanted, atol=1e-6)
    np.testing.assert_allclose(stereo.rotate_back(stereo.rotate(x, turns), turns), x, atol=1e-6)


@pytest.mark.parametrize(("before", "behind", "last"), [(6, 6, SEGMENT), (6, 0, 7), (0, 3, 1), (1, 200, 40)])
def test_context_is_turned_like_the_nearest_segment(before: int, behind: int, last: int) -> None:
    frames = 2 * SEGMENT + last
    x = middle(noise(before + frames + behind, 1), noise(before + frames + behind, 2))
    turns = np.random.default_rng(3).integers(0, ROTATION_ANGLES, (3, BANDS)).astype(np.uint8)
    got = stereo.rotate(x, turns, before)
    core = slice(before, before + frames)
    assert np.array_equal(got[core], stereo.rotate(x[core], turns))
    assert np.array_equal(got[:before], stereo.rotate(x[:before], turns[:1]))
    assert np.array_equal(got[before + frames :], stereo.rotate(x[before + frames :], turns[2:]))


def test_bands_and_segments_do_not_mix() -> None:
    x = middle(noise(2 * SEGMENT, 1), noise(2 * SEGMENT, 2))
    turns = np.zeros((2, BANDS), np.uint8)
    turns[1, 5] = 3
    changed = stereo.rotate(x, turns) != x
    low, high = BAND_EDGES[5:7]
    assert not changed[:SEGMENT].any()
    columns = np.flatnonzero(changed[SEGMENT:].any(0))
    assert columns.tolist() == [*range(low, high), *range(HOP + low, HOP + high)]


def test_training_turns_back_as_the_decoder_does() -> None:
    torch = pytest.importorskip("torch")
    from training.ranked import losses

    for frames in (40, SEGMENT, SEGMENT + 9):
        rng = np.random.default_rng(frames)
        x = rng.standard_normal((2, frames, COEFFICIENTS)).astype(np.float32)
        turns = rng.integers(0, ROTATION_ANGLES, (2, -(-frames // SEGMENT), BANDS)).astype(np.uint8)
        got = losses.turn_back(torch.from_numpy(x), torch.from_numpy(turns)).numpy()
        wanted = [stereo.rotate_back(one, angles) for one, angles in zip(x, turns, strict=True)]
        np.testing.assert_allclose(got, wanted, atol=2e-6)


# What is chosen


@pytest.mark.parametrize("frames", [SEGMENT, 2 * SEGMENT + 30])
@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_on_one_side_only_leaves_nothing_in_the_second_channel(side: str, frames: int) -> None:
    sound, nothing = noise(frames), np.zeros((frames, HOP), np.float32)
    x = middle(sound, nothing) if side == "left" else middle(nothing, sound)
    turns = stereo.choose_angles(x)
    assert turns.shape == (-(-frames // SEGMENT), BANDS) and turns.dtype == np.uint8
    assert (turns == (6 if side == "left" else 2)).all()
    first, second = energies(stereo.rotate(x, turns))
    assert first.all() and not second.any()  # exactly: the channel is coded as digital silence


@pytest.mark.parametrize("angle", [1, 3, 5, 7])
def test_what_is_panned_is_turned_to_the_first_channel(angle: int) -> None:
    sound = noise(SEGMENT)
    turned = np.concatenate([sound, np.zeros_like(sound)], 1)
    x = stereo.rotate_back(turned, np.full((1, BANDS), angle, np.uint8))
    assert (stereo.choose_angles(x) == angle).all()
    np.testing.assert_allclose(stereo.rotate(x, stereo.choose_angles(x)), turned, atol=1e-6)


def test_mono_is_not_turned_and_stays_silent_in_side() -> None:
    sound = noise(2 * SEGMENT)
    x = middle(sound, sound)
    turns = stereo.choose_angles(x)
    assert not turns.any()
    assert not stereo.rotate(x, turns)[:, HOP:].any()


def test_side_alone_has_one_silent_channel() -> None:
    x = middle(noise(SEGMENT), -noise(SEGMENT))
    first, second = energies(stereo.rotate(x, stereo.choose_angles(x)))
    assert np.minimum(first, second).max() == 0


def test_silence_and_what_16_bits_round_off_are_not_turned() -> None:
    assert not stereo.choose_angles(np.zeros((2 * SEGMENT, COEFFICIENTS), np.float32)).any()
    faint = noise(SEGMENT) * np.float32(1e-5)
    assert not stereo.choose_angles(middle(faint, np.zeros_like(faint))).any()


def test_two_sounds_of_one_loudness_are_not_turned() -> None:
    """Left and right of equal loudness that have nothing in common: no angle is better than another."""
    left, right = (np.random.default_rng(seed).standard_normal((8 * SEGMENT, HOP)) for seed in (1, 2))
    assert not stereo.choose_angles(middle(left.astype(np.float32), right.astype(np.float32))).any()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 2 * SEGMENT), st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1))
def test_turned_channels_have_the_smaller_absolute_sum(frames: int, seed: int, shared: float, right: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = (noise(frames, int(rng.integers(1 << 30))) for _ in range(2))
    x = middle(a, (np.float32(right * shared) * a + np.float32(right * (1 - shared)) * b).astype(np.float32))
    turns = stereo.choose_angles(x)
    for number, row in enumerate(turns):
        part = x[number * SEGMENT : (number + 1) * SEGMENT]
        before, after = sizes(part), sizes(stereo.rotate(part, row[None]))
        assert (after.sum(0) < (stereo.APART + 1e-4) * before.sum(0))[row > 0].all()
        assert (after[0] >= (1 - 1e-5) * after[1])[row > 0].all()
        assert np.array_equal(before[:, row == 0], after[:, row == 0])
        for angle in range(1, ROTATION_ANGLES):
            other = sizes(stereo.rotate(part, np.full((1, BANDS), angle, np.uint8))).sum(0)
            assert (after.sum(0) < (1 + 1e-5) * other)[row > 0].all()  # none fits better


def test_tones_on_both_sides_are_left_and_right_though_powers_do_not_tell() -> None:
    """Other coefficients on the left than on the right, of equal power."""
    even, odd = noise(SEGMENT), noise(SEGMENT, 1)
    even[:, 1::2] = odd[:, ::2] = 0
    assert set(stereo.choose_angles(middle(even, odd)).ravel().tolist()) <= {2, 6}
    later = np.arange(SEGMENT)[:, None] % 12 < 6  # and by turns
    assert set(stereo.choose_angles(middle(noise(SEGMENT) * later, noise(SEGMENT) * ~later)).ravel().tolist()) <= {2, 6}


# Through the real codec


def tones(seconds: float) -> Array:
    """A chord on the far left, the right silent but for faint noise."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    left = sum(np.sin(2 * np.pi * f * t) for f in (440, 1320, 3000, 5200)) * 0.15
    right = np.random.default_rng(0).standard_normal(t.size) * 1e-5
    return np.stack([left, right]).astype(np.float32)


@pytest.mark.parametrize("latent", [32, 64])
def test_what_is_left_stays_left(latent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEZ_MODELS", raising=False)
    x = tones(3)
    loud = {}
    for apart in (stereo.APART, OFF):
        monkeypatch.setattr(stereo, "APART", apart)
        y = decoded(encoded(x, model=SHIPPED, latent=latent, device="cpu"), device="cpu")
        loud[apart > OFF] = 10 * np.log10((y[:, 2000:-2000].astype(float) ** 2).mean(1))
    on, off = loud[True], loud[False]
    assert off[1] - on[1] > 40
    assert on[0] > off[0] - 1


def test_every_file_of_the_same_song_is_turned_the_same(tiny: SimpleNamespace, music: Array) -> None:
    """However long its chunks are; the files' integers are compared in `test_codec_pipeline`."""
    x = music[:, : 13 * SAMPLE_RATE]
    mid = np.stack([x[0] + x[1], x[0] - x[1]]) / 2
    found = []
    for frames in (SEGMENT, 5 * SEGMENT):
        reader = Reader(BytesIO(encoded(x, latent=64, chunk_frames=frames)))
        found.append(np.concatenate([unpack(reader.header, c, models.by_name("tiny")).turns for c in reader]))
    assert np.array_equal(found[0], found[1]) and found[0].any()
    padded = np.pad(mid, ((0, 0), (HOP, 2 * HOP))).astype(np.float32)
    padded = padded[:, : padded.shape[1] // HOP * HOP]
    whole = forward(padded).transpose(2, 0, 1).reshape(-1, COEFFICIENTS)
    assert (stereo.choose_angles(whole)[:6] == found[0][:6]).mean() > 0.95
