"""The pooled view against sums done plainly, and the axes of the picture."""

import io
import re
import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from codec.inspection import drawing
from codec.inspection.drawing import coloured
from codec.inspection.latent_view import HALF_OCTAVE, QUIET, ROWS, Pool, Spectrogram, View, mel, view
from codec.inspection.plot import LEFT, RIGHT, TOP, UNIT, figure, save
from codec.pipeline.payload import unpack
from codec.runtime.models import by_id
from formats import Reader
from formats.container.layout import TRAILER_SYNC
from formats.errors import DamagedError, ModelError, UsageError
from tests.support.codec import decoded, encoded

RATE = 44100

pytestmark = pytest.mark.usefixtures("tiny")


def seen(data: bytes, **options: Any) -> View:
    return view(Reader(io.BytesIO(data)), **options)


def png_size(data: bytes) -> tuple[int, int]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])  # type: ignore[return-value]


def drawn(shown: View, kind: str = "png", title: str = "a song") -> bytes:
    out = io.BytesIO()
    save(shown, title, out, kind)
    return out.getvalue()


@pytest.fixture(scope="module")
def coded(tiny: object, music: np.ndarray) -> bytes:
    return encoded(music, latent=64)


@pytest.mark.parametrize("width", [1, 3, 7, 50])
def test_pool_is_the_mean_of_its_columns(width: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((41, 5)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    values[4:12] = np.nan
    pool = Pool(5, 30, width)
    for at in range(0, 41, 9):
        pool.add(at - 6, values[at : at + 9])  # frames -6...34, of which 0...29 are asked for
    kept = values[6:36]
    for column, found in enumerate(pool.mean().T):
        part = kept[column * width : (column + 1) * width]
        for row in range(5):
            there = part[np.isfinite(part[:, row]), row]
            if len(there):
                assert found[row] == pytest.approx(there.mean(), abs=1e-6)
            else:
                assert np.isnan(found[row])


@pytest.mark.parametrize("rate", [1000, 8000, 44100, 48000])
@pytest.mark.parametrize("block", [97, 4096, 10**6])
def test_a_sine_of_full_scale_stands_at_its_pitch_and_level(rate: int, block: int) -> None:
    pitch = rate / 8
    samples = rate * 2
    wave = np.sin(2 * np.pi * pitch * np.arange(samples) / rate).astype(np.float32)[None]
    spectrogram = Spectrogram(rate, 0, 0, 127, 2)
    for at in range(0, samples, block):
        spectrogram.write(wave[:, at : at + block])
    picture = spectrogram.finish()
    assert picture.shape == (ROWS, 64)
    inner = picture[:, 4:-4]
    bin_width = 1 / 0.032  # Hz, of the shortest window that rounding to a power of two may give
    low, high = (int(mel(f) / mel(spectrogram.top) * ROWS) for f in (pitch - bin_width / 2, pitch + bin_width / 2))
    assert ((inner.argmax(0) >= low) & (inner.argmax(0) <= high)).all()
    assert np.ptp(inner.max(0)) < 0.5
    assert -6 < inner.max() < 0.1  # rows are narrower or wider than the window's main lobe
    assert inner[ROWS // 8].max() < -60


def test_blocks_do_not_matter_to_a_spectrogram(music: np.ndarray) -> None:
    whole, parts = Spectrogram(RATE, 1000, 2, 300, 4), Spectrogram(RATE, 1000, 2, 300, 4)
    wave = music[:, : 5 * RATE]
    whole.write(wave)
    for at in range(0, wave.shape[1], 3333):
        parts.write(wave[:, at : at + 3333])
    np.testing.assert_allclose(whole.finish(), parts.finish(), atol=1e-4)


def test_the_view_is_the_file_s_integers(coded: bytes) -> None:
    shown = seen(coded)
    reader = Reader(io.BytesIO(coded))
    model = by_id(reader.header.bitstream)
    chunks = [unpack(reader.header, chunk, model) for chunk in reader]
    main = np.concatenate([np.abs(chunk.indices) for chunk in chunks])
    hyper = np.concatenate([np.repeat(chunk.hyper, 3, 0)[: len(chunk.indices)] for chunk in chunks])
    rotation = np.concatenate([np.repeat(chunk.side_info.rotation, 126, 0)[: len(chunk.indices)] for chunk in chunks])
    compared = 0
    frames = len(main)
    width = round((shown.right - shown.left) * 63) // shown.main.shape[1]
    assert width == -(-frames // 1200)
    for column in (0, 5, 100, 200, 300, frames // width - 1):
        part = slice(column * width, (column + 1) * width)
        np.testing.assert_allclose(shown.main[:, column], main[part].mean(0), rtol=1e-5, atol=1e-6)
        expected = hyper[part].reshape(-1, 2, 24).mean(0) * HALF_OCTAVE
        got = shown.envelope[:, :, column]
        straight = ~rotation[part].any(0)  # others are no integers of the file as drawn
        compared += straight.sum()
        np.testing.assert_allclose(got[:, straight], expected[:, straight], rtol=1e-4, atol=1e-4)
    assert compared > 36
    assert shown.spectrogram.shape == (ROWS, shown.main.shape[1])
    assert (np.diff(shown.bands) > 0).all()


def test_a_rotated_band_is_shown_as_the_mid_and_side_that_it_is() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 5000 * np.arange(4 * RATE) / RATE)
    shown = seen(encoded(np.stack([tone, 0 * tone]).astype(np.float32)))
    band = int(np.abs(shown.bands - 5000).argmin())
    mid, side = np.nanmean(shown.envelope[:, band], axis=1)
    assert abs(mid - side) < 1  # a sound on the far left is as loud in both


def test_latents_and_spectrogram_are_aligned() -> None:
    silent = np.zeros((2, 4 * RATE), np.float32)
    silent[:, 2 * RATE : 2 * RATE + 3000] = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 3000))
    for start in (0.0, 1.234):
        shown = seen(encoded(silent), start=start, duration=2.5)
        columns = shown.left + (np.arange(shown.main.shape[1]) + 0.5) / 63
        for picture in (10 ** (shown.spectrogram / 10), np.nan_to_num(10 ** (shown.envelope[0] / 10)), shown.main):
            energy = picture.sum(0)
            assert columns @ energy / energy.sum() == pytest.approx(2 + 1500 / RATE, abs=1.5 / 63)


def test_a_part_is_the_same_as_in_the_whole(coded: bytes) -> None:
    whole, part = seen(coded, duration=15), seen(coded, start=11.5, duration=2)
    assert (part.start, part.end) == (11.5, 13.5)
    at = round((part.left - whole.left) * 63)
    columns = slice(at, at + part.main.shape[1])
    np.testing.assert_array_equal(part.main, whole.main[:, columns])
    np.testing.assert_array_equal(part.envelope, whole.envelope[:, :, columns])
    np.testing.assert_allclose(part.spectrogram[:, 3:-3], whole.spectrogram[:, columns][:, 3:-3], atol=0.01)


def test_the_end_is_the_song_s(coded: bytes) -> None:
    assert seen(coded, start=24.5, duration=1e6).end == 25.0
    for start in (25.0, 30.0):
        with pytest.raises(UsageError, match="nothing to draw"):
            seen(coded, start=start)
    with pytest.raises(UsageError, match="nothing to draw"):
        seen(coded, duration=0.0)


@pytest.mark.parametrize("samples", [1, 50, 700, 3000])
@pytest.mark.parametrize("channels", [1, 2])
def test_very_short_songs(samples: int, channels: int, music: np.ndarray) -> None:
    shown = seen(encoded(music[:channels, :samples]))
    assert shown.main.shape[1] == shown.spectrogram.shape[1] == int(samples / 700 + 0.5) + 1
    assert len(shown.envelope) == channels
    assert png_size(drawn(shown))[0] == 1440


def test_nothing_at_all_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="nothing to draw"):
        seen(encoded(np.zeros((2, 0), np.float32)))


def test_silence_is_dark() -> None:
    shown = seen(encoded(np.zeros((2, RATE), np.float32)))
    assert (shown.spectrogram == QUIET).all()
    assert np.isnan(shown.envelope).all()
    assert not shown.main.any()
    assert png_size(drawn(shown))


def test_long_songs_are_pooled(coded: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.inspection.latent_view.COLUMNS", 10)
    shown = seen(coded)
    assert shown.main.shape == (48, 10)
    assert shown.spectrogram.shape == (ROWS, 10)
    assert shown.right >= shown.end > shown.right - 2 * (shown.right - shown.left) / 10


def test_other_rates_and_mono_share_the_time_axis() -> None:
    shown = seen(encoded(np.random.default_rng(1).uniform(-0.1, 0.1, (1, 8000)).astype(np.float32), 8000))
    assert shown.end == 1.0
    assert shown.top == 4000
    assert shown.main.shape[1] == shown.spectrogram.shape[1] == 64
    images = figure(shown, "t").images
    assert len(images) == 2 * 3  # each with its bar
    assert len({(box[0], box[2], clip[0], clip[2]) for _, box, clip in images[::2]}) == 1


def test_a_model_without_hyper_latents(coded: bytes) -> None:
    shown = seen(coded, duration=3.0)
    bare = View(**{**vars(shown), "envelope": np.zeros((0, 0, 0), np.float32), "bands": np.zeros(0)})
    assert len(figure(bare, "t").images) == 2 * 2
    assert png_size(drawn(bare))[1] < png_size(drawn(shown))[1]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_formats_and_strange_titles(kind: str, coded: bytes) -> None:
    shown = seen(coded, duration=1.0)
    data = drawn(shown, kind, "$x_ ジョーガ \x07\n{\\frac")
    assert data.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])
    assert data == drawn(shown, kind, "$x_ ジョーガ \x07\n{\\frac")


