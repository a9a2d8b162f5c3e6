"""`Verifier` notices every flipped bit and every cut, and says where the damage is."""

import io
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from codec.inspection.verify import Verdict, Verifier
from codec.pipeline.workers import Engine
from formats import Reader, Writer
from formats.container.layout import HEADER_SIZE, TRAILER_SYNC
from formats.errors import ModelError
from formats.grid import SEGMENT
from tests.support.codec import Array, encoded
from tests.support.container_files import Pipe
from tests.support.model_folders import copied

OPENERS = {"file": io.BytesIO, "pipe": Pipe}


@pytest.fixture(scope="module")
def small(tiny: SimpleNamespace, music: Array) -> bytes:
    """Two chunks, the second a short one, in as few bytes as there can be."""
    short = np.zeros((1, 100_000), np.float32)
    short[:, :9000] = music[:1, 20_000:29_000]
    return encoded(short, latent=32, gain=-512, chunk_frames=SEGMENT)


@pytest.fixture(scope="module")
def big(tiny: SimpleNamespace, music: Array) -> bytes:
    """13 chunks of 2 s."""
    return encoded(music, latent=64, chunk_frames=SEGMENT)


@pytest.fixture
def verifier(tiny: SimpleNamespace) -> Iterator[Verifier]:
    with Engine("cpu") as engine:
        yield Verifier(engine=engine)


def flipped(data: bytes, bit: int) -> bytes:
    raw = bytearray(data)
    raw[bit // 8] ^= 1 << bit % 8
    return bytes(raw)


def rewritten(data: bytes, number: int, payload: bytes) -> bytes:
    """The file with another payload in one chunk, and all checksums right."""
    reader, out = Reader(io.BytesIO(data)), io.BytesIO()
    writer = Writer(out, reader.header)
    for chunk in reader:
        writer.write(replace(chunk, payload=payload) if chunk.index == number else chunk)
    assert reader.samples is not None
    writer.finish(reader.samples)
    return out.getvalue()


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_good_files_are_good(small: bytes, big: bytes, verifier: Verifier, opener: Any) -> None:
    assert verifier.check(opener(small)) == Verdict(2, 100_000 / 44100, (), ())
    assert verifier.check(opener(big)) == Verdict(13, 25.0, (), ())


def test_every_flipped_bit_of_a_small_file_is_detected(small: bytes, verifier: Verifier) -> None:
    assert len(small) < 400
    missed = [bit for bit in range(8 * len(small)) if verifier.check(io.BytesIO(flipped(small, bit))).good]
    assert missed == []


def test_every_truncation_of_a_small_file_is_detected(small: bytes, verifier: Verifier) -> None:
    for opener in OPENERS.values():
        assert [size for size in range(len(small)) if verifier.check(opener(small[:size])).good] == []


def test_flips_and_truncations_of_a_big_file_are_detected(big: bytes, verifier: Verifier) -> None:
    draw = random.Random(1)
    for _ in range(15):
        assert not verifier.check(io.BytesIO(flipped(big, draw.randrange(8 * len(big))))).good
        assert not verifier.check(io.BytesIO(big[: draw.randrange(len(big))])).good


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_damage_is_named_by_chunk_and_time(big: bytes, verifier: Verifier, opener: Any) -> None:
    offsets = Reader(io.BytesIO(big)).offsets
    data = flipped(flipped(flipped(big, 8 * offsets[3] + 200), 8 * offsets[4] + 200), 8 * offsets[12] + 200)
    found = verifier.check(opener(data))
    assert [str(loss) for loss in found.losses] == ["chunks 3 to 4, 0:06.0 to 0:10.0", "chunk 12, 0:24.0 to 0:25.0"]
    assert found.chunks == 10
    assert "chunk 3 is damaged: its checksum does not match (0:06.0 to 0:08.0)" in found.faults
    assert "metadata" in verifier.check(opener(flipped(big, 8 * HEADER_SIZE + 9))).faults[0]
    cut = verifier.check(opener(big[: offsets[5] + 3]))
    assert cut.chunks == 5 and any("end of the file" in line for line in cut.faults)
    end = verifier.check(opener(flipped(big, 8 * big.rindex(TRAILER_SYNC) + 70)))
    assert end.chunks == 13 and end.losses == () and not end.good


def test_payloads_that_do_not_unpack_are_damage_though_their_checksums_match(big: bytes, verifier: Verifier) -> None:
    for payload in (b"", b"\x00", b"\x00\xff\xff\xff\xff\x7f" + bytes(50)):
        data = rewritten(big, 7, payload)
        Reader(io.BytesIO(data)).verify()
        found = verifier.check(io.BytesIO(data))
        assert [str(loss) for loss in found.losses] == ["chunk 7, 0:14.0 to 0:16.0"]
        assert "chunk 7 is damaged" in found.faults[0] and "(0:14.0 to 0:16.0)" in found.faults[0]


def test_an_index_that_lies_is_damage(small: bytes, verifier: Verifier) -> None:
    from tests.support.container_files import patched

    at = small.rindex(TRAILER_SYNC)
    first, second = (len(chunk.payload) for chunk in Reader(io.BytesIO(small)))
    lengths = (first + 1).to_bytes(4, "little") + (second - 1).to_bytes(4, "little")
    data = patched(at + 20, lengths, small, crc_of=(at, len(small) - 12))
    for opener in OPENERS.values():
        assert not verifier.check(opener(data)).good


def test_a_model_that_is_not_here_is_told(small: bytes, tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    from codec.runtime import models

    monkeypatch.setattr(models, "folders", list)
    found = Verifier().check(io.BytesIO(small))
    assert not found.good and not found.checked and found.faults == found.losses == ()
    assert isinstance(found.unchecked, models.MissingModelError) and "cannot be checked" in str(found.unchecked)
    assert Verifier(str(tiny.folder)).check(io.BytesIO(small)).good
    other = Verifier(str(tiny.folder.parent / "tiny-dense")).check(io.BytesIO(small))
    assert "the file needs a model of bitstream" in str(other.unchecked)
    cut = Verifier().check(io.BytesIO(small[:-20]))
    assert cut.checked and not cut.good and cut.faults and cut.unchecked


def test_a_model_that_does_not_exist_is_an_error_and_no_damage(tiny: SimpleNamespace) -> None:
    with pytest.raises(ModelError, match="there is no model 'nothing'"):
        Verifier("nothing")


def test_a_folder_without_tables_is_told_of_its_files_alone(
    small: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied("tiny", tmp_path)
    (folder / "tables.npz").unlink()
    monkeypatch.setenv("AEZ_MODELS", str(tmp_path))
    verdict = Verifier().check(io.BytesIO(small))
    says = "the payloads cannot be checked: model 'tiny' lacks tables.npz, or it cannot be read"
    assert str(verdict.unchecked) == says and not verdict.faults
