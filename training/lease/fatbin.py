"""Device code that a GPU does not need, taken out of a CUDA library so that the library compresses well.

A library keeps its device code in the ELF section .nv_fatbin, as a sequence of containers, one for each source file.
A container holds the same code for several architectures:

    container   u32 magic, u16 version, u16 header size, u64 size of what follows
    entry       u16 kind (1 PTX, 2 machine code), u16 version, u32 header size, u64 size of the payload with padding,
                u32 size of the payload, ..., u32 architecture at byte 28, ...

Payloads of other architectures are overwritten by zeros; nothing moves, so that the file keeps its layout (Negativa-ML,
Zhang et al. 2024, does the same). The driver chooses an entry by its header and never reads the others. Where a
container's own code is not needed either, its entries are labelled with an architecture that the GPU is too old for.
The driver then finds no code in it, as in the containers that had none from the beginning.
"""

import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

MAGIC = 0xBA55ED50
MACHINE_CODE = 2
ZSTD = b"\x28\xb5\x2f\xfd"
LATER = 120
"""An architecture that is later than that of every GPU this is used for (sm_120, Blackwell)."""

LANGUAGE_MODELS = re.compile(rb"cutlass|flash|[mM]oe|MoE|3llm|fpA_intB|[aA]ttention|fastertransformer")
"""Kernels of language models, by a part of their mangled names; a codec's networks call none of them."""

KERNEL = re.compile(rb"\.text\.([\w$.]+)\0")


class LayoutError(ValueError):
    """The file is not laid out as this module knows it."""


@dataclass(frozen=True)
class Entry:
    """Code of one container for one architecture: where its header and its payload lie in the file."""

    header: int
    payload: int
    padded: int
    size: int
    kind: int
    architecture: int


def section(data: bytes | bytearray, name: bytes = b".nv_fatbin") -> tuple[int, int]:
    """Start and end of a section of a 64-bit little-endian ELF file.

    Raises:
        LayoutError: it is no such file, or has no such section.
    """
    if data[:6] != b"\x7fELF\x02\x01":
        raise LayoutError("no 64-bit little-endian ELF file")
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + size * i) for i in range(count)]
    strings = headers[names][4]
    for at, _, _, _, start, length in headers:
        if data[strings + at : data.index(b"\0", strings + at)] == name:
            return start, start + length
    raise LayoutError(f"no section {name.decode()}")


def containers(data: bytes | bytearray) -> Iterator[list[Entry]]:
    """The entries of each container.

    Raises:
        LayoutError: something in the section is not as the module's docstring says.
    """
    at, end = section(data)
    while at < end:
        magic, _, header, size = struct.unpack_from("<IHHQ", data, at)
        if not magic:  # containers are aligned to eight bytes
            at += 8
            continue
        if magic != MAGIC or at + header + size > end:
            raise LayoutError(f"no container at byte {at}")
        stop = at + header + size
        yield list(_entries(data, at + header, stop))
        at = stop


def _entries(data: bytes | bytearray, at: int, stop: int) -> Iterator[Entry]:
    while at < stop:
        kind, _, header, padded, size = struct.unpack_from("<HHIQI", data, at)
        (architecture,) = struct.unpack_from("<I", data, at + 28)
        if kind not in (1, 2) or header < 32 or at + header + padded > stop or size > padded:
            raise LayoutError(f"no entry at byte {at}")
        yield Entry(at, at + header, padded, size, kind, architecture)
        at += header + padded


@dataclass
class Report:
    """What `trim` did: bytes of payloads by architecture, before and after, and containers that have no code left."""

    before: Counter[int]
    after: Counter[int]
    containers: int = 0
    emptied: int = 0

    def __str__(self) -> str:
        sizes = [f"sm_{a} {self.before[a] / 1e6:.1f} -> {self.after[a] / 1e6:.1f} MB" for a in sorted(self.before)]
        return f"{self.containers} containers, {self.emptied} emptied; {', '.join(sizes)}"


def trim(data: bytearray, architecture: int = 90, needless: re.Pattern[bytes] | None = LANGUAGE_MODELS) -> Report:
    """Overwrite the code that a GPU of one architecture does not need.

    Kept are, of each container, the entries of that architecture and, where there are none, all that it might run.
    With `needless`, containers go whole if the names of all their kernels match.

    Raises:
        LayoutError: the file is not as expected; it may have been changed in part.
    """
    report = Report(Counter(), Counter())
    for entries in containers(data):
        report.containers += 1
        own = [entry for entry in entries if entry.architecture == architecture and entry.kind == MACHINE_CODE]
        kept = own or [entry for entry in entries if _runs(entry, architecture)]
        if own and needless and all(_only(data, entry, needless) for entry in own):
            report.emptied += 1
            kept = []
            for entry in own:
                struct.pack_into("<I", data, entry.header + 28, LATER)
        for entry in entries:
            report.before[entry.architecture] += entry.padded
            if entry in kept:
                report.after[entry.architecture] += entry.padded
            else:
                data[entry.payload : entry.payload + entry.padded] = bytes(entry.padded)
    return report


def _runs(entry: Entry, architecture: int) -> bool:
    """Whether an entry's code can run on a GPU: machine code of its generation, PTX of any that is not later."""
    same = entry.kind != MACHINE_CODE or entry.architecture // 10 == architecture // 10
    return same and entry.architecture <= architecture


def _only(data: bytearray, entry: Entry, needless: re.Pattern[bytes]) -> bool:
    """Whether all kernels of an entry match; False where their names cannot be read."""
    payload = bytes(data[entry.payload : entry.payload + (entry.size or entry.padded)])
    if not payload.startswith(ZSTD):
        return False
    try:
        names = set(KERNEL.findall(zstandard.ZstdDecompressor().decompress(payload)))
    except zstandard.ZstdError:
        return False
    return bool(names) and all(map(needless.search, names))


def trim_file(path: Path, *, whole: bool = False) -> str:
    """Trim a library in place; with `whole` only other architectures go. A line about what was done.

    A file that is not laid out as expected stays as it is.
    """
    data = bytearray(path.read_bytes())
    try:
        report = trim(data, needless=None if whole else LANGUAGE_MODELS)
    except LayoutError as error:
        return f"{path.name} stays as it is: {error}"
    path.write_bytes(data)
    return f"{path.name}: {report}"
