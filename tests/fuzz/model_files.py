"""What is run on the files of a model: graphs, cards and tables.

A graph that passes the check must be one to onnx's own parsers, too, and the same one: onnx's C++ parser is the one
that ONNX Runtime uses, and takes bytes that Python's refuses.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx.onnx_cpp2py_export import inliner

from codec.runtime import cards, graph_check, noise_pattern, protobuf
from codec.runtime.numpy_session import NumpySession
from formats.errors import ModelError
from formats.model import Tables
from formats.model.plain_tables import PlainTables
from tests.fuzz.mutate import scribble
from tests.support import MODELS, ROOT
from tests.support.onnx_graphs import FUNCTION, identity, if_graph

NOTES = {"doc_string", "metadata_props", "producer_name", "producer_version", "model_version", "denotation"}
"""Fields that ONNX Runtime is not given; so is a model's domain."""


def graph(data: bytes) -> None:
    """The graph check, and what holds of a graph that passes it."""
    made = graph_check.check(data)
    assert graph_check.check(made) == made, "what was checked is checked to something else"
    model = onnx.ModelProto.FromString(made)
    harmless(model)
    for read in (onnx.ModelProto.FromString(data), as_cpp_reads(data), as_cpp_reads(made)):
        without_notes(read)
        assert written(read) == written(model), "the parsers do not read the same"
    with suppress(ModelError):
        NumpySession(made)  # reads it without ONNX Runtime


def as_cpp_reads(data: bytes) -> onnx.ModelProto:
    """A model as onnx's C++ parser reads it; a model without functions comes back as it is."""
    return onnx.ModelProto.FromString(inliner.inline_local_functions(data, False))


def written(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def messages(message: Any) -> Iterator[Any]:
    """A message and all that it holds."""
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for inner in [value] if hasattr(value, "ListFields") else value:
                yield from messages(inner)


def harmless(model: onnx.ModelProto) -> None:
    """No weights elsewhere, no foreign operators, no functions."""
    assert not model.functions and not model.training_info
    for message in messages(model):
        if isinstance(message, onnx.TensorProto):
            assert not message.external_data and not message.data_location, "weights in other files"
        elif isinstance(message, (onnx.NodeProto, onnx.OperatorSetIdProto)):
            assert message.domain in ("", "ai.onnx"), "operators that are not ONNX's own"


def without_notes(model: onnx.ModelProto) -> None:
    """Take out what has no effect."""
    for message in list(messages(model)):
        notes = NOTES | ({"domain"} if isinstance(message, onnx.ModelProto) else set())
        for name in notes & set(message.DESCRIPTOR.fields_by_name):
            message.ClearField(name)


def graphs() -> list[bytes]:
    """Graphs to start from, good ones and some that are refused."""
    changes: list[dict[str, Any]] = [
        {"constant": True}, {"external": True}, {"external": "inner"}, {"sets": ["com.microsoft"]},
        {"inside": "com.evil", "inner": "Run"}, {"own": [FUNCTION]},
    ]  # fmt: skip
    noted = if_graph()
    noted.producer_name, noted.graph.doc_string = "fuzz", "note"
    noted.metadata_props.add(key="a", value="b")
    noted.graph.node[0].attribute.add(name="floats", floats=[1, 2], type=onnx.AttributeProto.FLOATS)
    noted.graph.node[0].attribute.add(name="ints", ints=[1, -2], type=onnx.AttributeProto.INTS)
    weights = onnx.helper.make_tensor("i", onnx.TensorProto.INT64, [3], [1, -1, 1 << 40])
    noted.graph.initializer.append(weights)
    noted.graph.sparse_initializer.add(values=weights, indices=weights, dims=[9])
    good = [if_graph().SerializeToString(), noted.SerializeToString(), identity("x")]
    return [*(if_graph(**change).SerializeToString() for change in changes), *good * 3]


def varint(number: int, size: int = 0) -> bytes:
    """A number, in `size` bytes where it takes fewer."""
    out = bytearray()
    while number > 127 or len(out) + 1 < size:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


Parsed = list[tuple[int, int, bytes]]
"""Fields: number, wire type, bytes behind the tag and the length."""


def parsed(data: bytes) -> Parsed | None:
    """The fields of a message; None if it is none."""
    try:
        return [
            (number, wire, varint(value) if isinstance(value, int) else bytes(value))
            for number, wire, value in protobuf.fields(memoryview(data))
        ]
    except ValueError:
        return None


def field(number: int, wire: int, value: bytes, random: Random) -> bytes:
    """A field with its right tag or, now and then, one that parsers read in several ways."""
    tag, size = number << 3 | wire, 0
    if random.random() < 0.01:
        tag |= random.choice((1, 2, 4, 8, 1 << 20, 1 << 31)) << 32
    elif random.random() < 0.02:
        size = random.randrange(2, 8)
    length = varint(len(value), random.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 5))) if wire == 2 else b""
    return varint(tag, size) + length + value


