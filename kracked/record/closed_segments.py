"""The Parquet tables of a growing recording, made of each segment that is closed.

They are made in another process, where they cost the event loop of the recorder nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kracked.format import layout
from kracked.record.write.session import Format

log = logging.getLogger(__name__)

_LOOK_FOR_CLOSED_S = 60.0
_CONVERT = """
import os, sys
os.nice(10)
from kracked.record.convert import convert
convert(sys.argv[1])
"""


@asynccontextmanager
async def tables_of_closed_segments(path: Path, form: Format) -> AsyncIterator[None]:
    """Make the Parquet tables of every segment that is closed, until the block ends."""
    if form is not Format.PARQUET:
        yield
        return
    making = asyncio.ensure_future(_make_tables_again_and_again(path))
    try:
        yield
    finally:
        making.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await making


async def _make_tables_again_and_again(path: Path) -> None:
    made = 1
    while True:
        await asyncio.sleep(_LOOK_FOR_CLOSED_S)
        segments = len(await asyncio.to_thread(layout.logs, path))
        if segments > made:
            await make_tables_so_far(path)
            made = segments


async def make_tables_so_far(path: Path) -> None:
    """Make the Parquet tables of a growing recording's closed segments, in another process.

    There it costs the event loop nothing. Cancelled it leaves whole files only, and
    `kracked convert` goes on with them.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CONVERT, str(path), start_new_session=True
    )
    try:
        if await process.wait():
            log.warning("tables of closed hours were not made", extra={"path": str(path)})
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
