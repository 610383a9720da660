"""The depth curve: the cumulative quantity from the best price outwards, both sides. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import Level
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit, spread

_RISING = " ▁▂▃▄▅▆▇█"


class DepthView(NamedTuple):
    """Cumulative quantities per column, the best price in the middle."""

    bids: tuple[int, ...] = ()
    """From the best bid outwards."""
    asks: tuple[int, ...] = ()
    """From the best ask outwards."""
    largest: int = 1
    bid_edge: int = 0
    """Price of the outermost bid column."""
    ask_edge: int = 0
    """Price of the outermost ask column."""
    mid2: int = 0
    """Best bid plus best ask: twice the middle, exactly."""


def depth_view(bids: Iterable[Level], asks: Iterable[Level], columns: int) -> DepthView:
    """Sum up both sides over the same reach of price, with `columns` columns each."""
    bid_levels, ask_levels = list(bids), list(asks)
    if not bid_levels or not ask_levels or columns < 1:
        return DepthView()
    best_bid, best_ask = bid_levels[0].price, ask_levels[0].price
    reach = max(1, min(best_bid - bid_levels[-1].price, ask_levels[-1].price - best_ask))
    bid_sums = _summed(((best_bid - price, qty) for price, qty in bid_levels), reach, columns)
    ask_sums = _summed(((price - best_ask, qty) for price, qty in ask_levels), reach, columns)
    return DepthView(
        tuple(bid_sums),
        tuple(ask_sums),
        max(1, bid_sums[-1], ask_sums[-1]),
        best_bid - reach,
        best_ask + reach,
        best_bid + best_ask,
    )


def _summed(levels: Iterable[tuple[int, int]], reach: int, columns: int) -> list[int]:
    sums = [0] * columns
    for distance, qty in levels:
        if distance <= reach:
            sums[min(columns - 1, distance * columns // (reach + 1))] += qty
    total = 0
    for at, qty in enumerate(sums):
        total = sums[at] = total + qty
    return sums


def depth_lines(view: DepthView, width: int, height: int, precision: Precision) -> list[Line]:
    """Draw the curve on all rows but the last, which is the price axis."""
    half = (width - 1) // 2
    if not view.bids or height < 2:
        return []
    left = [*reversed(view.bids)][-half:]
    right = list(view.asks)[:half]
    plot = height - 1
    lines = []
    for row in range(plot):
        floor = 8 * (plot - 1 - row)
        spans = [
            Span("".join(_cell(value, view.largest, plot, floor) for value in left), "bid-bar"),
            Span("┊", "frame"),
            Span("".join(_cell(value, view.largest, plot, floor) for value in right), "ask-bar"),
        ]
        lines.append(Line(fit(spans, width)))
    lines[0] = _labelled(lines[0], fmt.compact(view.largest, precision.qty), width)
    low, high = precision.price_text(view.bid_edge), precision.price_text(view.ask_edge)
    middle = precision.price_text(view.mid2 // 2)
    gap = (width - 1) // 2 - len(low) - len(middle) // 2
    axis = Span(low + " " * max(1, gap) + middle, "dim")
    lines.append(Line(spread([axis], [Span(high, "dim")], width)))
    return lines


def _cell(value: int, largest: int, rows: int, floor: int) -> str:
    eighths = 8 * rows * value // largest
    return _RISING[max(0, min(8, eighths - floor))]


def _labelled(first: Line, text: str, width: int) -> Line:
    """Put the scale's label in the middle, where the curve is lowest."""
    middle = (width - 1) // 2
    bare = first.text
    start = middle + 2
    if start + len(text) > width or bare[start : start + len(text)].strip():
        return first
    return Line(
        (
            Span(bare[:middle], "bid-bar"),
            Span(bare[middle:start], "frame"),
            Span(text, "dim"),
            Span(bare[start + len(text) :], "ask-bar"),
        )
    )
