"""Tables: what is stored comes back, impossible ones are refused, and the bitstream id is the specification's."""

import io
import re
import tracemalloc
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats
from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HYPER_SIZE
from formats.model import AnyTables, PlainTables, Tables
from tests.support import slow_decoder as slow
from tests.support.payloads import golden_tables, plain_tables, relaxed

SPEC = (Path(formats.__file__).parent / "SPEC.md").read_text("utf-8")


def arrays_of(tables: AnyTables) -> dict[str, np.ndarray]:
    return {field.name: getattr(tables, field.name) for field in fields(tables)}


def archive_of(arrays: dict[str, np.ndarray]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=True, **arrays)
    return out.getvalue()


@pytest.mark.parametrize("kind", [golden_tables, plain_tables])
def test_tables_survive_their_archive(kind) -> None:
    tables = kind()
    again = type(tables).from_bytes(tables.to_bytes())
    assert again.to_bytes() == tables.to_bytes()
    for name, value in arrays_of(tables).items():
        read = getattr(again, name)
        assert read.dtype == value.dtype and np.array_equal(read, value)
        assert read.flags.writeable and read.flags.c_contiguous


def test_other_arrays_in_an_archive_are_not_looked_at() -> None:
    tables = plain_tables()
    data = archive_of({**arrays_of(tables), "more": np.zeros(3), "objects": np.array([None])})
    assert PlainTables.from_bytes(data).bitstream_id() == tables.bitstream_id()


# The bitstream id


def spec_arrays(title: str) -> list[tuple[str, str]]:
    """Names and types of the arrays in a section of SPEC.md, in their order."""
    section = SPEC[SPEC.index(f"## {title}") :]
    return re.findall(r"^\| `(\w+)` \| (u?int32|float64) \|", section[: section.index("\n## ", 4)], re.MULTILINE)


@pytest.mark.parametrize(
    ("tables", "title"), [(golden_tables(), "The tables of a model"), (plain_tables(), "Plain models")]
)
def test_the_bitstream_id_is_the_specification_s(tables: AnyTables, title: str) -> None:
    arrays = arrays_of(tables)
    listed = spec_arrays(title)
    assert [name for name, _ in listed] == list(arrays)
    told = [
        (name, kind, arrays[name].shape, arrays[name].astype(arrays[name].dtype.newbyteorder("<")).tobytes())
        for name, kind in listed
    ]
    assert tables.bitstream_id() == slow.bitstream_id(tables.KIND, told)
    assert len(tables.bitstream_id()) == 8


def test_specification_shows_the_id_of_its_example() -> None:
    assert f"have the id `{golden_tables().bitstream_id().hex()}`" in SPEC


def test_the_bitstream_id_depends_on_every_array() -> None:
    tables = golden_tables()
    plus = ("offset", "slope", "intercept", "shape", "bias", "steady", "steadiness", "loudness")
    changed = [replace(tables, **{name: getattr(tables, name) + getattr(tables, name).dtype.type(1)}) for name in plus]
    changed.append(replace(tables, predictor=np.roll(tables.predictor, 1, 1)))
    changed += [replace(tables, **{name: np.roll(getattr(tables, name), 1, 0)}) for name in ("main", "hyper")]
    assert len(changed) == len(fields(tables))
    plain = plain_tables()
    others = [replace(plain, intercept=plain.intercept + np.int32(1)), replace(plain, main=np.roll(plain.main, 1, 0))]
    every = [tables, *changed, plain, *others]
    assert len({one.bitstream_id() for one in every}) == len(every)


# What is refused


@pytest.mark.parametrize("name", [field.name for field in fields(Tables)])
def test_arrays_of_another_type_or_shape_are_a_model_error(name: str) -> None:
    tables = golden_tables()
    value = getattr(tables, name)
    for wrong in (value[:-1], value[..., :-1], value[None], value.astype(np.float32), value.tolist(), None):
        with pytest.raises(ModelError, match=name):
            replace(tables, **{name: wrong})
    arrays = arrays_of(tables)
    del arrays[name]
    with pytest.raises(ModelError, match=f"{name!r} is missing"):
        Tables.from_bytes(archive_of(arrays))


