"""Damaged, hostile and unknown files through the tiny model: nothing but our errors, a line each."""

import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.inspection.info import describe
from codec.pipeline import peel as peeling
from codec.pipeline.payload import unpack
from codec.runtime import models
from formats import Chunk, Coder, Reader
from formats.container.layout import HEADER_SIZE
from formats.errors import AezError, DamagedError, FormatError, ModelError, UsageError
from formats.grid import SAMPLE_RATE, SEGMENT
from formats.payload.chunk import encode_payload
from tests.support.codec import Array, decoded, encoded
from tests.support.pipeline_files import Pipe, rewritten
from training.data.songs import song

TIERS = (32, 64, 128, 256, 512)  # of the tiny model

pytestmark = pytest.mark.usefixtures("tiny")


# Damage


def test_a_truncated_file_is_damaged(music: Array) -> None:
    data = encoded(music[:, : 5 * SAMPLE_RATE], chunk_frames=SEGMENT)
    for length in (
        0,
        7,
        HEADER_SIZE - 1,
        HEADER_SIZE,
        HEADER_SIZE + 5,
        1000,
        len(data) // 2,
        len(data) - 9,
        len(data) - 1,
    ):
        for source in (io.BytesIO(data[:length]), Pipe(data[:length])):
            with pytest.raises(DamagedError if length >= HEADER_SIZE else FormatError):
                decoded(source)
        with pytest.raises(FormatError):
            peeling.peel(io.BytesIO(data[:length]), io.BytesIO(), 32)


def everything(data: bytes) -> None:
    """All that can be done to a file: nothing but AezError may come of it, and nothing that is no number."""
    for job in (
        lambda: decoded(data),
        lambda: decoded(Pipe(data), start=0.4, duration=1.0),
        lambda: peeling.peel(io.BytesIO(data), io.BytesIO(), 32),
        lambda: describe(io.BytesIO(data)),
    ):
        try:
            got = job()
        except AezError as error:
            assert "\n" not in str(error)
        else:
            if isinstance(got, np.ndarray):
                assert np.isfinite(got).all()


@pytest.fixture(scope="session")
def small(tiny: SimpleNamespace) -> dict[str, bytes]:
    """Short files in both coders."""
    x = song(2.3, 8000, seed=7)
    x[:, 5000:6000] = 0
    return {coder: encoded(x, 8000, latent=64, coder=coder, chunk_frames=SEGMENT) for coder in ("range", "zstd")}


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_flipped_bits_give_nothing_but_our_errors(small: dict[str, bytes], data: st.DataObject) -> None:
    damaged = bytearray(small[data.draw(st.sampled_from(sorted(small)))])
    for _ in range(data.draw(st.integers(1, 3))):
        bit = data.draw(st.integers(0, 8 * len(damaged) - 1) | st.integers(0, 8 * HEADER_SIZE))
        damaged[bit // 8] ^= 1 << bit % 8
    everything(bytes(damaged))


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_payloads_of_nonsense_under_good_checksums(small: dict[str, bytes], data: st.DataObject) -> None:
    """Checksums are no defence against somebody who writes them."""

    def change(chunk: Chunk) -> Chunk:
        payload = bytearray(chunk.payload)
        for _ in range(data.draw(st.integers(1, 5))):
            payload[data.draw(st.integers(0, len(payload) - 1) | st.integers(0, 12))] ^= data.draw(st.integers(1, 255))
        return replace(chunk, payload=bytes(payload[: data.draw(st.integers(1, len(payload)))]))

    fields = {
        "gain": st.integers(-512, 512),
        "coder": st.sampled_from(Coder),
        "channels": st.integers(1, 2),
        "latent": st.sampled_from(TIERS),
        "sample_rate": st.just(8000) | st.integers(4000, 16000),
    }
    chosen = {name: data.draw(values) for name, values in fields.items() if data.draw(st.booleans())}
    try:
        damaged = rewritten(small[data.draw(st.sampled_from(sorted(small)))], change, **chosen)
    except UsageError:  # lengths that even the writer would not write
        return
    everything(damaged)


@pytest.mark.parametrize("coder", ["range", "zstd"])
def test_silence_may_end_with_its_chunk_and_not_later(small: dict[str, bytes], coder: str) -> None:
    reader = Reader(io.BytesIO(small[coder]))
    header, model = reader.header, models.by_id(reader.header.bitstream)

    def lists(length: int) -> bytes:
        def change(chunk: Chunk) -> Chunk:
            latents = unpack(header, chunk, model)
            silence = latents.side_info._replace(silence=np.array([[5, 10], [100, length]], np.int64))
            changed = encode_payload(replace(latents, side_info=silence), header.gain, header.coder, model.tables)
            return replace(chunk, payload=changed)

        return rewritten(small[coder], change)

    whole = 2 * header.sample_rate  # of any chunk, also of the last one, which is shorter
    samples = decoded(lists(whole - 100))
    assert not samples[:, 100:whole].any() and not samples[:, whole + 100 :].any()
    assert samples[:, whole : whole + 5].any()
    with pytest.raises(DamagedError, match="chunk 0 is damaged: it lists silence beyond its end") as error:
        decoded(lists(whole - 99))
    assert error.value.chunk == 0


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_no_file(small: dict[str, bytes], data: bytes) -> None:
    everything(data)
    everything(small["range"][: HEADER_SIZE + len(data) % 50] + data)


@pytest.mark.parametrize("fields", [{"latent": 100}])
def test_headers_that_this_version_does_not_decode(fields: dict[str, int], music: Array) -> None:
    other = rewritten(encoded(music[:, :0]), **fields)
    for run in (lambda: decoded(other), lambda: peeling.peel(io.BytesIO(other), io.BytesIO(), 32)):
        with pytest.raises(FormatError, match="the file has 100 latents a frame"):
            run()


# Models


def test_a_file_of_an_unknown_bitstream(small: dict[str, bytes]) -> None:
    other = rewritten(small["range"], bitstream=bytes(range(8)))
    for run in (lambda: decoded(other), lambda: peeling.peel(io.BytesIO(other), io.BytesIO(), 32)):
        with pytest.raises(ModelError, match="0001020304050607"):
            run()
    with pytest.raises(ModelError):
        decoded(other, model="tiny")
    with pytest.raises(ModelError):
        encoded(np.zeros((1, 10), np.float32), model="no such model")
