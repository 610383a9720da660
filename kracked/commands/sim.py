"""`kracked sim`: the simulated exchange in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from functools import partial

from kracked.commands import DONE, FAILED
from kracked.sim.server import SimOptions, serve


def run(options: SimOptions) -> int:
    """Serve until SIGINT or SIGTERM; the first line on stdout says where.

    Faults that strike are told on stderr, a JSON object each.
    """
    try:
        asyncio.run(serve(options, partial(print, flush=True), _tell))
    except OSError as error:
        print(
            f"kracked sim: cannot serve {options.host}:{options.port}: {error.strerror or error}; "
            "choose another --port, or 0 for any free one",
            file=sys.stderr,
        )
        return FAILED
    return DONE


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
