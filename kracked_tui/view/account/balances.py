"""What the account has, what its open orders hold, and what is free, as lines. Pure.

The rules are those of `kracked.orders.rules.funds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from kracked.orders.rules.funds import free
from kracked_tui.view.line import Line, Span, fit

ZERO = Decimal(0)


class Balance(NamedTuple):
    asset: str
    total: Decimal
    held: Decimal

    @property
    def free(self) -> Decimal:
        return free(self.total, self.held)


def balances_of(totals: Mapping[str, Decimal], holds: Mapping[str, Decimal]) -> tuple[Balance, ...]:
    """Assets there are any of, by name; the money first."""
    found = [Balance(name, total, holds.get(name, ZERO)) for name, total in totals.items()]
    return tuple(sorted((one for one in found if one.total), key=_money_first))


def _money_first(balance: Balance) -> tuple[bool, str]:
    return balance.asset not in ("USD", "EUR", "GBP", "USDT", "USDC"), balance.asset


def amount_text(amount: Decimal) -> str:
    """Money to the cent, coins to eight decimals; zeros at the end are left out."""
    text = f"{amount:.2f}" if abs(amount) >= 1000 else f"{amount:.8f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def head_line(width: int) -> Line:
    room = _room(width)
    text = f" {'asset':<6}{'total':>{room}}{'held':>{room}}{'free':>{room}}"
    return Line(fit([Span(text, "header")], width))


def _room(width: int) -> int:
    """Of one amount."""
    return max(8, min(14, (width - 7) // 3))


def balance_line(balance: Balance, width: int) -> Line:
    room = _room(width)
    spans = [
        Span(f" {balance.asset:<6}", "bright"),
        Span(f"{amount_text(balance.total):>{room}}"),
        Span(f"{amount_text(balance.held) if balance.held else '':>{room}}", "dim"),
        Span(f"{amount_text(balance.free):>{room}}", "good" if balance.free else "dim"),
    ]
    return Line(fit(spans, width))


def summary_spans(balances: Iterable[Balance], wanted: Iterable[str]) -> tuple[Span, ...]:
    """The two sides of a pair in a line: ``USD 9412.1 free 8447  BTC 0.4021``."""
    by_name = {balance.asset: balance for balance in balances}
    spans: list[Span] = []
    for name in wanted:
        balance = by_name.get(name, Balance(name, ZERO, ZERO))
        spans += [Span(f" {name} ", "dim"), Span(amount_text(balance.total))]
        if balance.held:
            spans += [Span(" free ", "dim"), Span(amount_text(balance.free))]
        spans.append(Span(" "))
    return tuple(spans)
