"""The queue pane: the orders at the ladder's cursor."""

from __future__ import annotations

from functools import lru_cache

from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.ladder.selection import levels_from, orders_at
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.queue import queue
from kracked_tui.view.words import wrapped
from kracked_tui.widgets.panes.pane import Content, Pane, Scroll, sentence_lines

_line = lru_cache(1024)(queue.queue_line)


class QueuePane(Pane):
    """The orders of the selected level, first to fill first."""

    name_shown = "Queue"

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._scroll = Scroll()
        self._length = 0

    def content(self, frame: FrameState) -> Content:
        """Draw the orders in sight; the reason where there is no level 3 book."""
        width, height = self.inside
        if frame.selection is None or frame.l3_book is None:
            reason = frame.no_level3_reason or "no orders yet"
            return Content([Line(fit([], width)), *sentence_lines(reason, width)])
        place = frame.account.place_at(frame.selection)
        own = wrapped(place.words(frame.precision), width - 5) if place else []
        rows = max(0, height - 1 - len(own))
        orders = orders_at(frame.l3_book, frame.selection)
        self._length = len(orders)
        self._scroll.move(0, length=len(orders), rows=rows)
        shown = queue.queue_view(
            frame.selection,
            levels_from(frame.l3_book, frame.selection),
            frame.now,
            skip=self._scroll.skip,
            rows=rows,
            own=frame.account.order_ids,
        )
        columns = queue.columns_for(width, frame.price_width, frame.precision, frame.decimals)
        body = [queue.head_line(columns)]
        body += [
            _line(row, shown.side, shown.largest, columns, frame.precision) for row in shown.rows
        ]
        body += [Line(fit([], width))] * (1 + rows - len(body))
        for at, text in enumerate(own):
            body.append(
                Line(fit([Span(" you " if not at else "     ", "mine"), Span(text)], width))
            )
        trusted = frame.data_status.fresh and frame.l3_book.verified
        if not trusted:
            body = [each.within("stale") for each in body]
        note = frame.selection.text(frame.precision, width)
        foot = queue.foot_spans(shown, frame.precision, frame.decimals)
        foot = foot or (Span("no order at this price", "dim"),)
        return Content(body, note, "" if trusted else "STALE", foot, urgent=not trusted)

    def move(self, rows_up: int) -> None:
        """Scroll up by some rows."""
        self._scroll.move(rows_up, length=self._length, rows=self.inside[1] - 1)
        self.redraw()

    def edge(self, up: int) -> None:
        """Scroll to the first order (1) or the last (-1)."""
        self.move(up * self._length)
