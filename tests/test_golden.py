"""Golden files of every shipped model decode for ever: the same integers, and the same audio closely."""

import io
import json
import struct
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

from codec.cli.main import cli
from codec.cli.terminal import run
from codec.inspection.verify import Verifier
from codec.pipeline.decode import decode
from codec.pipeline.payload import unpack
from codec.runtime.models import Model
from formats import Reader
from formats.container.layout import HEADER_SIZE, VERSION
from formats.errors import ModelError, VersionError
from formats.payload.side_info import SideInfo
from tests.support.codec import Sink
from tests.support.pipeline_files import rewritten
from training.ship import golden

FILES = sorted(golden.GOLDEN.glob("*.aez"))
MODELS = golden.shipped()
MISSING = "there is no golden file of this model: python -m training golden"


def facts(file: Path) -> dict[str, str]:
    return dict(json.loads(file.with_suffix(".json").read_text()))


def model_of(file: Path) -> Model:
    return Model(golden.MODELS / facts(file)["model"])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_shipped_model_has_files_of_its_bitstream_and_decoders(model: Model) -> None:
    for coder in golden.SOURCES:
        stem = golden.GOLDEN / f"{model.name}-{coder}"
        assert stem.with_suffix(".aez").exists(), MISSING
        assert facts(stem.with_suffix(".aez"))["bitstream"] == model.id.hex(), MISSING
        for decoder in model.decoder_names:
            assert Path(f"{stem}-{decoder}.npy").exists(), MISSING


def test_no_file_is_left_of_a_model_or_decoder_that_is_gone() -> None:
    stems = [f"{model.name}-{coder}" for model in MODELS for coder in golden.SOURCES]
    expected = {f"{stem}{suffix}" for stem in stems for suffix in (".aez", ".json")}
    for model in MODELS:
        expected |= {f"{model.name}-{coder}-{name}.npy" for coder in golden.SOURCES for name in model.decoder_names}
    assert {path.name for path in golden.GOLDEN.iterdir()} == expected


def test_every_kind_of_side_information_occurs() -> None:
    seen = set()
    for file in FILES:
        reader = Reader(io.BytesIO(file.read_bytes()))
        for chunk in reader:
            side_info = unpack(reader.header, chunk, model_of(file)).side_info
            seen |= {name for name, value in side_info._asdict().items() if value.any()}
    assert seen == set(SideInfo._fields)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_integers_are_the_same(file: Path) -> None:
    data, model = file.read_bytes(), model_of(file)
    reader = Reader(io.BytesIO(data))
    assert struct.unpack_from("<H", data, 8)[0] == facts(file)["format_version"] == VERSION
    assert reader.header.bitstream.hex() == facts(file)["bitstream"] == model.id.hex()
    assert reader.metadata.tags == {"TITLE": ("golden",)}
    assert golden.digest(data, model) == facts(file)["integers_sha256"]
    assert Verifier(str(model.folder)).check(io.BytesIO(data)).good


@pytest.mark.parametrize(
    ("file", "decoder"),
    [(file, decoder) for file in FILES for decoder in model_of(file).decoder_names],
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_audio_is_the_same_within_the_tolerance(file: Path, decoder: str) -> None:
    kept = np.load(file.with_name(f"{file.stem}-{decoder}.npy"), allow_pickle=False)
    want = kept.astype(np.float32) / golden.SCALE
    got = golden.audio(file.read_bytes(), model_of(file), decoder)
    assert got.shape == want.shape == (want.shape[0], -(-int(facts(file)["samples"]) // golden.STRIDE))
    assert np.abs(want).max() > 0.1
    assert np.abs(got - want).max() <= golden.TOLERANCE


def newer_version(data: bytes) -> bytes:
    """The file with the next version number, and the header's checksum right."""
    head = data[:8] + struct.pack("<H", VERSION + 1) + data[10 : HEADER_SIZE - 4]
    return head + struct.pack("<I", google_crc32c.value(head)) + data[HEADER_SIZE:]


def test_newer_versions_and_unknown_models_say_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = FILES[0].read_bytes()
    newer, unknown = newer_version(data), rewritten(data, bitstream=bytes(range(8)))
    with pytest.raises(VersionError):
        decode(io.BytesIO(newer), Sink())
    with pytest.raises(ModelError):
        decode(io.BytesIO(unknown), Sink())
    words = {"newer": "a newer aez is needed", "unknown": "the file needs a model of bitstream 0001020304050607"}
    for name, content in {"newer": newer, "unknown": unknown}.items():
        file = tmp_path / f"{name}.aez"
        file.write_bytes(content)
        for command in (["decode"], ["decode", "--salvage"], ["verify"]):
            target = [] if command == ["verify"] else [str(tmp_path / "out.wav")]
            assert run(cli, [*command, str(file), *target]) == 1
            assert words[name] in "".join(capsys.readouterr())
        assert not (tmp_path / "out.wav").exists()
