"""Own fills, newest first, and their sums. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from kracked.feed.account import Fill
from kracked.flow.review import HORIZONS_S, ReviewedFill
from kracked.protocol.events import Side
from kracked_tui.view import format as fmt
from kracked_tui.view.account.balances import amount_text
from kracked_tui.view.account.fill_card import bp_text, mark_text
from kracked_tui.view.line import Line, Span, fit, left_cell, right_cell
from kracked_tui.view.words import verb


class FillsSummary(NamedTuple):
    """The number of fills, the part of them as a maker, and the fees paid."""

    fills: int
    maker_percent: int | None
    """By quantity, or by money where there are fills of several pairs of one quote currency; None
    where neither can be summed."""
    fees: tuple[tuple[str, Decimal], ...]
    """Asset and amount, by asset."""


_WITH_KIND, _WITH_FEE, _WITH_PAIR, _WITH_REVIEW = 45, 57, 70, 118
"""Widths from which there is room for each of these columns."""
_PRICE, _KIND, _FEE = 11, 7, 13


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
    text = f" {'time':<9}{'side':<4}{right_cell('qty', _qty_width(width) + 1)}"
    text += right_cell("price", _PRICE)
    kind = " " * _KIND if width >= _WITH_KIND else ""
    fee = right_cell("fee", _FEE) if width >= _WITH_FEE else ""
    pair = f"  {'pair':<9}" if width > _WITH_PAIR else ""
    review = f"{'waited':>8}{'place':>7}{'earned':>8}" if width >= _WITH_REVIEW else ""
    marks = "".join(f"{f'{seconds} s':>9}" for seconds in HORIZONS_S) if review else ""
    unit = "  bp" if width >= _WITH_REVIEW + 4 else ""
    return Line(fit([Span(text + kind + fee + pair + review + marks + unit, "header")], width))


class FillRow(NamedTuple):
    """One fill as a row shows it."""

    fill: Fill
    review: ReviewedFill | None = None
    now: int = 0
    """On the exchange's clock."""
    cursor: bool = False


def fill_line(row: FillRow, width: int) -> Line:
    """Draw one fill; where there is room, what its order waited and what followed."""
    fill, review = row.fill, row.review
    role = "buy" if fill.side is Side.BID else "sell"
    kind = {"m": "maker", "t": "taker"}.get(fill.liquidity_ind, "")
    fees = " ".join(f"{amount_text(fee.qty)} {fee.asset}" for fee in fill.fees)
    spans = [
        Span(f" {fmt.clock(fill.exchange_time):<9}", "dim"),
        Span(f"{verb(fill.side):<4}", role),
        Span(right_cell(amount_text(fill.last_qty), _qty_width(width) + 1), role),
        Span(right_cell(f"{fill.last_price:f}", _PRICE), "price"),
    ]
    if width >= _WITH_KIND:
        spans.append(Span(f"  {kind:<{_KIND - 2}}", "dim"))
    if width >= _WITH_FEE:
        spans.append(Span(right_cell(fees, _FEE), "dim"))
    if width > _WITH_PAIR:
        spans.append(Span(f"  {left_cell(fill.symbol, 9)}", "dim"))
    if width >= _WITH_REVIEW:
        spans += _review_spans(review, row.now)
    return Line(fit(spans, width), "cursor" if row.cursor else "")


def _review_spans(review: ReviewedFill | None, now: int) -> list[Span]:
    if review is None:
        return [Span("  before this session", "faint")]
    waited = fmt.age(review.wait_ns) if review.wait_ns is not None else "–"
    passage = review.passage
    place = f"{passage.joined_position}▸{passage.position}" if passage is not None else "–"
    earned = review.bp(review.earned)
    spans = [
        Span(right_cell(waited, 8) + right_cell(place, 7), "dim"),
        Span(right_cell(bp_text(earned), 8), _sign_role(earned)),
    ]
    for at in range(len(HORIZONS_S)):
        markout = review.bp(review.markout(at))
        spans.append(Span(right_cell(mark_text(review, at, now), 9), _sign_role(markout)))
    return spans


def _sign_role(value: Fraction | None) -> str:
    if value is None:
        return "faint"
    return "good" if value > 0 else "sell" if value < 0 else "dim"


def _qty_width(width: int) -> int:
    return 11 if width >= _WITH_KIND else 10
