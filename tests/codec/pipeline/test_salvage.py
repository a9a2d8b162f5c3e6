"""What a damaged file still gives: good chunks at their place, silence without clicks between, losses named."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from codec.cli.main import cli
from codec.cli.terminal import run
from codec.pipeline import salvage
from codec.pipeline.chunk_sources import Gap
from codec.pipeline.chunks import source_samples
from codec.pipeline.decode import DecodeReport
from formats import Reader
from formats.container import walk
from formats.container.layout import CHUNK_SYNC, HEADER_SIZE, TRAILER_SYNC
from formats.errors import DamagedError, FormatError
from formats.grid import HOP, SEGMENT
from tests.support.codec import Array, Sink, decode_into, encode_into, encoded
from tests.support.pipeline_files import Pipe, unpacked

CONTEXT = 9 * HOP
"""Samples on either side of a gap that differ: the network sees 8 frames further, which are not there, and overlaps."""

OPENERS = {"file": io.BytesIO, "pipe": Pipe}


@pytest.fixture(scope="module")
def whole(tiny: SimpleNamespace, music: Array) -> bytes:
    """13 chunks of 2 s."""
    return encoded(music, latent=64, gain=20, chunk_frames=SEGMENT)


@pytest.fixture(scope="module")
def sound(whole: bytes) -> Array:
    return saved(whole)[0]


@pytest.fixture(scope="module")
def offsets(whole: bytes) -> dict[int, int]:
    return Reader(io.BytesIO(whole)).offsets


def saved(data: bytes, opener: Any = io.BytesIO, **options: Any) -> tuple[Array, DecodeReport]:
    sink = Sink()
    report = decode_into(opener(data), sink, salvage=True, **options)
    return np.concatenate([np.zeros((report.channels, 0), np.float32), *sink.blocks], 1), report


def flipped(data: bytes, *places: int) -> bytes:
    raw = bytearray(data)
    for place in places:
        raw[place] ^= 0x10
    return bytes(raw)


def lost(report: DecodeReport) -> list[tuple[int, int, float, float]]:
    return [(loss.first, loss.last, loss.start, loss.end) for loss in report.losses]


def jumps(wave: Array) -> Array:
    return np.abs(np.diff(wave, axis=1)).max(0)


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_an_undamaged_file_is_salvaged_as_it_is_decoded(whole: bytes, sound: Array, opener: Any) -> None:
    sink = Sink()
    decode_into(io.BytesIO(whole), sink)
    got, report = saved(whole, opener)
    assert np.array_equal(got, np.concatenate(sink.blocks, 1)) and np.array_equal(got, sound)
    assert (report.losses, report.damage) == ((), ())


@pytest.mark.parametrize(("start", "duration"), [(0.0, 1.99), (1.9, 0.2), (9.0, 4.99), (20.0, None)])
def test_an_undamaged_part_is_salvaged_as_it_is_decoded(
    whole: bytes, start: float, duration: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salvage, "FILL", 0)  # there is nothing to fill, neither before the part nor after it
    sink = Sink()
    decode_into(io.BytesIO(whole), sink, start=start, duration=duration)
    got, report = saved(whole, start=start, duration=duration)
    assert np.array_equal(got, np.concatenate(sink.blocks, 1))
    assert (report.losses, report.damage) == ((), ())


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
@pytest.mark.parametrize("inside", [0, 4, 8, 12, 14, 18, 60], ids=lambda at: f"byte{at}")
def test_good_chunks_stand_where_they_stood(
    whole: bytes, sound: Array, offsets: dict[int, int], inside: int, opener: Any
) -> None:
    data = flipped(whole, offsets[0] + inside, offsets[5] + inside, offsets[6] + inside, offsets[12] + inside)
    got, report = saved(data, opener)
    assert got.shape == sound.shape
    assert lost(report) == [(0, 0, 0.0, 2.0), (5, 6, 10.0, 14.0), (12, 12, 24.0, 25.0)]
    assert report.damage == ()
    times = np.arange(got.shape[1])
    far = np.ones(len(times), bool)
    for first, last, _, _ in lost(report):
        low, high = (source_samples(index * SEGMENT, 44100) for index in (first, last + 1))
        far &= (times < low - CONTEXT) | (times > high + CONTEXT)
        assert not got[:, low : min(high - HOP, len(times))].any()  # nothing old, nothing foreign
    assert np.array_equal(got[:, far], sound[:, far])
    assert far.mean() > 0.6


def test_long_windows_beside_a_gap_stay_what_they_were(held: Array, tiny: SimpleNamespace) -> None:
    """Their windows end with their segment, so a lost neighbour takes no more of them than of short ones."""
    whole = encoded(held, latent=64, gain=20, chunk_frames=SEGMENT)
    long, place = unpacked(whole).side_info.long_windows, Reader(io.BytesIO(whole)).offsets[2]
    assert long[1, 6] and long[3, 0]
    sound, (got, report) = saved(whole)[0], saved(flipped(whole, place + 60))
    assert [(loss.first, loss.last) for loss in report.losses] == [(2, 2)]
    low, high = (source_samples(chunk * SEGMENT, 44100) for chunk in (2, 3))
    assert not got[:, low : high - HOP].any()
    for far in (slice(0, low - CONTEXT), slice(high + CONTEXT, None)):
        assert np.array_equal(got[:, far], sound[:, far])


@pytest.mark.parametrize("model", ["tiny", "tiny-dense", "tiny-time"])
def test_gaps_do_not_click(music: Array, model: str, tiny: SimpleNamespace) -> None:
    tier = {"tiny": 256, "tiny-dense": 40, "tiny-time": 24}[model]
    data = encoded(music[:, : 12 * 44100], model=model, latent=tier, gain=60, chunk_frames=SEGMENT)
    places = Reader(io.BytesIO(data)).offsets
    good = saved(data)[0]
    for number in range(6):
        got, report = saved(flipped(data, places[number] + 30))
        assert [loss.first for loss in report.losses] == [number]
        for border in (2 * number, 2 * number + 2):
            near, around = (slice(max(0, border * 44100 - n), border * 44100 + n) for n in (4410, 44100))
            # A twentieth for what the network makes of the frames at the border without their neighbours.
            assert jumps(got)[near].max(initial=0) <= 1.05 * jumps(good)[around].max(initial=0)


@pytest.mark.parametrize("before", [None, Gap(0)])
@pytest.mark.parametrize("after", [None, Gap(2)])
def test_good_frames_fade_towards_a_gap(before: Gap | None, after: Gap | None) -> None:
    towards = np.cos(np.pi / 2 * (np.arange(HOP) + 0.5) / HOP)
    wanted = np.ones((2, 3 * HOP))
    wanted[:, :HOP] *= towards[::-1] if before else 1
    wanted[:, -HOP:] *= towards if after else 1
    np.testing.assert_allclose(salvage.fade(np.ones((2, 3 * HOP), np.float32), before, after), wanted, atol=1e-6)


def test_another_rate_and_mono(music: Array, tiny: SimpleNamespace) -> None:
    data = encoded(music[:1, :400_000], rate=48000, latent=64, chunk_frames=SEGMENT)
    good, places = saved(data)[0], Reader(io.BytesIO(data)).offsets
    got, report = saved(flipped(data, places[2] + 40))
    assert got.shape == good.shape == (1, 400_000)
    assert lost(report) == [(2, 2, 4.0, 6.0)]
    for part in (slice(0, 3 * 48000 + 24000), slice(6 * 48000 + 24000, None)):
        assert np.allclose(got[:, part], good[:, part], atol=1e-5)


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_a_file_cut_anywhere_is_kept_up_to_the_cut(
    whole: bytes, sound: Array, offsets: dict[int, int], opener: Any
) -> None:
    ends = [*list(offsets.values())[1:], whole.rindex(TRAILER_SYNC)]
    cuts = [ends[0], *(end + more for end in (ends[4], ends[-1]) for more in (-1, 0, 30))]
    for cut in cuts:
        got, report = saved(whole[:cut], opener)
        chunks = sum(end <= cut for end in ends)
        good = max(0, 2 * 44100 * chunks - CONTEXT) if chunks < 13 else sound.shape[1]
        assert got.shape == sound.shape  # the header knows how long the song is
        assert np.array_equal(got[:, :good], sound[:, :good])
        assert lost(report) == ([(chunks, 12, 2.0 * chunks, 25.0)] if chunks < 13 else [])
        assert report.damage == ("the end of the file is missing or damaged",)


def test_every_cut_gives_an_error_or_the_whole_chunks(tiny: SimpleNamespace, music: Array) -> None:
    data = encoded(music[:, :200_000], latent=32, gain=-80, chunk_frames=SEGMENT)
    places = Reader(io.BytesIO(data)).offsets
    for cut in range(0, len(data), 7):
        if cut < places[1]:
            with pytest.raises(FormatError):
                saved(data[:cut])
        else:
            got, report = saved(data[:cut])
            assert got.shape == (2, 200_000) and got[:, :60_000].any()
            assert report.damage


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_of_a_pipe_that_was_cut_the_whole_chunks_are_kept(tiny: SimpleNamespace, music: Array, opener: Any) -> None:
    from codec.audio.source import ArraySource

    class Unknown(ArraySource):
        """A source whose length shows at its end only."""

        @property
        def samples(self) -> None:  # type: ignore[override]
            return None

        @samples.setter
        def samples(self, value: int | None) -> None:
            pass

    out = io.BytesIO()
    encode_into(Unknown(music[:, : 7 * 44100], 44100), out, latent=64, chunk_frames=SEGMENT)
    data = out.getvalue()
    assert Reader(Pipe(data)).samples is None
    places, good = Reader(io.BytesIO(data)).offsets, saved(data)[0]
    got, report = saved(data[: places[3] + 9], opener)
    assert got.shape == (2, 6 * 44100)
    assert np.array_equal(got[:, : 6 * 44100 - CONTEXT], good[:, : 6 * 44100 - CONTEXT])
    assert report.losses == () and "how long it was is not known" in report.damage[0]


def test_start_and_duration(whole: bytes, sound: Array, offsets: dict[int, int]) -> None:
    data = flipped(whole, offsets[1] + 40, offsets[5] + 40, offsets[9] + 40)
    got, report = saved(data, start=9.0, duration=4.0)
    assert got.shape == (2, 4 * 44100)
    assert lost(report) == [(5, 5, 10.0, 12.0)]
    assert not got[:, 44100 : 3 * 44100 - HOP].any()
    assert np.abs(got[:, : 44100 - CONTEXT] - sound[:, 9 * 44100 : 10 * 44100 - CONTEXT]).max() < 1e-6
    got, report = saved(data[: offsets[6]], start=15.0)
    assert got.shape == (2, 10 * 44100) and not got.any()


def test_metadata_and_trailer_are_no_sound(whole: bytes, sound: Array) -> None:
    got, report = saved(flipped(whole, HEADER_SIZE + 1))
    assert np.array_equal(got, sound)
    assert report.losses == () and "tags and cover are lost" in report.damage[0]
    for data in (flipped(whole, len(whole) - 2), flipped(whole, whole.rindex(TRAILER_SYNC)), whole + b"more"):
        got, report = saved(data)
        assert np.array_equal(got, sound)
        assert report.losses == () and len(report.damage) == 1


def test_a_payload_that_cannot_be_unpacked_is_a_lost_chunk(whole: bytes, sound: Array) -> None:
    from formats import Writer

    reader, out = Reader(io.BytesIO(whole)), io.BytesIO()
    writer = Writer(out, reader.header)
    for chunk in reader:
        writer.write(chunk if chunk.index != 3 else type(chunk)(3, chunk.first_frame, chunk.frames, b"\x00nonsense"))
    writer.finish(sound.shape[1])
    with pytest.raises(DamagedError, match=r"chunk 3 is damaged: .* \(0:06\.0 to 0:08\.0\)"):
        decode_into(io.BytesIO(out.getvalue()), Sink())
    got, report = saved(out.getvalue())
    assert lost(report) == [(3, 3, 6.0, 8.0)] and got.shape == sound.shape


def test_nothing_to_salvage(whole: bytes, offsets: dict[int, int]) -> None:
    for data in (whole[: offsets[0]], whole[: offsets[1] - 1], flipped(whole, *(at + 50 for at in offsets.values()))):
        with pytest.raises(DamagedError, match="nothing to salvage"):
            saved(data)
    with pytest.raises(DamagedError, match=r"header is damaged.*nothing can be read"):
        saved(flipped(whole, 20))


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_what_comes_before_too_much_damage_is_kept(
    whole: bytes, sound: Array, offsets: dict[int, int], opener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "FALSE_SYNCS", 20)
    lures = (CHUNK_SYNC + bytes(18)) * 30
    got, report = saved(whole[: offsets[3]] + lures + whole[offsets[3] :], opener)
    assert got.shape == sound.shape
    assert np.array_equal(got[:, : 6 * 44100 - CONTEXT], sound[:, : 6 * 44100 - CONTEXT])
    assert lost(report) == [(3, 12, 6.0, 25.0)]


def test_a_claim_of_years_is_not_filled(
    whole: bytes, sound: Array, offsets: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salvage, "FILL", 5 * 44100)
    got, report = saved(whole[: offsets[3]])
    assert got.shape == (2, 6 * 44100)
    assert lost(report) == [(3, 12, 6.0, 25.0)] and any("left out" in line for line in report.damage)
    got, report = saved(whole[: offsets[2]] + whole[offsets[11] :])
    assert got.shape == (2, 4 * 44100)
    assert lost(report)[0][:2] == (2, 10)
    got, report = saved(whole[: offsets[4]] + whole[offsets[8] :])  # 8 s, after as many that were saved
    assert got.shape == sound.shape


def test_the_command(whole: bytes, offsets: dict[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, target = tmp_path / "bad.aez", tmp_path / "out.wav"
    bad.write_bytes(flipped(whole, offsets[5] + 40))
    assert run(cli, ["decode", str(bad), str(target)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "chunk 5 is damaged" in line and "0:10.0 to 0:12.0" in line and "aez decode --salvage keeps the rest" in line
    assert not target.exists()
    assert run(cli, ["decode", str(bad), str(target), "--salvage", "--quiet"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"aez: warning: {bad}: chunk 5, 0:10.0 to 0:12.0, is lost"
    assert target.exists()
    bad.write_bytes(flipped(whole, HEADER_SIZE + 1)[: offsets[6]])
    assert run(cli, ["decode", str(bad), str(target)]) == 1
    assert "--force" in capsys.readouterr().err
    assert run(cli, ["decode", str(bad), str(target), "--force"]) == 1
    assert "metadata" in capsys.readouterr().err
    assert run(cli, ["decode", str(bad), str(target), "--force", "--salvage", "--quiet"]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 3
    bad.write_bytes(whole[: offsets[6]])
    assert run(cli, ["decode", str(bad), str(target), "--force"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "ends early, after 6 whole chunks (0:12.0)" in line and "--salvage" in line
    bad.write_bytes(whole)
    assert run(cli, ["decode", str(bad), str(target), "--force", "--salvage", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
