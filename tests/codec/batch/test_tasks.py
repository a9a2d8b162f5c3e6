"""What is kept of what is there, and what is made anew: settings, sources, and files that no journal knows."""

import io
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile

from codec.audio.tags.choice import ALL, TagChoice
from codec.batch.jobs import Job
from codec.batch.journal import Entry
from codec.batch.run import Result
from codec.batch.tasks import DecodeTask, EncodeTask, Manners, PeelTask
from codec.pipeline import encode, file_codec
from codec.pipeline.damage import Loss
from codec.pipeline.decode import DecodeReport
from codec.pipeline.plan import DecodePlan, EncodePlan
from codec.pipeline.workers import Engine
from codec.runtime import device
from codec.runtime.device import CPU, CUDA, NUMPY
from formats import Reader
from formats.errors import ModelError, UsageError
from formats.grid import SEGMENT
from tests.support import MODELS
from tests.support.codec import encoded
from tests.support.model_folders import add_decoder, change_card, copied
from training.data.songs import song

pytestmark = pytest.mark.usefixtures("tiny")
RESUME = Manners(resume=True)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine("cpu") as engine:
        yield engine


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.wav", song(3.0, 44100).T, 44100)
    return tmp_path / "a.wav"


@pytest.fixture
def aez(tmp_path: Path) -> Path:
    (tmp_path / "a.aez").write_bytes(encoded(song(3.0, 44100), latent=64, chunk_frames=SEGMENT))
    return tmp_path / "a.aez"


def encoding(**options: Any) -> EncodeTask:
    return EncodeTask(EncodePlan.make(**options), RESUME)


def decoding(subtype: str | None = None, **options: Any) -> DecodeTask:
    return DecodeTask(DecodePlan.make(**options), RESUME, subtype)


def peeling(latent: int, model: str | None = None) -> PeelTask:
    return PeelTask(latent, RESUME, model)


class MadeError(Exception):
    """Something was to be made anew."""


