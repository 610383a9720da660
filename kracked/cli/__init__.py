"""What the `kracked` commands do: a module for each, joining the framework to a terminal.

Results go to stdout, talk and progress to stderr. Each command's function returns the exit code.
"""

from __future__ import annotations

import sys
from contextlib import suppress

DONE, FAILED, MISUSED = 0, 1, 2


def say(text: str) -> None:
    """Write talk to stderr as it is; a stderr that is closed or gone is ignored."""
    if sys.stderr is None:
        return
    with suppress(OSError):  # a terminal that has gone is no reason to stop
        print(text, end="", file=sys.stderr, flush=True)
