"""Own fills, newest first, and their sums. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from kracked.feed.account import Fill
from kracked.protocol.events import Side
from kracked_tui.view import format as fmt
from kracked_tui.view.account.balances import amount_text
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import verb


class FillsSummary(NamedTuple):
    """The number of fills, and of those as a maker, and the fees paid."""

    fills: int
    maker: int
    fees: tuple[tuple[str, Decimal], ...]
    """Asset and amount, by asset."""


_WITH_KIND, _WITH_FEE, _WITH_PAIR = 45, 57, 70
"""Widths from which there is room for each of these columns."""


def summary_of(fills: Sequence[Fill]) -> FillsSummary:
    """Sum up fills."""
    fees: dict[str, Decimal] = {}
    for fill in fills:
        for fee in fill.fees:
            fees[fee.asset] = fees.get(fee.asset, Decimal(0)) + fee.qty
    makers = sum(fill.liquidity_ind == "m" for fill in fills)
    return FillsSummary(len(fills), makers, tuple(sorted(fees.items())))


def summary_spans(summary: FillsSummary) -> tuple[Span, ...]:
    """Draw the sums: ``14 fills  maker 86%  fees 3.11 USD``."""
    noun = "fill" if summary.fills == 1 else "fills"
    spans = [Span(f" {summary.fills} {noun}", "dim")]
    if summary.fills:
        spans.append(Span(f"  maker {fmt.percent(summary.maker, summary.fills)}%", "dim"))
        fees = " ".join(f"{amount_text(qty)} {asset}" for asset, qty in summary.fees if qty)
        spans.append(Span(f"  fees {fees}" if fees else "", "dim"))
    return tuple(spans)


def head_line(width: int) -> Line:
    """Draw the heads of the columns."""
    text = f" {'time':<9}{'side':<5}{'qty':>{_qty_width(width)}} {'price':>10}"
    fee = f"  {'':<6}{'fee':>12}" if width >= _WITH_FEE else ""
    pair = "  pair" if width > _WITH_PAIR else ""
    return Line(fit([Span(text + fee + pair, "header")], width))


def fill_line(fill: Fill, width: int) -> Line:
    """Draw one fill."""
    role = "buy" if fill.side is Side.BID else "sell"
    kind = {"m": "maker", "t": "taker"}.get(fill.liquidity_ind, "")
    fees = " ".join(f"{amount_text(fee.qty)} {fee.asset}" for fee in fill.fees)
    spans = [
        Span(f" {fmt.clock(fill.exchange_time):<9}", "dim"),
        Span(f"{verb(fill.side):<5}", role),
        Span(f"{amount_text(fill.last_qty):>{_qty_width(width)}}", role),
        Span(f" {fill.last_price:>10f}", "price"),
    ]
    if width >= _WITH_KIND:
        spans.append(Span(f"  {kind:<6}", "dim"))
    if width >= _WITH_FEE:
        spans.append(Span(f"{fees:>12}", "dim"))
    if width > _WITH_PAIR:
        spans.append(Span(f"  {fill.symbol}", "dim"))
    return Line(fit(spans, width))


def _qty_width(width: int) -> int:
    return 11 if width >= _WITH_KIND else 10
