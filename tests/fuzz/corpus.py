"""The corpus: hostile files, each of which once broke a rule or shows a fault that must never pass; made from code.

`python tests/fuzz/corpus.py` writes them to tests/corpus; the tests check that they are up to date. The name of a file
begins with that of the target in `targets` that it is for.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "tests" / "corpus"

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from formats import Chunk, Header, Metadata  # noqa: E402
from formats.container import layout  # noqa: E402
from formats.container.checksum import stored_crc  # noqa: E402
from formats.container.chunk import pack_chunk_head  # noqa: E402
from formats.container.header import Coder, pack_header  # noqa: E402
from formats.container.layout import CHUNK_SYNC, FOOTER_SIZE, HEADER_SIZE, TRAILER_SYNC  # noqa: E402
from formats.container.metadata import pack_metadata  # noqa: E402
from formats.container.trailer import Trailer, pack_trailer  # noqa: E402
from formats.grid import GAIN_EXPONENTS, GAIN_LIMIT, HYPER_SIZE, MAX_CHUNK, chunk_start  # noqa: E402
from formats.payload.chunk import MAGNITUDE_LIMIT, ChunkLatents, encode_payload  # noqa: E402
from formats.payload.side_info import GAIN_BLOCKS_PER_FRAME, SideInfo  # noqa: E402
from tests.fuzz import seeds  # noqa: E402
from tests.fuzz.mutate import sealed  # noqa: E402

PLAIN = seeds.all_tables()[-1]
TWO = seeds.chunks([b"a", b"b"], 126)
THREE = seeds.chunks([b"a", b"b", b"b"], 126)


def assembled(head: Header, chunks: list[Chunk], trailer: Trailer) -> bytes:
    """A file whose checksums are right, whatever its numbers say."""
    start = pack_header(head)
    crc = stored_crc(start)
    body = b"".join(pack_chunk_head(chunk, crc) + chunk.payload for chunk in chunks)
    return start + pack_metadata(Metadata(), crc) + body + pack_trailer(trailer, crc)


def whole(head: Header, chunks: list[Chunk], samples: int | None = None) -> bytes:
    """A file with a trailer that fits its chunks, but for its samples where they are given."""
    frames = sum(chunk.frames for chunk in chunks)
    samples = seeds.samples_for(frames, head) if samples is None else samples
    return assembled(head, chunks, Trailer(frames, samples, tuple(len(chunk.payload) for chunk in chunks)))


def plain_header(**fields: object) -> Header:
    """The header of a mono file of the plain model, at the gain that makes zeros shortest."""
    return seeds.header(PLAIN, **{"channels": 1, "gain": -GAIN_LIMIT, **fields})


def plain_payload(frames: int, value: int = 0, side_info: SideInfo | None = None) -> bytes:
    """A chunk of the plain model whose quantization indices are all the same."""
    indices = np.full((frames, 32), value, np.int32)
    latents = ChunkLatents(np.zeros((0, HYPER_SIZE), np.int8), indices, side_info or SideInfo.empty(frames))
    return encode_payload(latents, -GAIN_LIMIT, Coder.RANGE, PLAIN)


def plain_chunks(lasts: list[int]) -> list[Chunk]:
    """Chunks of zeros of so many frames."""
    return seeds.chunks([plain_payload(frames) for frames in lasts], lasts[-1])


def growing_chunks(count: int, longest: int, side_info: SideInfo | None = None) -> list[Chunk]:
    """Whole chunks of zeros that grow up to the longest; the side information is that of the last one."""
    starts = [chunk_start(index, longest) for index in range(count + 1)]
    frames = [end - start for start, end in pairwise(starts)]
    payloads = [*map(plain_payload, frames[:-1]), plain_payload(frames[-1], side_info=side_info)]
    return [Chunk(*numbers) for numbers in zip(range(count), starts, frames, payloads, strict=False)]


# For the reader


def footer_into_itself() -> bytes:
    """A footer that points to the trailer's own checksum, which looks like a trailer's sync word."""
    data = whole(seeds.header(), TWO)
    return data[: -FOOTER_SIZE - 4] + TRAILER_SYNC + struct.pack("<I", 4) + layout.END


def seek_before_the_file() -> bytes:
    """A trailer whose lengths are more than the file has: chunks would begin before it."""
    return assembled(seeds.header(), TWO[:1], Trailer(126, seeds.samples_for(126, seeds.header()), (2**32 - 1,)))


def sync_words() -> bytes:
    """More sync words without a chunk behind them than any accident makes."""
    return pack_header(seeds.header()) + CHUNK_SYNC * 1100


def trailer_of_fewer_chunks() -> bytes:
    """A trailer that fits two chunks, behind three."""
    head = seeds.header()
    return assembled(head, THREE, Trailer(252, seeds.samples_for(252, head), (1, 1)))


def trailer_of_other_lengths() -> bytes:
    """A trailer whose lengths are wrong and whose sum of lengths is right."""
    head = seeds.header()
    return assembled(head, TWO, Trailer(252, seeds.samples_for(252, head), (2, 0)))


def foreign_chunk() -> bytes:
    """The second chunk is that of another file, which differs in its id alone."""
    own, other = whole(seeds.header(), THREE), whole(seeds.header(file_id=8), THREE)
    start, end = (own.index(b"AZC" + struct.pack("<I", index)) - 1 for index in (1, 2))
    return own[:start] + other[start:end] + own[end:]


def foreign_header() -> bytes:
    """The header of one file and the body of another."""
    return pack_header(seeds.header(file_id=8)) + whole(seeds.header(), THREE)[HEADER_SIZE:]


def chunks_too_long() -> bytes:
    """Chunks of more frames than a file may have, with good checksums."""
    head = bytearray(pack_header(seeds.header())[:-4])
    head[36:38] = struct.pack("<H", MAX_CHUNK + 126)
    return sealed(bytes(head)) + sealed(struct.pack("<IIB", 0, 0, 0), bytes(head))


def tags_of_nothing() -> bytes:
    """Tags that are empty, or begin with a NUL."""
    import zstandard

    text = b'{"TITLE":[""],"ARTIST":["\\u0000x"],"":["y"],"ALBUM":["z\\u0000"],"GENRE":[]}'
    frame = zstandard.ZstdCompressor().compress(text)
    data = whole(seeds.header(), TWO)
    header = data[: HEADER_SIZE - 4]
    block = sealed(struct.pack("<II", len(frame), 0) + frame, header) + sealed(b"", header)
    return data[:HEADER_SIZE] + block + data[HEADER_SIZE + layout.METADATA_SIZE + 2 * layout.CRC_SIZE :]


# For the decoder


def a_megahertz() -> bytes:
    """A few bytes that claim a megahertz, and 32 s in the last chunk."""
    return whole(plain_header(sample_rate=1_000_000, chunk_frames=MAX_CHUNK), growing_chunks(5, MAX_CHUNK))


def fewer_samples() -> bytes:
    """Fewer samples than the chunks hold."""
    return whole(plain_header(), plain_chunks([126, 126, 5]), samples=917)


def no_samples() -> bytes:
    """No samples, in header and trailer alike, and chunks all the same."""
    return whole(plain_header(samples=0, sample_rate=48_000), plain_chunks([126, 64]), samples=0)


def more_samples() -> bytes:
    """Two seconds more than the chunks hold."""
    head = plain_header()
    return whole(head, plain_chunks([126, 5]), samples=seeds.samples_for(131 + 126, head))


def overflowing_network() -> bytes:
    """Values and a gain that overflow float32 in a network."""
    return whole(plain_header(), [Chunk(0, 0, 3, plain_payload(3, MAGNITUDE_LIMIT))])


def salvage_of_a_long_gap() -> bytes:
    """A gap of 640,000 chunks, at 100 samples per second."""
    head = plain_header(sample_rate=100)
    chunks = [Chunk(index, 126 * index, 126, plain_payload(126)) for index in (0, 640_000)]
    return assembled(head, chunks, Trailer(252, seeds.samples_for(252, head), (len(chunks[0].payload),) * 2))


def silence_into_later_chunks() -> bytes:
    """Silence that goes on far behind its chunk, in every chunk."""
    side_info = SideInfo.empty(126)._replace(silence=np.array([[0, 30_000_000]], np.int64))
    return whole(plain_header(), seeds.chunks([plain_payload(126, side_info=side_info)] * 3, 126))


def one_stretch() -> bytes:
    """Gain control over a whole chunk of ten seconds, with the largest exponent."""
    stretch = np.array([[0, 630 * GAIN_BLOCKS_PER_FRAME, GAIN_EXPONENTS - 1]], np.int64)
    side_info = SideInfo.empty(630)._replace(gain_control=stretch)
    return whole(plain_header(chunk_frames=630), growing_chunks(4, 630, side_info))


def overflowing_stretch() -> bytes:
    """Gain control, with the largest exponent, of samples that overflow a network."""
    stretch = np.array([[0, 3 * GAIN_BLOCKS_PER_FRAME, GAIN_EXPONENTS - 1]], np.int64)
    side_info = SideInfo.empty(3)._replace(gain_control=stretch)
    return whole(plain_header(), [Chunk(0, 0, 3, plain_payload(3, MAGNITUDE_LIMIT, side_info))])


def ten_years() -> bytes:
    """A header that claims ten years, and nothing behind it."""
    head = pack_header(plain_header(samples=44_100 * 86_400 * 3650))
    return head + pack_metadata(Metadata(), stored_crc(head)) + bytes(38)


def foreign_song_chunk() -> bytes:
    """As `foreign_chunk`, of a file that decodes."""
    own, other = (whole(plain_header(file_id=number), plain_chunks([126, 126, 5])) for number in (7, 8))
    start, end = (own.index(b"AZC" + struct.pack("<I", index)) - 1 for index in (1, 2))
    return own[:start] + other[start:end] + own[end:]


def foreign_song_header() -> bytes:
    """As `foreign_header`, of a file that decodes."""
    head = pack_header(plain_header(file_id=8))
    return head + whole(plain_header(), plain_chunks([126, 126, 5]))[HEADER_SIZE:]


READER: list[Callable[[], bytes]] = [
    footer_into_itself, seek_before_the_file, sync_words, trailer_of_fewer_chunks, trailer_of_other_lengths,
    foreign_chunk, foreign_header, chunks_too_long, tags_of_nothing,
]  # fmt: skip
DECODE: list[Callable[[], bytes]] = [
    a_megahertz, fewer_samples, no_samples, more_samples, overflowing_network, salvage_of_a_long_gap,
    silence_into_later_chunks, one_stretch, overflowing_stretch, ten_years, foreign_song_chunk, foreign_song_header,
]  # fmt: skip


def build() -> dict[str, bytes]:
    """Every file of the corpus by its name."""
    targets = {"reader": READER, "decode": DECODE}
    makers = [(target, make) for target, makers in targets.items() for make in makers]
    return {f"{target}-{make.__name__.replace('_', '-')}.aez": make() for target, make in makers}


def main() -> None:
    """Write the corpus."""
    files = build()
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.aez"):
        if old.name not in files:
            old.unlink()
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
