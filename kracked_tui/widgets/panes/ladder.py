"""The price ladder pane: owns the position, draws `view.ladder`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from kracked.protocol.events import Side
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.ladder import ladder as view
from kracked_tui.view.ladder import ladder_scroll
from kracked_tui.view.ladder.ladder_scroll import LadderScroll
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped
from kracked_tui.widgets.panes.pane import Content, Pane

_line = lru_cache(2048)(view.ladder_line)
_columns = lru_cache(16)(view.columns_for)
_head = lru_cache(16)(view.head_line)
_foot = lru_cache(64)(view.foot_spans)


class LadderPane(Pane):
    """Price rows that stand still, the cursor, and what can be done to them."""

    name_shown = "Ladder"

    class Moved(Message):
        """The cursor is on another level."""

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self.position = LadderScroll()
        self._symbol = ""

    @property
    def rows(self) -> int:
        """Price rows in sight."""
        return max(1, self.inside[1] - 1)

    def content(self, frame: FrameState) -> Content:
        self._follow(frame)
        width, _ = self.inside
        book = frame.book
        if book is None or not self.position.ready:
            return Content(_notice(frame, self.rows, width))
        columns = _columns(
            width, frame.price_width, mine=frame.account.known or bool(frame.account.own_levels)
        )
        shown = view.ladder_view(
            book.bids,
            book.asks,
            self.position,
            self.rows,
            traded=frame.market.traded,
            orders=self._order_counts(frame) if columns.orders else {},
            last=frame.market.last,
            mine=frame.account.own_levels,
        )
        body = [
            _head(columns),
            *(
                _line(row, shown.largest, columns, frame.precision, frame.decimals)
                for row in shown.rows
            ),
        ]
        if not frame.data_status.usable:
            body = _greyed(body, frame, width)
        step = frame.precision.price_text(self.position.step)
        note = f"{step} a row · {'HELD' if self.position.held else 'static'}"
        foot = _foot(shown.bid_total, shown.ask_total, frame.precision, width)
        return Content(body, note, self._out_of_sight(frame), foot)

    def _follow(self, frame: FrameState) -> None:
        """Find a first position for a new symbol, then keep the market in sight."""
        if frame.symbol != self._symbol:
            self._symbol, self.position = frame.symbol, LadderScroll()
        quote = frame.quote
        if quote is None or frame.book is None or self.rows < 3:
            return
        if not self.position.ready:
            near = max(2, self.rows // 2)
            bids = [level.price for level in frame.book.bids.top(near)]
            asks = [level.price for level in frame.book.asks.top(near)]
            self.position = ladder_scroll.started(frame.tick, bids, asks, self.rows)
        self.position = ladder_scroll.following(self.position, *quote, self.rows)

    def _order_counts(self, frame: FrameState) -> Mapping[int, int]:
        if frame.l3_book is None:
            return {}
        low = ladder_scroll.bottom_price(self.position, self.rows)
        high = ladder_scroll.top_price(self.position, self.rows)
        counts = {}
        for side in (frame.l3_book.bids, frame.l3_book.asks):
            for queue in side:
                if not low <= queue.price <= high:
                    break
                counts[queue.price] = len(queue)
        return counts

    def _out_of_sight(self, frame: FrameState) -> str:
        """Where the market is, when it is not on the screen."""
        quote = frame.quote
        if quote is None:
            return ""
        bid, ask = quote
        if ask > ladder_scroll.top_price(self.position, self.rows):
            return f"▲ {frame.precision.price_text(ask)}"
        if bid < ladder_scroll.bottom_price(self.position, self.rows):
            return f"▼ {frame.precision.price_text(bid)}"
        return ""

    def selection(self, quote: tuple[int, int]) -> Selection | None:
        """Return the prices and the side under the cursor; None before the first book."""
        if not self.position.ready:
            return None
        step, (bid, ask) = self.position.step, quote
        at = self.position.cursor
        if at is None:
            at = ladder_scroll.below(bid, step)
        if at <= ladder_scroll.below(bid, step):
            return Selection(Side.BID, at, at + step - 1)
        if at >= ladder_scroll.above(ask, step):
            return Selection(Side.ASK, at - step + 1, at)
        return Selection(Side.BID, at, at)

    # --- what keys and the mouse do -------------------------------------------------

    def _place(self, changed: LadderScroll) -> None:
        self.position = changed
        self.redraw()
        self.paint_now()
        self.post_message(self.Moved())

    def move(self, rows_up: int) -> None:
        quote = self.frame.quote if self.frame else None
        if quote and self.position.ready:
            self._place(ladder_scroll.moved(self.position, rows_up, bid=quote[0], rows=self.rows))

    def edge(self, up: int) -> None:
        if self.position.ready:
            at = ladder_scroll.top_price if up > 0 else ladder_scroll.bottom_price
            price = at(self.position, self.rows)
            self._place(ladder_scroll.pointed(self.position, price, rows=self.rows))

    def point(self, price: int) -> None:
        """Put the cursor on the row of this price."""
        if self.position.ready:
            row = ladder_scroll.below(price, self.position.step)
            self._place(ladder_scroll.pointed(self.position, row, rows=self.rows))

    def recentre(self) -> None:
        quote = self.frame.quote if self.frame else None
        if quote and self.position.ready:
            self._place(ladder_scroll.recentred(self.position, *quote))

    def hold(self) -> None:
        self._place(replace(self.position, held=not self.position.held))

    def group(self, coarser: int) -> None:
        quote = self.frame.quote if self.frame else None
        if quote and self.frame and self.position.ready:
            self._place(
                ladder_scroll.regrouped(self.position, self.frame.tick, coarser, bid=quote[0])
            )

    def on_click(self, event: Click) -> None:
        row = event.y - 2
        if self.position.ready and 0 <= row < self.rows:
            price = ladder_scroll.top_price(self.position, self.rows) - row * self.position.step
            self._place(ladder_scroll.pointed(self.position, price, rows=self.rows))

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self.move(1)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self.move(-1)


def _notice(frame: FrameState, rows: int, width: int) -> list[Line]:
    """There is no book: say why, in the middle."""
    blank = Line(fit([], width))
    return [blank] * (rows // 2 - 1) + _banner(frame, width)


def _greyed(body: list[Line], frame: FrameState, width: int) -> list[Line]:
    """Prices that are history, in grey, with the reason written over them."""
    grey = [each.within("stale") for each in body]
    banner = _banner(frame, width)
    at = max(0, len(grey) // 2 - len(banner) // 2)
    return [*grey[:at], *banner, *grey[at + len(banner) :]]


def _banner(frame: FrameState, width: int) -> list[Line]:
    lines = [frame.data_status.word, *wrapped(frame.data_status.reason, width - 4)]
    return [Line(fit([Span(text.center(width), "notice")], width), "notice") for text in lines]
