"""Gain control through whole files: seeking, salvage, peeling, and what it is good for."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest

from codec.dsp import onsets as onset_search
from codec.dsp.onsets import QUIETEST_PEAK
from codec.pipeline.payload import unpack
from codec.pipeline.peel import peel
from codec.runtime import models
from formats import Reader
from formats.grid import GAIN_BLOCK, HOP, SAMPLE_RATE, SEGMENT
from tests.support.codec import Array, decoded, encoded
from tests.support.gain_control import hits

SIZE = SEGMENT * HOP


def listed(data: bytes) -> list[tuple[int, int, int]]:
    """Stretches of a whole file, in blocks from its start."""
    reader, found = Reader(BytesIO(data)), []
    model = models.by_id(reader.header.bitstream)
    for chunk in reader:
        for first, *stretch in unpack(reader.header, chunk, model).side_info.gain_control.tolist():
            found.append((chunk.first_frame * HOP // GAIN_BLOCK + first, *stretch))
    return found


def integers(data: bytes) -> list[Array]:
    """Hyper latents, quantization indices and rotation angles of a whole file."""
    reader = Reader(BytesIO(data))
    model = models.by_id(reader.header.bitstream)
    chunks = [unpack(reader.header, chunk, model) for chunk in reader]
    parts = ([part.hyper, part.indices, part.side_info.rotation] for part in chunks)
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


SECOND = SAMPLE_RATE
ONSETS = (30_000, 2 * SECOND - 40, 2 * SECOND + 300, 4 * SECOND, 5 * SECOND, 10 * SECOND + 25, 11 * SECOND, 12_000)


@pytest.fixture(scope="module")
def sound() -> Array:
    """13.5 s of hits out of faint noise, some of them at the ends of segments and chunks."""
    mid, side = hits(*ONSETS, samples=13 * SECOND + 22_050, seed=3)
    return np.stack([mid + side, mid - side]).clip(-1, 1) * np.float32(0.9)


@pytest.fixture(scope="module")
def files(tiny: SimpleNamespace, sound: Array) -> dict[int, bytes]:
    """The sound in chunks of one, two and five segments."""
    return {count: encoded(sound, latent=64, gain=40, chunk_frames=count * SEGMENT) for count in (1, 2, 5)}


def test_chunks_of_any_length_list_the_same_stretches(files: dict[int, bytes]) -> None:
    wanted = listed(files[5])
    assert len(wanted) >= 6
    for count in (1, 2):
        assert listed(files[count]) == wanted
        for got, array in zip(integers(files[count]), integers(files[5]), strict=True):
            assert np.array_equal(got, array)
    whole = decoded(files[5])
    for count in (1, 2):
        np.testing.assert_allclose(decoded(files[count]), whole, atol=1e-5)


@pytest.mark.parametrize("coder", ["range", "zstd"])
def test_stretches_do_not_depend_on_bitrate_and_coder(tiny: SimpleNamespace, sound: Array, coder: str) -> None:
    x = sound[:, : 5 * SECOND]
    by_latent = encoded(x, latent=64, coder=coder)
    assert listed(encoded(x, bitrate=24.0, coder=coder)) == listed(by_latent) != []


@pytest.mark.parametrize("start", [0.6, 1.99, 2.0, 2.001, 4.0, 9.99, 10.0, 11.0])
def test_a_seek_among_onsets_is_a_slice_of_the_whole(files: dict[int, bytes], start: float) -> None:
    for count in (1, 5):
        whole = decoded(files[count])
        low = round(start * SECOND)
        for duration in (0.02, 2.5):
            got = decoded(files[count], start=start, duration=duration)
            wanted = whole[:, low : low + round(duration * SECOND)]
            np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_peeling_keeps_the_stretches(files: dict[int, bytes]) -> None:
    out = BytesIO()
    peel(BytesIO(files[1]), out, 32)
    assert listed(out.getvalue()) == listed(files[1])


@pytest.mark.parametrize("number", range(7))
def test_chunks_far_from_a_damaged_one_decode_as_before(files: dict[int, bytes], number: int) -> None:
    data, whole = bytearray(files[1]), decoded(files[1])
    data[Reader(BytesIO(files[1])).offsets[number] + 40] ^= 4
    got = decoded(bytes(data), salvage=True)
    assert got.shape == whole.shape
    low, high = (number * SIZE - 9 * HOP, (number + 1) * SIZE + 9 * HOP)  # the decoder's receptive field
    far = np.ones(whole.shape[1], bool)
    far[max(0, low) : high] = False
    np.testing.assert_array_equal(got[:, far], whole[:, far])
    assert not got[:, number * SIZE : (number + 1) * SIZE - HOP].any()


def test_mono_and_another_rate(tiny: SimpleNamespace, sound: Array) -> None:
    x = sound[:1, : 5 * SECOND]
    data = encoded(x, rate=48_000, latent=64, gain=40, chunk_frames=SEGMENT)
    assert listed(data)
    whole = decoded(data)
    assert whole.shape == x.shape
    np.testing.assert_allclose(decoded(data, start=2.0), whole[:, 96_000:], atol=1e-5)


def test_gain_control_lowers_the_pre_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the shipped model: energy in the 10 ms before hits out of quiet noise, with and without the tool.

    In decibels, of all frequencies and of those from 4 kHz on. The tool spares the bass, whose noise is left.
    """
    monkeypatch.delenv("AEZ_MODELS", raising=False)
    onsets = [20_000, 50_030, 77_700, 110_000]
    mid, side = hits(*onsets, samples=3 * SECOND)
    x = np.stack([mid + side, mid - side]).clip(-1, 1)
    before = {}
    for quietest in (QUIETEST_PEAK, 1e9):
        monkeypatch.setattr(onset_search, "QUIETEST_PEAK", quietest)
        y = decoded(encoded(x, model="music", latent=128, device="cpu"), device="cpu")
        parts = np.stack([y[:, onset - 490 : onset - 50] for onset in onsets]) * np.hanning(440)
        power = (np.abs(np.fft.rfft(parts)) ** 2).mean((0, 1))
        before[quietest] = 10 * np.log10([power.sum(), power[40:].sum()])
    everywhere, high = before[1e9] - before[QUIETEST_PEAK]
    assert everywhere > 15
    assert high > 18
