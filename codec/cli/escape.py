"""Text of strangers (names of files, tags) on its way to a terminal or a program: one line, and nothing that acts.

Control characters, bidirectional overrides and their kin are shown as Python would write them: a line feed as \\n, the
byte 0xFF of a name that is not UTF-8 as \\xff, U+202E as \\u202e.
"""

from __future__ import annotations

import json
import sys
from unicodedata import category

SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
"""Control characters that have a letter of their own."""


def escaped(text: str) -> str:
    """Return text as one line in which every letter is visible, or is a space."""
    if text.isprintable():
        return text
    return "".join(letter if _is_harmless(letter) else _escape(letter) for letter in text)


def json_line(values: object) -> str:
    """Return a JSON value as one line, with \\u escapes in its strings for what `escaped` escapes.

    Programs read the same strings back; a byte that is no UTF-8 is a surrogate, as `os.fsdecode` makes it.
    """
    ascii_only = not (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    text = json.dumps(values, ensure_ascii=ascii_only)
    if text.isprintable():
        return text
    return "".join(letter if _is_harmless(letter) else json.dumps(letter)[1:-1] for letter in text)


def _is_harmless(letter: str) -> bool:
    return letter.isprintable() or category(letter) == "Zs"  # titles in Japanese have wide spaces


def _escape(letter: str) -> str:
    code = ord(letter)
    if letter in SHORT:
        return SHORT[letter]
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte of a name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
