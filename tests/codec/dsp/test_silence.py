"""Digital silence: found whatever the blocks, listed by chunk, restored to the sample."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.dsp.silence import SilenceFinder, SilenceKeeper, rescaled

RATE, SHORTEST = 1000, 20
lengths = st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=25)
cuts = st.lists(st.integers(1, 90), min_size=1, max_size=8)


def signal(runs: list[tuple[int, bool]]) -> np.ndarray:
    """Runs of tone and of zeros, [2, N]; a tone is in one channel, and negative zeros in the other."""
    parts = [np.zeros((2, 0), np.float32)]
    for length, quiet in runs:
        part = np.zeros((2, length), np.float32)
        if not quiet:
            part[length % 2] = np.where(np.arange(length) % 2, 0.5, -0.25)
            part[1 - length % 2] = -0.0
        parts.append(part)
    return np.concatenate(parts, 1)


def slow_runs(x: np.ndarray) -> list[tuple[int, int]]:
    """Every run of at least 20 samples that are zero in both channels, found sample by sample."""
    found, start = [], None
    for n in range(x.shape[1] + 1):
        zero = n < x.shape[1] and x[0, n] == 0 and x[1, n] == 0
        if zero and start is None:
            start = n
        if not zero and start is not None:
            if n - start >= SHORTEST:
                found.append((start, n))
            start = None
    return found


@settings(deadline=None)
@given(lengths, cuts, st.integers(1, 200))
def test_runs_are_found_whatever_the_blocks_and_chunks(
    runs: list[tuple[int, bool]], blocks: list[int], span: int
) -> None:
    x = signal(runs)
    finder, pushed, count, got = SilenceFinder(RATE), 0, 0, []
    chunks = -(-x.shape[1] // span)
    ready = 0

    def ask() -> None:
        nonlocal ready
        part = finder.within(ready * span, (ready + 1) * span)
        assert part.dtype == np.int64
        assert part.shape == (len(part), 2)
        got.extend((ready * span + start, ready * span + start + length) for start, length in part.tolist())
        ready += 1

    while pushed < x.shape[1]:
        size = blocks[count % len(blocks)]
        finder.push(x[:, pushed : pushed + size])
        pushed, count = min(pushed + size, x.shape[1]), count + 1
        while (ready + 1) * span + SHORTEST <= pushed:  # the codec's windows look ahead by more than this
            ask()
    while ready < chunks:
        ask()
    wanted = [
        (max(a, c * span), min(b, (c + 1) * span))
        for c in range(chunks)
        for a, b in slow_runs(x)
        if max(a, c * span) < min(b, (c + 1) * span)
    ]
    assert got == wanted


@settings(deadline=None)
@given(lengths, cuts, st.integers(1, 200))
def test_exactly_the_listed_runs_are_restored(runs: list[tuple[int, bool]], blocks: list[int], span: int) -> None:
    silent = slow_runs(signal(runs))
    total = sum(length for length, _ in runs)
    keeper, y, position, chunk = SilenceKeeper(0), [], 0, 0
    while position < total:
        size = min(blocks[len(y) % len(blocks)], total - position)
        while chunk * span < position + size:  # a chunk's runs are listed before its samples come
            low, high = chunk * span, (chunk + 1) * span
            inside = [(max(a, low) - low, min(b, high) - max(a, low)) for a, b in silent if a < high and b > low]
            keeper.add(low, np.array(inside, np.int64).reshape(-1, 2))
            chunk += 1
        y.append(keeper.apply(np.ones((2, size), np.float32)))
        position += size
    wanted = np.ones((2, total), np.float32)
    for a, b in silent:
        wanted[:, a:b] = 0
    assert np.array_equal(np.concatenate([np.zeros((2, 0), np.float32), *y], 1), wanted)


def test_a_keeper_may_begin_in_the_middle() -> None:
    keeper = SilenceKeeper(1000)
    keeper.add(1000, np.array([[5, 10]], np.int64))
    y = keeper.apply(np.ones((1, 30), np.float32))
    assert np.flatnonzero(y[0] == 0).tolist() == list(range(5, 15))


@settings(deadline=None)
@given(lengths, st.sampled_from([100, 7350, 44100, 48000]), st.sampled_from([100, 7350, 44100, 48000]))
def test_runs_at_another_rate_have_the_samples_that_lie_inside_them(
    told: list[tuple[int, bool]], rate: int, to_rate: int
) -> None:
    ends = np.cumsum([length for length, _ in told]).astype(int).tolist()
    runs = [(end - length, length) for end, (length, quiet) in zip(ends, told, strict=True) if quiet]
    got = rescaled(np.array(runs, np.int64).reshape(-1, 2), rate, to_rate)
    assert (got[:, 1] > 0).all()
    wanted = [
        sample
        for start, length in runs
        for sample in range(start * to_rate // rate, (start + length) * to_rate // rate + 1)
        if sample * rate >= start * to_rate and (sample + 1) * rate <= (start + length) * to_rate
    ]
    assert [sample for start, length in got.tolist() for sample in range(start, start + length)] == wanted