def test_columns_stand_at_their_time_and_rows_at_their_height() -> None:
    spectrogram = np.full((ROWS, 100), -80.0, np.float32)
    spectrogram[128:, 50:] = 0  # the upper half, from the middle on
    quiet = np.zeros((0, 0, 0), np.float32)
    shown = View(0.0, 10.0, 0.0, 10.0, spectrogram, 22_050.0, quiet, np.zeros(0), np.zeros((4, 100), np.float32))
    out = io.BytesIO()
    figure(shown, "t").save(out, "png")
    pixels = np.asarray(Image.open(out).convert("L")).astype(int)
    height = round(UNIT * 2.6)
    panel = pixels[TOP + 2 : TOP + height - 2, LEFT + 2 : RIGHT - 2]
    bright = panel > 200
    middle, across = height // 2 - 2, (RIGHT - LEFT) // 2 - 2
    assert bright[: middle - 2, across + 2 :].all() and not bright[:, : across - 2].any()
    assert not bright[middle + 2 :].any()
    cut = View(5.0, 10.0, 0.0, 10.0, spectrogram, 22_050.0, quiet, np.zeros(0), np.zeros((4, 100), np.float32))
    figure(cut, "t").save(out := io.BytesIO(), "png")
    assert (np.asarray(Image.open(out).convert("L"))[TOP + 2 : TOP + middle - 2, LEFT + 2 : RIGHT - 2] > 200).all()


