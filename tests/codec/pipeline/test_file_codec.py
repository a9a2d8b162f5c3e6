"""From file to file: what library, batches and commands share."""

import io
from pathlib import Path
from types import SimpleNamespace

import aez
import numpy as np
import pytest
import soundfile

from codec.audio.tags.read import read_tags
from codec.pipeline.file_codec import decode_file, encode_file, peel_file
from codec.pipeline.plan import DecodePlan, EncodePlan
from formats import Metadata, Picture, Reader
from formats.container.layout import HEADER_SIZE
from formats.errors import AudioError, FormatError, UsageError
from formats.grid import SEGMENT
from tests.support.codec import Array, encode_into
from tests.support.pipeline_files import Pipe

RATE = 44100

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture
def song(tmp_path: Path, music: Array) -> Path:
    path = tmp_path / "song.flac"
    soundfile.write(path, music[:, : 3 * RATE].T, RATE)
    return path


@pytest.fixture
def coded(song: Path) -> Path:
    target = song.with_suffix(".aez")
    encode_file(song, target, EncodePlan.make(latent=32, chunk_frames=SEGMENT))
    return target


def plan() -> EncodePlan:
    return EncodePlan.make(latent=32, chunk_frames=SEGMENT)


def others(folder: Path, *known: Path) -> set[Path]:
    return set(folder.iterdir()) - set(known)


def test_paths_and_file_objects_give_the_same_bytes(song: Path, coded: Path, tmp_path: Path) -> None:
    out = io.BytesIO()
    report = encode_file(Pipe(song.read_bytes()), out, plan(), name="standard input")  # type: ignore[arg-type]
    assert out.getvalue() == coded.read_bytes()
    assert (report.samples, report.coded_bytes) == (3 * RATE, len(out.getvalue()))
    wave, target = io.BytesIO(), tmp_path / "back.wav"
    decode_file(coded, target)
    decode_file(io.BytesIO(coded.read_bytes()), wave, kind="wav")
    assert wave.getvalue() == target.read_bytes()
    peeled, small = io.BytesIO(), tmp_path / "small.aez"
    peel_file(io.BytesIO(coded.read_bytes()), peeled, 32)
    peel_file(coded, small, 32)
    assert peeled.getvalue() == small.read_bytes() == coded.read_bytes()


def test_an_unreadable_pipe_is_called_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(AudioError) as error:
        encode_file(io.BytesIO(b"no music at all"), io.BytesIO(), plan(), name="standard input")
    assert "standard input" in str(error.value)
    assert str(tmp_path.parent) not in str(error.value)


