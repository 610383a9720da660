"""Whether an account can pay for an order, and what the order must hold.

A limit order holds its value at its limit, a market order what the book asks for now;
both with the taker's fee, unless the fee comes out of what is received.
"""

from __future__ import annotations

from kracked.gateway.refusals import Refusal
from kracked.protocol.events import Side
from kracked.sim import messages
from kracked.sim.accounts.account import ClientAccount
from kracked.sim.accounts.order_records import OrderRecord
from kracked.sim.order_entry.ports import ExchangePort
from kracked.sim.order_entry.settlement import Settlement


class Funds:
    """Reads the accounts and the books; changes neither."""

    def __init__(self, exchange: ExchangePort, settlement: Settlement) -> None:
        self._exchange, self._settlement = exchange, settlement

    def afforded(self, account: ClientAccount, order: OrderRecord, *, freed: int = 0) -> int:
        """What the order must hold in all; raises `Refusal` when it is not there."""
        need = self._need(account, order) + self._settlement.spent(order)
        asset = self._settlement.amounts[order.symbol].pays_with(order.side)
        free = account.ledger.available(asset) + freed + self._settlement.spent(order)
        if need > free:
            raise Refusal(messages.INSUFFICIENT_FUNDS)
        return need

    def _need(self, account: ClientAccount, order: OrderRecord) -> int:
        if order.price is not None:
            return self._settlement.required(order, order.left, order.price)
        notional, _ = self._sweep(account, order.symbol, order.side, order.left)
        return self._settlement.amounts[order.symbol].need(
            order.side,
            notional,
            order.left,
            order.rates.taker,
            fee_in_base=order.request.fee_in_base,
        )

    def _sweep(
        self, account: ClientAccount, symbol: str, side: Side, qty: int, cash: int | None = None
    ) -> tuple[int, int]:
        """What a market order would pay at most (price times quantity), and get.

        It stops at `qty`, or where `cash` (scaled as the product) is used up. What an
        iceberg hides only makes it cheaper; the account's own orders do not count.
        """
        matcher = self._exchange.matcher(symbol)
        opposite = Side.ASK if side is Side.BID else Side.BID
        own: dict[int, int] = {}
        for mine in matcher.orders_of(account.name):
            own[mine.price] = own.get(mine.price, 0) + mine.visible_qty
        notional = filled = 0
        for price, visible in matcher.levels(opposite):
            take = min(qty - filled, visible - own.get(price, 0))
            if cash is not None:
                take = min(take, (cash - notional) // price)
            notional, filled = notional + take * price, filled + take
            if filled >= qty or (cash is not None and cash - notional < price):
                break
        return notional, filled

    def bought_for(self, account: ClientAccount, symbol: str, cash: int) -> int:
        """How much a market buy of this value gets; `cash` is scaled by price and quantity."""
        every = sum(level.qty for level in self._exchange.matcher(symbol).levels(Side.ASK))
        return self._sweep(account, symbol, Side.BID, every, cash)[1]

    def unfilled(self, order: OrderRecord, last: int) -> int:
        """What is left of an open order, in the quote asset, in ledger units."""
        return self._settlement.amounts[order.symbol].cost(order.left * (order.price or last))
