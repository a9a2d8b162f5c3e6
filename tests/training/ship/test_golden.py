"""Writing golden files: once, for each decoder, and anew only where that is asked for."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codec.pipeline.payload import unpack
from codec.runtime.models import Model
from formats import Reader, Writer
from formats.payload.chunk import encode_payload
from tests.support import MODELS
from tests.support.model_folders import add_decoder, copied
from training.ship import golden


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return Model(copied("tiny", tmp_path / "models"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "golden").mkdir()
    return tmp_path / "golden"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_golden_files_are_written_once(model: Model, target: Path) -> None:
    names = golden.write(model, "range", target)
    assert sorted(names) == ["tiny-range-standard.npy", "tiny-range.aez", "tiny-range.json"]
    before = contents(target)
    assert set(before) == set(names)
    assert golden.write(model, "range", target) == []
    assert contents(target) == before


def test_a_new_decoder_gets_its_audio_and_changes_nothing_else(model: Model, target: Path) -> None:
    golden.write(model, "zstd", target)
    before = contents(target)
    add_decoder(model.folder, "other")
    assert golden.write(Model(model.folder), "zstd", target) == ["tiny-zstd-other.npy"]
    after = contents(target)
    other = after.pop("tiny-zstd-other.npy")
    assert after == before and other != before["tiny-zstd-standard.npy"]


def test_another_bitstream_is_written_only_if_that_is_asked_for(model: Model, target: Path) -> None:
    golden.write(model, "zstd", target)
    add_decoder(model.folder, "other")
    golden.write(Model(model.folder), "zstd", target)
    before = contents(target)
    copied("tiny-dense", target.parent / "plain")
    (target.parent / "plain" / "tiny-dense").rename(target.parent / "plain" / "tiny")
    changed = Model(target.parent / "plain" / "tiny")
    with pytest.raises(SystemExit, match="another bitstream"):
        golden.write(changed, "zstd", target)
    assert contents(target) == before
    names = golden.write(changed, "zstd", target, replace=True)
    assert set(contents(target)) == set(names) == {"tiny-zstd.aez", "tiny-zstd.json", "tiny-zstd-standard.npy"}
    assert json.loads((target / "tiny-zstd.json").read_text())["bitstream"] == changed.id.hex()


@pytest.mark.parametrize("changed", ["hyper", "indices", "silence", "gain_control", "rotation", "long_windows"])
def test_one_changed_integer_changes_the_digest(changed: str, target: Path) -> None:
    model = Model(MODELS / "tiny")
    golden.write(model, "range", target)
    data, out = (target / "tiny-range.aez").read_bytes(), io.BytesIO()
    known = json.loads((target / "tiny-range.json").read_text())["integers_sha256"]
    reader = Reader(io.BytesIO(data))
    header, writer = reader.header, Writer(out, reader.header, reader.metadata)
    for chunk in reader:
        latents = unpack(header, chunk, model)
        if chunk.index == 0:
            side_info = latents.side_info
            if changed == "hyper":
                latents = replace(latents, hyper=latents.hyper ^ (np.arange(48) == 40), ranked=None)
            elif changed == "indices":
                latents = replace(latents, indices=latents.indices + (np.arange(latents.indices.shape[1]) == 0))
            elif changed == "silence":
                side_info = side_info._replace(silence=side_info.silence + np.array([0, 1]))
            elif changed == "gain_control":
                side_info = side_info._replace(gain_control=np.array([[5, 9, 1], *side_info.gain_control.tolist()]))
            elif changed == "rotation":
                side_info = side_info._replace(rotation=side_info.rotation ^ (np.arange(24) == 3).astype(np.uint8))
            else:
                side_info = side_info._replace(long_windows=side_info.long_windows ^ (np.arange(7) == 2))
            latents = replace(latents, side_info=side_info)
        payload = encode_payload(latents, header.gain, header.coder, model.tables)
        writer.write(replace(chunk, payload=payload))
    writer.finish(reader.samples or 0)
    assert golden.digest(data, model) == known
    assert golden.digest(out.getvalue(), model) != known
