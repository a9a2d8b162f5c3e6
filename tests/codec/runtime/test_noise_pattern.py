"""noise.npy: what it must be, and that nothing else is taken for it."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.runtime import noise_pattern
from codec.runtime.noise_pattern import SHAPE
from formats.errors import ModelError
from tests.support import MODELS
from tests.support.model_folders import npy, one_line

GOOD = np.random.default_rng(0).integers(-127, 128, SHAPE).astype(np.int8)
DATA = npy(GOOD)


def test_the_pattern_comes_back_and_cannot_be_written_to() -> None:
    found = noise_pattern.read(DATA)
    np.testing.assert_array_equal(found, GOOD)
    assert found.dtype == np.int8 and not found.flags.writeable


def test_the_tiny_model_has_noise_of_unit_variance() -> None:
    found = noise_pattern.read((MODELS / "tiny" / "decoders" / "standard" / "noise.npy").read_bytes())
    assert np.std(found / 32) == pytest.approx(1, abs=0.01)


def test_a_second_version_of_the_file_format_will_do() -> None:
    file = io.BytesIO()
    np.lib.format.write_array(file, GOOD, version=(2, 0))
    np.testing.assert_array_equal(noise_pattern.read(file.getvalue()), GOOD)


WRONG = {
    "type": GOOD.astype(np.int16),
    "unsigned": GOOD.astype(np.uint8),
    "order": np.asfortranarray(GOOD),
    "one pattern": GOOD[:1],
    "flat": GOOD.ravel(),
    "longer": np.concatenate([GOOD, GOOD]),
    "objects": np.array([{"an": "object"}], dtype=object),
    "names": np.zeros(SHAPE, [("x", "i1")]),
}


@pytest.mark.parametrize("array", WRONG.values(), ids=WRONG)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ModelError, match=r"noise\.npy does not hold int8"):
        noise_pattern.read(npy(array))


def test_a_huge_claim_allocates_nothing() -> None:
    file = io.BytesIO()
    header = {"descr": "|i1", "fortran_order": False, "shape": (1 << 40, 1 << 20)}
    np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(ModelError, match="does not hold"):
        noise_pattern.read(file.getvalue())


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"\0", DATA[:128]], ids=["shorter", "longer", "empty"])
def test_the_length_is_the_header_s(data: bytes) -> None:
    with pytest.raises(ModelError, match="shorter or longer"):
        noise_pattern.read(data)


@given(st.binary(max_size=200) | st.builds(lambda text: b"\x93NUMPY\x01\x00v\x00" + text, st.binary(max_size=130)))
def test_bytes_of_nonsense_are_model_errors(data: bytes) -> None:
    with pytest.raises(ModelError) as error:
        noise_pattern.read(data)
    one_line(error.value)


@pytest.mark.parametrize("text", [b"(" * 110, b"[" * 60 + b"]" * 50, b"-" * 110 + b"1", b"{'descr': '|O'", b"\xff" * 9])
def test_headers_that_upset_a_parser_are_model_errors(text: bytes) -> None:
    with pytest.raises(ModelError, match=r"not an \.npy file"):
        noise_pattern.read(b"\x93NUMPY\x01\x00v\x00" + text.ljust(118))