def test_ticks_are_round_and_lie_in_what_is_shown(coded: bytes) -> None:
    texts = figure(seen(coded, start=1.5, duration=12.5), "a title").texts
    assert {"a title", "decoded song", "Hz", "dB FS", "steps", "rank", "0:02", "0:14", "10 k", "time"} <= set(texts)
    assert "0:00" not in texts and "0:16" not in texts
    assert "time in seconds" in figure(seen(coded, duration=0.05), "t").texts


def test_colours_are_those_of_the_maps() -> None:
    for palette, first, last in (("magma", (0, 0, 4), (252, 253, 191)), ("viridis", (68, 1, 84), (253, 231, 37))):
        colours = coloured(np.array([[np.nan, -1, 0, 9, 10, np.inf]]), 0, 10, palette)
        assert [tuple(map(int, colour)) for colour in colours[0]][::5] == [first, last]
        assert (colours[0, 0] == colours[0, 1]).all() and (colours[0, 0] == colours[0, 2]).all()
        assert colours.astype(int).sum(-1)[0, 3] < colours.astype(int).sum(-1)[0, 4] == sum(last)


def test_letters_that_no_font_has_are_written_without_their_accents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_of_the_system", lambda size: [])
    font = drawing._font(20, "é")
    assert drawing._writable(font, "Zoë  Ærø\x07…\n夜 a") == "Zoe ?r??… ? a"
    assert drawing._writable(font, "Zoe\N{COMBINING DIAERESIS}") == "Zoe"


def test_the_font_that_has_most_letters_of_a_text_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    european, japanese = (SimpleNamespace(letters=letters) for letters in ("Zoëa", "夜にa"))
    monkeypatch.setattr(drawing, "_of_the_system", lambda size: [european, japanese])
    monkeypatch.setattr(drawing, "_has", lambda font, letter: letter in getattr(font, "letters", "abc"))
    assert drawing._font(20, "夜に a") is japanese
    assert drawing._font(20, "Zoë a") is european
    assert drawing._font(20, "abc é") is drawing._font(20, "a") is drawing._builtin(20)


def test_a_cut_file_is_damaged(coded: bytes) -> None:
    with pytest.raises(DamagedError, match="ends early"):
        seen(coded[:-10])


def test_a_model_and_a_decoder_can_be_named(coded: bytes, tiny: Any) -> None:
    whole, named = seen(coded, duration=1.0), seen(coded, duration=1.0, model=str(tiny.folder), decoder="standard")
    np.testing.assert_array_equal(named.spectrogram, whole.spectrogram)
    np.testing.assert_array_equal(named.main, whole.main)
    with pytest.raises(ModelError, match="no decoder 'other'"):
        seen(coded, decoder="other")
    with pytest.raises(ModelError, match="the file needs a model of bitstream"):
        seen(coded, model="tiny-dense")


def test_the_decoded_song_is_what_is_drawn(coded: bytes) -> None:
    wave = decoded(coded, duration=4.0)
    plain = Spectrogram(RATE, 0, 0, 253, 1)
    plain.write(wave)
    np.testing.assert_allclose(seen(coded, duration=4.0).spectrogram, plain.finish(), atol=1e-3)


def test_a_trailer_with_other_samples_is_told(coded: bytes) -> None:
    at = coded.index(TRAILER_SYNC)
    with pytest.raises(DamagedError, match="trailer is damaged"):
        seen(coded[: at + 12] + bytes([coded[at + 12] ^ 1]) + coded[at + 13 :])


def test_text_has_seven_points_where_the_picture_fills_a_page(coded):
    sizes = [
        float(size) for size in re.findall(r'font-size="([0-9.]+)', drawn(seen(coded, duration=2), "svg").decode())
    ]
    assert min(sizes) * 72 * 7 / 1440 >= 7  # inches that the page of a study has on A4
