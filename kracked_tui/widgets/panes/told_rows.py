"""What the ladder tells in words below its rows: the row at the cursor, and the cost to trade."""

from __future__ import annotations

from fractions import Fraction

from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.ladder import read_out, row_measures
from kracked_tui.view.ladder.ladder import NO_CHANGES
from kracked_tui.view.ladder.selection import orders_at

_COSTS_EVERY_NS = NS_PER_S // 4


def cursor_text(frame: FrameState, width: int, *, step: int, window_ns: int | None) -> str:
    """Return the row at the cursor in words, the parts that fit.

    Args:
        frame: The state of the moment.
        width: Cells of the line.
        step: Price difference of neighbouring rows.
        window_ns: The window of pulling and stacking; None since the last reset.
    """
    book, selection, quote = frame.book, frame.selection, frame.quote
    if book is None or selection is None or quote is None:
        return ""
    flow, position = frame.measures, frame.account.position
    bids = selection.side is Side.BID
    row = selection.low if bids else selection.high
    told = read_out.CursorRow(
        selection=selection,
        symbol=frame.symbol,
        precision=frame.precision,
        decimals=frame.decimals,
        quote=quote,
        levels=book.bids if bids else book.asks,
        orders=orders_at(frame.l3_book, selection) if frame.l3_book else None,
        now=frame.now,
        changes=flow.changes.rows(selection.side, step).get(row, NO_CHANGES),
        window=row_measures.window_name(window_ns),
        traded=read_out.traded_in(flow.traded.prices, selection),
        result=position.result_at(Fraction(row, 10**frame.precision.price)),
    )
    return read_out.as_line(read_out.cursor_parts(told), width)


class CostText:
    """Owner of the words for the cost to trade: they are made anew some times a second."""

    def __init__(self) -> None:
        self._made_of: object = None
        self._text = ""

    def text(self, frame: FrameState, width: int) -> str:
        """Return what it costs to trade now, or why that is not known."""
        made_of = (frame.symbol, frame.size, width, frame.now // _COSTS_EVERY_NS)
        if made_of != self._made_of:
            self._made_of, self._text = made_of, _costs(frame, width)
        return self._text


def _costs(frame: FrameState, width: int) -> str:
    book, precision = frame.book, frame.precision
    if book is None or not book.verified:
        return "the book is not verified: the cost to trade is not known"
    own = {
        price: int(level.qty.scaleb(precision.qty))
        for price, level in frame.account.own_levels.items()
    }
    thresholds = frame.measures.detectors.context.levels.thresholds()
    sizes = row_measures.large_text(thresholds, precision, frame.decimals)
    costs = read_out.cost_parts(frame.size, tuple(book.bids), tuple(book.asks), precision, own=own)
    return read_out.as_line([*costs[:2], *filter(None, (sizes,)), *costs[2:]], width)
