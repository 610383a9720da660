"""What a level is made of: one old wall or sixty young orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kracked import times
from kracked.instruments import Precision
from kracked.protocol.events import OrderChange
from kracked_tui.view import bars
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit, line

_AGES = (("<1s", 1), ("<10s", 10), ("<1m", 60), ("<10m", 600), ("<1h", 3600), ("older", 0))
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
    left, right = width // 2, width - width // 2 - 1
    lines = [
        Line(
            fit(
                [
                    Span(f"{'age':<7}{'orders':>6}  quantity".ljust(left + 1), "header"),
                    Span(f"{'share':<7}{'orders':>6}  quantity", "header"),
                ],
                width,
            )
        )
    ]
    names = [name for name, _ in _AGES], [name for name, _ in _SHARES]
    for at in range(len(_AGES)):
        spans = [*_class_spans(names[0][at], view.ages[at], view.total, left, side), Span(" ")]
        if at < len(view.shares):
            spans += _class_spans(names[1][at], view.shares[at], view.total, right, side)
        lines.append(Line(fit(spans, width)))
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


def _class_spans(
    name: str, holding: tuple[int, int], total: int, width: int, side: str
) -> Iterable[Span]:
    orders, qty = holding
    return (
        Span(f"{name:<7}", "dim"),
        Span(f"{orders or '':>6}  "),
        *bars.rightwards(qty, total, max(0, width - 15), side),
    )
