"""The queue pane: the orders at the ladder's cursor."""

from __future__ import annotations

from functools import lru_cache

from textual.events import Click

from kracked.protocol.events import OrderChange
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.ladder.selection import levels_from, orders_at
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.queue import queue
from kracked_tui.view.queue.followed import counts_text
from kracked_tui.view.queue.life_lines import LifeLines
from kracked_tui.view.queue.own_lines import fact_lines
from kracked_tui.widgets.panes.pane import Content, Pane, Scroll, sentence_lines

_line = lru_cache(1024)(queue.queue_line)


class QueuePane(Pane):
    """The orders of the selected level, first to fill first."""

    name_shown = "Queue"

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._scroll = Scroll()
        self._length = self._rows = 0
        self._lives = LifeLines()
        self._cursor = 0
        """The order at the cursor, counted from the front."""

    def content(self, frame: FrameState) -> Content:
        """Draw the orders in sight; the reason where there is no level 3 book."""
        width, height = self.inside
        if frame.selection is None or frame.l3_book is None:
            reason = frame.no_level3_reason or "no orders yet"
            lines = [Line(fit([], width)), *sentence_lines(reason, width), Line(fit([], width))]
            return Content([*lines, *self._own_facts(frame, height - len(lines))])
        own = self._own_facts(frame, height // 2 - 1)
        rows = max(0, height - 1 - len(own))
        orders = orders_at(frame.l3_book, frame.selection)
        self._length, self._rows = len(orders), rows
        self._cursor = max(0, min(self._cursor, len(orders) - 1))
        self._scroll.move(0, length=len(orders), rows=rows)
        ledger = frame.store.flows.order_flow.ledgers.get(frame.symbol)
        lives = ledger.lives.known if ledger is not None else {}
        sizes, now = frame.followed, frame.measures.now(frame.now)

        def told(order: OrderChange) -> tuple[str, str]:
            """Return an order's note and the line of its sizes."""
            life = lives.get(order.order_id)
            first = order.qty if life is None else life.first_qty
            line = self._lives.line(order.order_id, order.qty, first=first)
            return queue.note_of(life, sizes.get(order.qty, ""), now), line

        shown = queue.queue_view(
            frame.selection,
            levels_from(frame.l3_book, frame.selection),
            frame.now,
            skip=self._scroll.skip,
            rows=rows,
            own=frame.account.order_ids,
            notes=told,
        )
        at = self._cursor - self._scroll.skip if self.has_focus else -1
        columns = queue.columns_for(width, frame.price_width, frame.precision, frame.decimals)
        body = [queue.head_line(columns)]
        body += [
            _line(
                row._replace(cursor=number == at),
                shown.side,
                shown.largest,
                columns,
                frame.precision,
            )
            for number, row in enumerate(shown.rows)
        ]
        body += [Line(fit([], width))] * (1 + rows - len(body))
        body += own
        trusted = frame.data_status.fresh and frame.l3_book.verified
        if not trusted:
            body = [each.within("stale") for each in body]
        note = frame.selection.text(frame.precision, width)
        foot = queue.foot_spans(shown, frame.precision, frame.decimals)
        foot = foot or (Span("no order at this price", "dim"),)
        if sizes:
            counts = counts_text(frame.l3_book, sizes, frame.precision)
            foot = (*foot, Span("  "), Span(counts, "mark"))
        return Content(body, note, "" if trusted else "STALE", foot, urgent=not trusted)

    def _own_facts(self, frame: FrameState, height: int) -> list[Line]:
        """Draw the place of the own order at the selected prices, if there is one."""
        place = frame.account.place_at(frame.selection) if frame.selection else None
        facts = frame.account.facts_of(place, frame.precision) if place else []
        return fact_lines(facts, self.inside[0], height)

    def at_cursor(self) -> OrderChange | None:
        """Return the order at the cursor; None where there is none."""
        frame = self.frame
        if frame is None or frame.selection is None or frame.l3_book is None:
            return None
        orders = orders_at(frame.l3_book, frame.selection)
        return orders[self._cursor] if self._cursor < len(orders) else None

    def move(self, rows_up: int) -> None:
        """Move the cursor up by some orders; the list scrolls with it."""
        self._cursor = max(0, min(self._length - 1, self._cursor - rows_up))
        below = self._cursor - self._scroll.skip - max(1, self._rows) + 1
        above = self._scroll.skip - self._cursor
        by = above if above > 0 else -below if below > 0 else 0
        self._scroll.move(by, length=self._length, rows=self._rows)
        self.redraw()

    def on_click(self, event: Click) -> None:
        at = event.y - 2
        if 0 <= at < self._rows:
            self._cursor = max(0, min(self._length - 1, at + self._scroll.skip))
            self.redraw()

    def edge(self, up: int) -> None:
        """Go to the first order (1) or the last (-1)."""
        self.move(up * self._length)
