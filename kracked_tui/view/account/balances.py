"""The account's assets: how much there is, how much open orders hold, and how much is free. Pure.

The rules are those of `kracked.orders.rules.funds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from kracked.orders.rules.funds import free
from kracked_tui.view.line import Line, Span, fit, left_cell, right_cell

ZERO = Decimal(0)
_ASSET = 6
_WITH_WORTH = 56
"""Width from which there is a column of what each asset is worth."""
_MONEY = ("USD", "EUR", "GBP", "USDT", "USDC")


class Balance(NamedTuple):
    """One asset of the account."""

    asset: str
    total: Decimal
    held: Decimal
    worth: Decimal | None = None
    """In the quote currency of the pair shown; None where no price of it is known."""

    @property
    def free(self) -> Decimal:
        """The amount that no order holds, never below zero."""
        return free(self.total, self.held)


def balances_of(
    totals: Mapping[str, Decimal],
    holds: Mapping[str, Decimal],
    prices: Mapping[str, Decimal] | None = None,
) -> tuple[Balance, ...]:
    """Return the assets of which there is something, by name, money before coins.

    Args:
        totals: The account's amounts.
        holds: What open orders hold.
        prices: What one of an asset is worth; those without a price are worth nobody knows what.
    """
    found = []
    for name, total in totals.items():
        if total:
            price = (prices or {}).get(name)
            worth = None if price is None else total * price
            found.append(Balance(name, total, holds.get(name, ZERO), worth))
    return tuple(sorted(found, key=lambda one: (one.asset not in _MONEY, one.asset)))


def amount_text(amount: Decimal) -> str:
    """Write money to the cent and coins to eight decimals, without zeros at the end."""
    text = f"{amount:.2f}" if abs(amount) >= 1000 else f"{amount:.8f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def head_line(width: int, quote: str = "") -> Line:
    """Draw the heads of the columns; `quote` is the currency of what things are worth."""
    room = _amount_width(width)
    heads = ["total", "held", "free", *([f"in {quote}"] if width >= _WITH_WORTH else [])]
    text = "".join(right_cell(head, room) for head in heads)
    return Line(fit([Span(f" {left_cell('asset', _ASSET)}{text}", "header")], width))


def _amount_width(width: int) -> int:
    columns = 4 if width >= _WITH_WORTH else 3
    return max(8, min(14, (width - 7) // columns))


def balance_line(balance: Balance, width: int) -> Line:
    """Draw one asset."""
    room = _amount_width(width)
    spans = [
        Span(f" {left_cell(balance.asset, _ASSET)}", "bright"),
        Span(right_cell(amount_text(balance.total), room)),
        Span(right_cell(amount_text(balance.held) if balance.held else "", room), "dim"),
        Span(right_cell(amount_text(balance.free), room), "good" if balance.free else "dim"),
    ]
    if width >= _WITH_WORTH:
        worth = "no price" if balance.worth is None else f"{balance.worth:.2f}"
        spans.append(Span(right_cell(worth, room), "dim"))
    return Line(fit(spans, width))


def worth_text(balances: Iterable[Balance], quote: str) -> str:
    """Say what all assets with a price are worth, and how many have none."""
    listed = tuple(balances)
    priced = [one.worth for one in listed if one.worth is not None]
    if not priced or not quote:
        return ""
    left = len(listed) - len(priced)
    without = f" and {left} without a price" if left else ""
    return f"worth {sum(priced, ZERO):.2f} {quote}{without}"


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
