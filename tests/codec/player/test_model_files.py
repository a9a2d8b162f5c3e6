"""Models in the player's form: what is kept of them, and which decoders the player's kernels cannot run."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import onnx
import pytest
import zstandard
from onnx import numpy_helper

from codec.player import decoder_weights
from codec.player.decoder_topology import UnfitError
from codec.player.hyper_weights import planes
from codec.player.model_files import model_files
from codec.runtime.models import Model, by_name
from formats.errors import ModelError
from formats.model.tables import Tables
from tests.support import MODELS
from tests.support.model_folders import change_card, copied, one_line

GRAPH = MODELS / "tiny" / "decoders" / "standard" / "decoder.onnx"


def content(files: dict[str, bytes], name: str) -> bytes:
    return zstandard.ZstdDecompressor().decompress(files[f"{name}.zst"])


def unplaned(data: bytes, kind: str) -> np.ndarray[Any, Any]:
    """Numbers that were stored as planes of their bytes."""
    return np.frombuffer(np.frombuffer(data, np.uint8).reshape(4, -1).T.tobytes(), kind)


def stored(files: dict[str, bytes]) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of decoder.bin, by name."""
    numbers, found, at = unplaned(content(files, "decoder.bin"), "<f4"), {}, 0
    for name, shape in json.loads(files["model.json"])["decoder"].items():
        found[name] = numbers[at : at + math.prod(shape)].reshape(shape)
        at += found[name].size
    assert at == numbers.size
    return found


@pytest.mark.parametrize("name", ["music", str(MODELS / "tiny")])
def test_the_files_hold_the_model(name: str) -> None:
    model = by_name(name)
    files, decoder, tables = model_files(model), model.decoder(), model.ranked_tables
    card = json.loads(files["model.json"])
    assert (card["id"], tuple(card["latents"])) == (model.id.hex(), model.latents)
    assert card["receptiveField"] == decoder.context
    assert all(google_crc32c.value(content(files, part)) == number for part, number in card["checksums"].items())
    assert decoder.noise is not None and content(files, "noise.bin") == decoder.noise.tobytes()

    numbers = unplaned(content(files, "tables.bin"), "<i4")
    changes = numbers[: tables.predictor.size].reshape(tables.predictor.shape)
    assert np.array_equal(np.cumsum(changes >> 1 ^ -(changes & 1), 1), tables.predictor)
    assert np.array_equal(numbers[-tables.hyper.size :], tables.hyper.ravel())

    graph = {a.name: numpy_helper.to_array(a) for a in onnx.load_from_string(decoder.graph).graph.initializer}
    weights = stored(files)
    assert all(np.array_equal(weights[part], graph[part]) for part in weights.keys() & graph.keys())
    assert weights.keys() - graph.keys() == {"from_scales", "from_long", "from_gain", "constant"}
    tokens = weights["constant"].shape[1]
    given = planes(weights["shape"][0], weights["steady"][0], tables, tokens)
    added = np.einsum("htpcj,wpcj->wht", given, weights["from_scales"])
    wanted = graph["from_features"][0]
    assert np.abs(added - wanted[:, :48]).max() <= 1e-6 * np.abs(wanted).max()
    assert np.array_equal(wanted[:, 48], weights["from_long"][:, None].repeat(tokens, 1))
    assert np.array_equal(wanted[:, 50], weights["constant"])


def test_a_plain_model_is_refused_and_what_to_do_instead_is_told() -> None:
    with pytest.raises(ModelError, match="'tiny-dense', because it is plain; aez decode") as raised:
        model_files(by_name(str(MODELS / "tiny-dense")))
    one_line(raised.value)


def constant(graph: onnx.GraphProto, name: str) -> onnx.TensorProto:
    return next(array for array in graph.initializer if array.name == name)


def with_array(name: str, change: Callable[[Any], Any]) -> Callable[[onnx.GraphProto], None]:
    def changed(graph: onnx.GraphProto) -> None:
        array = constant(graph, name)
        array.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(array)), name))

    return changed


def added_to(index: tuple[int, ...]) -> Callable[[Any], Any]:
    def changed(array: Any) -> Any:
        out = array.copy()
        out[index] += 1
        return out

    return changed


def rename(graph: onnx.GraphProto) -> None:
    constant(graph, "head_weights.2").name = "head_weights.7"


def nodes(graph: onnx.GraphProto, operator: str) -> list[onnx.NodeProto]:
    return [node for node in graph.node if node.op_type == operator]


