"""The work of the `kracked` commands: a module for each, joining the framework to a terminal.

Results go to stdout, talk and progress to stderr. Each command's function returns the exit code.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress

from kracked.cli.output import safe_print

_PROGRESS_LINE = re.compile(r"(\r?(?:\x1b\[K)?)(.*?)((?:\x1b\[K)?\n?)", re.DOTALL)
"""Begins at the left edge, erases what is left of the line before, and may end the line."""

DONE, FAILED, MISUSED = 0, 1, 2


def say(text: str) -> None:
    """Write talk to stderr, its first return and last erasure as they are, the rest made safe.

    A stderr that is closed or gone is ignored.
    """
    if sys.stderr is None:
        return
    with suppress(OSError):  # a terminal that has gone is no reason to stop
        progress = _PROGRESS_LINE.fullmatch(text)
        assert progress is not None  # it matches anything
        begin, words, end = progress.groups()
        sys.stderr.write(begin)
        safe_print(words, end="", file=sys.stderr)
        sys.stderr.write(end)
        sys.stderr.flush()
