"""Tags and pictures of films and of other files that only ffmpeg reads (mkv, webm, avi, mov, spx), as ffprobe tells."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from codec.audio.tags.gather import READ_LIMIT, Gathered
from codec.audio.tags.names import canonical
from formats.container.metadata import FRONT_COVER, MOST_PICTURES

_NUMBERS = {"TRACKNUMBER": "TRACKTOTAL", "DISCNUMBER": "DISCTOTAL"}
_BACK_COVER = 4
_PATIENCE = 60
"""Seconds after which ffprobe or ffmpeg, which read the beginning of a file here, hang."""

_OF_THE_CONTAINER = frozenset(
    (
        "ENCODER", "SOFTWARE", "MAJOR_BRAND", "MINOR_VERSION", "COMPATIBLE_BRANDS", "CREATION_TIME", "DURATION",
        "HANDLER_NAME", "VENDOR_ID", "LANGUAGE",
    )
)  # fmt: skip
"""What ffprobe tells of the file itself, and not of the music."""


def read_probed(path: Path, found: Gathered) -> None:
    """Take the tags of any file that ffmpeg reads, those of the file before those of its first stream of audio."""
    program = shutil.which("ffprobe")
    if program is None:
        found.left_out.append("its tags, if it has any, because ffprobe is not installed")
        return
    shown = _output(program, "-show_format", "-show_streams", "-of", "json", path.absolute())
    told = json.loads(shown.decode("utf-8", "replace") or "{}")  # it has the file's name in it, which may be any bytes
    streams = told.get("streams", [])
    own = _tags(told.get("format", {}))
    if not own:
        own = _tags(next((stream for stream in streams if stream.get("codec_type") == "audio"), {}))
    for key, value in own.items():
        if key in _NUMBERS:
            found.add_number((key, _NUMBERS[key]), value)
        else:
            found.add(key, value)
    pictures = [stream for stream in streams if stream.get("disposition", {}).get("attached_pic")]
    for stream in pictures[:MOST_PICTURES]:
        _take_picture(path, stream, found)
    if len(pictures) > MOST_PICTURES:
        found.left_out.append(f"all but {MOST_PICTURES} of its pictures")


def _tags(part: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in _named(part.get("tags", {})) if key not in _OF_THE_CONTAINER}


def _named(tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in tags.items():
        key = canonical(name)
        yield ("LYRICS" if key.startswith("LYRICS-") else key), value


def _take_picture(path: Path, stream: Mapping[str, Any], found: Gathered) -> None:
    tags = {name.lower(): str(value) for name, value in stream.get("tags", {}).items()}
    name, comment = tags.get("filename", "").lower(), tags.get("comment", "").lower()
    kind = 0 if name.startswith("small") else _BACK_COVER if "back" in comment else FRONT_COVER
    program = shutil.which("ffmpeg") or "ffmpeg"
    chosen = ("-map", f"0:{int(stream['index'])}", "-c", "copy", "-fs", str(READ_LIMIT), "-f", "image2pipe", "-")
    found.add_picture(_output(program, "-i", path.absolute(), *chosen), tags.get("mimetype", ""), kind)


def _output(program: str, *arguments: str | Path) -> bytes:
    """What a program writes; raises subprocess.TimeoutExpired if it hangs, and has ended it then."""
    command = [program, "-v", "error", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PATIENCE).stdout
