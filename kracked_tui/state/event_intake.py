"""Applies a source's events to a store, in slices, so that a burst never blocks a key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kracked.protocol.events import Event, Overflow
from kracked_tui.error_boundary import Tell, error_text, report_error
from kracked_tui.sources.base import Source
from kracked_tui.state.store import Store

_SLICE_S = 0.002
"""Longest time events are applied for before the screen gets its turn."""


class EventIntake:
    """Takes one source from beginning to end."""

    def __init__(self, store: Store, tell: Tell, changed: Callable[[], None]) -> None:
        """
        Args:
            store: Takes the events.
            tell: Writes to the log.
            changed: Called when there is something new to draw.
        """
        self._store, self._tell, self._changed = store, tell, changed
        self._failure = ""
        """The last error of an event that is not shown."""

    async def take(self, source: Source) -> None:
        """Apply every event of a source."""
        loop = asyncio.get_running_loop()
        async for batch in source.batches():
            until = loop.time() + _SLICE_S
            for event in batch:
                self._apply(event, source)
                if loop.time() > until:
                    await asyncio.sleep(0)
                    until = loop.time() + _SLICE_S
            self._changed()

    def _apply(self, event: Event, source: Source) -> None:
        """Apply one event; an error is reported once, and the next events are applied."""
        try:
            self._store.apply(event)
            if isinstance(event, Overflow) and (feed := source.feed):
                self._store.catch_up(feed.maintenance.latest)
        except Exception as error:
            failure = error_text(error)
            if failure != self._failure:
                report_error(error, self._tell, f"{type(event).__name__} not shown")
            self._failure = failure
