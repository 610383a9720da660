"""The orders of a level by age and size: one old wall, or sixty young orders. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from kracked import times
from kracked.instruments import Precision
from kracked.protocol.events import OrderChange
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit, line

_AGES = ("<1s", "<10s", "<1m", "<10m", "<1h", "older")
_AGE_LIMITS_S = (1, 10, 60, 600, 3600)
_SHARES = ("<5%", "<10%", "<25%", "<50%", "more")
_SHARE_LIMITS = (5, 10, 25, 50)
_BOTH = 56
"""Width from which there is room for both histograms."""


class InspectorView(NamedTuple):
    """Quantities by the age of their orders, and orders by their share of the level."""

    ages: tuple[tuple[int, int], ...] = ()
    """(orders, quantity) per age class."""
    shares: tuple[tuple[int, int], ...] = ()
    """(orders, quantity) per class of share of the level."""
    total: int = 0
    largest: int = 0
    oldest: str = ""
    median_age: str = ""


def inspector_view(orders: Sequence[OrderChange], now: int) -> InspectorView:
    """Sort the orders of a level into classes of age and size; `now` in ns."""
    if not orders:
        return InspectorView()
    total = sum(order.qty for order in orders)
    born = sorted(order.exchange_time for order in orders)
    ages = [[0, 0] for _ in _AGES]
    shares = [[0, 0] for _ in _SHARES]
    for order in orders:
        age_s = max(0, now - order.exchange_time) // times.NS_PER_S
        share = 100 * order.qty // max(1, total)
        by_age, by_share = bisect_right(_AGE_LIMITS_S, age_s), bisect_right(_SHARE_LIMITS, share)
        for counts in (ages[by_age], shares[by_share]):
            counts[0] += 1
            counts[1] += order.qty
    return InspectorView(
        tuple((a, b) for a, b in ages),
        tuple((a, b) for a, b in shares),
        total,
        max(order.qty for order in orders),
        fmt.age(max(0, now - born[0])),
        fmt.age(max(0, now - born[len(born) // 2])),
    )


def inspector_lines(view: InspectorView, side: str, width: int, precision: Precision) -> list[Line]:
    """Draw the histograms side by side, and the oldest and the largest order."""
    if not view.total:
        return [Line(fit([Span("no orders at this price", "dim")], width))]

    def histogram(
        title: str, classes: Sequence[str], counts: Sequence[tuple[int, int]]
    ) -> list[list[Span]]:
        """Draw a row for each class: its orders, their quantity, and that as a bar."""
        rows = [[*fit([Span(f"{title:<6}{'orders':>6}{'quantity':>10}", "header")], left)]]
        for name, (orders, qty) in zip(classes, counts, strict=True):
            text = fmt.compact(qty, precision.qty) if qty else ""
            bar = block_bars.rightwards(qty, view.total, max(0, left - 23), side)
            row = (
                Span(f"{name:<6}", "dim"),
                Span(f"{orders or '':>6}"),
                Span(f"{text:>10} ", side),
            )
            rows.append([*row, *bar])
        return rows

    left = width if width < _BOTH else width // 2 - 1
    rows = histogram("age", _AGES, view.ages)
    if left < width:
        shares = histogram("share", _SHARES, view.shares)
        nothing: list[Span] = []
        pairs = zip_longest(rows, shares, fillvalue=nothing)
        rows = [[*by_age, Span("  "), *by_share] for by_age, by_share in pairs]
    lines = [Line(fit(row, width)) for row in rows]
    share = fmt.percent(view.largest, view.total)
    lines.append(
        Line(
            fit(
                line(
                    Span("oldest ", "dim"),
                    Span(view.oldest),
                    Span("  median ", "dim"),
                    Span(view.median_age),
                    Span("  largest ", "dim"),
                    Span(f"{fmt.compact(view.largest, precision.qty)} ({share}%)"),
                ).spans,
                width,
            )
        )
    )
    return lines
