"""Prints for the commands: text from outside is never more than text to a terminal."""

from __future__ import annotations

import sys
from typing import TextIO

from kracked.untrusted import json_line, printable, printable_lines


def safe_print(
    *parts: object,
    end: str = "\n",
    file: TextIO | None = None,
    flush: bool = False,
    lines: bool = False,
) -> None:
    """Print like `print`, with every character that a terminal would obey replaced.

    A character that the stream's encoding lacks becomes `?`.

    Args:
        parts: What to print, with blanks between.
        end: What to print after it, as it is.
        file: The stream; stdout by default.
        flush: Whether to send it at once.
        lines: Whether line breaks and tabs stay; where text from outside is among the parts
            they would forge lines.
    """
    file = sys.stdout if file is None else file
    text = " ".join(map(str, parts))
    text = printable_lines(text) if lines else printable(text, len(text))
    encoding = getattr(file, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), end=end, file=file, flush=flush)


def print_json(encoded: bytes) -> None:
    """Print JSON on a line of stdout: unsafe characters are escaped, and the value is the same."""
    print(json_line(encoded))