def swapped(graph: onnx.GraphProto) -> None:
    one, two = nodes(graph, "Gemm")[1:3]
    one.input[1], two.input[1] = two.input[1], one.input[1]


def without_a_convolution(graph: onnx.GraphProto) -> None:
    nodes(graph, "Conv")[-1].op_type = "Relu"


def by_columns(graph: onnx.GraphProto) -> None:
    next(a for a in nodes(graph, "Gemm")[1].attribute if a.name == "transB").i = 0


def another_operator(graph: onnx.GraphProto) -> None:
    next(node for node in graph.node if node.op_type == "Tanh").op_type = "Erf"


def another_sum(graph: onnx.GraphProto) -> None:
    nodes(graph, "Add")[-1].op_type = "Sub"


def crossed(operator: str, one: int, two: int, index: int) -> Callable[[onnx.GraphProto], None]:
    """Two nodes of an operator with an input of each other's."""

    def changed(graph: onnx.GraphProto) -> None:
        first, second = (nodes(graph, operator)[number].input for number in (one, two))
        first[index], second[index] = second[index], first[index]

    return changed


def inputs_swapped(operator: str, number: int, one: int, two: int) -> Callable[[onnx.GraphProto], None]:
    def changed(graph: onnx.GraphProto) -> None:
        names = nodes(graph, operator)[number].input
        names[one], names[two] = names[two], names[one]

    return changed


def with_attribute(operator: str, name: str, value: Any) -> Callable[[onnx.GraphProto], None]:
    """The last node of an operator with another attribute."""

    def changed(graph: onnx.GraphProto) -> None:
        node = nodes(graph, operator)[-1]
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, onnx.helper.make_attribute(name, value)])

    return changed


def around_the_sum(graph: onnx.GraphProto) -> None:
    """The block is computed from what enters it without what was sent, and added to all of it."""
    nodes(graph, "Conv")[3].input[0] = nodes(graph, "Add")[4].output[0]


def two_outputs(graph: onnx.GraphProto) -> None:
    graph.output.append(graph.output[0])


def bounded(graph: onnx.GraphProto) -> None:
    clip = next(node for node in nodes(graph, "Clip") if not node.input[1])
    clip.input[1] = next(node for node in nodes(graph, "Clip") if node.input[1]).input[1]


def another_constant(graph: onnx.GraphProto) -> None:
    array = next(a for a in graph.initializer if a.data_type == 1 and numpy_helper.to_array(a).size == 1)
    array.CopyFrom(numpy_helper.from_array(np.array(7.0, np.float32), array.name))


UNFIT = {
    "weights that are missing": (rename, "head_weights.2"),
    "weights of another shape": (with_array("from_sent", lambda a: a[..., :-1]), "from_sent"),
    "weights that are not finite": (with_array("head_biases.0", lambda a: a * np.nan), "head_biases.0 is not finite"),
    "weights of another type": (with_array("bias", lambda a: a.astype(np.float64)), "bias"),
    "no tokens": (with_array("from_features", lambda a: a[..., :0]), "0 tokens"),
    "tokens that do not fill a frame": (with_array("from_features", lambda a: a[..., :-1]), "tokens"),
    "features of fewer axes": (with_array("from_features", lambda a: a[0]), "from_features"),
    "hyper latents that enter otherwise": (with_array("from_features", added_to((0, 0, 5, 0))), "in another way"),
    "weights that overflow": (
        with_array("from_features", lambda a: np.full_like(a, 1e38)),
        "another way",
    ),
    "steps that overflow": (with_array("shape", lambda a: np.full_like(a, 1e38)), "another way"),
    "a gain that differs by token": (with_array("from_features", added_to((0, 0, 49, 0))), "from token to token"),
    "an even kernel": (with_array("decoder.trunk.blocks.0.depthwise.weight", lambda a: a[..., :-1]), "a kernel of"),
    "fewer convolutions": (without_a_convolution, "Conv"),
    "a matrix by columns": (by_columns, "the transB 0 in Gemm"),
    "another operator": (another_operator, "the result of Erf"),
    "a difference in place of a sum": (another_sum, "the result of Sub where that of Add belongs"),
    "another constant": (another_constant, "one has another constant"),
    "two outputs": (two_outputs, "2 outputs"),
    # The same operators, as many of each, in another order
    "a difference the other way round": (inputs_swapped("Sub", 1, 0, 1), "ratio has|own_ln_sigma has"),
    "operations in each other's place": (crossed("Tanh", 1, 2, 0), "head_weights.2 is there twice"),
    "constants in each other's place": (crossed("Mul", 9, 10, 1), "constant"),
    "a block that adds to something else": (around_the_sum, "blocks.0 adds to something else"),
    "another input": (crossed("Cast", 0, 1, 0), "hyper is not computed from hyper_by_frame"),
    "another axis": (with_attribute("GatherElements", "axis", 1), "axis 1 in GatherElements"),
    "a convolution with gaps": (with_attribute("Conv", "dilations", (2, 2)), "the dilations"),
    "an attribute that nobody knows": (with_attribute("Exp", "new", 1), "other attributes in Exp"),
    "other tokens": (with_attribute("Transpose", "perm", (0, 3, 1, 2, 4)), "the perm"),
    "coefficients in another order": (with_array("place", lambda a: a[:, ::-1]), "coefficients are in another order"),
    "a bound more": (bounded, "a bound more"),
}


