"""The price ladder pane: owns which prices are in sight, and draws `view.ladder`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from kracked.protocol.events import Side
from kracked_tui.remembered import scaled
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.ladder import ladder
from kracked_tui.view.ladder.ladder_scroll import LadderScroll, ask_row, bid_row, first_scroll
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped
from kracked_tui.widgets.panes.pane import Content, Pane

_line = lru_cache(2048)(ladder.ladder_line)
_columns = lru_cache(16)(ladder.columns_for)
_head = lru_cache(16)(ladder.head_line)
_foot = lru_cache(64)(ladder.foot_spans)


class LadderPane(Pane):
    """Price rows that stand still, and the cursor."""

    name_shown = "Ladder"

    class Moved(Message):
        """The cursor is on another level."""

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self.scroll = LadderScroll()
        self._symbol = ""

    @property
    def rows(self) -> int:
        """Price rows in sight."""
        return max(1, self.inside[1] - 1)

    def content(self, frame: FrameState) -> Content:
        """Draw the rows; data that cannot be trusted in grey, with the reason over them."""
        self._follow(frame)
        width, _ = self.inside
        rows, book, scroll = self.rows, frame.book, self.scroll
        if book is None or not scroll.ready:
            blank = Line(fit([], width))
            return Content([blank] * (rows // 2 - 1) + _banner(frame, width))
        account, precision = frame.account, frame.precision
        columns = _columns(width, frame.price_width, mine=account.known or bool(account.own_levels))
        shown = ladder.ladder_view(
            book.bids,
            book.asks,
            scroll,
            rows,
            traded=frame.market.traded,
            orders=self._order_counts(frame) if columns.orders else {},
            last=frame.market.last,
            mine=account.own_levels,
        )
        body = [
            _head(columns),
            *(_line(row, shown.largest, columns, precision, frame.decimals) for row in shown.rows),
        ]
        if not frame.data_status.fresh:
            body = [each.within("stale") for each in body]
        if not frame.data_status.usable:
            banner = _banner(frame, width)
            at = max(0, len(body) // 2 - len(banner) // 2)
            body = [*body[:at], *banner, *body[at + len(banner) :]]
        word = "follows" if scroll.follows(armed=frame.armed) else "static"
        note = f"{precision.price_text(scroll.step)} a row · {'HELD' if scroll.held else word}"
        edges = (scroll.bottom_price(rows), scroll.top_price(rows))
        beyond = ladder.beyond_text(
            edges,
            precision,
            width - len(self.name_shown) - 10,
            quote=frame.quote,
            cursor=scroll.cursor,
            mine=account.own_levels,
        )
        foot = _foot(shown.bid_total, shown.ask_total, precision, width)
        return Content(body, note, beyond, foot, urgent=bool(beyond))

    def _follow(self, frame: FrameState) -> None:
        """Choose the first rows of a new symbol, then keep the market in sight."""
        if frame.symbol != self._symbol:
            self._symbol, self.scroll = frame.symbol, LadderScroll()
        quote = frame.quote
        if quote is None or frame.book is None or self.rows < 3:
            return
        if not self.scroll.ready:
            near = max(2, self.rows // 2)
            bids = [level.price for level in frame.book.bids.top(near)]
            asks = [level.price for level in frame.book.asks.top(near)]
            self.scroll = first_scroll(frame.tick, bids, asks, self.rows)
            row = scaled(frame.choices.row, frame.precision.price)
            if row and row % frame.tick == 0:
                self.scroll = replace(self.scroll, step=row, centre=bid_row(quote[0], row))
        self.scroll = self.scroll.pinned_while(armed=frame.armed, bid=quote[0])
        self.scroll = self.scroll.following(*quote, self.rows, armed=frame.armed)

    def _order_counts(self, frame: FrameState) -> Mapping[int, int]:
        if frame.l3_book is None:
            return {}
        low, high = self.scroll.bottom_price(self.rows), self.scroll.top_price(self.rows)
        counts = {}
        for side in (frame.l3_book.bids, frame.l3_book.asks):
            for queue in side:
                if not low <= queue.price <= high:
                    break
                counts[queue.price] = len(queue)
        return counts

    def selection(self, quote: tuple[int, int]) -> Selection | None:
        """Return the prices and the side under the cursor; None before the first book.

        Args:
            quote: Best bid and best ask.
        """
        if not self.scroll.ready:
            return None
        step, (bid, ask) = self.scroll.step, quote
        at = self.scroll.cursor
        if at is None:
            at = bid_row(bid, step)
        if at <= bid_row(bid, step):
            return Selection(Side.BID, at, at + step - 1)
        if at >= ask_row(ask, step):
            return Selection(Side.ASK, at - step + 1, at)
        return Selection(Side.BID, at, at)

    # --- keys and mouse -------------------------------------------------------------

    def _take_scroll(self, scroll: LadderScroll) -> None:
        self.scroll = scroll
        self.redraw()
        self.paint_now()
        self.post_message(self.Moved())

    def move(self, rows_up: int) -> None:
        """Move the cursor up by some rows."""
        quote = self.frame.quote if self.frame else None
        if quote and self.scroll.ready:
            self._take_scroll(self.scroll.moved(rows_up, bid=quote[0], rows=self.rows))

    def edge(self, up: int) -> None:
        """Put the cursor on the top row (1) or the bottom row (-1)."""
        if self.scroll.ready:
            top, bottom = self.scroll.top_price(self.rows), self.scroll.bottom_price(self.rows)
            self._take_scroll(self.scroll.pointed(top if up > 0 else bottom, rows=self.rows))

    def point(self, price: int) -> None:
        """Put the cursor on the row of this price."""
        if self.scroll.ready:
            row = bid_row(price, self.scroll.step)
            self._take_scroll(self.scroll.pointed(row, rows=self.rows))

    def recentre(self) -> None:
        """Go back to the market."""
        quote = self.frame.quote if self.frame else None
        if quote and self.scroll.ready:
            self._take_scroll(self.scroll.recentred(*quote))

    def hold(self) -> None:
        """Hold the rows, or let them follow the market."""
        self._take_scroll(replace(self.scroll, held=not self.scroll.held))

    def group(self, coarser: int) -> None:
        """Take the next coarser (1) or finer (-1) grouping."""
        frame = self.frame
        if frame and frame.quote and self.scroll.ready:
            self._take_scroll(self.scroll.regrouped(frame.tick, coarser, bid=frame.quote[0]))

    def on_click(self, event: Click) -> None:
        row = event.y - 2
        price = self.scroll.top_price(self.rows) - row * self.scroll.step
        if self.scroll.ready and 0 <= row < self.rows and price > 0:
            self._take_scroll(self.scroll.pointed(price, rows=self.rows))

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self.move(1)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self.move(-1)


def _banner(frame: FrameState, width: int) -> list[Line]:
    """Draw the word for the data's state, and the reason."""
    lines = [frame.data_status.word, *wrapped(frame.data_status.reason, width - 4)]
    return [Line(fit([Span(text.center(width), "notice")], width), "notice") for text in lines]
