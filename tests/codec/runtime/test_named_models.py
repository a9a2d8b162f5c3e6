"""The models of a page's songs: what was named comes before what is installed, and what nobody named does not run."""

from types import SimpleNamespace

import pytest

from codec.runtime import models
from codec.runtime.models import MissingModelError, by_name
from codec.runtime.named_models import NamedModels
from formats.errors import ModelError
from tests.support.model_folders import copied, one_line


def test_what_was_named_comes_first_and_runs(own: SimpleNamespace, tmp_path) -> None:
    other = copied("tiny", tmp_path)  # of the bitstream of the default model
    known = NamedModels([str(own.folder), str(other)])
    bitstream, default = bytes.fromhex(own.bitstream), by_name()
    assert known.of(bitstream).folder == own.folder == known.first.folder
    assert known.of(default.id).folder == other
    assert (known.named(bitstream), known.named(default.id)) == (str(own.folder), str(other))
    assert [model.folder for model in known.at_hand] == [own.folder, other]
    assert NamedModels().of(default.id).folder == default.folder and NamedModels().named(default.id) is None
    assert [model.id for model in NamedModels().at_hand] == [default.id]
    with pytest.raises(ModelError, match="no model 'nothing'"):
        NamedModels(["nothing"])
    (other / "decoders" / "standard" / "noise.npy").unlink()
    with pytest.raises(ModelError, match="'tiny' lacks"):
        NamedModels([str(other)])


def test_what_nobody_named_is_not_run_where_it_lies(own: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    bitstream = bytes.fromhex(own.bitstream)
    with pytest.raises(MissingModelError, match=own.bitstream):
        NamedModels().of(bitstream)
    monkeypatch.setattr(models, "shipped_folders", lambda: [own.folder.parent])  # as in a clone's models
    with pytest.raises(MissingModelError, match=f"{own.bitstream}.*'mine' is one, and runs if it is named") as raised:
        NamedModels().of(bitstream)
    one_line(raised.value)
    assert NamedModels(["mine"]).of(bitstream).folder == own.folder
