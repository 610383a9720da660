"""Makes text from outside safe to draw, print, log and write into a cell: the only place of it.

What an exchange, a file or a file's name says may hold escapes that write to the clipboard,
clear the screen or turn the reading direction, and line breaks that forge a line. Everything
that leads out of the program goes through here; what is compared, stored raw or sent on stays
as it came. Pure.
"""

from __future__ import annotations

import json
import re

__all__ = ["MARK", "MOST_CHARACTERS", "UNSAFE", "json_line", "printable", "printable_lines"]

MARK = "?"
"""Stands for each character that is not shown."""
MOST_CHARACTERS = 2_000
"""Most characters of one text in a sentence, a log line or a row."""
UNSAFE = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f"
)
"""The inside of a character class: controls (C0, DEL, C1), line separators, marks and overrides
of the reading direction, characters without a shape, and halves of characters.

Source: www.unicode.org/reports/tr9 (directions), www.unicode.org/reports/tr36 (security)
"""
_unsafe = re.compile(f"[{UNSAFE}]")
_MOST_MARKS = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3})"
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
"""Marks over one character beyond three: stacked, they cover the lines around."""


def printable(text: str, limit: int = MOST_CHARACTERS) -> str:
    """Return text of one line that a terminal shows and does not obey.

    Args:
        text: Any text.
        limit: Most characters; longer text ends with an ellipsis.
    """
    if len(text) > limit:
        text = f"{text[: limit - 1]}…"
    if text.isascii() and text.isprintable():
        return text
    return _MOST_MARKS.sub(r"\1", _unsafe.sub(MARK, text))


def printable_lines(text: str) -> str:
    """Return text like `printable`, of any length, with its line breaks and tabs kept."""
    if text.isascii() and text.isprintable():
        return text
    return "\n".join(
        "\t".join(printable(cell, len(cell) + 1) for cell in line.split("\t"))
        for line in text.split("\n")
    )


def json_line(encoded: bytes) -> str:
    """Return JSON as text that means the same and holds no unsafe character: they are escaped.

    Args:
        encoded: JSON in UTF-8.
    """
    text = encoded.decode(errors="replace")
    return text if text.isascii() and text.isprintable() else _unsafe.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] != "\x7f" else "\\u007f"
