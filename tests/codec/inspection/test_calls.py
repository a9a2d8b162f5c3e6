"""The library's calls that look into files."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from codec.inspection.calls import info, verify
from codec.inspection.info import describe
from codec.inspection.verify import Verifier
from formats.errors import FormatError, ModelError
from tests.support.codec import Array, encoded
from tests.support.container_files import Pipe


@pytest.fixture(scope="module")
def data(tiny: SimpleNamespace, music: Array) -> bytes:
    return encoded(music[:, :50_000], latent=64)


def test_paths_and_file_objects_give_the_same(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.aez"
    path.write_bytes(data)
    for source in (path, str(path)):
        assert info(source) == info(io.BytesIO(data)) == describe(io.BytesIO(data))
        assert verify(source) == verify(io.BytesIO(data)) == Verifier().check(io.BytesIO(data))
    assert verify(Pipe(data)).good  # type: ignore[arg-type]


def test_damage(data: bytes, tmp_path: Path) -> None:
    cut = io.BytesIO(data[:-20])
    assert info(cut).damage is not None
    cut.seek(0)
    assert not verify(cut).good
    assert not verify(io.BytesIO(b"text")).good
    with pytest.raises(FormatError):
        info(io.BytesIO(b"text"))
    for call in (info, verify):
        with pytest.raises(FileNotFoundError):
            call(tmp_path / "none.aez")


def test_a_model_can_be_named(data: bytes, tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    from codec.runtime import models

    monkeypatch.setattr(models, "folders", list)
    assert info(io.BytesIO(data)).model is None and not verify(io.BytesIO(data)).good
    folder = str(tiny.folder)
    assert info(io.BytesIO(data), model=folder).model == "tiny" and verify(io.BytesIO(data), model=folder).good
    with pytest.raises(ModelError):
        info(io.BytesIO(data), model=str(tiny.folder.parent / "tiny-dense"))
