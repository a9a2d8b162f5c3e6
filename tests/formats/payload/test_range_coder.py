"""The range coder: the same words as a coder written from SPEC.md, and exactly the frequencies of the tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import DamagedError
from formats.model.tables import frequencies
from formats.payload.range_coder import RangeDecoder, RangeEncoder
from tests.support import slow_decoder as slow
from tests.support.payloads import relaxed

ROWS = {
    "flat": frequencies(np.ones((1, 18)))[0],
    "steep": np.array([(1 << 24) - 17, *[1] * 17], np.uint32),
    "steep at the end": np.array([*[1] * 17, (1 << 24) - 17], np.uint32),
    "pair": np.array([1, (1 << 24) - 1], np.uint32),
}


def put(coder: RangeEncoder, symbols: np.ndarray, row: np.ndarray) -> None:
    """Encode symbols under one table."""
    coder.rows(symbols, np.array([len(symbols)]), row[None])


def get(coder: RangeDecoder, count: int, row: np.ndarray) -> list[int]:
    """Decode symbols under one table."""
    out = np.empty(count, np.int32)
    coder.rows(np.array([count]), row[None], out)
    return out.tolist()


@settings(relaxed, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(sorted(ROWS)), st.integers(0, 17), st.integers(1, 9)), max_size=40))
def test_plain_python_writes_the_same_words(runs: list[tuple[str, int, int]]) -> None:
    """Steep rows drive the coder into pending words and carries, which plausible data hardly ever do."""
    fast, plain = RangeEncoder(), slow.RangeEncoder()
    told = [(ROWS[name], symbol % len(ROWS[name]), times) for name, symbol, times in runs]
    for row, symbol, times in told:
        put(fast, np.full(times, symbol), row)
        for _ in range(times):
            plain.symbol(symbol, row.tolist())
    words = plain.finish()
    assert fast.words().tolist() == words
    fast_decoder, plain_decoder = RangeDecoder(fast.words()), slow.RangeDecoder(words)
    for row, symbol, times in told:
        assert get(fast_decoder, times, row) == [symbol] * times
        assert [plain_decoder.symbol(row.tolist()) for _ in range(times)] == [symbol] * times


class Watched(slow.RangeEncoder):
    """Remembers which carries happened, and how many words were pending at most."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[int, bool]] = set()

    def release(self, carry: bool) -> None:
        self.seen.add((min(len(self.pending), 3), carry))
        super().release(carry)


def around_the_carry(plain: slow.RangeEncoder) -> np.ndarray:
    """A row whose symbol 1 keeps the next carry open, while 0 decides against it and 2 for it."""
    carry = 2**64 if plain.pending else (plain.low + plain.range // 2) >> 32 << 32
    q = min(max((carry - plain.low) // (plain.range >> 24), 1), 2**24 - 2)
    return np.array([q, 1, 2**24 - 1 - q], np.uint32)


def test_pending_words_with_and_without_carry_are_the_same_words() -> None:
    seen = set()
    for run in range(1, 12):
        for last in (0, 1, 2):
            fast, plain = RangeEncoder(), Watched()
            for symbol in [1] * run + [last]:
                row = around_the_carry(plain)
                put(fast, np.array([symbol]), row)
                plain.symbol(symbol, row.tolist())
            assert fast.words().tolist() == plain.finish()
            seen |= plain.seen
    assert {(pending, carry) for pending in (1, 2, 3) for carry in (False, True)} <= seen


def test_words_that_no_symbols_can_have_given_are_refused() -> None:
    with pytest.raises(DamagedError, match="not what its tables can have written"):
        get(RangeDecoder(np.full(2, 2**32 - 1, np.uint32)), 1, ROWS["flat"])


def test_frequencies_are_exactly_the_tables() -> None:
    """constriction takes floats; every symbol must get its integer share of 2**24 and not one more or less."""
    rng = np.random.default_rng(0)
    row = frequencies(rng.random((1, 64)) ** 8)[0]
    for symbol in range(64):
        below = int(row[:symbol].astype(np.int64).sum())
        for q, expected in ((below, symbol), (below + int(row[symbol]) - 1, symbol)):
            point = ((1 << 40) - 1) * q + 1  # scale is 2**40 - 1 at the start
            words = np.array([point >> 32, point & 0xFFFFFFFF], np.uint32)
            assert get(RangeDecoder(words), 1, row) == [expected]
