"""The layout is what the specification says, and every checksum continues that of the header."""

import io
import re
import struct
from dataclasses import replace
from pathlib import Path

import google_crc32c
import pytest

import formats
from formats import Metadata, Reader
from formats.container import layout
from formats.container.layout import HEADER_SIZE
from tests.support.container_files import CHUNKS, GOLDEN, HEADER, METADATA, pack, song

SPEC = (Path(formats.__file__).parent / "SPEC.md").read_text("utf-8")
HEADER_SPAN = (0, HEADER_SIZE - 4)


def test_golden_bytes():
    assert pack().hex() == GOLDEN.hex()
    reader = Reader(io.BytesIO(GOLDEN))
    assert (reader.header, reader.metadata, list(reader)) == (HEADER, METADATA, CHUNKS)


def test_specification_shows_the_golden_bytes():
    block = re.search(r"## Test vector.*?```\n(.*?)```", SPEC, re.DOTALL)
    assert bytes.fromhex("".join(line.split("|")[0] for line in block[1].splitlines())) == GOLDEN


def test_specification_is_wrapped_and_its_links_lead_somewhere():
    assert max(map(len, SPEC.splitlines())) <= 120
    titles = re.findall(r"^#+ (.*)$", SPEC, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", SPEC)) <= anchors


@pytest.mark.parametrize(
    ("title", "struct", "with_crc"),
    [
        ("File header", layout.HEADER, True),
        ("Metadata block", layout.METADATA, False),
        ("Picture", layout.PICTURE, False),
        ("Chunk", layout.CHUNK, True),
        ("Trailer", layout.TRAILER, False),
        ("Footer", layout.FOOTER, False),
    ],
)
def test_specification_has_the_declared_fields(title, struct, with_crc):
    section = re.search(rf"^## {title}\n(.*?)^## ", SPEC, re.DOTALL | re.MULTILINE)[1]
    rows = re.findall(r"^\| (\d+) \| (\d+) \| \S+ \| `(\w+)` \|", section, re.MULTILINE)
    offset, expected = 0, []
    for field in struct.subcons:  # what construct has compiled keeps its declaration there
        expected.append((str(offset), str(field.sizeof()), field.name))
        offset += field.sizeof()
    if with_crc:
        expected.append((str(offset), "4", "crc"))
        offset += 4
    assert rows == expected
    if title != "Metadata block" and title != "Trailer":
        assert re.search(rf"\b{offset} bytes\b", section) or title == "Footer"


def test_every_checksum_continues_that_of_the_header():
    """Each part's checksum by its definition, CRC-32C over the header's bytes and the part's."""
    head = GOLDEN[: HEADER_SIZE - 4]
    assert struct.unpack("<I", GOLDEN[HEADER_SIZE - 4 : HEADER_SIZE])[0] == google_crc32c.value(head)
    first, second = Reader(io.BytesIO(GOLDEN)).offsets.values()
    trailer = GOLDEN.rindex(layout.TRAILER_SYNC)
    metadata, end = GOLDEN[HEADER_SIZE:first], GOLDEN[trailer : -layout.FOOTER_SIZE]
    tags = 8 + struct.unpack("<I", metadata[:4])[0] + 4
    for part in (metadata[:tags], metadata[tags:], end):
        assert struct.unpack("<I", part[-4:])[0] == google_crc32c.value(head + part[:-4])
    for start, stop in ((first, second), (second, trailer)):
        chunk = GOLDEN[start:stop]
        assert struct.unpack("<I", chunk[18:22])[0] == google_crc32c.value(head + chunk[:18] + chunk[22:])


def test_container_costs_little():
    empty = len(pack(replace(HEADER, samples=0), Metadata(), []))
    hundred = len(pack(replace(HEADER, samples=None), Metadata(), song([b""] * 100)))
    assert empty == 53 + 16 + 24 + 8
    assert (hundred - empty) / 100 == 26


# Headers