@pytest.mark.parametrize(("change", "why"), UNFIT.values(), ids=UNFIT)
def test_a_decoder_that_the_kernels_cannot_run_is_refused(
    change: Callable[[onnx.GraphProto], None], why: str, tables: Tables
) -> None:
    model = onnx.load(GRAPH)
    change(model.graph)
    with pytest.raises(UnfitError, match=why) as raised:
        decoder_weights.read(model.SerializeToString(), tables)
    one_line(raised.value)


def test_a_decoder_that_has_hardly_learned_is_read_though_its_export_left_out_what_is_equal_or_zero(
    tables: Tables,
) -> None:
    model = onnx.load(GRAPH)
    before = decoder_weights.read(model.SerializeToString(), tables)
    gemms, arrays = nodes(model.graph, "Gemm"), model.graph.initializer
    gemms[2].input[2] = "head_biases.0"
    del gemms[3].input[2]
    for name in ("head_biases.1", "head_biases.2"):
        arrays.remove(constant(model.graph, name))
    found = decoder_weights.read(model.SerializeToString(), tables)
    assert list(found) == list(before)
    assert np.array_equal(found["head_biases.1"], before["head_biases.0"]) and not found["head_biases.2"].any()
    assert all(np.array_equal(found[name], before[name]) for name in before if not name.startswith("head_biases"))


def test_arrays_are_known_by_their_places_and_not_by_their_names(tables: Tables) -> None:
    model = onnx.load(GRAPH)
    before = decoder_weights.read(model.SerializeToString(), tables)
    swapped(model.graph)
    found = decoder_weights.read(model.SerializeToString(), tables)
    assert np.array_equal(found["head_weights.0"], before["head_weights.1"])
    assert np.array_equal(found["head_weights.1"], before["head_weights.0"])


def test_a_decoder_of_other_tables_is_refused(tables: Tables) -> None:
    other = replace(tables, offset=tables.offset + np.int32(1))
    with pytest.raises(UnfitError, match="scales"):
        decoder_weights.read(GRAPH.read_bytes(), other)


def test_every_cut_of_a_decoder_is_one_error(tables: Tables) -> None:
    data = GRAPH.read_bytes()
    for end in (0, 1, 50, len(data) // 2, len(data) - 1):
        with pytest.raises(ModelError) as raised:
            decoder_weights.read(data[:end], tables)
        one_line(raised.value)


@pytest.mark.parametrize("part", ["decoders/standard/decoder.onnx", "decoders/standard/noise.npy", "tables.npz"])
def test_a_model_that_was_cut_is_one_error(part: str, tmp_path: Path) -> None:
    folder = copied("tiny", tmp_path)
    data = (folder / part).read_bytes()
    (folder / part).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=r"tiny|tables") as raised:
        model_files(Model(folder))
    one_line(raised.value)


def test_a_decoder_that_only_the_card_vouches_for_is_refused_in_a_line_that_says_what_to_do(tmp_path: Path) -> None:
    folder, model = copied("tiny", tmp_path), onnx.load(GRAPH)
    rename(model.graph)
    data = model.SerializeToString()
    (folder / "decoders" / "standard" / "decoder.onnx").write_bytes(data)
    change_card(folder, lambda card: card["decoders"]["standard"].update(sha256=hashlib.sha256(data).hexdigest()))
    with pytest.raises(ModelError, match=r"'tiny'.*kernels.*head_weights.2.*aez decode makes") as raised:
        model_files(Model(folder))
    one_line(raised.value)
