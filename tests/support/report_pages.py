"""What a built report holds: its data, and the audio in its scripts."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

Opener = Callable[..., Any]
"""Opens an address in a browser: opener(address, width=1440, spy=SPY) -> a tab of Playwright."""


def page_data(folder: Path) -> dict[str, Any]:
    text = (folder / "index.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def unpacked(script: bytes) -> tuple[str, bytes]:
    """Name and bytes of an audio script, by integers of Python instead of the page's code."""
    match = re.fullmatch(r'aezAudio\("(\w+)",(\d+),"(.*)"\);\n', script.decode("utf-16"), re.DOTALL)
    assert match
    size, text = int(match[2]), match[3]
    bits = "".join(f"{ord(character) - 0x3400:015b}" for character in text)
    return match[1], int(bits[: 8 * size] or "0", 2).to_bytes(size, "big")


def stored(folder: Path, key: str) -> bytes:
    """The FLAC file of a version, like c0v1."""
    versions = [v for clip in page_data(folder)["clips"] for v in clip["versions"]]
    path = folder / next(v["audio"] for v in versions if v["key"] == key)
    name, data = unpacked(path.read_bytes())
    assert name == path.stem
    return data
