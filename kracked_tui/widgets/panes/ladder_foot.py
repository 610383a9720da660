"""The words below the rows of the ladder: the row at the cursor, the cost to trade, sums."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from kracked.flow.measures.touch import quantities_near
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.ladder import ladder_lines, read_out, row_measures
from kracked_tui.view.ladder.read_out import Foot
from kracked_tui.view.ladder.selection import orders_at
from kracked_tui.view.line import Line, Span, fit

_sums = lru_cache(64)(ladder_lines.foot_spans)
_COSTS_EVERY_NS = NS_PER_S // 4


class LadderFoot:
    """Writes them for one ladder; the cost to trade is made anew some times a second."""

    def __init__(self) -> None:
        self._costs: tuple[object, str] = (None, "")
        """What the cost to trade was made of, and its text."""

    def told_rows(
        self, frame: FrameState, width: int, *, step: int, window_ns: int | None
    ) -> list[Line]:
        """Return a line for the row at the cursor and one for the cost to trade.

        Args:
            frame: The state of the moment.
            width: Cells of a line.
            step: The height of a row, in scaled price.
            window_ns: The window of pulling and stacking; None is since the last reset.
        """
        at_cursor = _cursor_text(frame, width - 1, step=step, window_ns=window_ns)
        texts = (at_cursor, self._cost_text(frame, width - 1))
        return [Line(fit([Span(f" {text}", "dim")], width)) for text in texts]

    def last_line(
        self, tells: Foot, frame: FrameState, width: int, *, step: int, window_ns: int | None
    ) -> Sequence[Span]:
        """Return the last line. The arguments are those of `told_rows`, and what it tells."""
        if tells is Foot.COST:
            return (Span(self._cost_text(frame, width - 6), "dim"),)
        if tells is Foot.CURSOR:
            text = _cursor_text(frame, width - 6, step=step, window_ns=window_ns)
            return (Span(text, "dim"),)
        if frame.quote is None or frame.book is None:
            return ()
        near = quantities_near(*frame.levels, sum(frame.quote), frame.book.depth)
        return _sums(near, frame.precision, width)

    def _cost_text(self, frame: FrameState, width: int) -> str:
        made_of = (frame.symbol, frame.size, width, frame.now // _COSTS_EVERY_NS)
        if made_of != self._costs[0]:
            self._costs = (made_of, _costs_now(frame, width))
        return self._costs[1]


def _costs_now(frame: FrameState, width: int) -> str:
    """Return what it costs to trade now, in words."""
    book, precision = frame.book, frame.precision
    if book is None or not book.verified:
        return "the book is not verified: the cost to trade is not known"
    own = {
        price: int(level.qty.scaleb(precision.qty))
        for price, level in frame.account.own_levels.items()
    }
    thresholds = frame.measures.detectors.context.levels.thresholds()
    sizes = row_measures.large_text(thresholds, precision, frame.decimals)
    costs = read_out.cost_parts(frame.size, *frame.levels, precision, own=own)
    return read_out.as_line([*costs[:2], *filter(None, (sizes,)), *costs[2:]], width)


def _cursor_text(frame: FrameState, width: int, *, step: int, window_ns: int | None) -> str:
    """Return the row at the cursor in words."""
    book, selection, quote = frame.book, frame.selection, frame.quote
    if book is None or selection is None or quote is None:
        return ""
    flow, position = frame.measures, frame.account.position
    bids = selection.side is Side.BID
    row = selection.low if bids else selection.high
    told = read_out.CursorRow(
        selection,
        frame.symbol,
        frame.precision,
        frame.decimals,
        quote,
        levels=frame.levels[0 if bids else 1],
        orders=orders_at(frame.l3_book, selection) if frame.l3_book else None,
        now=frame.now,
        changes=flow.changes.row(selection.side, row, step),
        window=row_measures.window_name(window_ns),
        traded=read_out.traded_in(flow.traded.prices, selection),
        result=position.result_at(Fraction(row, 10**frame.precision.price)),
    )
    return read_out.as_line(read_out.cursor_parts(told), width)
