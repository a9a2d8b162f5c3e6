"""Reading a memory map from front to back: the same finds as `bytes.find`, in little memory."""

import mmap
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from codec.audio.headers import mapped


@pytest.mark.parametrize("at", [0, 5, 14, 15, 16, 30, 33])
def test_find_sees_what_lies_across_steps(at: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mapped, "STEP", 16)
    data = bytes(at) + b"OggS" + bytes(7)
    path = tmp_path / "a"
    path.write_bytes(data)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as map_:
        for whole in (data, map_):
            assert mapped.find(whole, b"OggS") == at
            assert mapped.find(whole, b"OggS", at) == at
            assert mapped.find(whole, b"OggS", at + 1) == -1


PROGRAM = """
import sys
from pathlib import Path
from codec.audio.headers.examine import examine
examine(Path(sys.argv[1]))
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""
MP3_FRAME = b"\xff\xfb\x90\xc0" + bytes(413)
MP3_WAV = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 0x55, 1, 44100, 16000, 1, 0)
OGG_PAGE = b"OggS" + bytes(22) + b"\xff" + b"\xff" * 255 + bytes(255 * 255)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's peak this way")
@pytest.mark.parametrize(
    ("name", "head", "frame"),
    [
        ("a.flac", b"fLaC" + b"\x80\0\0\x22" + bytes(34), bytes(1 << 16)),
        ("a.mp3", b"", MP3_FRAME),
        ("a.wav", MP3_WAV + b"data\xff\xff\xff\xff", MP3_FRAME),
        ("a.ogg", b"OggS\0\2" + bytes(20) + b"\1\x1e" + bytes(30), OGG_PAGE),
    ],
    ids=["flac", "mp3", "mp3 in wav", "ogg"],
)
def test_a_long_file_is_examined_in_little_memory(name: str, head: bytes, frame: bytes, tmp_path: Path) -> None:
    peaks = []
    for size in (1 << 18, 50 << 20):
        path = tmp_path / name
        path.write_bytes(head + frame * (size // len(frame)))
        command = [sys.executable, "-c", PROGRAM, str(path)]
        peaks.append(int(subprocess.run(command, capture_output=True, check=True).stdout))
    assert peaks[1] - peaks[0] < 25 << 10  # KiB