@pytest.fixture
def would_keep(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Tells whether a target is kept, and makes nothing."""

    def made(*arguments: Any, **options: Any) -> None:
        raise MadeError

    def keeps(task: Callable[..., Result], source: Path, target: Path, entry: Entry | None = None) -> bool:
        with monkeypatch.context() as patch:
            for name in ("encode_file", "decode_file", "peel_file"):
                patch.setattr(file_codec, name, made)
            try:
                return done(task, source, target, engine, entry).kept
            except MadeError:
                return False

    return keeps


def done(task: Callable[..., Result], source: Path, target: Path, engine: Engine, entry: Entry | None = None) -> Result:
    return task(Job(source, target, entry), engine)


DEVICES = ["auto", "cpu", "cuda", "cuda:1"]

ENCODES = [
    encoding,
    lambda: encoding(latent=64),
    lambda: encoding(latent=64, gain=3),
    lambda: encoding(bitrate=48),
    lambda: encoding(bitrate=50),
    lambda: encoding(coder="zstd"),
    lambda: encoding(coder="range"),
    lambda: encoding(chunk_frames=SEGMENT),
    lambda: encoding(model="tiny-dense"),
    lambda: encoding(tags=TagChoice(keep_tags=False)),
    lambda: encoding(tags=ALL),
    lambda: replace(encoding(), downmix=True),
]


def test_the_journal_tells_encodings_apart(wav, tmp_path, engine, would_keep):
    for number, make in enumerate(ENCODES):
        target = tmp_path / f"{number}.aez"
        entry = done(make(), wav, target, engine).entry
        kept = [other for other, task in enumerate(ENCODES) if would_keep(task(), wav, target, entry)]
        assert kept == [number]


DECODES = [
    decoding,
    lambda: decoding(start=1.0),
    lambda: decoding(start=2.0),
    lambda: decoding(duration=1.0),
    lambda: decoding(duration=3.0),
    lambda: decoding(salvage=True),
    lambda: decoding("24"),
    lambda: decoding("float"),
    lambda: decoding(tags=TagChoice.make(tags={"title": "T"})),
    lambda: decoding(rate=22050),
    lambda: decoding(rate=16000),
    lambda: replace(decoding(), bitrate=64),
    lambda: replace(decoding(), bitrate=128),
]


def test_a_device_that_was_named_keeps_only_what_it_made(wav, tmp_path, engine, would_keep):
    """A GPU may give other bytes, which are as good: who names none keeps both."""
    target = tmp_path / "a.aez"
    entry = done(encoding(), wav, target, engine).entry
    assert entry.provider == CPU
    for made_by, kept_by in ((CPU, ["auto", "cpu"]), (CUDA, ["auto", "cuda", "cuda:1"]), ("", DEVICES)):
        made = replace(entry, provider=made_by)
        tasks = {name: replace(encoding(), manners=replace(RESUME, device=name)) for name in DEVICES}
        assert [name for name, task in tasks.items() if would_keep(task, wav, target, made)] == kept_by


def test_where_numpy_runs_networks_the_cpu_keeps_what_it_made(wav, tmp_path, engine, would_keep, monkeypatch):
    target = tmp_path / "a.aez"
    entry = done(encoding(), wav, target, engine).entry
    monkeypatch.setattr(device, "onnxruntime_found", lambda: False)
    cpu = replace(encoding(), manners=replace(RESUME, device="cpu"))
    assert would_keep(cpu, wav, target, replace(entry, provider=NUMPY))
    assert not would_keep(cpu, wav, target, entry)


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_the_journal_tells_decodings_apart(aez, tmp_path, engine, would_keep, kind):
    made = [make() for make in DECODES if (make().bitrate if kind == "wav" else make().subtype) is None]
    for number, first in enumerate(made):
        target = tmp_path / f"{number}.{kind}"
        entry = done(first, aez, target, engine).entry
        kept = [other for other, task in enumerate(made) if would_keep(task, aez, target, entry)]
        assert kept == [number]


def test_another_format_is_another_decoding(aez, tmp_path, engine):
    entry = done(decoding(), aez, tmp_path / "out.wav", engine).entry
    (tmp_path / "out.flac").write_bytes((tmp_path / "out.wav").read_bytes())
    assert not done(decoding(), aez, tmp_path / "out.flac", engine, entry).kept


def test_another_decoder_is_another_decoding(aez, tmp_path, engine, would_keep):
    folder, target = copied("tiny", tmp_path), tmp_path / "out.wav"
    add_decoder(folder, "other")
    model = str(folder)
    entry = done(decoding(), aez, target, engine).entry
    assert would_keep(decoding(model=model), aez, target, entry)  # the same decoder, wherever it lies
    assert would_keep(decoding(model=model, decoder="standard"), aez, target, entry)
    assert not would_keep(decoding(model=model, decoder="other"), aez, target, entry)
    change_card(folder, lambda card: card.update(decoder="other"))
    assert not would_keep(decoding(model=model), aez, target, entry)
    with pytest.raises(ModelError, match="no decoder 'none'"):
        done(decoding(decoder="none"), aez, target, engine, entry)


def test_the_journal_tells_tiers_of_peeling_apart(aez, tmp_path, engine):
    target = tmp_path / "out.aez"
    entry = done(peeling(32), aez, target, engine).entry
    assert done(peeling(32), aez, target, engine, entry).kept
    assert not done(peeling(64), aez, target, engine, entry).kept
    assert not done(replace(peeling(32), tags=TagChoice(keep_pictures=False)), aez, target, engine, entry).kept


def test_what_a_target_cannot_hold_is_told(tmp_path, engine):
    source = tmp_path / "a.aez"
    source.write_bytes(encoded(song(1.0, 44100), latent=32, tags=TagChoice.make(tags={"clé": "x"})))
    told = (f"{source}: left out: the tag CLé, a name that Vorbis comments cannot have",)
    assert done(decoding(), source, tmp_path / "a.flac", engine).warnings == told
    assert done(decoding(), source, tmp_path / "a.mp3", engine).warnings == ()


@pytest.mark.parametrize("name", ["encode", "decode", "peel"])
def test_without_resume_the_journal_keeps_nothing(wav, aez, tmp_path, engine, name):
    task, source, target = {
        "encode": (encoding(), wav, tmp_path / "out.aez"),
        "decode": (decoding(), aez, tmp_path / "out.wav"),
        "peel": (peeling(32), aez, tmp_path / "out.aez"),
    }[name]
    entry = done(task, source, target, engine).entry
    assert done(task, source, target, engine, entry).kept
    with pytest.raises(UsageError, match="exists already"):
        done(replace(task, manners=Manners()), source, target, engine, entry)
    assert not done(replace(task, manners=Manners(force=True)), source, target, engine, entry).kept


def test_a_source_that_changes_while_it_is_read_is_another_one(wav, tmp_path, engine, monkeypatch):
    plain = encode.encode

    def changing(*arguments: Any, **options: Any) -> Any:
        report = plain(*arguments, **options)
        os.utime(wav)
        return report

    monkeypatch.setattr(encode, "encode", changing)
    entry = done(encoding(), wav, tmp_path / "out.aez", engine).entry
    assert not done(encoding(), wav, tmp_path / "out.aez", engine, entry).kept


def test_what_was_salvaged_with_losses_is_never_kept(aez, tmp_path, engine):
    data = bytearray(aez.read_bytes())
    data[Reader(io.BytesIO(data)).offsets[1] + 60] ^= 1
    aez.write_bytes(data)
    entry = None
    for _ in range(2):
        result = done(decoding(salvage=True), aez, tmp_path / "out.wav", engine, entry)
        entry = result.entry
        assert result.damaged and not result.kept and entry is not None and entry.damaged
        assert any("is lost" in line for line in result.warnings)


def test_one_loss_and_several_are_told_in_good_english():
    losses = (Loss(0, 0, 0.0, 2.0), Loss(2, 3, 4.0, 8.0))
    report = DecodeReport(44100, 2, 1, 0, "tiny", "standard", "cpu", losses)
    assert report.damage_lines == ("chunk 0, 0:00.0 to 0:02.0, is lost", "chunks 2 to 3, 0:04.0 to 0:08.0, are lost")


# What is not in the journal


@pytest.mark.parametrize("make", [encoding, lambda: peeling(32), decoding], ids=["encode", "peel", "decode"])
def test_a_target_that_is_not_in_the_journal_is_made_anew(wav, aez, tmp_path, engine, make):
    """Its header may look alike and be of another song."""
    task = make()
    source, target = (wav if isinstance(task, EncodeTask) else aez), tmp_path / "out"
    target = target.with_suffix(".wav" if isinstance(task, DecodeTask) else ".aez")
    done(task, source, target, engine)
    os.utime(target, (2e9, 2e9))
    whole = target.read_bytes()
    assert not done(task, source, target, engine).kept
    assert target.read_bytes() == whole


# Sent to other machines


@pytest.mark.parametrize("model", ["tiny", str(MODELS / "tiny-dense")])
def test_a_task_can_be_sent_away(model):
    for task in (encoding(model=model, bitrate=24), encoding(model=model, gain=3, coder="zstd"),
                 decoding("24", start=1.0, model=model), peeling(32, model)):  # fmt: skip
        data = pickle.dumps(task)
        assert len(data) < 2000
        assert pickle.loads(data) == task


def test_a_machine_with_another_model_says_so(tmp_path, monkeypatch):
    folder = copied("tiny", tmp_path)
    monkeypatch.setenv("AEZ_MODELS", str(folder.parent))
    data = pickle.dumps(encoding(model=folder.name))
    change_card(folder, lambda card: card["encoder"].update(sha256="0" * 64))
    with pytest.raises(ModelError, match="is not the one that started the run"):
        pickle.loads(data)


def test_the_journal_describes_the_file_that_was_made_and_not_one_that_replaced_it(
    aez: Path, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run in the same folder may put its own file there as soon as ours has its name."""
    decode_file = file_codec.decode_file
    job = Job(aez, tmp_path / "out" / "a.wav")
    job.target.parent.mkdir()

    def replaced(*arguments: Any, **named: Any) -> Any:
        report = decode_file(*arguments, **named)
        decode_file(aez, job.target, DecodePlan.make(start=1), force=True, engine=engine)
        return report

    monkeypatch.setattr(file_codec, "decode_file", replaced)
    entry = decoding()(job, engine).entry
    monkeypatch.undo()
    assert entry is not None
    assert not decoding()(job._replace(entry=entry), engine).kept
    assert soundfile.info(str(job.target)).duration == pytest.approx(3.0)
