"""Where models are looked for, that they are what their cards say, and their decoders."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codec.runtime import models
from codec.runtime.models import Model
from formats.errors import ModelError
from formats.model.plain_tables import PlainTables
from formats.model.tables import Tables
from tests.support import MODELS
from tests.support.codec import decoded, encoded
from tests.support.model_folders import add_decoder, change_card, copied, flip, npy, one_line

SOUND = np.zeros((1, 2000), np.float32)
PARTS = ("encoder.onnx", "decoders/standard/decoder.onnx", "decoders/standard/noise.npy", "tables.npz", "model.json")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny model, the only one that is installed, and the default."""
    folder = copied("tiny", tmp_path / "models")
    monkeypatch.setattr(models, "folders", lambda: [folder.parent])
    monkeypatch.setattr(models, "DEFAULT", "tiny")
    return folder


def use(folder: Path) -> None:
    """Everything that encoding and decoding take from a model."""
    model = Model(folder)
    assert model.tables and model.encoder and model.decoder()


# Which model


def test_models_are_looked_for_where_the_variable_points(
    tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert models.by_name("tiny").folder == tiny.folder
    assert models.by_name().name == "tiny"
    assert models.by_id(models.by_name("tiny").id).name == "tiny"
    assert models.called(models.by_name("tiny").id) == "tiny"
    monkeypatch.setenv("AEZ_MODELS", "")
    with pytest.raises(ModelError, match="there is no model 'tiny'; installed: ") as error:
        models.by_name("tiny")
    one_line(error.value)
    with pytest.raises(ModelError, match="there is no model ''; installed: "):
        models.by_name("")
    assert models.by_name(str(tiny.folder)).name == "tiny"


def test_the_first_folder_of_a_name_counts(copy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = copied("tiny", tmp_path / "other")
    monkeypatch.setattr(models, "folders", lambda: [other.parent, copy.parent])
    assert models.by_name("tiny").folder == other
    assert [model.folder for model in models.installed()] == [other]


@pytest.mark.parametrize("card", [b"{", b'{"id": 7}', b'{"id": "0123456789abcdef"}'])
def test_a_broken_model_takes_no_file_from_the_one_that_it_hides(
    copy: Path, card: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted = Model(copy).id
    hiding = copied("tiny", tmp_path / "other")
    (hiding / "model.json").write_bytes(card)
    monkeypatch.setattr(models, "folders", lambda: [hiding.parent, copy.parent])
    assert models.by_id(wanted).folder == copy
    assert models.called(wanted) == "tiny"
    with pytest.raises(ModelError, match="has a card that cannot be read"):
        models.by_name("tiny").kind  # noqa: B018


def test_folders_that_cannot_be_listed_have_no_models(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [copy / "model.json", copy / "nowhere", Path("a" * 5000), copy.parent]
    monkeypatch.setattr(models, "folders", lambda: bad)
    assert [model.name for model in models.installed()] == ["tiny"]


def test_an_id_that_nobody_has(tiny: SimpleNamespace) -> None:
    with pytest.raises(models.MissingModelError, match="bitstream 0000000000000000, which is not installed") as error:
        models.by_id(bytes(8))
    assert "AEZ_MODELS" in one_line(error.value)
    assert models.called(bytes(8)) == "0000000000000000"


def test_a_file_s_model_may_be_named_if_it_has_the_bitstream(tiny: SimpleNamespace) -> None:
    wanted = models.by_name("tiny").id
    assert models.for_file(wanted).name == models.for_file(wanted, str(tiny.folder)).name == "tiny"
    says = f"needs a model of bitstream {wanted.hex()}, as 'tiny' is; 'tiny-dense' is of"
    with pytest.raises(models.OtherModelError, match=says):
        models.for_file(wanted, "tiny-dense")


@pytest.mark.parametrize("name", ["..", "/etc", "no/such", "\n", "a" * 5000, "\0", "\ud800"], ids=ascii)
def test_names_that_are_no_models_are_model_errors(name: str, tiny: SimpleNamespace) -> None:
    with pytest.raises(ModelError) as error:
        models.by_name(name)
    one_line(error.value)


def test_no_name_is_not_the_folder_one_is_in(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copy)
    monkeypatch.setattr(models, "DEFAULT", ".")
    for name, told in (("", "''"), (None, r"'\.'")):
        with pytest.raises(ModelError, match=f"there is no model {told}"):
            models.by_name(name)
    assert models.by_name(".").folder == copy


# What cards say


def test_tiers_come_from_the_card(tiny: SimpleNamespace) -> None:
    model = models.by_name("tiny")
    assert [model.gain(tier) for tier in model.latents] == [-16, -8, 0, 16, 40, 64]
    chosen = {6: 32, 8: 64, 13.9: 64, 14: 128, 30: 256, 60: 512, 128: 512, 150: 1024}
    assert {kbps: model.tier_for(kbps) for kbps in chosen} == chosen
    assert (model.default_latent, model.main_count(128)) == (128, 112)
    with pytest.raises(ModelError, match="no tier of 100 latents; it has 32, 64, 128, 256, 512, 1024"):
        model.gain(100)


@pytest.mark.parametrize(
    ("name", "kind", "transform", "tables"),
    [
        ("tiny", "ranked", "mdct", Tables),
        ("tiny-dense", "plain", "mdct", PlainTables),
        ("tiny-time", "plain", "frames", PlainTables),
    ],
)
def test_kinds_of_models(name: str, kind: str, transform: str, tables: type) -> None:
    model = Model(MODELS / name)
    assert (model.kind, model.transform, type(model.tables)) == (kind, transform, tables)
    assert model.tables.bitstream_id() == model.id
    assert (model.decoder().noise is None) == (kind == "plain")
    if kind == "ranked":
        assert model.ranked_tables is model.tables
    else:
        assert model.main_count(20) == 20
        with pytest.raises(ModelError, match="does not rank its latents"):
            model.ranked_tables  # noqa: B018


def test_a_plain_model_has_as_many_latents_as_its_card_says(tmp_path: Path) -> None:
    folder = copied("tiny-dense", tmp_path)
    change_card(folder, lambda card: card["tiers"].update({"41": card["tiers"]["40"]}))
    with pytest.raises(ModelError, match="has 40 latents, fewer than its card says"):
        Model(folder).tables  # noqa: B018


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_card_of_nonsense_is_a_model_error(copy: Path, data: st.DataObject) -> None:
    original = (copy / "model.json").read_text()
    card = json.loads(original)
    where = card
    key = data.draw(st.sampled_from(["id", "encoder", "tiers", "decoders", "decoder", "deeper"]))
    if key == "deeper":
        where, key = data.draw(st.sampled_from([(card["encoder"], "receptive_field"), (card["tiers"], "128")]))
    nonsense = st.none() | st.text(max_size=3) | st.lists(st.integers(), max_size=2) | st.just({})
    where[key] = data.draw(nonsense)
    if data.draw(st.booleans()):
        del where[key]
    try:
        (copy / "model.json").write_text(json.dumps(card))
        with pytest.raises(ModelError, match=r"model 'tiny' has a card that cannot be read|has no tier") as error:
            encoded(SOUND)
        one_line(error.value)
    finally:
        (copy / "model.json").write_text(original)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff\xfe", b"null", b"[" * 100_000, b" " * (1 << 20) + b"{}"])
def test_a_card_that_is_no_json_object(copy: Path, text: bytes) -> None:
    (copy / "model.json").write_bytes(text)
    with pytest.raises(ModelError) as error:
        encoded(SOUND)
    one_line(error.value)


def test_a_broken_card_does_not_hide_other_models(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(SOUND)
    broken = {"aaa": b"{", "bbb": b"\xff", "ccc": b'{"id": 7}', "ddd": b"[" * 100_000, "eee": b'{"id": 1e999}'}
    for name, card in broken.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_bytes(card)
    (tmp_path / "fff" / "model.json").mkdir(parents=True)
    if hasattr(os, "mkfifo"):
        (tmp_path / "ggg").mkdir()
        os.mkfifo(tmp_path / "ggg" / "model.json")
    monkeypatch.setenv("AEZ_MODELS", f"{tmp_path}{os.pathsep}{tiny.folder.parent}")
    assert decoded(data).shape == SOUND.shape
    assert models.called(models.by_name("tiny").id) == "tiny"
    with pytest.raises(ModelError, match=r"bitstream 0{16}.*'aaa' has a card that cannot be read") as error:
        models.by_id(bytes(8))
    one_line(error.value)


# Is it what its card says


@pytest.mark.parametrize("part", PARTS[:-1])
def test_a_changed_part_is_refused(copy: Path, part: str) -> None:
    use(copy)
    flip(copy / part, 3000)
    with pytest.raises(ModelError) as error:
        use(copy)
    assert "tables" in one_line(error.value) if part == "tables.npz" else f"{part} of model 'tiny'" in str(error.value)


def test_other_tables_are_not_the_card_s(copy: Path) -> None:
    data = encoded(SOUND)
    with np.load(copy / "tables.npz") as arrays:
        changed = dict(arrays)
    changed["offset"] = changed["offset"] + 1
    np.savez(copy / "tables.npz", **changed)
    with pytest.raises(ModelError, match=r"tables\.npz of model 'tiny' is not the one that its card names"):
        decoded(data)


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_or_empty_part_is_a_model_error(part: str, copy: Path) -> None:
    data = encoded(SOUND)
    (copy / part).write_bytes(b"")
    for _ in range(2):
        if not part.startswith("decoders"):
            with pytest.raises(ModelError) as error:
                encoded(SOUND)
            one_line(error.value)
        if part != "encoder.onnx":
            with pytest.raises(ModelError) as error:
                decoded(data)
            one_line(error.value)
        (copy / part).unlink(missing_ok=True)


def test_a_huge_part_is_not_read(copy: Path) -> None:
    for part, name in (("tables.npz", "tables"), ("decoders/standard/noise.npy", "decoder")):
        with (copy / part).open("r+b") as file:
            file.truncate(1 << 40)  # a hole
        with pytest.raises(ModelError, match=f"{part} of model 'tiny' is larger than"):
            getattr(Model(copy), name)() if name == "decoder" else Model(copy).tables


def test_a_network_that_needs_more_context_is_refused(copy: Path) -> None:
    data = encoded(SOUND)
    original = (copy / "model.json").read_bytes()
    change_card(copy, lambda card: card["encoder"].update(receptive_field=9))
    with pytest.raises(ModelError, match="context"):
        encoded(SOUND)
    (copy / "model.json").write_bytes(original)
    change_card(copy, lambda card: card["decoders"]["standard"].update(receptive_field=9))
    with pytest.raises(ModelError, match="decoder 'standard' of model 'tiny'"):
        decoded(data)


# Decoders


def test_a_model_may_have_several_decoders(copy: Path) -> None:
    add_decoder(copy, "other")
    model = Model(copy)
    standard, other = model.decoder(), model.decoder("other")
    assert (standard.name, other.name) == model.decoder_names == ("standard", "other")
    assert standard.noise is not None and other.noise is not None
    np.testing.assert_array_equal(other.noise, -standard.noise)
    assert standard.context == 2
    change_card(copy, lambda card: card.update(decoder="other"))
    assert Model(copy).decoder().name == "other"
    assert Model(copy).decoder_names == ("other", "standard")
    assert Model(copy).id == model.id


@pytest.mark.parametrize("name", ["", "Standard", "standard/", "..", "\n"], ids=repr)
def test_decoders_that_are_not_there(copy: Path, name: str) -> None:
    add_decoder(copy, "other")
    with pytest.raises(ModelError, match=r"model 'tiny' has no decoder .*; it has standard, other") as error:
        Model(copy).decoder(name)
    one_line(error.value)


def test_a_bad_decoder_does_not_hide_the_others(copy: Path) -> None:
    add_decoder(copy, "other", noise=npy(np.zeros((2, 126, 700), np.int16)))
    model = Model(copy)
    assert model.decoder()
    with pytest.raises(ModelError, match=r"noise\.npy does not hold int8"):
        model.decoder("other")
