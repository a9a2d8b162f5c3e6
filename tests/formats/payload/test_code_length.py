"""Sizes from code lengths against the payloads that the coder makes."""

import numpy as np
import pytest
from hypothesis import given

from formats.container.header import Coder
from formats.grid import HYPER_SIZE
from formats.model import PlainTables, Tables
from formats.payload.chunk import ChunkLatents, encode_payload
from formats.payload.code_length import fixed_size, payload_size
from formats.payload.side_info import SideInfo
from tests.support.payloads import any_latents, plain_tables, plausible, relaxed

NEAR = 8
"""Bytes by which a size may be wrong: the code ends with a word of four bytes, and so may the estimate."""


@relaxed
@given(case=any_latents())
def test_sizes_are_those_of_payloads(tables: Tables, case: tuple[ChunkLatents, int]) -> None:
    latents, gain = case
    wanted = len(encode_payload(latents, gain, Coder.RANGE, tables))
    assert payload_size(latents, gain, tables) == pytest.approx(wanted, abs=NEAR, rel=1e-4)


@pytest.mark.parametrize("gain", [-60, 20, 140])
def test_sizes_of_what_is_like_music(gain: int, tables: Tables) -> None:
    latents = plausible(630, 112, gain, tables)
    wanted = len(encode_payload(latents, gain, Coder.RANGE, tables))
    assert payload_size(latents, gain, tables) == pytest.approx(wanted, abs=NEAR, rel=2e-4)


@pytest.mark.parametrize("largest", [3, 100, 1 << 20])
def test_sizes_of_plain_models(largest: int) -> None:
    tables: PlainTables = plain_tables()
    rng = np.random.default_rng(largest)
    indices = rng.integers(-largest, largest + 1, (200, 16)).astype(np.int32)
    latents = ChunkLatents(np.zeros((0, HYPER_SIZE), np.int8), indices, SideInfo.empty(200))
    wanted = len(encode_payload(latents, 0, Coder.RANGE, tables))
    assert payload_size(latents, 0, tables) == pytest.approx(wanted, abs=NEAR, rel=1e-4)


def test_the_fixed_part_is_the_size_of_nothing_but_hyper_latents(tables: Tables) -> None:
    latents = plausible(300, 16, 0, tables)
    alone = ChunkLatents(latents.hyper, latents.indices[:, :0], latents.side_info)
    wanted = len(encode_payload(alone, 0, Coder.RANGE, tables))
    assert fixed_size(latents.hyper, latents.side_info, tables) == pytest.approx(wanted, abs=NEAR)
