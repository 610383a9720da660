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
    """The number of fills, the part of them as a maker, and the fees paid."""

    fills: int
    maker_percent: int | None
    """By quantity, or by money where there are fills of several pairs of one quote currency; None
    where neither can be summed."""
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
    return FillsSummary(len(fills), _maker_percent(fills), tuple(sorted(fees.items())))


def _maker_percent(fills: Sequence[Fill]) -> int | None:
    pairs = {fill.symbol for fill in fills}
    quotes = {pair.rpartition("/")[2] for pair in pairs}
    if len(pairs) > 1 and len(quotes) > 1:
        return None
    weights = [
        (fill.last_qty * (fill.last_price if len(pairs) > 1 else 1), fill.liquidity_ind == "m")
        for fill in fills
    ]
    whole = sum(weight for weight, _ in weights)
    made = sum(weight for weight, maker in weights if maker)
    return int((200 * made + whole) // (2 * whole)) if whole else None


def summary_spans(summary: FillsSummary) -> tuple[Span, ...]:
    """Draw the sums: ``14 fills  maker 86%  fees 3.11 USD``."""
    noun = "fill" if summary.fills == 1 else "fills"
    spans = [Span(f" {summary.fills} {noun}", "dim")]
    if summary.fills:
        if summary.maker_percent is not None:
            spans.append(Span(f"  maker {summary.maker_percent}%", "dim"))
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
