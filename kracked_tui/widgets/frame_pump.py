"""Takes any number of events in, and makes a bounded number of frames of them.

It also keeps the loop quick: events and frames in slices, fewer pauses of the garbage collector,
and no frame for a terminal that does not take them.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterable

from textual.app import App

from kracked.protocol.events import BookSnapshot, BookUpdate, Event, Overflow
from kracked_tui.error_boundary import Tell, error_text, report_error
from kracked_tui.sources.base import Source
from kracked_tui.state.store import Store

_BACKLOG = 2
"""Writes waiting for the terminal above which a frame is skipped."""
_SLICE_S = 0.002
"""Longest time events are applied for before the screen gets its turn."""
_TURN_S = 0.002
"""How long a frame is drawn before other tasks have their turn."""
SWITCH_S = 0.0005
"""How long a drawing thread may keep the interpreter from the loop."""


def keep_quick() -> None:
    """Tune the interpreter, after the first paint: what lives now lives for good.

    The garbage collector never looks at it again, and runs less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(SWITCH_S)


def backlog(app: App[None]) -> int:
    """Count the writes the terminal has not taken yet; 0 where there is no terminal.

    Textual's writer thread blocks the whole loop, feed and all, once thirty are queued.
    """
    writer = getattr(app._driver, "_writer_thread", None)  # noqa: SLF001  no public way to ask
    return writer._queue.qsize() if writer is not None else 0  # noqa: SLF001


class EventIntake:
    """Applies every event of a source to the store, in slices: a burst never blocks a key.

    Attributes:
        applying: Whether a batch is not applied to its end: what is due now must wait for it.
    """

    def __init__(
        self,
        store: Store,
        tell: Tell,
        *,
        evaluate: Callable[[Event], None],
        applied: Callable[[], None],
    ) -> None:
        """
        Args:
            store: Takes the events.
            tell: Writes to the log on the screen.
            evaluate: Takes each event after the store, for the alerts.
            applied: Called after each batch.
        """
        self._store, self._tell, self._applied = store, tell, applied
        self._evaluate, self.applying = evaluate, False
        self._last_error = ""
        """The last error of an event that is not shown."""

    async def run(self, source: Source) -> None:
        """Apply the source's events until it ends."""
        loop = asyncio.get_running_loop()
        async for batch in source.batches():
            until = loop.time() + _SLICE_S
            self.applying = True
            for event in batch:
                self.apply(event, source)
                if loop.time() > until:
                    await asyncio.sleep(0)
                    until = loop.time() + _SLICE_S
            self.applying = False
            self._applied()

    def apply(self, event: Event, source: Source) -> None:
        """Apply one event; an error is reported once, and the next events are applied."""
        try:
            self._store.apply(event)
            if isinstance(event, BookSnapshot | BookUpdate) and event.symbol in source.l2:
                self._store.flows[event.symbol].apply_book(source.l2[event.symbol])
            if isinstance(event, Overflow) and (feed := source.feed):
                self._store.catch_up(feed.maintenance.latest)
        except Exception as error:
            self._report(error, f"{type(event).__name__} not shown")
        try:
            self._evaluate(event)
        except Exception as error:
            self._report(error, f"{type(event).__name__} not evaluated for alerts")

    def _report(self, error: Exception, consequence: str) -> None:
        failure = error_text(error)
        if failure != self._last_error:
            report_error(error, self._tell, consequence)
        self._last_error = failure


class FramePump:
    """Draws at most `fps` frames a second, and only when something changed."""

    def __init__(
        self, draw: Callable[[], Iterable[None]], waiting: Callable[[], int], fps: float
    ) -> None:
        """
        Args:
            draw: Draws a frame; yields after each part.
            waiting: Returns the number of writes the terminal is behind.
            fps: Frames a second at most.
        """
        self.fps = fps
        self.frames = 0
        self.skipped = 0
        """Frames not drawn because the terminal was behind."""
        self._draw = draw
        self._waiting = waiting
        self._dirty = asyncio.Event()

    def mark(self) -> None:
        """Have the next frame drawn: something changed."""
        self._dirty.set()

    async def run(self) -> None:
        """Draw frames until cancelled."""
        loop = asyncio.get_running_loop()
        drawn = 0.0
        while True:
            await self._dirty.wait()
            await asyncio.sleep(max(0.0, drawn + 1 / self.fps - loop.time()))
            drawn = loop.time()
            if self._waiting() > _BACKLOG:
                # Still dirty: the newest state is drawn when the terminal has caught up.
                self.skipped += 1
                continue
            self._dirty.clear()
            self.frames += 1
            turn = drawn
            for _ in self._draw():
                if loop.time() - turn > _TURN_S:
                    await asyncio.sleep(0)  # a key pressed meanwhile goes first
                    turn = loop.time()
