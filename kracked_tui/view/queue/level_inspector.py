"""What a level is made of: one old wall or sixty young orders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from kracked import times
from kracked.instruments import Precision
from kracked.protocol.events import OrderChange
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit, line

_AGES = (("<1s", 1), ("<10s", 10), ("<1m", 60), ("<10m", 600), ("<1h", 3600), ("older", 0))
_BOTH = 56
"""Columns it takes to show both histograms."""
_SHARES = (("<5%", 5), ("<10%", 10), ("<25%", 25), ("<50%", 50), ("more", 101))


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
    if not orders:
        return InspectorView()
    total = sum(order.qty for order in orders)
    born = sorted(order.exchange_time for order in orders)
    ages = [[0, 0] for _ in _AGES]
    shares = [[0, 0] for _ in _SHARES]
    for order in orders:
        age_s = max(0, now - order.exchange_time) // times.NS_PER_S
        _count(ages[_age_class(age_s)], order.qty)
        _count(shares[_share_class(100 * order.qty // max(1, total))], order.qty)
    return InspectorView(
        tuple((a, b) for a, b in ages),
        tuple((a, b) for a, b in shares),
        total,
        max(order.qty for order in orders),
        fmt.age(max(0, now - born[0])),
        fmt.age(max(0, now - born[len(born) // 2])),
    )


def _count(into: list[int], qty: int) -> None:
    into[0] += 1
    into[1] += qty


def _age_class(age_s: int) -> int:
    return next((at for at, (_, limit) in enumerate(_AGES[:-1]) if age_s < limit), len(_AGES) - 1)


def _share_class(share: int) -> int:
    return next(at for at, (_, limit) in enumerate(_SHARES) if share < limit)


def inspector_lines(view: InspectorView, side: str, width: int, precision: Precision) -> list[Line]:
    """Two histograms side by side, and what stands out."""
    if not view.total:
        return [Line(fit([Span("no orders at this price", "dim")], width))]
    draw = _Drawing(view.total, precision.qty, side)
    left = width if width < _BOTH else width // 2 - 1
    rows = draw.histogram("age", [name for name, _ in _AGES], view.ages, left)
    if left < width:
        shares = draw.histogram("share", [name for name, _ in _SHARES], view.shares, left)
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


class _Drawing(NamedTuple):
    """What both histograms share."""

    total: int
    decimals: int
    side: str

    def histogram(
        self, title: str, names: Sequence[str], holdings: Sequence[tuple[int, int]], width: int
    ) -> list[list[Span]]:
        """Of each class how many orders, their quantity, and that as a part of the whole."""
        head = fit([Span(f"{title:<6}{'orders':>6}{'quantity':>10}", "header")], width)
        rows = (self._row(*each, width) for each in zip(names, holdings, strict=True))
        return [[*head], *rows]

    def _row(self, name: str, holding: tuple[int, int], width: int) -> list[Span]:
        orders, qty = holding
        text = fmt.compact(qty, self.decimals) if qty else ""
        return [
            Span(f"{name:<6}", "dim"),
            Span(f"{orders or '':>6}"),
            Span(f"{text:>10} ", self.side),
            *block_bars.rightwards(qty, self.total, max(0, width - 23), self.side),
        ]
