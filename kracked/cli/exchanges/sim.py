"""`kracked sim`: the simulated exchange in a process of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from kracked.cli import DONE, FAILED, MISUSED
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.sim.listings import NotListed
from kracked.sim.server import SimOptions, serve
from kracked.sim.truth import PlantedRow, TruthRow


def run(options: SimOptions, truth: Path | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the first line on stdout has the addresses.

    Faults are reported on stderr when they happen, a JSON object each.

    Args:
        options: How to run the exchange.
        truth: The file for what happens to every order, a JSON object a line.

    Returns:
        Exit code 1 when the address cannot be served, 2 for a symbol or an asset that is not
        listed.
    """
    with ExitStack() as files:
        tell = None if truth is None else partial(_write, files.enter_context(truth.open("wb")))
        return _serve(options, tell)


def _serve(options: SimOptions, tell: Callable[[TruthRow | PlantedRow], None] | None) -> int:
    """Serve, and say why that could not be."""
    try:
        report = partial(print, file=sys.stderr, flush=True)
        asyncio.run(serve(options, partial(print, flush=True), report, tell))
    except NotListed as error:
        print(f"kracked sim: {error}", file=sys.stderr, lines=True)
        return MISUSED
    except OSError as error:
        reason = f"{error.strerror or error}; choose another --port, or 0 for any free one"
        if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            reason = "that is no address of this machine; choose another --host, such as 127.0.0.1"
        print(
            f"kracked sim: cannot serve {options.host}:{options.port}: {reason}",
            file=sys.stderr,
        )
        return FAILED
    return DONE


def _write(file: BinaryIO, row: TruthRow | PlantedRow) -> None:
    """Write a row as a line of JSON."""
    file.write(msgspec.json.encode(row) + b"\n")
