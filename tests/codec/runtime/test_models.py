"""Where models are looked for, that they are what their cards say, and which device runs them."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codec.pipeline import ranked_decoder
from codec.runtime import models, session
from formats.errors import ModelError, UsageError
from tests.support.codec import decoded, encoded

SOUND = np.zeros((1, 2000), np.float32)
PARTS = ("encoder.onnx", "decoder.onnx", "tables.npz", "model.json")


@pytest.fixture
def copy(tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny model, the only one that is installed."""
    folder = tmp_path / "models" / "tiny"
    shutil.copytree(tiny.folder, folder)
    monkeypatch.setattr(models, "folders", lambda: [folder.parent])
    return folder


def flip(path: Path, byte: int) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(data)


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# Which model


def test_models_are_looked_for_where_the_variable_points(
    tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert models.by_name("tiny").folder == tiny.folder
    assert models.by_name().name == "tiny"
    assert models.by_id(models.by_name("tiny").id).name == "tiny"
    monkeypatch.setenv("AEZ_MODELS", "")
    with pytest.raises(ModelError) as error:
        models.by_name("tiny")
    assert "tiny" in one_line(error)
    assert models.by_name(str(tiny.folder)).name == "tiny"


def test_the_first_folder_of_a_name_counts(copy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "other" / "tiny"
    shutil.copytree(copy, other)
    monkeypatch.setattr(models, "folders", lambda: [other.parent, copy.parent])
    assert models.by_name("tiny").folder == other
    assert [model.folder for model in models.installed()] == [other]


def test_an_id_that_nobody_has(tiny: SimpleNamespace) -> None:
    with pytest.raises(ModelError) as error:
        models.by_id(bytes(8))
    assert "0000000000000000" in one_line(error)


def test_tiers_come_from_the_card(tiny: SimpleNamespace) -> None:
    model = models.by_name("tiny")
    assert [model.gain(tier) for tier in model.latents] == [-16, -8, 0, 16, 40, 64]
    chosen = {6: 32, 8: 64, 13.9: 64, 14: 128, 30: 256, 60: 512, 128: 512, 150: 1024}
    assert {kbps: model.tier_for(kbps) for kbps in chosen} == chosen
    with pytest.raises(ModelError):
        model.gain(100)


# Is it what its card says


def test_a_changed_decoder_is_refused(copy: Path) -> None:
    data = encoded(SOUND)
    flip(copy / "decoder.onnx", 5000)
    with pytest.raises(ModelError) as error:
        decoded(data)
    assert "tiny" in one_line(error)


def test_a_changed_encoder_is_refused(copy: Path) -> None:
    flip(copy / "encoder.onnx", 5000)
    with pytest.raises(ModelError) as error:
        encoded(SOUND)
    assert "tiny" in one_line(error)


def test_changed_tables_are_refused(copy: Path) -> None:
    data = encoded(SOUND)
    with np.load(copy / "tables.npz") as arrays:
        changed = dict(arrays)
    changed["offset"] = changed["offset"] + 1
    np.savez(copy / "tables.npz", **changed)
    with pytest.raises(ModelError):
        decoded(data)


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_or_empty_part_is_a_model_error(part: str, copy: Path) -> None:
    data = encoded(SOUND)
    (copy / part).write_bytes(b"")
    for _ in range(2):
        if part != "decoder.onnx":
            with pytest.raises(ModelError) as error:
                encoded(SOUND)
            one_line(error)
        if part != "encoder.onnx":
            with pytest.raises(ModelError) as error:
                decoded(data)
            one_line(error)
        (copy / part).unlink(missing_ok=True)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_card_of_nonsense_is_a_model_error(copy: Path, data: st.DataObject) -> None:
    original = (copy / "model.json").read_text()
    card = json.loads(original)
    where = card
    key = data.draw(st.sampled_from(["id", "encoder_sha256", "tiers", "reach", "deeper"]))
    if key == "deeper":
        where, key = data.draw(st.sampled_from([(card["reach"], "encoder"), (card["tiers"], "128")]))
    nonsense = st.none() | st.text(max_size=3) | st.lists(st.integers(), max_size=2) | st.just({})
    where[key] = data.draw(nonsense)
    if data.draw(st.booleans()):
        del where[key]
    try:
        (copy / "model.json").write_text(json.dumps(card))
        with pytest.raises(ModelError) as error:
            encoded(SOUND)
        one_line(error)
    finally:
        (copy / "model.json").write_text(original)


def test_a_card_that_is_no_json_at_all(copy: Path) -> None:
    for text in (b"", b"[]", b"{", b"\xff\xfe", b"null"):
        (copy / "model.json").write_bytes(text)
        with pytest.raises(ModelError):
            encoded(SOUND)


def test_a_network_that_needs_more_context_is_refused(copy: Path) -> None:
    card, data = json.loads((copy / "model.json").read_text()), encoded(SOUND)
    for part, run in (("encoder", lambda: encoded(SOUND)), ("decoder", lambda: decoded(data))):
        changed = {**card, "reach": {**card["reach"], part: 9}}
        (copy / "model.json").write_text(json.dumps(changed))
        with pytest.raises(ModelError, match="context"):
            run()
        (copy / "model.json").write_text(json.dumps(card))


def test_a_graph_with_other_inputs_is_refused(tiny: SimpleNamespace) -> None:
    graph = (tiny.folder / "encoder.onnx").read_bytes()
    with pytest.raises(ModelError):
        session.Network(graph, {"something else"}, "cpu")
    with pytest.raises(ModelError) as error:
        session.Network(b"no graph", {"coefficients"}, "cpu")
    one_line(error)


# Devices


def test_cpu_says_that_it_is_the_cpu(tiny: SimpleNamespace) -> None:
    """The older encoder moves its coefficients, too; a newer one leaves them as they are."""
    for name, more in (("tiny", {}), ("tiny2", {"analysis": (1, 6, 1400)})):
        graph = (tiny.folder.parent / name / "encoder.onnx").read_bytes()
        network = session.Network(graph, {"coefficients"}, "cpu")
        assert network.provider == "CPUExecutionProvider"
        out = network(coefficients=np.zeros((1, 6, 1400), np.float32))
        assert {name: value.shape for name, value in out.items()} == {"hyper": (1, 2, 48)} | more


def test_models_whose_tables_have_loudness_have_long_blocks(tiny: SimpleNamespace) -> None:
    names = ("tiny", "tiny2", "tiny-dense", "tiny-time")
    assert [models.by_name(name).long_blocks for name in names] == [True, False, False, False]


def test_a_decoder_of_the_other_kind_is_a_model_error(tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables with loudness ask for a network that takes it, and those without for one that does not."""
    for name, long in (("tiny", False), ("tiny2", True)):
        monkeypatch.setattr(models.Model, "long_blocks", long)
        with pytest.raises(ModelError, match="other inputs"):
            ranked_decoder.RankedDecoder(models.by_name(name), "cpu", 0, 126)


@pytest.mark.parametrize("device", ["", "gpu", "CPU", "cpu:0", "auto:1", "cuda:x", "cuda:-1", "cuda:1.5", "cuda0"])
def test_unknown_devices_are_usage_errors(device: str) -> None:
    with pytest.raises(UsageError) as error:
        session.providers(device)
    assert "auto, cpu, cuda" in one_line(error)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_cuda_where_there_is_none_is_one_line(
    device: str, monkeypatch: pytest.MonkeyPatch, tiny: SimpleNamespace
) -> None:
    monkeypatch.setattr(session, "_driver", lambda: False)
    with pytest.raises(UsageError) as error:
        encoded(SOUND, device=device)
    assert device in one_line(error)


def test_auto_takes_the_cpu_where_there_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_driver", lambda: False)
    assert session.providers("auto") == ["CPUExecutionProvider"]
