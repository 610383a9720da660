"""The price ladder pane: owns which prices are in sight, and draws `view.ladder`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from textual.events import Click, Leave, MouseMove
from textual.message import Message

from kracked.flow.measures.price_changes import DEFAULT_WINDOW_NS, WINDOWS
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.remembered import scaled
from kracked_tui.state.frame_state import FrameState
from kracked_tui.state.sightings import WALL_MARK
from kracked_tui.state.user_columns import ColumnRow
from kracked_tui.view.chrome.data_status import banner, under_status
from kracked_tui.view.ladder import click_mode, ladder, ladder_lines, row_measures
from kracked_tui.view.ladder.click_mode import CellOffer
from kracked_tui.view.ladder.ladder import LadderRow, RowMeasures
from kracked_tui.view.ladder.ladder_lines import ColumnSet, LadderColumns
from kracked_tui.view.ladder.ladder_scroll import LadderScroll, ask_row, bid_row, first_scroll
from kracked_tui.view.ladder.read_out import Foot
from kracked_tui.view.ladder.row_measures import POC, LargeMarks
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.queue.followed import levels_of
from kracked_tui.widgets.panes.ladder_foot import LadderFoot
from kracked_tui.widgets.panes.pane import Content, Pane

_line = lru_cache(2048)(ladder_lines.ladder_line)
_columns = lru_cache(16)(ladder_lines.columns_for)
_head = lru_cache(16)(ladder_lines.head_line)
_SETS = tuple(ColumnSet)
_CELLS_EVERY_NS = NS_PER_S // 5
_ROOMY_HEIGHT = 34
"""Rows from which the cursor's row and the cost to trade are always told."""
_TOLD_ROWS = 2
"""The rows in which they are."""


