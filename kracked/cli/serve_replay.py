"""`kracked replay --serve`: a recording as an exchange, in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

from kracked.cli import DONE, FAILED
from kracked.replay_server.server import HOST, Begin, PlaybackOptions, serve


def run(path: Path, *, port: int, speed: float, start: str | None, begin: str, once: bool) -> int:
    """Serve until SIGINT or SIGTERM, or `once` through; the first line on stdout says where."""
    options = PlaybackOptions(speed=speed, start=start, begin=Begin(begin), port=port)
    try:
        asyncio.run(serve(path, options, partial(print, flush=True), once=once))
    except OSError as error:
        print(
            f"kracked replay: cannot serve {HOST}:{port}: {error.strerror or error}; "
            "choose another port, or 0 for any free one",
            file=sys.stderr,
        )
        return FAILED
    return DONE