@pytest.mark.parametrize("name", ["shape", "bias", "steady"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_steps_that_are_no_numbers_are_a_model_error(name: str, value: float) -> None:
    steps = np.zeros(COEFFICIENTS)
    steps[5] = value
    with pytest.raises(ModelError, match="finite"):
        replace(golden_tables(), **{name: steps})


@pytest.mark.parametrize(("name", "limit"), [("intercept", 2**31 - 2**26), ("offset", 2**24)])
@pytest.mark.parametrize("sign", [1, -1])
def test_one_coefficient_at_a_bound_is_a_model_error(name: str, limit: int, sign: int) -> None:
    tables = golden_tables()
    zero = ("predictor", "offset", "slope", "intercept", "loudness", "steadiness")
    tables = replace(tables, **{key: np.zeros_like(getattr(tables, key)) for key in zero})
    value = np.zeros(COEFFICIENTS, np.int32)
    value[7] = sign * (limit - 1)
    replace(tables, **{name: value})
    value[7] = sign * limit
    with pytest.raises(ModelError, match="out of range"):
        replace(tables, **{name: value})


@pytest.mark.parametrize("name", ["main", "hyper"])
def test_frequencies_that_do_not_sum_to_one_are_a_model_error(name: str) -> None:
    tables = golden_tables()
    value = getattr(tables, name)
    zero = value.copy()
    zero[..., 0] += zero[..., 1]
    zero[..., 1] = 0
    one = value.copy()
    one[3, ..., 5] += 1
    for wrong in (value + np.uint32(1), one, zero):
        with pytest.raises(ModelError, match="frequencies"):
            replace(tables, **{name: wrong})


def member(name: str, data: bytes) -> bytes:
    """An archive of the example's tables with these bytes in the place of one array."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(golden_tables().to_bytes())) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for each in old.namelist():
            new.writestr(each, data if each == f"{name}.npy" else old.read(each))
    return out.getvalue()


def npy(value: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, value, version=version)
    return out.getvalue()


def test_arrays_that_claim_much_allocate_little() -> None:
    header = npy(np.zeros((1, 1), np.int32)).replace(b"(1, 1)", b"(536870912, 1)".ljust(14))
    bombs = [member("predictor", bytes(2**28)), member("predictor", header[:128])]
    for bomb in bombs:
        tracemalloc.start()
        try:
            with pytest.raises(ModelError):
                Tables.from_bytes(bomb)
            assert tracemalloc.get_traced_memory()[1] < 2**24
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no array",
        npy(np.zeros((HYPER_SIZE, COEFFICIENTS), np.int32), version=(2, 0)),
        npy(np.zeros((HYPER_SIZE, COEFFICIENTS), np.int32, order="F")),
        npy(np.zeros((HYPER_SIZE, COEFFICIENTS), np.int32))[:-1],
        npy(np.zeros((HYPER_SIZE, COEFFICIENTS), np.int32)) + b"\0",
        npy(np.zeros((HYPER_SIZE, COEFFICIENTS), ">i4")),
    ],
    ids=["nothing", "no array", "another version", "by columns", "cut", "followed", "big-endian"],
)
def test_members_that_are_not_the_specification_s_are_a_model_error(data: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        Tables.from_bytes(member("predictor", data))
    assert "\n" not in str(caught.value)


def test_objects_are_never_unpickled() -> None:
    arrays = arrays_of(golden_tables())
    with pytest.raises(ModelError):
        Tables.from_bytes(archive_of({**arrays, "offset": np.array([object] * COEFFICIENTS)}))


@settings(relaxed, max_examples=60)
@given(st.data())
def test_damaged_archives_are_a_model_error(data: st.DataObject) -> None:
    tables = golden_tables()
    archive = bytearray(tables.to_bytes())
    if data.draw(st.booleans()):
        archive = archive[: data.draw(st.integers(0, len(archive) - 1))]
    else:  # directories and headers, where every byte counts
        spot = data.draw(st.integers(0, 300) | st.integers(len(archive) - 900, len(archive) - 1))
        archive[spot] ^= data.draw(st.integers(1, 255))
    try:
        read = Tables.from_bytes(bytes(archive))
    except ModelError as error:
        assert "\n" not in str(error)
    else:
        assert read.bitstream_id() == tables.bitstream_id()