class LadderPane(Pane):
    """Price rows that stand still, and the cursor."""

    name_shown = "Ladder"
    notch_rows = 1

    class Moved(Message):
        """The cursor is on another level."""

    class CellPressed(Message):
        """Prepare the order that is offered at a cell."""

        def __init__(self, offer: CellOffer) -> None:
            super().__init__()
            self.offer = offer

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self.scroll = LadderScroll()
        self.shown = ColumnSet.SIZE
        """The set of columns."""
        self.window_ns: int | None = DEFAULT_WINDOW_NS
        """The window of pulling and stacking; None is since the last reset."""
        self.foot = Foot.SUMS
        """What the last line tells."""
        self.hides_empty = False
        """Whether only rows with a level are shown; then rows move with the market."""
        self.offers: Callable[[Side, int], CellOffer | None] | None = None
        """What a click on a cell would prepare; None while clicks only move the cursor."""
        self._offer: CellOffer | None = None
        """The order whose words are on the screen: only this one counts."""
        self._columns: LadderColumns | None = None
        """The columns of the last frame."""
        self._symbol = ""
        self._prices: Sequence[int] = ()
        """The prices of the rows, top to bottom."""
        self._large = LargeMarks()
        self._cells: tuple[object, list[tuple[str, ...]]] = (None, [])
        """What the user's cells were made of, and the cells of each row."""
        self._foot = LadderFoot()

    def show_as(self, other: LadderPane) -> None:
        """Show the rows and columns of another ladder: of the same pair at another time."""
        self.scroll, self._symbol = other.scroll, other._symbol
        self.shown, self.window_ns, self.foot = other.shown, other.window_ns, other.foot
        self.hides_empty = other.hides_empty

    @property
    def rows(self) -> int:
        """Price rows in sight."""
        height = self.inside[1]
        return max(1, height - 1 - (_TOLD_ROWS if height >= _ROOMY_HEIGHT else 0))

    def content(self, frame: FrameState) -> Content:
        """Draw the rows; data that cannot be trusted in grey, with the reason over them."""
        width, height = self.inside
        rows, book, tells = self.rows, frame.book, height >= _ROOMY_HEIGHT
        self._follow(frame, rows)
        scroll = self.scroll
        if book is None or not scroll.ready:
            return Content(
                [Line(fit([], width))] * (rows // 2 - 1) + banner(frame.data_status, width)
            )
        account, precision, flow = frame.account, frame.precision, frame.measures
        if flow.changes.window_ns != self.window_ns:
            flow.changes.set_window(self.window_ns, flow.now(frame.now))
        mine = account.known or bool(account.own_levels)
        columns = _columns(
            width,
            frame.price_width,
            mine=mine,
            shown=self.shown,
            window=row_measures.window_name(self.window_ns),
            user=frame.user_columns.heads,
        )
        hides = self.hides_empty and not frame.armed  # never while keys send orders
        self._prices = self._filled_prices(frame, rows) if hides else scroll.prices(rows)
        shown = ladder.ladder_view(
            *frame.levels,
            scroll,
            self._prices,
            orders=self._order_counts(frame) if columns.orders else {},
            last=frame.market.last,
            mine=account.own_levels,
            measures=self._measures(frame),
        )
        shown_rows = self._with_user_cells(shown.rows, frame) if columns.user else shown.rows
        body = [
            _head(columns),
            *(_line(row, shown.largest, columns, precision, frame.decimals) for row in shown_rows),
        ]
        body += [Line(fit([], width))] * (1 + rows - len(body))
        if tells:
            body += self._foot.told_rows(frame, width, step=scroll.step, window_ns=self.window_ns)
        beyond = ladder_lines.beyond_text(
            (self._prices[-1], self._prices[0]) if self._prices else (0, 0),
            precision,
            width - len(self.name_shown) - 10,
            quote=frame.quote,
            cursor=scroll.cursor,
            mine=account.own_levels,
        )
        self._columns = columns
        if self.offers is not None:
            foot: Sequence[Span] = click_mode.foot(self._offer, width - 6)
        else:
            last = Foot.SUMS if tells else self.foot
            foot = self._foot.last_line(
                last, frame, width, step=scroll.step, window_ns=self.window_ns
            )
        note = self._note(frame, columns, hides=hides)
        body = under_status(body, frame.data_status, width)
        return Content(body, note, beyond, foot, urgent=bool(beyond))

    def _filled_prices(self, frame: FrameState, rows: int) -> Sequence[int]:
        """Return the prices of the rows with a level, and that of the cursor."""
        cursor = () if self.scroll.cursor is None else (self.scroll.cursor,)
        return ladder.filled_rows(*frame.levels, self.scroll.step, rows, always=cursor)

    def _with_user_cells(self, rows: Sequence[LadderRow], frame: FrameState) -> Sequence[LadderRow]:
        """Return the rows with the cells of the user's columns, asked for a few times a second."""
        made_of = (frame.symbol, self.scroll.step, self._prices, frame.now // _CELLS_EVERY_NS)
        if made_of != self._cells[0]:
            step = self.scroll.step
            asked = [ColumnRow(row.price, step, row.bid, row.ask) for row in rows]
            self._cells = (made_of, frame.user_columns.cells(asked, frame.column_market))
        return [row._replace(user=cells) for row, cells in zip(rows, self._cells[1], strict=True)]

    def _measures(self, frame: FrameState) -> RowMeasures:
        """Return what the set of columns shows of the order flow."""
        sizes, book = frame.followed, frame.l3_book
        made = row_measures.row_measures(
            frame.measures,
            self._prices,
            self.scroll.step,
            self.shown,
            position=frame.account.position,
            precision=frame.precision,
            large=self._large,
            followed=levels_of(book, sizes) if book is not None and sizes else None,
        )
        walls = frame.measures.detectors.walls.that_stand()
        lately = {wall.price: WALL_MARK for wall in walls}
        lately |= frame.seen.marks(frame.measures.now(frame.now))
        seen = row_measures.nearest_rows(lately, self.scroll.step).items()
        weaker = row_measures.OF_THE_SESSION
        marks = {row: mark for row, mark in seen if made.marks.get(row, POC) in weaker}
        return made._replace(marks={**made.marks, **marks})

    def _note(self, frame: FrameState, columns: LadderColumns, *, hides: bool) -> str:
        """Say how the rows are made and whether they move, and what the columns cover."""
        scroll, precision, flow = self.scroll, frame.precision, frame.measures
        word = "HELD" if scroll.held else "static"
        if not scroll.held and scroll.follows(armed=frame.armed):
            word = "follows"
        if hides:
            word = "empty rows hidden: ROWS MOVE"
        covered = row_measures.set_note(flow, self.shown, flow.now(frame.now), precision)
        if not (columns.change or columns.profile or self.shown is ColumnSet.SIZE):
            covered = "no room: z"
        note = f"{precision.price_text(scroll.step)} a row · {word}"
        return f"{note} · {covered}" if covered else note

    def _follow(self, frame: FrameState, rows: int) -> None:
        """Choose the first rows of a new symbol, then keep the market in sight."""
        if frame.symbol != self._symbol:
            self._symbol, self.scroll = frame.symbol, LadderScroll()
            remembered = frame.choices.columns
            self.shown = ColumnSet(remembered) if remembered in _SETS else ColumnSet.SIZE
        quote = frame.quote
        if quote is None or frame.book is None or rows < 3:
            return
        if not self.scroll.ready:
            near = max(2, rows // 2)
            bids = [level.price for level in frame.book.bids.top(near)]
            asks = [level.price for level in frame.book.asks.top(near)]
            self.scroll = first_scroll(frame.tick, bids, asks, rows)
            row = scaled(frame.choices.row, frame.precision.price)
            if row and row % frame.tick == 0 and row <= quote[0]:
                self.scroll = replace(self.scroll, step=row, centre=bid_row(quote[0], row))
        self.scroll = self.scroll.pinned_while(armed=frame.armed, bid=quote[0])
        self.scroll = self.scroll.following(*quote, rows, armed=frame.armed)

    def _order_counts(self, frame: FrameState) -> Mapping[int, int]:
        if frame.l3_book is None:
            return {}
        low, high = self.scroll.bottom_price(self.rows), self.scroll.top_price(self.rows)
        return {**frame.l3_book.bids.counts(low), **frame.l3_book.asks.counts(high)}

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

    def next_columns(self) -> None:
        """Show the next set of columns."""
        self.shown = _SETS[(_SETS.index(self.shown) + 1) % len(_SETS)]
        self.redraw()

    def next_foot(self) -> None:
        """Tell the next thing in the last line."""
        feet = tuple(Foot)
        self.foot = feet[(feet.index(self.foot) + 1) % len(feet)]
        self.redraw()

    def window(self, longer: int) -> None:
        """Sum pulling and stacking over the next longer window (1) or the next shorter one (-1)."""
        at = max(0, min(len(WINDOWS) - 1, WINDOWS.index(self.window_ns) + longer))
        self.window_ns = WINDOWS[at]
        self.redraw()

    def hide_empty(self) -> None:
        """Leave empty rows out, or show all rows again."""
        self.hides_empty = not self.hides_empty
        self.redraw()

    def group(self, coarser: int) -> None:
        """Take the next coarser (1) or finer (-1) grouping."""
        frame = self.frame
        if frame and frame.quote and self.scroll.ready:
            self._take_scroll(self.scroll.regrouped(frame.tick, coarser, bid=frame.quote[0]))

    def offer_clicks(self, offers: Callable[[Side, int], CellOffer | None] | None) -> None:
        """Let clicks on bids and asks prepare orders, or only move the cursor (None)."""
        self.offers, self._offer = offers, None
        self.redraw()

    def _offered_at(self, x: int, y: int) -> CellOffer | None:
        """Return what a click at a cell of the widget would prepare."""
        row, columns = y - 2, self._columns
        if self.offers is None or columns is None or not 0 <= row < len(self._prices):
            return None
        side = click_mode.side_at(columns, x - 1)
        return self.offers(side, self._prices[row]) if side is not None else None

    def on_mouse_move(self, event: MouseMove) -> None:
        self._show_offer(self._offered_at(event.x, event.y))

    def on_leave(self, _: Leave) -> None:
        self._show_offer(None)

    def _show_offer(self, offer: CellOffer | None) -> None:
        if offer != self._offer:
            self._offer = offer
            self.redraw()
            self.paint_now()

    def on_click(self, event: Click) -> None:
        row = event.y - 2
        if not (self.scroll.ready and 0 <= row < len(self._prices)):
            return
        shown, offer = self._offer, self._offered_at(event.x, event.y)
        self._take_scroll(self.scroll.pointed(self._prices[row], rows=self.rows))
        if offer is not None and offer == shown:
            self.post_message(self.CellPressed(offer))
        else:
            self._show_offer(offer)  # the rows moved, or no pointer was told: it is shown first