HOSTILE = [
    (13, 2, b"\x0a\x08location\x12\x06secret"), (14, 0, b"\1"), (14, 0, b"\x81\x80\x80\x80\x10"), (13, 2, b""),
    (7, 2, b"com.evil"), (7, 2, b"ai.onnx"), (1, 2, b"com.evil"), (25, 2, b"\x0a\x01f"), (20, 2, b""), (4, 2, b"\0\0"),
    (8, 2, b"\x0a\x08com.evil"), (2, 2, b"ORTM"), (3, 0, b"\0ORTM"), (7, 2, b"\xff" * 9 + b"\2"), (6, 2, b"\xff"),
    (5, 2, b"\x70\x01"), (1, 2, b"\x3a\x08com.evil"), (31, 3, b"\xfc\1"), (1, 5, b"\0\0\0\0"), (0, 0, b"\0"),
]  # fmt: skip


PLAIN = [
    (2, 2, b"note"), (6, 2, b"note"), (10, 2, b"note"), (12, 2, b"note"), (14, 2, b"\x0a\0\x12\0"), (7, 2, b""),
    (14, 0, b"\x80\0"), (16, 2, b"\x0a\1k\x12\1v"), (5, 2, b""), (1, 2, b""), (8, 2, b"\x10\x92\0"), (3, 0, b"\x80\0"),
]  # fmt: skip
"""Fields that are harmless where they belong."""


def mutate_graph(data: bytes, random: Random) -> bytes:
    """A graph with one to three changes within its structure, at any depth."""
    for _ in range(random.choice((1, 1, 2, 3))):
        data = _changed(data, random) if random.random() < 0.9 else scribble(random, data)
    if random.random() < 0.02:
        data = data[:4] + b"ORTM" + data[8 * random.randrange(2) :]
    return data


def _changed(data: bytes, random: Random) -> bytes:
    fields = parsed(data)
    if not fields:
        return scribble(random, data)
    at = random.randrange(len(fields))
    number, wire, value = fields[at]
    if wire == 2 and random.random() < 0.75:
        fields[at] = number, wire, _changed(value, random)
    else:
        change = random.randrange(9)
        if change == 0:
            fields[at] = number, random.choice((0, 1, 2, 3, 4, 5, 6, 7)), value
        elif change == 1:
            fields[at] = random.choice((0, number + 1, random.randrange(30), 1 << 28)), wire, value
        elif change == 2:
            fields.insert(random.randrange(len(fields) + 1), fields[at])
        elif change == 3:
            fields[at] = number, wire, scribble(random, value)
        elif change == 4:
            fields.insert(at, random.choice(HOSTILE))
        elif change == 5:
            random.shuffle(fields)
        elif change == 6:
            fields.insert(at, random.choice(PLAIN))
        elif wire == 0:
            fields[at] = number, wire, varint(random.getrandbits(random.choice((3, 7, 31, 32, 63, 64))), 1)
        else:
            fields[at] = number, wire, bytes(random.choices(b"aORTM\0", k=random.choice((len(value), 4))))
    return b"".join(field(*each, random) for each in fields)


def card(data: bytes) -> None:
    """A card as a model's and as a classifier's; CardError is turned into the family's error, as the folder does."""
    for check in (cards.model_card, cards.classifier_card):
        try:
            check(cards.load(data))
        except cards.CardError as error:
            assert str(error).isprintable(), "a card's error is not fit for a terminal"


def all_cards() -> list[bytes]:
    paths = [*MODELS.glob("*/model.json"), *ROOT.glob("models/*/*.json")]
    return [json.dumps(json.loads(path.read_text())).encode() for path in sorted(paths)]


