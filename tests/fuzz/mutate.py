"""Changes to a file that keep its structure: fields edited and parts moved, then every checksum made right again.

Bytes changed at random stop at the first checksum; these get behind it. `mutate` takes any `random.Random`:
Hypothesis's own, so that it can shrink, or one seeded by a fuzzer.
"""

import struct
from collections.abc import Callable
from random import Random

import google_crc32c
import zstandard

HEADER, METADATA, CHUNK, TRAILER, FOOTER = 49, 8, 18, 20, 8
CHUNK_SYNC, TRAILER_SYNC = b"\xf5AZC", b"\xf5AZT"
# (offset, struct code) of every number
HEADER_FIELDS = [(8, "H"), (10, "H"), (12, "I"), (16, "Q"), (24, "Q"), (32, "H"), (34, "H"), (36, "H"), (38, "h"),
                 (40, "B"), (41, "B"), (42, "B"), (45, "I")]  # fmt: skip
METADATA_FIELDS = [(0, "I"), (4, "I")]
CHUNK_FIELDS = [(4, "I"), (8, "I"), (12, "H"), (14, "I")]
TRAILER_FIELDS = [(4, "I"), (8, "I"), (12, "Q")]
LIKELY = (0, 1, 2, 8, 16, 32, 40, 100, 126, 252, 512, 700, 2520, 44_100, 2**20, 2**24, 2**31 - 1)
LIMIT = 1 << 16
"""Bytes that a mutation may make of a file."""

Parts = list[bytes]
"""Header, metadata, chunks and trailer with footer, each without its checksums."""


def sealed(data: bytes, header: bytes = b"") -> bytes:
    """Bytes with their checksum behind them, which continues that of a header without its own."""
    return data + checksum(header + data)


def checksum(data: bytes) -> bytes:
    """CRC-32C as it stands in a file."""
    return struct.pack("<I", google_crc32c.value(data))


def split(data: bytes) -> Parts:
    """The parts of a file as its own lengths and sync words have them; whatever comes, something is returned."""
    head, at = data[:HEADER], HEADER + 4
    numbers = data[at : at + METADATA]
    size = METADATA
    if len(numbers) == METADATA:
        size += min(sum(struct.unpack("<II", numbers)), len(data))
    tags_end = METADATA + min(struct.unpack("<I", numbers[:4].ljust(4, b"\0"))[0], size - METADATA)
    parts = [head, data[at : at + tags_end] + data[at + tags_end + 4 : at + size + 4]]
    at += size + 8
    while at < len(data):
        if data[at : at + 4] == CHUNK_SYNC and len(data) >= at + CHUNK + 4:
            length = struct.unpack("<I", data[at + 14 : at + 18])[0]
            parts.append(data[at : at + CHUNK] + data[at + CHUNK + 4 : at + CHUNK + 4 + length])
            at += CHUNK + 4 + length
        else:
            parts.append(data[at:])
            break
    return parts


def is_chunk(part: bytes) -> bool:
    """Whether a part is a chunk, head and all."""
    return part.startswith(CHUNK_SYNC) and len(part) >= CHUNK


def join(parts: Parts, header: bytes | None = None) -> bytes:
    """A file of these parts, with checksums that match: with its own header, or as parts of the file of another one."""
    start = parts[0] if header is None else header
    tags_end = METADATA + struct.unpack("<I", parts[1][:4].ljust(4, b"\0"))[0]
    out = [sealed(parts[0]), sealed(parts[1][:tags_end], start), sealed(parts[1][tags_end:], start)]
    for part in parts[2:]:
        if is_chunk(part):
            out.append(part[:CHUNK] + checksum(start + part) + part[CHUNK:])
        elif part.startswith(TRAILER_SYNC) and len(part) >= TRAILER + 4 + FOOTER:
            out += [sealed(part[: -4 - FOOTER], start), part[-FOOTER:]]
        else:
            out.append(part)
    return b"".join(out)


def trailer(parts: Parts) -> bytes:
    """The trailer that these chunks should have, with one of the numbers of samples that take their frames."""
    chunks = [part for part in parts[2:] if is_chunk(part)]
    frames = sum(struct.unpack("<H", part[12:14])[0] for part in chunks)
    lengths = [len(part) - CHUNK for part in chunks]
    rate = struct.unpack("<I", parts[0][12:16].ljust(4, b"\0"))[0]
    samples = max(frames - 1, 0) * 700 * rate // 44_100
    body = TRAILER_SYNC + struct.pack(f"<IIQ{len(lengths)}I", len(lengths), frames % 2**32, samples, *lengths)
    return body + bytes(4) + struct.pack("<I", len(body) + 4) + b"ZEA\x1a"


def number(random: Random, part: bytes, offset: int, code: str) -> bytes:
    """The part with one number changed: by a little, to a likely one, or to any."""
    size = struct.calcsize("<" + code)
    if len(part) < offset + size:
        return part
    old = int.from_bytes(part[offset : offset + size], "little")
    change = random.randrange(4)
    if change == 0:
        new = old + random.choice((-1, 1, -126, 126, 2))
    elif change == 1:
        new = random.choice(LIKELY)
    elif change == 2:
        new = -1 - random.choice(LIKELY)
    else:
        new = random.getrandbits(8 * size)
    return part[:offset] + (new % (1 << 8 * size)).to_bytes(size, "little") + part[offset + size :]


