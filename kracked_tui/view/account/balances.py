"""The account's assets: how much there is, how much open orders hold, and how much is free. Pure.

The rules are those of `kracked.orders.rules.funds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from kracked.orders.rules.funds import free
from kracked_tui.view.line import Line, Span, fit

ZERO = Decimal(0)
_MONEY = ("USD", "EUR", "GBP", "USDT", "USDC")


class Balance(NamedTuple):
    """One asset of the account."""

    asset: str
    total: Decimal
    held: Decimal

    @property
    def free(self) -> Decimal:
        """The amount that no order holds, never below zero."""
        return free(self.total, self.held)


def balances_of(totals: Mapping[str, Decimal], holds: Mapping[str, Decimal]) -> tuple[Balance, ...]:
    """Return the assets of which there is something, by name, money before coins."""
    found = [Balance(name, total, holds.get(name, ZERO)) for name, total in totals.items() if total]
    return tuple(sorted(found, key=lambda one: (one.asset not in _MONEY, one.asset)))


def amount_text(amount: Decimal) -> str:
    """Write money to the cent and coins to eight decimals, without zeros at the end."""
    text = f"{amount:.2f}" if abs(amount) >= 1000 else f"{amount:.8f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def head_line(width: int) -> Line:
    """Draw the heads of the columns."""
    room = _amount_width(width)
    text = f" {'asset':<6}{'total':>{room}}{'held':>{room}}{'free':>{room}}"
    return Line(fit([Span(text, "header")], width))


def _amount_width(width: int) -> int:
    return max(8, min(14, (width - 7) // 3))


def balance_line(balance: Balance, width: int) -> Line:
    """Draw one asset."""
    room = _amount_width(width)
    spans = [
        Span(f" {balance.asset:<6}", "bright"),
        Span(f"{amount_text(balance.total):>{room}}"),
        Span(f"{amount_text(balance.held) if balance.held else '':>{room}}", "dim"),
        Span(f"{amount_text(balance.free):>{room}}", "good" if balance.free else "dim"),
    ]
    return Line(fit(spans, width))


def summary_spans(
    balances: Iterable[Balance], assets: Iterable[str], width: int = 10**6
) -> tuple[Span, ...]:
    """Draw some assets side by side: ``USD 9412.1 free 8447  BTC 0.4021``; none is cut."""
    by_name = {balance.asset: balance for balance in balances}
    spans: list[Span] = []
    for name in assets:
        balance = by_name.get(name, Balance(name, ZERO, ZERO))
        total = [Span(f" {name} ", "dim"), Span(amount_text(balance.total)), Span(" ")]
        free = [Span("free ", "dim"), Span(amount_text(balance.free)), Span(" ")]
        for more in (total, free if balance.held else []):
            if sum(len(span.text) for span in (*spans, *more)) - 1 <= width:
                spans += more
    return tuple(spans)