def test_progress_may_stop_a_job_until_the_very_end(song: Path, coded: Path, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop_at_the_end(fraction: float | None) -> None:
        seen.append(fraction)
        if len(seen) == calls:
            raise StoppedError

    for job, source, target in (
        (lambda s, t, p: encode_file(s, t, plan(), progress=p), song, tmp_path / "new.aez"),
        (lambda s, t, p: decode_file(s, t, progress=p), coded, tmp_path / "new.wav"),
    ):
        seen: list[float | None] = []
        calls = -1
        job(source, target, stop_at_the_end)
        target.unlink()
        before, calls = set(tmp_path.iterdir()), len(seen)
        assert seen[-1] == 1.0
        seen.clear()
        with pytest.raises(StoppedError):
            job(source, target, stop_at_the_end)
        assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("part", ["tags", "pictures"])
def test_damaged_metadata_do_not_stand_in_the_way_of_a_salvage(tmp_path: Path, music: Array, part: str) -> None:
    from codec.audio.source import ArraySource

    out = io.BytesIO()
    metadata = Metadata({"TITLE": ("Ode",)}, (Picture(b"an image", "image/png"),))
    encode_into(ArraySource(music[:, :RATE], RATE, metadata), out, latent=32)
    raw = bytearray(out.getvalue())
    raw[HEADER_SIZE + 12 if part == "tags" else raw.index(b"an image")] ^= 1
    bad, target = tmp_path / "bad.aez", tmp_path / "out.wav"
    bad.write_bytes(bytes(raw))
    with pytest.raises(FormatError):
        aez.decode_file(bad, target)
    assert not target.exists()
    report = aez.decode_file(bad, target, salvage=True)
    assert report.damaged and report.losses == ()
    assert report.damage[0].endswith({"tags": "tags and cover are lost", "pictures": "the pictures are lost"}[part])
    assert soundfile.info(target).frames == RATE
    assert read_tags(target).metadata.text("TITLE") == ("Ode" if part == "pictures" else "")
    samples, _ = aez.decode(bytes(raw), salvage=True)
    assert samples.shape == (2, RATE)


@pytest.mark.parametrize(("start", "duration"), [(0, 60_000.0), (1, 1e8), (2.5, None), (5, 60_000.0)])
def test_a_long_duration_of_a_short_file_is_a_plain_wav(coded: Path, start: float, duration: float | None) -> None:
    target = coded.with_name("part.wav")
    decode_file(coded, target, DecodePlan.make(start=start, duration=duration))
    assert target.read_bytes()[:4] == b"RIFF"
    assert soundfile.info(target).frames == max(0, round((3 - start) * RATE))


def test_a_pipe_of_unknown_length_is_a_plain_wav(music: Array, tmp_path: Path) -> None:
    from codec.audio.source import ArraySource

    source, out = ArraySource(music[:, : 3 * RATE], RATE), io.BytesIO()
    source.samples = source.expected = None
    encode_into(source, out, latent=32)
    assert Reader(Pipe(out.getvalue())).samples is None  # type: ignore[arg-type]
    target = tmp_path / "part.wav"
    decode_file(Pipe(out.getvalue()), target, DecodePlan.make(duration=60_000.0))  # type: ignore[arg-type]
    assert target.read_bytes()[:4] == b"RIFF"
    assert soundfile.info(target).frames == 3 * RATE


def test_targets_are_refused_before_any_work(song: Path, coded: Path, tmp_path: Path) -> None:
    before = coded.read_bytes()
    for job in (
        lambda: encode_file(song, coded, plan()),
        lambda: decode_file(coded, song),
        lambda: peel_file(coded, coded, 32, force=True),
        lambda: encode_file(song, tmp_path / "nowhere" / "a.aez", plan()),
        lambda: decode_file(coded, tmp_path),
    ):
        with pytest.raises(UsageError) as error:
            job()
        assert "--" not in str(error.value)
    with pytest.raises(AudioError):
        decode_file(coded, tmp_path / "song.xyz")
    assert coded.read_bytes() == before
    assert others(tmp_path, song, coded) == set()


def test_a_cut_source_is_encoded_only_if_that_is_accepted(tmp_path: Path, music: Array) -> None:
    whole, cut = tmp_path / "whole.wav", tmp_path / "cut.wav"
    soundfile.write(whole, music[:, :RATE].T, RATE)
    cut.write_bytes(whole.read_bytes()[:-4000])
    for encode in (
        lambda: encode_file(cut, tmp_path / "cut.aez", plan()),
        lambda: encode_file(io.BytesIO(cut.read_bytes()), tmp_path / "cut.aez", plan()),
        lambda: aez.encode_file(cut, tmp_path / "cut.aez", model="tiny", device="cpu"),
    ):
        with pytest.raises(aez.CutError, match=r"is cut: .* bytes of audio are there$"):
            encode()
        assert not (tmp_path / "cut.aez").exists()
    report = aez.encode_file(cut, tmp_path / "cut.aez", model="tiny", device="cpu", accept_cut=True)
    assert len(report.lost) == 1 and "is cut" in report.lost[0]
    assert encode_file(whole, tmp_path / "whole.aez", plan()).lost == ()


def test_the_library_is_the_same_road(song: Path, coded: Path, tmp_path: Path) -> None:
    target = tmp_path / "again.aez"
    report = aez.encode_file(song, target, latent=32, chunk_frames=SEGMENT, device="cpu")
    assert target.read_bytes() == coded.read_bytes()
    assert report.model == "tiny"
    assert aez.decode_file(target, tmp_path / "a.flac", subtype="24", device="cpu").decoder == "standard"
    assert soundfile.info(tmp_path / "a.flac").subtype == "PCM_24"
    aez.peel_file(target, tmp_path / "peeled.aez", 32)
    assert aez.peel(target.read_bytes(), 32) == (tmp_path / "peeled.aez").read_bytes()


def test_a_seek_into_a_file_reads_the_right_samples(coded: Path, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.wav", tmp_path / "part.wav"
    decode_file(coded, whole, subtype="float")
    decode_file(coded, part, DecodePlan.make(start=1.0, duration=0.5), subtype="float")
    a, b = (soundfile.read(path, dtype="float32")[0] for path in (whole, part))
    np.testing.assert_allclose(b, a[RATE : RATE + RATE // 2], atol=1e-6)


def test_an_engine_may_serve_several_files(tiny: SimpleNamespace, song: Path, tmp_path: Path) -> None:
    from codec.pipeline.workers import Engine

    with Engine("cpu") as engine:
        for number in range(3):
            encode_file(song, tmp_path / f"{number}.aez", plan(), engine=engine)
            decode_file(tmp_path / f"{number}.aez", tmp_path / f"{number}.wav", engine=engine)
        assert len(engine.sessions._sessions) == 2
    assert len({(tmp_path / f"{number}.wav").read_bytes() for number in range(3)}) == 1