ODD = [
    b"Infinity", b"-Infinity", b"NaN", b"1e999", b"-1", b"9" * 400, b"9" * 5000, b"null", b"true", b"[]", b"{}", b'""',
    b"[" * 10_000, b'{"a":' * 10_000, b'"\\ud800"', b'"\\u0000"', b'"\xff"', b"0.5", b"1e400", b'"\\u202e"', b"-0",
]  # fmt: skip


def mutate_card(data: bytes, random: Random) -> bytes:
    """A card some of whose values are others."""
    for _ in range(random.choice((1, 1, 2))):
        if random.random() < 0.3:
            data = scribble(random, data)
            continue
        spots = [at for at, byte in enumerate(data) if byte in b":,["]
        if not spots:
            return data
        at = random.choice(spots) + 1
        ends = [end for mark in b",}]" if (end := data.find(mark, at)) >= 0]
        data = data[:at] + random.choice(ODD) + data[min(ends, default=len(data)) :]
    return data


def tables(data: bytes) -> None:
    """Tables of both kinds, and the noise pattern; what is read has an id."""
    readers: list[Callable[[bytes], Any]] = [Tables.from_bytes, PlainTables.from_bytes, noise_pattern.read]
    refused = 0
    for read in readers:
        try:
            found = read(data)
            assert not hasattr(found, "bitstream_id") or len(found.bitstream_id()) == 8
        except ModelError as error:
            refused += 1
            assert str(error).isprintable()
    assert refused >= 2, "one file is two things"


def all_tables() -> list[bytes]:
    """The tables of tiny models with little in each array, which are refused late, and those of a plain model."""
    plain = (MODELS / "tiny-time" / "tables.npz").read_bytes()
    small = io.BytesIO()
    np.savez_compressed(small, **{name: np.zeros(3, np.int32) for name in ("predictor", "offset", "main")})
    pattern = io.BytesIO()
    np.save(pattern, np.zeros((2, 3), np.int8))
    return [plain, small.getvalue(), pattern.getvalue(), *bombs()]


def bombs() -> list[bytes]:
    """Archives whose members hold more than they say, by every method that Python unpacks."""
    found = []
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as file:
            file.writestr("intercept.npy", bytes(1 << 24))
            file.writestr("predictor.npy", bytes(1 << 24))
        found.append(out.getvalue())
    return found


def mutate_tables(data: bytes, random: Random) -> bytes:
    """An archive with changes in its directory and headers, or in one array's header with the checksum made right."""
    choice = random.randrange(3)
    if choice == 0:
        return scribble(random, data)
    marks = [mark for mark in (data.find(b"PK\1\2"), data.find(b"PK\3\4"), data.find(b"PK\5\6")) if mark >= 0]
    if choice == 1 and marks:
        at = random.choice(marks) + random.choice((6, 8, 10, 16, 18, 20, 22, 24, 28, 42))
        size = random.choice((2, 4))
        value = random.choice((0, 1, 8, 12, 14, 1000, 1 << 20, (1 << 20) + 1, 0xFFFF, 1 << 31, 0xFFFFFFFF))
        return data[:at] + (value % (1 << 8 * size)).to_bytes(size, "little") + data[at + size :]
    try:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
            wanted = random.choice(old.namelist())
            for name in old.namelist():
                if old.getinfo(name).file_size > 1 << 20:
                    return data
                raw = old.read(name)
                new.writestr(name, _header_changed(raw, random) if name == wanted else raw)
        return out.getvalue()
    except Exception:  # the archive cannot be read: it is changed as it is
        return scribble(random, data)


def _header_changed(data: bytes, random: Random) -> bytes:
    change = random.choice(
        [
            b"(3,)",
            b"(-1,)",
            b"(99999999999,)",
            b"(1L,)",
            b"((((",
            b"()",
            b"(0, 99999999)",
            b"(1, 48, 18)",
            b"(28, 48, 18)",
        ]
    )
    kind = random.choice([b"<i4", b"|O", b">u4", b"<U99999999", b"<f8", b"i4,i4", b"|V1"])
    text = b"{'descr': '" + kind + b"', 'fortran_order': False, 'shape': " + change + b", }\n"
    whole = data[:8] + struct.pack("<H", len(text)) + text + data[128:]
    return scribble(random, whole) if random.random() < 0.3 else whole


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]], Callable[[bytes, Random], bytes]]] = {
    "graph": (graph, graphs, mutate_graph),
    "card": (card, all_cards, mutate_card),
    "tables": (tables, all_tables, mutate_tables),
}
"""By name: what is run, what it starts from, and how that is changed."""
