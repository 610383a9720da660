"""Whether an account can pay for an order, and what the order must hold.

A limit order holds its value at its limit, a market order what the book asks for now;
both with the taker's fee, unless the fee comes out of what is received.
"""

from __future__ import annotations

from kracked.gateway import order_words
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.refusals import Refusal
from kracked.protocol.events import Side
from kracked.sim.order_entry.ports import ExchangePort
from kracked.sim.order_entry.settlement import Settlement


class Funds:
    """Reads the accounts and the books; changes neither."""

    def __init__(self, exchange: ExchangePort, settlement: Settlement) -> None:
        self._exchange, self._settlement = exchange, settlement

    def reserve_for(self, account: ClientAccount, order: OrderRecord, *, freed: int = 0) -> int:
        """Return what an order must hold in all, what it has spent included.

        Args:
            account: Whose order it is.
            order: The order.
            freed: What another order gives back for it.

        Raises:
            Refusal: The account has not so much.
        """
        settlement = self._settlement
        amounts, spent = settlement.amounts[order.symbol], settlement.spent(order)
        if order.price is not None:
            required = settlement.required(order, order.left, order.price)
        else:
            notional, _ = self._sweep(account, order.symbol, order.side, order.left)
            required = amounts.required(
                order.side,
                notional,
                order.left,
                order.rates.taker,
                fee_in_base=order.request.fee_in_base,
            )
        available = account.ledger.available(amounts.pays_with(order.side)) + freed
        if required > available:
            raise Refusal(order_words.INSUFFICIENT_FUNDS)
        return required + spent

    def _sweep(
        self, account: ClientAccount, symbol: str, side: Side, qty: int, cash: int | None = None
    ) -> tuple[int, int]:
        """Return what a market order would pay at most (price times quantity), and get.

        It stops at `qty`, or where `cash` (scaled as the product) is used up. What an
        iceberg hides only makes it cheaper; the account's own orders do not count.
        """
        matcher = self._exchange.matcher(symbol)
        own: dict[int, int] = {}
        for order in matcher.orders_of(account.name):
            own[order.price] = own.get(order.price, 0) + order.visible_qty
        notional = filled = 0
        for price, visible in matcher.levels(side.opposite):
            take = min(qty - filled, visible - own.get(price, 0))
            if cash is not None:
                take = min(take, (cash - notional) // price)
            notional, filled = notional + take * price, filled + take
            if filled >= qty or (cash is not None and cash - notional < price):
                break
        return notional, filled

    def bought_for(self, account: ClientAccount, symbol: str, cash: int) -> int:
        """Return the quantity a market buy of this value gets; `cash` is scaled as the product."""
        total = sum(level.qty for level in self._exchange.matcher(symbol).levels(Side.ASK))
        return self._sweep(account, symbol, Side.BID, total, cash)[1]

    def unfilled(self, order: OrderRecord, last: int) -> int:
        """Return what is left of an open order as an amount of the quote asset.

        Args:
            order: The order.
            last: The price of an order without a limit.
        """
        return self._settlement.amounts[order.symbol].cost(order.left * (order.price or last))
