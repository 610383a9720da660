"""What the ladder's rows show of the order flow: changes, profile, marks, large sizes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from kracked.flow import MarketFlow
from kracked.flow.measures.price_changes import Shortened
from kracked.flow.measures.sizes import AdaptiveSizes, Thresholds
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.view import format as fmt
from kracked_tui.view.account.position import PositionView
from kracked_tui.view.ladder.ladder import RowMeasures
from kracked_tui.view.ladder.ladder_lines import ColumnSet, LadderColumns, columns_for
from kracked_tui.view.ladder.ladder_scroll import ask_row, bid_row

POC, VALUE_LOW, VALUE_HIGH, VWAP, AVERAGE, BREAK_EVEN = "P", "└", "┌", "w", "◇", "×"
"""The marks beside a price; averages from chosen instants have their letters, a to d."""
OF_THE_SESSION = (POC, VALUE_LOW, VALUE_HIGH, VWAP)
"""Marks that give way to what was seen at their price within the last minute."""
_PROFILE_CELLS = 8
_REMEMBERED = 4_000


class LargeMarks:
    """Owner of the marks of large rows: one stays until its size is well below its threshold."""

    def __init__(self) -> None:
        self._before: dict[tuple[Side, int], int] = {}

    def weigh(self, sizes: AdaptiveSizes, side: Side, row: int, qty: int) -> int | None:
        """Return 2 for a huge level, 1 for a large one; None while too little is known."""
        if sizes.thresholds() is None:
            return None
        if len(self._before) > _REMEMBERED:
            self._before.clear()
        weight = sizes.weight(qty, self._before.get((side, row), 0))
        self._before[side, row] = weight
        return weight


def row_measures(
    flow: MarketFlow,
    prices: Sequence[int],
    step: int,
    shown: ColumnSet,
    *,
    position: PositionView,
    precision: Precision,
    large: LargeMarks,
    followed: Mapping[tuple[Side, int], str] | None = None,
) -> RowMeasures:
    """Return the measures of the rows in sight.

    Args:
        flow: The measures of the pair.
        prices: The prices of the rows, falling.
        step: Price difference of neighbouring rows.
        shown: The set of columns; what it does not show is not computed.
        position: The session's position.
        precision: The decimals of the pair.
        large: The marks of the frame before.
        followed: Letters of the levels that hold an order of a followed size.
    """
    changes = shown is ColumnSet.CHANGES
    sizes = flow.detectors.context.levels
    typical = flow.detectors.context.orders.thresholds()
    return RowMeasures(
        traded=flow.traded.prices,
        bid_changes=flow.changes.rows(Side.BID, step) if changes else {},
        ask_changes=flow.changes.rows(Side.ASK, step) if changes else {},
        typical_qty=typical.median if typical else 0,
        profile=_profile(flow, prices, step) if shown is ColumnSet.PROFILE else {},
        marks=_marks(flow, step, position, precision, followed or {}),
        weigh=partial(large.weigh, sizes),
    )


def _profile(flow: MarketFlow, prices: Sequence[int], step: int) -> dict[int, int]:
    if flow.session is None:
        return {}
    profile = flow.session.profile
    if step >= profile.step:
        found = {price: profile.between(price, price + step) for price in prices}
    else:
        found = {
            price: profile.rows.get(price // profile.step * profile.step, 0) for price in prices
        }
    most = max(found.values(), default=0)
    return {price: -(-8 * _PROFILE_CELLS * qty // most) for price, qty in found.items() if qty}


def _marks(
    flow: MarketFlow,
    step: int,
    position: PositionView,
    precision: Precision,
    followed: Mapping[tuple[Side, int], str],
) -> dict[int, str]:
    """Return the marks by the nearest row; of two in a row the one that weighs more."""
    found: list[tuple[int | None, str]] = [
        (vwap.price(), letter) for letter, vwap in flow.anchored.items()
    ]
    if flow.session is not None:
        profile, area = flow.session.profile, flow.session.profile.value_area()
        found.append((flow.session.vwap.price(), VWAP))
        if area is not None and profile.poc is not None:
            found += [
                (area.low, VALUE_LOW),
                (area.high + profile.step, VALUE_HIGH),
                (profile.poc + profile.step // 2, POC),
            ]
    for price, mark in ((position.break_even, BREAK_EVEN), (position.average, AVERAGE)):
        found.append((None if price is None else round(price * 10**precision.price), mark))
    rows = nearest_rows({price: mark for price, mark in found if price is not None}, step)
    for (side, at), letter in followed.items():
        rows[bid_row(at, step) if side is Side.BID else ask_row(at, step)] = letter
    return rows


def nearest_rows(marks: Mapping[int, str], step: int) -> dict[int, str]:
    """Return marks of prices by the nearest row."""
    return {(2 * price + step) // (2 * step) * step: mark for price, mark in marks.items()}


def window_name(window_ns: int | None) -> str:
    """Write the length of a window: ``30s``, ``2m``, or ``all`` since the last reset."""
    if window_ns is None:
        return "all"
    seconds = window_ns // NS_PER_S
    return f"{seconds}s" if seconds < 60 else f"{seconds // 60}m"


def columns_of(
    width: int,
    price_width: int,
    *,
    mine: bool,
    shown: ColumnSet,
    window_ns: int | None,
    user: tuple[tuple[str, int], ...] = (),
) -> LadderColumns:
    """Fit the columns, with the window of changes in words; else as `columns_for`."""
    window = window_name(window_ns)
    return columns_for(width, price_width, mine=mine, shown=shown, window=window, user=user)


def set_note(flow: MarketFlow, shown: ColumnSet, now: int, precision: Precision) -> str:
    """Say what the set of columns covers, for the pane's title; `now` on the exchange's clock."""
    if shown is ColumnSet.CHANGES:
        span = flow.changes.span(Side.BID, now)
        if span is None:
            return "± needs level 3"
        if span.shortened is None:
            return f"± {window_name(flow.changes.window_ns)}"
        why = {Shortened.HOLE: " after a gap", Shortened.LIMIT: ", no room for more"}
        return f"± since {fmt.clock(span.since)}{why.get(span.shortened, '')}"
    if shown is ColumnSet.PROFILE:
        session = flow.session
        if session is None:
            return "profile: no trade yet"
        rows = precision.price_text(session.profile.step)
        since = min(session.watched_from, session.candles_from or session.watched_from)
        return f"profile {rows} a row since {fmt.clock(since)}"
    return ""


def large_text(thresholds: Thresholds | None, precision: Precision, decimals: int) -> str:
    """Write from which size on a level is marked; empty while it is not known."""
    if thresholds is None:
        return ""
    learning = " learning" if thresholds.learning else ""
    return f"large ≥ {fmt.qty(thresholds.large, precision.qty, decimals, 8)}{learning}"
