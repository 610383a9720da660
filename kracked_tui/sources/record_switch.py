"""Recording what is watched, on and off while the monitor runs; and the recordings there are.

The recorder is one more consumer of the monitor's own feed. Its disk work happens in
threads; here are the switch, and what the status line says meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kracked import times
from kracked.errors import KrackedError
from kracked_tui.view.replay.record_status import RecordView
from kracked_tui.view.replay.sessions import SessionRow

if TYPE_CHECKING:
    from kracked.feed_manager import FeedManager
    from kracked.recorder import Recorder

_VIEW_EVERY_NS = times.NS_PER_S


def sessions_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the recordings, unless another is named."""
    home = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "kracked" / "rec"


def session_name(host: str, now: int) -> str:
    """Return a folder name that sorts by time and says what was watched.

    >>> session_name("ws.kraken.com", 1716144920910159752)
    '20240519T185520Z-ws.kraken.com'
    """
    stamp = re.sub("[-:]", "", times.to_rfc3339(now, 0))
    return f"{stamp}-{re.sub(r'[^A-Za-z0-9.]+', '-', host)}"


def recorded_sessions(folder: Path) -> list[SessionRow]:
    """List the recordings below a folder, newest first. Reads a small file of each: use a thread.

    Folders that are no recording, or one of a newer version, are left out.
    """
    from kracked.format.layout import SESSION_INFO  # noqa: PLC0415  slow to load
    from kracked.format.session_info import read_info  # noqa: PLC0415

    rows = []
    for path in (each.parent for each in folder.glob(f"*/{SESSION_INFO}")):
        try:
            info = read_info(path)
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            length = times.parse_ns(info.end) - times.parse_ns(info.start) if info.end else None
            rows.append(SessionRow(path.name, path, size, length, info.clean_stop))
        except (KrackedError, OSError):
            continue
    return sorted(rows, key=lambda row: row.name, reverse=True)


class RecordSwitch:
    """Records at most one session at a time. A task of its owner awaits `run`."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds the recordings for which no other is named."""
        self.folder = folder
        self._recorder: Recorder | None = None
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._last_view: tuple[int, RecordView] = (0, RecordView())
        """When it was made, ns, and the view."""
        self._failed = False

    @property
    def on(self) -> bool:
        """Whether a recording is requested, or its last rows are not on the disk yet."""
        return not self._ended.is_set()

    async def run(self, feed: FeedManager, out: Path) -> None:
        """Record into the folder until `stop`, or until cancelled: both end it cleanly.

        Raises:
            RecordError: The folder cannot be used, or, at the end, something was not written.
            OSError: The folder cannot be used.
        """
        self._stopping.clear()
        self._ended.clear()
        self._failed = False
        try:
            recorder = await asyncio.to_thread(import_module, "kracked.recorder")
            async with recorder.recording(feed, out) as self._recorder:
                await _first_of(self._stopping, self._recorder.ended)
        except Exception:
            self._failed = True
            raise
        finally:
            self._recorder = None
            self._last_view = (0, RecordView())
            self._ended.set()

    async def stop(self) -> None:
        """Return once nothing is being recorded any more."""
        self._stopping.set()
        await self._ended.wait()

    def view(self, now: int) -> RecordView | None:
        """Return the progress, made anew once a second; None while recording is off."""
        if not self.on:
            return RecordView(failed=True) if self._failed else None
        made, view = self._last_view
        if self._recorder is not None and not 0 <= now - made < _VIEW_EVERY_NS:
            progress = self._recorder.progress()
            status = progress.status
            view = RecordView(
                bytes=status.bytes,
                rows=status.rows,
                rate=int(progress.rate),
                gaps=status.gaps,
                lost=status.lost,
                free_bytes=status.free_bytes,
                waiting_bytes=status.queued_bytes,
                verdict=status.verdict.value,
                tables_stopped=status.tables_stopped,
                trouble=status.trouble,
            )
            self._last_view = (now, view)
        return view


async def _first_of(*events: asyncio.Event) -> None:
    """Return once one of the events is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
