"""A payload decoder in plain Python, written from formats/SPEC.md alone: no NumPy, nothing of `formats` but its tables.

It is slow on purpose: one symbol, one bit, one coefficient at a time, in the words of the specification.
"""

import hashlib
import struct
from dataclasses import dataclass

import zstandard

from formats.model import PlainTables, Tables

MASK = 2**64 - 1


class Bytes:
    """Bytes read from the front."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        assert self.at + count <= len(self.data)
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self) -> int:
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value += (byte % 128) << shift
            shift += 7
            if byte < 128:
                assert shift <= 42 and (byte or shift == 7)
                return value

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)


class Bits:
    """Bits of bytes, the most significant first."""

    def __init__(self, data: bytes) -> None:
        self.text, self.at = "".join(f"{byte:08b}" for byte in data), 0

    def take(self, count: int) -> int:
        assert self.at + count <= len(self.text)
        self.at += count
        return int("0" + self.text[self.at - count : self.at], 2)


class RangeDecoder:
    """SPEC.md, 'The range coder'."""

    def __init__(self, words: list[int]) -> None:
        self.words = list(words)
        self.low, self.range = 0, MASK
        self.point = self.next() << 32
        self.point += self.next()

    def next(self) -> int:
        return self.words.pop(0) if self.words else 0

    def symbol(self, row: list[int]) -> int:
        scale = self.range >> 24
        q = ((self.point - self.low) & MASK) // scale
        assert q < 1 << 24
        s = below = 0
        while below + row[s] <= q:
            below += row[s]
            s += 1
        self.low = (self.low + scale * below) & MASK
        self.range = scale * row[s]
        if self.range < 1 << 32:
            self.low = (self.low << 32) & MASK
            self.range = (self.range << 32) & MASK
            self.point = ((self.point << 32) & MASK) + self.next()
        return s


class RangeEncoder:
    """The same steps with the carries and the end of SPEC.md."""

    def __init__(self) -> None:
        self.low, self.range = 0, MASK
        self.words: list[int] = []
        self.pending: list[int] = []
        self.used = False

    def symbol(self, s: int, row: list[int]) -> None:
        self.used = True
        scale = self.range >> 24
        low = self.low + scale * sum(row[:s])
        self.range = scale * row[s]
        if self.pending and (low > MASK or low + self.range <= MASK):
            self.release(carry=low > MASK)
        self.low = low & MASK
        if self.range < 1 << 32:
            self.pending.append(self.low >> 32)
            self.low = (self.low << 32) & MASK
            self.range = (self.range << 32) & MASK
            if len(self.pending) == 1 and self.low + self.range <= MASK:
                self.release(carry=False)

    def release(self, carry: bool) -> None:
        first, *others = self.pending
        self.words.append(first + carry)
        self.words += [0 if carry else 2**32 - 1 for _ in others]
        self.pending = []

    def finish(self) -> list[int]:
        if self.used:
            p = self.low + 2**32 - 1
            if self.pending:
                self.release(carry=p > MASK)
            p &= MASK
            self.words.append(p >> 32)
            if ((self.low + self.range) & MASK) >> 32 == p >> 32:
                self.words.append(0)
        return self.words


@dataclass
class SideInfo:
    """Silence [n][2], gain control [n][3], rotation by (segment, band), and the (segment, unit)s with long windows."""

    silence: list[list[int]]
    gain_control: list[list[int]]
    rotation: dict[tuple[int, int], int]
    long_windows: set[tuple[int, int]]


@dataclass
class Payload:
    """What a payload says: its side information, hyper latents [G][48] and quantization indices [F][M]."""

    side_info: SideInfo
    hyper: list[list[int]]
    indices: list[list[int]]


class SlowTables:
    """The integers of a model as lists."""

    def __init__(self, tables: Tables) -> None:
        self.predictor, self.offset = tables.predictor.tolist(), tables.offset.tolist()
        self.slope, self.intercept = tables.slope.tolist(), tables.intercept.tolist()
        self.loudness, self.steadiness = tables.loudness.tolist(), tables.steadiness.tolist()
        self.main, self.hyper = tables.main.tolist(), tables.hyper.tolist()


def wrap(x: int) -> int:
    return (x + 32) % 64 - 32


def read_hyper(decoder: RangeDecoder, vectors: int, table: list[list[int]]) -> list[list[int]]:
    h = [[0] * 48 for _ in range(vectors)]
    for b in range(48):
        below = h[0][b - 1] if b else 0
        h[0][b] = wrap(below + decoder.symbol(table[56 + b // 6]))
        symbols = [0] * vectors
        for c in range(7):
            for g in range(1, vectors):
                if context(h, g, b) == c:
                    symbols[g] = decoder.symbol(table[8 * c + b // 6])
        for g in range(1, vectors):
            h[g][b] = wrap(h[g - 1][b] + symbols[g] - 32)
    return h


def context(h: list[list[int]], g: int, b: int) -> int:
    i = b % 24

    def change(band: int) -> int:
        return h[g][band] - h[g - 1][band]

    def lower(j: int) -> int:
        return change(b - j) if i >= j else 0

    mid = 4 * lower(1) + 2 * lower(2) + lower(3)
    e = mid if b < 24 else 3 * lower(1) + lower(2) + lower(3) + 2 * change(b - 24)
    return min(max((e + 4) >> 3, -3), 3) + 3


def scale_indices(
    h: list[list[int]], frames: int, gain: int, t: SlowTables, chosen: range = range(1400)
) -> list[list[int]]:
    """Scale indices [F][1400] (or of some coefficients only, for speed)."""

    def size(g: int, k: int) -> int:
        return t.offset[k] + sum(h[g][b] * t.predictor[b][k] for b in range(48))

    out = []
    a = [t.loudness[48] + sum(h[g][b] * t.loudness[b] for b in range(48)) for g in range(len(h))]
    e = [[size(g, k) for k in chosen] for g in range(len(h))]
    for f in range(frames):
        g = f // 3
        before = g if g % 42 == 0 else g - 1
        after = g if g % 42 == 41 or g == len(h) - 1 else g + 1
        neighbour = (before, g, after)[f % 3]
        row = []
        for i, k in enumerate(chosen):
            x = 2 * e[g][i] + e[neighbour][i]
            loudness = 2 * a[g] + a[neighbour]
            fixed = x * t.slope[k] - loudness * t.steadiness[k] + t.intercept[k] + 131072 * gain
            row.append(min(max(fixed >> 20, 0), 47))
        out.append(row)
    return out


def ranks(scale_index: list[int], main: int) -> list[int]:
    """Coefficients of one frame, best first."""
    return sorted(range(len(scale_index)), key=lambda k: (-scale_index[k], k))[:main]


Coded = list[tuple[int, int, int]]
"""Main latents in coded order, each as (scale index, frame, rank)."""


def read_main(
    decoder: RangeDecoder, scale_index: list[list[int]], ranked: list[list[int]], table: list[list[list[int]]]
) -> tuple[Coded, list[int]]:
    """Main latents in coded order, and their symbols."""
    frames = len(scale_index)
    m = [[0] * 1400 for _ in range(frames)]

    def context_of(f: int, k: int, distance: int) -> int:
        near = [g for g in (f - distance, f + distance) if 0 <= g < frames]
        w = sum((4 if i == k else 1) * m[g][i] for g in near for i in (k - 1, k, k + 1) if 0 <= i < 1400)
        classes = sum(bound <= w for bound in (1, 2, 3, 5, 8, 12, 20, 36))
        return 1 + 9 * {1: 0, 2: 1, 4: 2, 8: 2}[distance] + classes

    coded, symbols = [], []
    for distance in (0, 8, 4, 2, 1):
        chosen = [f for f in range(frames) if (f % (2 * distance) == distance if distance else f % 16 == 0)]
        cells = sorted(
            (context_of(f, k, distance) if distance else 0, scale_index[f][k], f, r)
            for f in chosen
            for r, k in enumerate(ranked[f])
        )
        for c, index, f, r in cells:
            s = decoder.symbol(table[c][index])
            m[f][ranked[f][r]] = min(15, s * 2 ** ((max(index, 27) - 27) // 4))
            coded.append((index, f, r))
            symbols.append(s)
    return coded, symbols


def read_side_info(data: Bytes, frames: int) -> SideInfo:
    """Side information within the bounds of SPEC.md, but for the end of silence, which depends on the sample rate."""
    (flags,) = data.take(1)
    assert flags < 16
    segments = -(-frames // 126)
    silence = read_stretches(data, 4096, 1) if flags & 1 else []
    assert all(length for _, length in silence)
    packed = read_stretches(data, 14 * frames, 16) if flags & 2 else []
    gain_control = [[start, both // 16, both % 16] for start, both in packed]
    assert all(blocks and exponent and start + blocks <= 14 * frames for start, blocks, exponent in gain_control)
    rotation, long_windows = {}, set()
    if flags & 4:
        count = data.varint()
        assert 0 < count <= 24 * segments
        p = 0
        for _ in range(count):
            both = data.varint()
            p += both // 8
            assert both % 8 and p < 24 * segments
            rotation[p % segments, p // segments] = both % 8
            p += 1
    if flags & 8:
        for segment in range(segments):
            mask = data.varint()
            assert mask < (128 if 126 * (segment + 1) <= frames else 1)
            long_windows |= {(segment, unit) for unit in range(7) if mask >> unit & 1}
        assert long_windows
    return SideInfo(silence, gain_control, rotation, long_windows)


def read_stretches(data: Bytes, most: int, unit: int) -> list[list[int]]:
    """Pairs of a start and a number that says `unit` times the length."""
    count, end, out = data.varint(), 0, []
    assert 0 < count <= most
    for _ in range(count):
        start = end + data.varint()
        out.append([start, data.varint()])
        end = start + out[-1][1] // unit
    return out


def decode(payload: bytes, frames: int, main: int, gain: int, coder: int, tables: Tables) -> Payload:
    """A payload of a ranked model."""
    data, t = Bytes(payload), SlowTables(tables)
    side_info = read_side_info(data, frames)
    vectors = -(-frames // 3)
    if coder == 1:
        return Payload(side_info, *read_zstd(data, frames, main, vectors))
    decoder = RangeDecoder(read_words(data))
    h = read_hyper(decoder, vectors, t.hyper)
    index = scale_indices(h, frames, gain, t)
    ranked = [ranks(row, main) for row in index]
    coded, symbols = read_main(decoder, index, ranked, t.main)
    return Payload(side_info, h, read_raw(data, frames, main, coded, symbols))


def decode_plain(payload: bytes, frames: int, main: int, gain: int, coder: int, tables: PlainTables) -> Payload:
    """A payload of a plain model."""
    data = Bytes(payload)
    side_info = read_side_info(data, frames)
    if coder == 1:
        return Payload(side_info, *read_zstd(data, frames, main, 0))
    decoder = RangeDecoder(read_words(data))
    index = [min(max((int(x) + 131072 * gain) >> 20, 0), 47) for x in tables.intercept[:main]]
    coded = sorted((index[r], f, r) for f in range(frames) for r in range(main))
    symbols = [decoder.symbol(tables.main[row].tolist()) for row, _, _ in coded]
    return Payload(side_info, [], read_raw(data, frames, main, coded, symbols))


def read_words(data: Bytes) -> list[int]:
    count = data.varint()
    return list(struct.unpack(f"<{count}I", data.take(4 * count)))


def read_raw(data: Bytes, frames: int, main: int, coded: Coded, symbols: list[int]) -> list[list[int]]:
    """Quantization indices [F][M] from their symbols and the raw bits behind them."""
    bits = Bits(data.rest())
    widths = [(max(index, 27) - 27) // 4 for index, _, _ in coded]
    low = [bits.take(n) for n in widths]
    lengths = [bits.take(5) for s in symbols if s == 17]
    escapes = [2**k + bits.take(k) - 1 for k in lengths]
    coarse = [17 + escapes.pop(0) if s == 17 else s for s in symbols]
    values = [[0] * main for _ in range(frames)]
    for (_, f, r), c, n, rest in zip(coded, coarse, widths, low, strict=True):
        magnitude = c * 2**n + rest
        values[f][r] = -magnitude if magnitude and bits.take(1) else magnitude
    padding = len(bits.text) - bits.at
    assert padding < 8
    assert bits.take(padding) == 0
    return values


def read_zstd(data: Bytes, frames: int, main: int, vectors: int) -> tuple[list[list[int]], list[list[int]]]:
    (width,) = data.take(1)
    body = zstandard.ZstdDecompressor().decompress(data.rest())
    assert len(body) == 48 * vectors + frames * main * width
    signed = struct.unpack(f"{48 * vectors}b", body[: 48 * vectors])
    h = [[signed[b * vectors + g] for b in range(48)] for g in range(vectors)]
    planes = [body[48 * vectors + p * frames * main :][: frames * main] for p in range(width)]
    values = [[0] * main for _ in range(frames)]
    for r in range(main):
        for f in range(frames):
            raw = bytes(plane[r * frames + f] for plane in planes)
            values[f][r] = int.from_bytes(raw, "little", signed=True)
    return h, values


def bitstream_id(kind: str, arrays: list[tuple[str, str, tuple[int, ...], bytes]]) -> bytes:
    """SPEC.md, 'The bitstream id', of arrays (name, type, shape, bytes row by row) in the order of their table."""
    text = f"aez bitstream\n{kind}\n44100 700 126 3 18 8 50 60 16 64 0 4 8 12 16 20 24 29 35 42 51 61 74 89 108 130 "
    state = hashlib.sha256((text + "157 189 228 275 331 399 481 581 700\n").encode("ascii"))
    for name, kind_of_number, shape, data in arrays:
        state.update((f"{name} {kind_of_number} " + " ".join(str(n) for n in shape) + "\n").encode("ascii"))
        state.update(data)
    return state.digest()[:8]
