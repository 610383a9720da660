"""The account as the panes draw it: one frozen value per frame. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from kracked.feed.account import Account, Fill
from kracked.instruments import Instrument, Precision
from kracked.orders.rules.funds import held
from kracked_tui.view.account import balances as money
from kracked_tui.view.account import orders
from kracked_tui.view.account.balances import Balance
from kracked_tui.view.account.orders import Mine, OrderRow, Sent
from kracked_tui.view.account.rates import RateView
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.view.line import Line, Span, fit

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book


@dataclass(frozen=True, slots=True)
class AccountView:
    """What belongs to us."""

    standing: TradingStatus = field(default_factory=TradingStatus)
    known: bool = False
    """There is a key, and the account's streams have told their state."""
    rows: tuple[OrderRow, ...] = ()
    mine: Mapping[int, Mine] = field(default_factory=dict)
    """Resting orders of the shown pair, by scaled price."""
    ids: frozenset[str] = frozenset()
    fills: Sequence[Fill] = ()
    """Oldest first."""
    balances: tuple[Balance, ...] = ()
    rates: RateView | None = None
    idle: str = "No order of yours. b buys and s sells at the cursor's price."
    """What is said where no order is open."""

    @property
    def empty(self) -> str:
        """Why there is nothing to show, or what to do to have something."""
        if not self.known:
            return self.standing.reason or "Waiting for the account's streams."
        return self.idle


def own_of(
    account: Account,
    sent: Sequence[Sent],
    *,
    symbol: str,
    precision: Precision,
    books: Mapping[str, L3Book],
    instruments: Mapping[str, Instrument],
    fee_percent: Decimal,
    now: int,
) -> AccountView:
    """Everything the account says at this moment. Reads it and its books, keeps neither."""
    working = tuple(account.orders.values())
    digits = {name: instruments[name].precision for name in _symbols(account, instruments)}
    holds = held(working, fee_percent)
    return AccountView(
        known=account.orders_known,
        rows=orders.rows_of(working, sent, books, digits, now),
        mine=orders.by_price(working, symbol, books.get(symbol), precision),
        ids=frozenset(account.orders),
        fills=tuple(account.fills),
        balances=money.balances_of(account.balances, holds),
    )


def mine_line(own: AccountView, width: int) -> Line:
    """One row for a screen without room for the orders pane."""
    if own.rows:
        return orders.line_of_orders(own.rows, width, stale=not own.known)
    return Line(fit([Span(" MINE", "header"), Span(f"  {own.empty}", "dim")], width))


def _symbols(account: Account, instruments: Mapping[str, Instrument]) -> set[str]:
    return {order.symbol for order in account.orders.values()} & instruments.keys()
