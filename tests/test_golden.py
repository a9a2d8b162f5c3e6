"""Files of every format version and shipped model decode for ever: the same integers, and the same audio closely."""

import io
import json
import struct
from pathlib import Path
from types import SimpleNamespace

import google_crc32c
import numpy as np
import pytest

from codec.cli.main import cli
from codec.cli.terminal import run
from codec.inspection.verify import Verifier
from codec.pipeline import decode as decoding
from codec.runtime import models
from formats import Reader
from formats.container.layout import VERSION
from formats.errors import ModelError, VersionError
from tests.support.codec import Sink
from training.ship import golden

FILES = sorted(golden.GOLDEN.glob("*.aez"))
MISSING = "there is no golden file of this model: python -m training golden"


def facts(file: Path) -> dict[str, str]:
    return dict(json.loads(file.with_suffix(".json").read_text()))


def model(file: Path) -> models.Model:
    return models.Model(golden.ROOT / "models" / facts(file)["model"])


def test_every_format_version_has_files() -> None:
    assert {int(facts(file)["format_version"]) for file in FILES} == set(range(1, VERSION + 1))


@pytest.mark.parametrize("folder", golden.shipped(), ids=lambda folder: folder.name)
def test_every_shipped_model_has_files_of_its_id(folder: Path) -> None:
    known = {(facts(file)["model_id"], file.stem.rsplit("-", 1)[1]) for file in FILES}
    assert {(models.Model(folder).id.hex(), coder) for coder in golden.SOURCES} <= known, MISSING


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_integers_are_the_same(file: Path) -> None:
    data = file.read_bytes()
    reader = Reader(io.BytesIO(data))
    assert struct.unpack_from("<H", data, 8)[0] == facts(file)["format_version"]
    assert reader.header.model.hex() == facts(file)["model_id"] == model(file).id.hex()
    assert reader.metadata.tags == {"title": "golden"}
    assert golden.integers(data, model(file)) == facts(file)["integers_sha256"]
    assert Verifier(str(model(file).folder)).check(io.BytesIO(data)).good


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_audio_is_the_same_within_the_tolerance(file: Path) -> None:
    want = np.load(file.with_suffix(".npy")).astype(np.float32) / 16384
    got = golden.audio(file.read_bytes(), model(file))
    assert got.shape == want.shape == (want.shape[0], -(-int(facts(file)["samples"]) // golden.STRIDE))
    assert np.abs(want).max() > 0.1
    assert np.abs(got - want).max() <= golden.TOLERANCE


def test_golden_files_are_written_once(tiny: SimpleNamespace, tmp_path: Path) -> None:
    tiny_model = models.Model(tiny.folder)
    assert golden.make(tiny_model, "range", tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.suffix for path in before} == {".aez", ".npy", ".json"}
    assert not golden.make(tiny_model, "range", tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_one_changed_integer_changes_the_digest(tiny: SimpleNamespace, tmp_path: Path) -> None:
    from dataclasses import replace

    from codec.pipeline.payload import unpack
    from formats import Writer
    from formats.payload.chunk import encode_payload

    tiny_model = models.Model(tiny.folder)
    golden.make(tiny_model, "zstd", tmp_path)
    (file,) = tmp_path.glob("*.aez")
    data, out = file.read_bytes(), io.BytesIO()
    reader = Reader(io.BytesIO(data))
    writer = Writer(out, reader.header, reader.metadata)
    for chunk in reader:
        latents = unpack(reader.header, chunk, tiny_model)
        main = latents.main.copy()
        main[0, 0] += chunk.index == 1
        header = reader.header
        payload = encode_payload(replace(latents, main=main), header.gain, header.coder, tiny_model.integers)
        writer.write(replace(chunk, payload=payload))
    writer.finish(reader.samples or 0)
    assert golden.integers(data, tiny_model) == facts(file)["integers_sha256"]
    assert golden.integers(out.getvalue(), tiny_model) != facts(file)["integers_sha256"]


def resealed(data: bytes, at: int, new: bytes) -> bytes:
    """The file with bytes of its header changed, and the header's checksum right."""
    head = data[:at] + new + data[at + len(new) : 45]
    return head + struct.pack("<I", google_crc32c.value(head)) + data[49:]


def test_newer_versions_and_unknown_models_say_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = FILES[0].read_bytes()
    newer, unknown = resealed(data, 8, struct.pack("<H", VERSION + 1)), resealed(data, 24, bytes(range(8)))
    with pytest.raises(VersionError):
        decoding.decode(io.BytesIO(newer), Sink())
    with pytest.raises(ModelError):
        decoding.decode(io.BytesIO(unknown), Sink())
    words = {"newer": "a newer aez is needed", "unknown": "the file needs model 0001020304050607"}
    for name, content in {"newer": newer, "unknown": unknown}.items():
        file = tmp_path / f"{name}.aez"
        file.write_bytes(content)
        for command in (["decode"], ["decode", "--salvage"], ["verify"]):
            target = [] if command == ["verify"] else [str(tmp_path / "out.wav")]
            assert run(cli, [*command, str(file), *target]) == 1
            assert words[name] in "".join(capsys.readouterr())
        assert not (tmp_path / "out.wav").exists()
