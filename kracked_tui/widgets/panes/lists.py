"""The panes of lists: the watchlist, the log, the health of the feed, the recorder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.events import Click

from kracked import _native
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome import watchlist
from kracked_tui.view.chrome.alerts import AlertRow, alert_lines
from kracked_tui.view.chrome.health import ConnectionRow, health_lines
from kracked_tui.view.chrome.status import LogEntry, feed_view
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.replay.record_status import RecordView, recorder_lines
from kracked_tui.view.words import wrapped
from kracked_tui.widgets.panels.symbol_picker import SymbolChosen
from kracked_tui.widgets.panes.pane import Content, Pane, Scroll, sentence_lines
from kracked_tui.widgets.rate import Rate

if TYPE_CHECKING:
    from kracked.feed_manager import FeedManager


class WatchlistPane(Pane):
    """Every subscribed symbol; enter or a click shows one."""

    name_shown = "Watchlist"
    every = 4

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._cursor = 0

    def content(self, frame: FrameState) -> Content:
        """Draw a row for each symbol."""
        width, _ = self.inside
        rows = [
            watchlist.watch_line(row._replace(cursor=self.has_focus and at == self._cursor), width)
            for at, row in enumerate(frame.watch_rows)
        ]
        order = frame.watch_order
        note = f"by {order}" if order in watchlist.ORDERS[1:] else ""
        return Content([watchlist.head_line(width, order), *rows], note)

    def move(self, rows_up: int) -> None:
        """Move the cursor up by some rows."""
        count = len(self.frame.watch_rows) if self.frame else 0
        self._cursor = max(0, min(count - 1, self._cursor - rows_up))
        self.redraw()

    def edge(self, up: int) -> None:
        """Put the cursor on the first symbol (1) or the last (-1)."""
        self.move(up * 1000)

    def open(self) -> None:
        """Show the symbol under the cursor."""
        rows = self.frame.watch_rows if self.frame else ()
        if self._cursor < len(rows):
            self.post_message(SymbolChosen(rows[self._cursor].symbol))

    def on_click(self, event: Click) -> None:
        if self.frame and 0 <= event.y - 2 < len(self.frame.watch_rows):
            self._cursor = event.y - 2
            self.open()


_CLOCK = 10
"""Cells of the time and the blanks beside it."""


class ScrolledPane(Pane):
    """A pane with more lines than room."""

    every = 4

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._scroll = Scroll()
        self._length = 0

    def _in_sight(self, lines: Sequence[Line]) -> list[Line]:
        """Return the lines that the pane is scrolled to."""
        self._length, rows = len(lines), self.inside[1]
        self._scroll.move(0, length=self._length, rows=rows)
        return list(lines[self._scroll.skip : self._scroll.skip + rows])

    @property
    def _below(self) -> tuple[Span, ...]:
        left = self._length - self._scroll.skip - self.inside[1]
        return (Span(f"{left} more below", "dim"),) if left > 0 else ()

    def move(self, rows_up: int) -> None:
        """Scroll up by some rows."""
        self._scroll.move(rows_up, length=self._length, rows=self.inside[1])
        self.redraw()

    def edge(self, up: int) -> None:
        """Scroll to the first line (1) or the last (-1)."""
        self.move(up * self._length)


class LogPane(ScrolledPane):
    """The log, newest first; a long sentence goes on in the next row."""

    name_shown = "Log"

    def content(self, frame: FrameState) -> Content:
        """Draw the entries in sight."""
        width = self.inside[0]
        lines = [line for entry in frame.store.log_entries for line in _entry_lines(entry, width)]
        if not lines:
            lines = sentence_lines("Nothing was logged yet.", width)
        return Content(self._in_sight(lines), foot=self._below)


def _entry_lines(entry: LogEntry, width: int) -> list[Line]:
    rows = wrapped(entry.words, max(10, width - _CLOCK - 1))
    clocks = (fmt.moment(entry.time), *[""] * (len(rows) - 1))
    return [
        Line(fit([Span(f" {clock:<9}", "faint"), Span(row, entry.role)], width))
        for clock, row in zip(clocks, rows, strict=True)
    ]


class AlertsPane(ScrolledPane):
    """The alerts that are set, a cursor on one of them, and what was told."""

    name_shown = "Alerts"

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._cursor = 0
        self._rows: Sequence[AlertRow] = ()
        self._of_line: Sequence[int | None] = ()
        """The alert that each line belongs to; None for what was told."""

    @property
    def chosen(self) -> AlertRow | None:
        """The alert at the cursor; None without one."""
        return self._rows[self._cursor] if self._cursor < len(self._rows) else None

    def content(self, frame: FrameState) -> Content:
        """Draw the alerts and what was told, as far as they are in sight."""
        self._rows, told = frame.alerts.rows(), frame.alerts.told
        self._cursor = max(0, min(self._cursor, len(self._rows) - 1))
        rows = [
            row._replace(cursor=self.has_focus and at == self._cursor)
            for at, row in enumerate(self._rows)
        ]
        note = f"{len(rows)} set, {len(told)} told" if rows or told else ""
        lines, self._of_line = alert_lines(rows, told, self.inside[0])
        return Content(self._in_sight(lines), note, foot=self._below)

    def move(self, rows_up: int) -> None:
        """Move the cursor up by some alerts; beyond the first and the last scroll."""
        last = len(self._rows) - 1
        at = self._cursor - rows_up
        self._cursor = max(0, min(last, at))
        if not 0 <= at <= last:
            super().move(rows_up)
        self.redraw()

    def on_click(self, event: Click) -> None:
        at = event.y - 1 + self._scroll.skip
        row = self._of_line[at] if 0 <= at < len(self._of_line) else None
        if row is not None:
            self._cursor = row
            self.redraw()

    def open(self) -> None:
        """Show the pair of the alert at the cursor."""
        if self.chosen is not None and "/" in self.chosen.pair:
            self.post_message(SymbolChosen(self.chosen.pair))


class HealthPane(ScrolledPane):
    """Every counter of the feed, and its connections."""

    name_shown = "Feed health"
    every = 10

    def __init__(
        self,
        number: int,
        *,
        id: str,  # noqa: A002
        frames: Callable[[], int],
        ascii_only: bool = False,
    ) -> None:
        """`frames` returns the number of frames drawn since the start."""
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._frames_drawn = frames
        self._messages, self._frames = Rate(), Rate()

    def content(self, frame: FrameState) -> Content:
        """Draw the counters and the connections."""
        view = feed_view(frame.source.name, frame.store, frame.source.counters(), frame.now)
        view = view._replace(
            rate=self._messages.per_second(frame.now, frame.store.messages),
            engine="native" if _native.load() else "python",
            frames=self._frames.per_second(frame.now, self._frames_drawn()),
        )
        feed = frame.source.feed
        connections = connection_rows(feed) if feed is not None else []
        lines = health_lines(view, connections, self.inside[0])
        return Content(self._in_sight(lines), frame.source.name, foot=self._below)


def connection_rows(feed: FeedManager) -> list[ConnectionRow]:
    """Return a row for each connection of a feed."""
    rows = []
    for each in feed.stats().connections:
        states: dict[str, list[str]] = {}
        for one in each.subscriptions:
            name = f"{one.channel} {one.symbol}" if one.symbol else one.channel
            states.setdefault(one.state, []).append(name)
        channels = "; ".join(f"{state}: {', '.join(named)}" for state, named in states.items())
        rows.append(
            ConnectionRow(
                name=each.name,
                open=each.open,
                reason=each.reason,
                connects=each.connects,
                silent_ns=each.silent_ns,
                round_trip_ns=each.rtt_ns,
                channels=channels,
            )
        )
    return rows


class RecorderPane(ScrolledPane):
    """The recording in progress, or how to begin one."""

    name_shown = "Recorder"
    every = 10

    def __init__(
        self,
        number: int,
        *,
        id: str,  # noqa: A002
        progress: Callable[[int], RecordView | None],
        ascii_only: bool = False,
    ) -> None:
        """`progress` returns the recording at a time, ns; None while there is none."""
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._progress = progress

    def content(self, frame: FrameState) -> Content:
        """Draw the recording's facts."""
        width, view = self.inside[0], self._progress(frame.now)
        if view is None:
            text = "This is a recording; P shows the others."
            if frame.source.mode != "REPLAY":
                text = "Nothing is recorded. R starts, P shows what was recorded."
            lines = sentence_lines(text, width)
        else:
            lines = recorder_lines(view, width)
        if (kept := frame.kept) is not None:
            said = f"In memory without recording: {kept.words()}. , shows it."
            lines += sentence_lines(said, width)
        return Content(self._in_sight(lines), foot=self._below)
