"""A payload decoder in plain Python, written from formats/SPEC.md alone: no NumPy, nothing of `formats` but its tables.

It is slow on purpose: one symbol, one bit, one coefficient at a time, in the words of the specification.
"""

import struct
from dataclasses import dataclass

import zstandard

from formats.model.tables import Tables

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
        value = place = 0
        while True:
            (byte,) = self.take(1)
            value += (byte % 128) << place
            place += 7
            if byte < 128:
                return value


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
        self.held: list[int] = []
        self.used = False

    def symbol(self, s: int, row: list[int]) -> None:
        self.used = True
        scale = self.range >> 24
        low = self.low + scale * sum(row[:s])
        self.range = scale * row[s]
        if self.held and (low > MASK or low + self.range <= MASK):
            self.release(carry=low > MASK)
        self.low = low & MASK
        if self.range < 1 << 32:
            self.held.append(self.low >> 32)
            self.low = (self.low << 32) & MASK
            self.range = (self.range << 32) & MASK
            if len(self.held) == 1 and self.low + self.range <= MASK:
                self.release(carry=False)

    def release(self, carry: bool) -> None:
        first, *others = self.held
        self.words.append(first + carry)
        self.words += [0 if carry else 2**32 - 1 for _ in others]
        self.held = []

    def finish(self) -> list[int]:
        if self.used:
            p = self.low + 2**32 - 1
            if self.held:
                self.release(carry=p > MASK)
            p &= MASK
            self.words.append(p >> 32)
            if ((self.low + self.range) & MASK) >> 32 == p >> 32:
                self.words.append(0)
        return self.words


@dataclass
class Payload:
    """What a payload says: silence [n][2], attacks [n][4], turns by (segment, band), long (segment, unit), hyper
    [G][48], main [F][M].
    """

    silence: list[list[int]]
    attacks: list[list[int]]
    turns: dict[tuple[int, int], int]
    long: set[tuple[int, int]]
    hyper: list[list[int]]
    main: list[list[int]]


class SlowTables:
    """The integers of a model as lists."""

    def __init__(self, tables: Tables) -> None:
        self.predictor, self.offset = tables.predictor.tolist(), tables.offset.tolist()
        self.slope, self.intercept = tables.slope.tolist(), tables.intercept.tolist()
        self.loudness = [0] * 49 if tables.loudness is None else tables.loudness.tolist()
        self.steadiness = [0] * 1400 if tables.steadiness is None else tables.steadiness.tolist()
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


def levels(h: list[list[int]], frames: int, gain: int, t: SlowTables, chosen: range = range(1400)) -> list[list[int]]:
    """Levels [F][1400] (or of some coefficients only, for speed)."""

    def size(g: int, k: int) -> int:
        return t.offset[k] + sum(h[g][b] * t.predictor[b][k] for b in range(48))

    out = []
    loud = [t.loudness[48] + sum(h[g][b] * t.loudness[b] for b in range(48)) for g in range(len(h))]
    e = [[size(g, k) for k in chosen] for g in range(len(h))]
    for f in range(frames):
        g, place = divmod(f, 3)
        before = g if g % 42 == 0 else g - 1
        after = g if g % 42 == 41 or g == len(h) - 1 else g + 1
        neighbour = (before, g, after)[place]
        row = []
        for i, k in enumerate(chosen):
            x = 2 * e[g][i] + e[neighbour][i]
            y = 2 * loud[g] + loud[neighbour]
            level = (x * t.slope[k] + t.intercept[k] - y * t.steadiness[k] + 131072 * gain) >> 20
            row.append(min(max(level, 0), 47))
        out.append(row)
    return out


def ranks(level: list[int], main: int) -> list[int]:
    """Coefficients of one frame, best first."""
    return sorted(range(len(level)), key=lambda k: (-level[k], k))[:main]


