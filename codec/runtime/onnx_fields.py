"""The fields of onnx.proto that a graph may have, by message: what `codec.runtime.graph_check` lets through.

Left out, and so refused: training information, functions, external data, what is for several devices, and the types
that only operators beyond ONNX's own have (maps, opaque and sparse tensors).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple


class Form(Enum):
    """How the values of a field are stored, where they are no messages."""

    VARINT = auto()
    FLOAT = auto()
    DOUBLE = auto()
    TEXT = auto()
    BYTES = auto()


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        holds: form of its values, or the message that they are.
        many: whether it may come more than once; numbers may then also be packed.
        kept: whether ONNX Runtime is given it; what does not change a network's results is left out.
        refused: what the field holds where its being there makes a graph one that aez does not run; a number may be 0.
        domain: whether it names an operator set.
        below: what its numbers have to be less than; of larger ones, parsers keep the lower bits, all or nothing.
    """

    holds: Form | Message
    many: bool = False
    kept: bool = True
    refused: str = ""
    domain: bool = False
    below: int = 1 << 64


@dataclass(frozen=True, eq=False)
class Message:
    """The fields of one kind of message, by their numbers."""

    fields: dict[int, Field] = field(default_factory=dict)


SMALL, TYPES = Field(Form.VARINT, below=1 << 31), Field(Form.VARINT, below=15)
INT, FLOAT, TEXT, BYTES = (Field(form) for form in (Form.VARINT, Form.FLOAT, Form.TEXT, Form.BYTES))
INTS, FLOATS, DOUBLES = (Field(form, many=True) for form in (Form.VARINT, Form.FLOAT, Form.DOUBLE))
TEXTS, MANY_BYTES = Field(Form.TEXT, many=True), Field(Form.BYTES, many=True)
NOTE, NOTE_INT = Field(Form.TEXT, kept=False), Field(Form.VARINT, kept=False)
DOMAIN = Field(Form.TEXT, domain=True)


def one(message: Message) -> Field:
    """A field that holds one message."""
    return Field(message)


def several(message: Message) -> Field:
    """A field that holds any number of messages."""
    return Field(message, many=True)


def refused(what: str, form: Form = Form.BYTES) -> Field:
    """A field that a graph must not have."""
    return Field(form, many=True, refused=what)


ELSEWHERE = "weights in other files"

PROPERTY = Message({1: TEXT, 2: TEXT})
PROPERTIES = Field(PROPERTY, many=True, kept=False)
ANNOTATION = Message({1: TEXT, 2: several(PROPERTY)})
DIMENSION = Message({1: INT, 2: TEXT, 3: NOTE})
SHAPE = Message({1: several(DIMENSION)})
TENSOR_TYPE = Message({1: SMALL, 2: one(SHAPE)})
TYPE = Message({1: one(TENSOR_TYPE), 6: NOTE})
TYPE.fields[4] = TYPE.fields[9] = one(Message({1: one(TYPE)}))  # sequences and optional values
VALUE = Message({1: TEXT, 2: one(TYPE), 3: NOTE, 4: PROPERTIES})
TENSOR = Message(
    {
        1: INTS,  # dims
        2: SMALL,  # data_type
        3: one(Message({1: INT, 2: INT})),  # segment
        4: FLOATS,  # float_data
        5: INTS,  # int32_data
        6: MANY_BYTES,  # string_data
        7: INTS,  # int64_data
        8: TEXT,  # name
        9: BYTES,  # raw_data
        10: DOUBLES,  # double_data
        11: INTS,  # uint64_data
        12: NOTE,  # doc_string
        13: refused(ELSEWHERE),  # external_data
        14: refused(ELSEWHERE, Form.VARINT),  # data_location
        16: PROPERTIES,  # metadata_props
    }
)
SPARSE = Message({1: one(TENSOR), 2: one(TENSOR), 3: INTS})
GRAPH = Message()
ATTRIBUTE = Message(
    {
        1: TEXT,  # name
        2: FLOAT,  # f
        3: INT,  # i
        4: BYTES,  # s
        5: one(TENSOR),  # t
        6: one(GRAPH),  # g
        7: FLOATS,  # floats
        8: INTS,  # ints
        9: MANY_BYTES,  # strings
        10: several(TENSOR),  # tensors
        11: several(GRAPH),  # graphs
        13: NOTE,  # doc_string
        14: one(TYPE),  # tp
        15: several(TYPE),  # type_protos
        20: TYPES,  # type
        21: TEXT,  # ref_attr_name
        22: one(SPARSE),  # sparse_tensor
        23: several(SPARSE),  # sparse_tensors
    }
)
NODE = Message(
    {1: TEXTS, 2: TEXTS, 3: TEXT, 4: TEXT, 5: several(ATTRIBUTE), 6: NOTE, 7: DOMAIN, 8: TEXT, 9: PROPERTIES}
)
GRAPH.fields.update(
    {
        1: several(NODE),  # node
        2: TEXT,  # name
        5: several(TENSOR),  # initializer
        10: NOTE,  # doc_string
        11: several(VALUE),  # input
        12: several(VALUE),  # output
        13: several(VALUE),  # value_info
        14: several(ANNOTATION),  # quantization_annotation
        15: several(SPARSE),  # sparse_initializer
        16: PROPERTIES,  # metadata_props
    }
)
OPERATORS = Message({1: DOMAIN, 2: INT})
MODEL = Message(
    {
        1: INT,  # ir_version
        2: NOTE,  # producer_name
        3: NOTE,  # producer_version
        4: NOTE,  # domain
        5: NOTE_INT,  # model_version
        6: NOTE,  # doc_string
        7: one(GRAPH),  # graph
        8: several(OPERATORS),  # opset_import
        14: PROPERTIES,  # metadata_props
        20: refused("training information"),  # training_info
        25: refused("functions of its own"),  # functions
    }
)
GRAPH_FIELD = 7
"""The field of MODEL that holds the graph."""