def scribble(random: Random, data: bytes) -> bytes:
    """Some bytes changed, taken out, put in or repeated."""
    raw = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        at, size = random.randrange(len(raw) + 1), random.choice((1, 1, 2, 4, 16))
        change = random.randrange(5)
        if change == 0 and at < len(raw):
            raw[at] ^= 1 << random.randrange(8)
        elif change == 1:
            raw[at : at + size] = random.getrandbits(8 * size).to_bytes(size, "little")
        elif change == 2:
            del raw[at : at + size]
        elif change == 3:
            raw[at:at] = raw[at : at + size] * random.choice((1, 3))
        else:
            raw[at : at + size] = bytes([random.choice((0, 0xFF, 0x7F, 0x80))]) * size
    return bytes(raw)


def edit_header(random: Random, parts: Parts) -> None:
    parts[0] = number(random, parts[0], *random.choice(HEADER_FIELDS))


def edit_metadata(random: Random, parts: Parts) -> None:
    parts[1] = number(random, parts[1], *random.choice(METADATA_FIELDS))


def edit_chunk(random: Random, parts: Parts) -> None:
    if len(parts) > 2:
        at = random.randrange(2, len(parts))
        parts[at] = number(random, parts[at], *random.choice(CHUNK_FIELDS))


def edit_trailer(random: Random, parts: Parts) -> None:
    lengths = [(TRAILER + 4 * i, "I") for i in range(len(parts) - 3)]
    parts[-1] = number(random, parts[-1], *random.choice([*TRAILER_FIELDS, *lengths]))


def edit_payload(random: Random, parts: Parts) -> None:
    if len(parts) > 3:
        at = random.randrange(2, len(parts) - 1)
        head, payload = parts[at][:CHUNK], scribble(random, parts[at][CHUNK:])
        parts[at] = head[:14] + struct.pack("<I", len(payload)) + head[18:] + payload


def move_chunks(random: Random, parts: Parts) -> None:
    if len(parts) > 2:
        a, b = (random.randrange(2, len(parts)) for _ in range(2))
        change = random.randrange(3)
        if change == 0:
            parts[a], parts[b] = parts[b], parts[a]
        elif change == 1:
            parts.insert(a, parts[b])
        else:
            del parts[a]


def add_chunk(random: Random, parts: Parts) -> None:
    """The last chunk once more, where it would stand as the next."""
    chunks = [part for part in parts[2:] if is_chunk(part)]
    if chunks:
        index, first, frames = struct.unpack("<IIH", chunks[-1][4:14])
        numbers = struct.pack("<IIH", (index + 1) % 2**32, (first + frames) % 2**32, frames)
        parts.insert(-1, CHUNK_SYNC + numbers + chunks[-1][14:])


def new_tags(random: Random, parts: Parts) -> None:
    """Tags of every bad kind: bombs, frames that state no size or a wrong one, JSON of another shape; and pictures."""
    text = random.choice(
        [b'{"a":["b"]}', b"{}", b"[]", b'{"a":"b"}', b'{"a":[1]}', b'{"a":["\\ud800"]}', b"[" * 5000, b"1" * 5000, b"",
         b"\xff", b"NaN", bytes(1 << 21), b'{"a":["' + b"b" * 1000 + b'"]}', b'{"a":[["c"]]}', b'{"a":["b"]',
         b'{"a":["","c"],"b":["\\u0000"],"c":[]}', b'{"":["a"],"b":["c\\u0000d"],"b":["e"]}']
    )  # fmt: skip
    stated = random.random() < 0.8
    frame = zstandard.ZstdCompressor(level=1, write_content_size=stated).compress(text)
    if random.random() < 0.3:
        frame = scribble(random, frame)
    pictures = b"".join(
        struct.pack("<IBBH", random.choice((0, 3, 3, 1 << 30)), random.choice((3, 200)), 1, 2) + b"ab\0" + b"jpg"
        for _ in range(random.choice((0, 0, 1, 2, 70)))
    )
    parts[1] = struct.pack("<II", len(frame), len(pictures)) + frame + pictures


def right_trailer(random: Random, parts: Parts) -> None:
    parts[2:] = [part for part in parts[2:] if not part.startswith(TRAILER_SYNC)]
    parts.append(trailer(parts))


def junk(random: Random, parts: Parts) -> None:
    word = random.choice((CHUNK_SYNC, TRAILER_SYNC, b"\xf5AZ", bytes(30), b"ZEA\x1a"))
    times = 1100 if random.random() < 0.002 else random.choice((1, 1, 2, 5))
    parts.insert(random.randrange(2, len(parts) + 1), word * times)


CHANGES: list[Callable[[Random, Parts], None]] = [
    edit_header, edit_metadata, edit_chunk, edit_trailer, edit_payload, edit_payload, edit_payload, move_chunks,
    add_chunk, new_tags, right_trailer, right_trailer, junk,
]  # fmt: skip


def mutate(data: bytes, random: Random) -> bytes:
    """A file with one to four changes; checksums match but where the last change is none of structure."""
    parts = split(data)
    for _ in range(random.choice((1, 1, 2, 3, 4))):
        random.choice(CHANGES)(random, parts)
    out = join(parts, data[:HEADER] if random.randrange(16) == 0 else None)
    last = random.randrange(12)
    if last == 0:
        out = out[: random.randrange(len(out) + 1)]
    elif last == 1:
        out = scribble(random, out)
    return out[:LIMIT]