def read_main(
    decoder: RangeDecoder, level: list[list[int]], ranked: list[list[int]], table: list[list[list[int]]]
) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Main symbols in coded order under contexts, each with its (level, frame, rank)."""
    frames = len(level)
    m = [[0] * 1400 for _ in range(frames)]

    def neighbours(f: int, k: int, distance: int) -> int:
        near = [g for g in (f - distance, f + distance) if 0 <= g < frames]
        w = sum((4 if i == k else 1) * m[g][i] for g in near for i in (k - 1, k, k + 1) if 0 <= i < 1400)
        classes = sum(bound <= w for bound in (1, 2, 3, 5, 8, 12, 20, 36))
        return 1 + 9 * {1: 0, 2: 1, 4: 2, 8: 2}[distance] + classes

    places, symbols = [], []
    for distance in (0, 8, 4, 2, 1):
        chosen = [f for f in range(frames) if (f % (2 * distance) == distance if distance else f % 16 == 0)]
        cells = sorted(
            (neighbours(f, k, distance) if distance else 0, level[f][k], f, r)
            for f in chosen
            for r, k in enumerate(ranked[f])
        )
        for c, lev, f, r in cells:
            s = decoder.symbol(table[c][lev])
            m[f][ranked[f][r]] = min(15, s * 2 ** ((max(lev, 27) - 27) // 4))
            places.append((lev, f, r))
            symbols.append(s)
    return places, symbols


def read_lists(
    data: Bytes, frames: int
) -> tuple[list[list[int]], list[list[int]], dict[tuple[int, int], int], set[tuple[int, int]]]:
    """SPEC.md, 'Silence list', 'Attack list', 'Turn list' and the list of long blocks."""
    silence, attacks, turns, long, end = [], [], {}, set(), 0
    first = data.varint()
    for _ in range(first % 8192):
        start = end + data.varint()
        length = data.varint()
        silence.append([start, length])
        end = start + length
    segments, slow = -(-frames // 126), first // 32768 % 2
    if first // 8192 % 2:
        end = 0
        for _ in range(data.varint()):
            start = end + data.varint()
            both = data.varint()
            blocks = both // 8
            attacks.append([start, blocks, both % 8, max(1, min(60, blocks - 1)) if slow else 4])
            end = start + blocks
        assert end <= 14 * frames
        place = 0
        for _ in range(data.varint()):
            both = data.varint()
            place += both // 8
            turns[place % segments, place // segments] = both % 8
            place += 1
        assert place <= 24 * segments
    if first // 16384 % 2:
        for segment in range(segments):
            mask = data.varint()
            assert mask < (128 if 126 * (segment + 1) <= frames else 1)
            long |= {(segment, unit) for unit in range(7) if mask >> unit & 1}
        assert long
    return silence, attacks, turns, long


def decode(payload: bytes, frames: int, main: int, gain: int, coder: int, tables: Tables) -> Payload:
    data, t = Bytes(payload), SlowTables(tables)
    lists = read_lists(data, frames)
    vectors = -(-frames // 3)
    if coder == 1:
        return Payload(*lists, *_zstd(data, frames, main, vectors))
    count = data.varint()
    decoder = RangeDecoder(list(struct.unpack(f"<{count}I", data.take(4 * count))))
    h = read_hyper(decoder, vectors, t.hyper)
    level = levels(h, frames, gain, t)
    ranked = [ranks(row, main) for row in level]
    if isinstance(t.main[0][0], int):
        places = sorted((level[f][k], f, r) for f in range(frames) for r, k in enumerate(ranked[f]))
        coarse = [decoder.symbol(t.main[lev]) for lev, _, _ in places]
    else:
        places, coarse = read_main(decoder, level, ranked, t.main)
    bits = Bits(data.take(len(data.data) - data.at))
    widths = [(max(level, 27) - 27) // 4 for level, _, _ in places]
    low = [bits.take(n) for n in widths]
    lengths = [bits.take(5) for s in coarse if s == 17]
    escapes = [2**k + bits.take(k) - 1 for k in lengths]
    coarse = [17 + escapes.pop(0) if s == 17 else s for s in coarse]
    values = [[0] * main for _ in range(frames)]
    for (_, f, r), c, n, rest in zip(places, coarse, widths, low, strict=True):
        magnitude = c * 2**n + rest
        values[f][r] = -magnitude if magnitude and bits.take(1) else magnitude
    padding = len(bits.text) - bits.at
    assert padding < 8
    assert bits.take(padding) == 0
    return Payload(*lists, h, values)


def _zstd(data: Bytes, frames: int, main: int, vectors: int) -> tuple[list[list[int]], list[list[int]]]:
    (width,) = data.take(1)
    body = zstandard.ZstdDecompressor().decompress(data.take(len(data.data) - data.at))
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
