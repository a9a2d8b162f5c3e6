"""Spans of a stream against the same spans marked sample by sample."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codec.dsp.spans import Spans


@given(
    st.integers(-50, 50),
    st.lists(st.tuples(st.integers(-80, 200), st.integers(0, 60)), max_size=6),
    st.lists(st.integers(0, 70), max_size=8),
)
def test_every_sample_of_a_span_is_met_once(position: int, spans: list[tuple[int, int]], sizes: list[int]) -> None:
    stream: Spans[int] = Spans(position)
    for number, (start, length) in enumerate(spans):
        stream.add(start, length, number)
    met = []
    for size in sizes:
        for block, span, number in stream.advance(size):
            assert 0 <= block.start < block.stop <= size
            start = spans[number][0]
            places = range(position + block.start, position + block.stop)
            assert [start + offset for offset in range(span.start, span.stop)] == list(places)
            met += [(number, place) for place in places]
        position += size
    first = position - sum(sizes)
    wanted = [(n, at) for n, (start, length) in enumerate(spans) for at in range(start, start + length)]
    assert sorted(met) == [(n, at) for n, at in wanted if first <= at < position]


def test_spans_may_be_added_while_the_stream_passes() -> None:
    stream: Spans[str] = Spans(100)
    assert list(stream.advance(10)) == []
    stream.add(105, 10, "late")
    assert list(stream.advance(10)) == [(slice(0, 5), slice(5, 10), "late")]
    assert list(stream.advance(10)) == []


def test_a_stream_may_begin_in_the_middle_of_a_span() -> None:
    stream: Spans[None] = Spans(7)
    stream.add(0, 10, None)
    overlaps = [(block, span) for block, span, _ in stream.advance(100)]
    assert overlaps == [(slice(0, 3), slice(7, 10))]
    assert np.arange(10)[overlaps[0][1]].tolist() == [7, 8, 9]
