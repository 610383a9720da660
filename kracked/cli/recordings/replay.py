"""`kracked replay`: a recording printed as events or messages, or served to Kraken clients."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kracked.cli import DONE, FAILED
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.record.read.recording import open_recording
from kracked.record.replay import Moment, Player, Replay
from kracked.untrusted import json_line

if TYPE_CHECKING:
    from kracked.replay_server.server import PlaybackOptions


def replay(path: Path, *, speed: float, start: str | None, raw: bool) -> int:
    """Print what was recorded, one JSON event or raw message a line, at its pace.

    Args:
        path: The session folder.
        speed: Times the pace of the recording; `inf` for no waiting.
        start: Where to begin, RFC 3339 in UTC; None for the beginning.
        raw: Print the exchange's messages in place of events.

    Raises:
        BeyondEnd: The recording ends before `start`.
    """
    player = Player(open_recording(path))
    first = [player.begin_at(start)] if start is not None else []
    try:
        asyncio.run(_print(Replay(player, speed=speed), first, raw=raw))
    except BrokenPipeError:
        # The reader of the output has ended; Python must not complain at exit.
        with suppress(OSError):
            sys.stdout.close()
    return DONE


async def _print(moments: Replay, first: list[Moment], *, raw: bool) -> None:
    # A terminal would obey what a message holds; a file or program gets every byte as it came.
    out, on_terminal = sys.stdout.buffer, sys.stdout.isatty()

    def show(moment: Moment) -> None:
        """Print one moment of the recording."""
        if raw:
            lines = [moment.data] if moment.data else []
        else:
            lines = [msgspec.json.encode(event) for event in (*moment.snapshots, *moment.events)]
        if on_terminal:
            lines = [json_line(line).encode() for line in lines]
        out.writelines(line + b"\n" for line in lines)
        out.flush()

    for moment in first:
        show(moment)
    async for moment in moments:
        show(moment)


def serve(path: Path, options: PlaybackOptions, *, once: bool) -> int:
    """Serve a recording as an exchange until SIGINT or SIGTERM.

    The first line on stdout has the addresses.

    Args:
        path: The session folder.
        options: How to serve it.
        once: End with the recording.
    """
    # Loaded here: printing a recording needs no server.
    from kracked.replay_server import server

    try:
        asyncio.run(server.serve(path, options, partial(print, flush=True), once=once))
    except OSError as error:
        print(
            f"kracked replay: cannot serve {server.HOST}:{options.port}: "
            f"{error.strerror or error}; choose another port, or 0 for any free one",
            file=sys.stderr,
        )
        return FAILED
    return DONE
