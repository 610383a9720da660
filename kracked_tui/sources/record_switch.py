"""Recording what is watched: switched on and off while the monitor runs.

The recorder is one more consumer of the monitor's own feed. Its disk work happens in
threads; here is the switch, and what the status line says meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kracked import times
from kracked_tui.view.replay.record_status import RecordView

if TYPE_CHECKING:
    from kracked.feed_manager import FeedManager
    from kracked.recorder import Recorder

_LOOK_EVERY_NS = times.NS_PER_S


def sessions_folder(environment: Mapping[str, str]) -> Path:
    """Where recordings are kept unless a folder is named."""
    home = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "kracked" / "rec"


def session_name(host: str, now: int) -> str:
    """A folder name that sorts by time and says what was watched.

    >>> session_name("ws.kraken.com", 1716144920910159752)
    '20240519T185520Z-ws.kraken.com'
    """
    stamp = re.sub("[-:]", "", times.to_rfc3339(now, 0))
    return f"{stamp}-{re.sub(r'[^A-Za-z0-9.]+', '-', host)}"


class RecordSwitch:
    """At most one recording at a time. `run` is awaited by a task of its owner."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where recordings are kept unless another is named."""
        self.folder = folder
        self._recorder: Recorder | None = None
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._looked: tuple[int, RecordView] = (0, RecordView())
        self._failed = False

    @property
    def on(self) -> bool:
        """From the moment it is wanted until everything is on the disk."""
        return not self._ended.is_set()

    async def run(self, feed: FeedManager, out: Path) -> None:
        """Record into the folder until `stop`, or until cancelled: the end is clean either way.

        Raises `RecordError` or OSError when the folder cannot be used, `RecordError` at
        the end when something could not be written.
        """
        self._stopping.clear()
        self._ended.clear()
        self._failed = False
        try:
            recorder = await asyncio.to_thread(import_module, "kracked.recorder")
            async with recorder.recording(feed, out) as self._recorder:
                await self._stopping.wait()
        except Exception:
            self._failed = True
            raise
        finally:
            self._recorder = None
            self._looked = (0, RecordView())
            self._ended.set()

    async def stop(self) -> None:
        """Return once nothing is being recorded any more."""
        self._stopping.set()
        await self._ended.wait()

    def view(self, now: int) -> RecordView | None:
        """How it goes, looked at once a second; None while nothing is to be recorded."""
        if not self.on:
            return RecordView(failed=True) if self._failed else None
        looked, _ = self._looked
        if self._recorder is not None and not 0 <= now - looked < _LOOK_EVERY_NS:
            self._looked = (now, _view(self._recorder))
        return self._looked[1]


def _view(recorder: Recorder) -> RecordView:
    _, _, rate, status, _ = recorder.progress()
    return RecordView(
        status.bytes,
        status.rows,
        int(rate),
        status.gaps,
        status.lost,
        status.free_bytes,
        status.queued_bytes,
        status.trouble,
    )
