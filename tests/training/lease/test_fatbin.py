import struct
from pathlib import Path

import pytest
import zstandard

from training.lease import fatbin

Code = tuple[int, int, bytes]
"""Kind, architecture and kernel of an entry."""


def payload(kernel: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(b"\x7fELF\0.text." + kernel + b"\0" + bytes(200))


def container(*codes: Code) -> bytes:
    body = b""
    for kind, architecture, kernel in codes:
        data = payload(kernel)
        padded = -(-len(data) // 8) * 8
        header = struct.pack(
            "<HHIQIIHHIIIQQQ", kind, 0x101, 64, padded, len(data), 0, 8, 1, architecture, 0, 0, 0x11, 0, 0
        )
        body += header.ljust(64, b"\0") + data.ljust(padded, b"\0")
    return struct.pack("<IHHQ", fatbin.MAGIC, 1, 16, len(body)) + body


def library(*parts: bytes, magic: bytes = b"\x7fELF\x02\x01") -> bytearray:
    """An ELF file with a section of containers, one of other data and one of names."""
    names = b"\0.text\0.nv_fatbin\0.shstrtab\0"
    section = b"".join(part + bytes(-len(part) % 8) for part in parts)
    contents, sections, at = b"", [(0, 0, 0)], 64
    for name, data in ((b".text", b"machine code of the host" * 4), (b".nv_fatbin", section), (b".shstrtab", names)):
        sections.append((names.index(b"\0" + name + b"\0") + 1, at, len(data)))
        contents += data
        at += len(data)
    table = b"".join(
        struct.pack("<IIQQQQ", name, 1, 0, 0, start, size).ljust(64, b"\0") for name, start, size in sections
    )
    head = magic.ljust(40, b"\0") + struct.pack("<Q", at) + bytes(10) + struct.pack("<HHH", 64, 4, 3)
    return bytearray(head + contents + table)


def kernels(data: bytearray) -> list[dict[int, bool]]:
    """For each container: by architecture, whether there is code."""
    return [
        {entry.architecture: any(data[entry.payload : entry.payload + entry.padded]) for entry in entries}
        for entries in fatbin.containers(data)
    ]


def test_code_of_other_architectures_goes_and_nothing_moves() -> None:
    before = library(container((2, 80, b"add"), (2, 90, b"add"), (2, 120, b"add")), container((2, 90, b"multiply")))
    after = bytearray(before)
    report = fatbin.trim(after)
    assert kernels(after) == [{80: False, 90: True, 120: False}, {90: True}]
    assert (report.containers, report.emptied, report.after[80], report.after[120]) == (2, 0, 0, 0)
    assert report.after[90] == report.before[90]
    assert len(after) == len(before)
    start, stop = fatbin.section(before)
    assert (after[:start], after[stop:]) == (before[:start], before[stop:])
    for old, new in zip(fatbin.containers(before), fatbin.containers(after), strict=True):
        assert old == new


def test_without_code_of_its_own_the_machine_keeps_what_it_can_run() -> None:
    data = library(container((2, 80, b"add"), (1, 80, b"add"), (1, 120, b"add")), container((2, 120, b"add")))
    fatbin.trim(data)
    first, second = ([any(data[e.payload : e.payload + e.padded]) for e in es] for es in fatbin.containers(data))
    assert (first, second) == ([False, True, False], [False])


def test_kernels_of_language_models_go_whole() -> None:
    data = library(container((2, 80, b"flash_fwd"), (2, 90, b"flash_fwd")), container((2, 90, b"add")))
    whole = bytearray(data)
    assert fatbin.trim(data).emptied == 1
    assert kernels(data) == [{80: False, fatbin.LATER: False}, {90: True}]
    assert fatbin.trim(whole, needless=None).emptied == 0
    assert kernels(whole) == [{80: False, 90: True}, {90: True}]


def test_code_whose_kernels_cannot_be_read_stays() -> None:
    data = library(container((2, 90, b"flash_fwd")))
    (entry,) = next(fatbin.containers(data))
    data[entry.payload : entry.payload + 4] = b"????"
    assert fatbin.trim(data).emptied == 0
    assert kernels(data) == [{90: True}]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (library(container((2, 90, b"add")), b"something else here"), "no container"),
        (library(container((7, 90, b"add"))), "no entry"),
        (library(magic=b"MZ"), "no 64-bit"),
    ],
)
def test_a_library_of_another_layout_stays_as_it_is(data: bytearray, words: str, tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(data)
    assert words in fatbin.trim_file(path)
    assert path.read_bytes() == data


def test_a_file_is_trimmed_in_place(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(library(container((2, 80, b"add"), (2, 90, b"add"))))
    assert "1 containers, 0 emptied; sm_80 0.0 -> 0.0 MB" in fatbin.trim_file(path)
    assert kernels(bytearray(path.read_bytes())) == [{80: False, 90: True}]
