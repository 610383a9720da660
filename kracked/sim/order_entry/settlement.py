"""Keeps the accounts in step with the engines: what happens to an order reaches its owner.

Settlement reads every batch, the agents' as well as the clients'. A fill moves money and
is sent to its owner; an order that ends gives back what it held. What follows from a batch
(stops it triggers, closing orders its fills ask for) is returned: settlement places nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from kracked.gateway.accounts import stream_rows
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.amounts import Amounts
from kracked.gateway.accounts.order_records import FillRecord, OrderRecord, OrderStatus
from kracked.gateway.accounts.private_streams import BALANCES, EXECUTIONS, Row
from kracked.gateway.accounts.stream_rows import StreamRows
from kracked.gateway.exchange_ids import ExchangeIds
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.sim.engine.orders import (
    Done,
    EngineBatch,
    EngineStep,
    LeaveCause,
    LeftLevel,
    OrderEnd,
    OrderFilled,
    Rested,
)


class WaitingStops:
    """The untriggered orders of every account, by symbol, oldest first.

    Stops, trailing stops and take-profits wait outside the book and hold no funds. The trigger
    watches the last trade; `index` falls back to it, as the exchange's does when its feed fails.

    Source: docs.kraken.com/api/docs/rest-api/add-order
    """

    def __init__(self) -> None:
        self._orders: dict[str, dict[str, OrderRecord]] = {}

    def put(self, order: OrderRecord) -> None:
        """Take in an order, or a new version of one."""
        self._orders.setdefault(order.symbol, {})[order.order_id] = order

    def remove(self, order: OrderRecord) -> None:
        """Take an order out, if it waits."""
        orders = self._orders.get(order.symbol, {})
        orders.pop(order.order_id, None)
        if not orders:
            self._orders.pop(order.symbol, None)

    def __contains__(self, symbol: str) -> bool:
        """Whether any order of a symbol waits."""
        return symbol in self._orders

    def trail(self, symbol: str, last: int) -> list[OrderRecord]:
        """Return the orders whose triggers follow a trade at `last`, with the new triggers."""
        moved = []
        for order in self._orders.get(symbol, {}).values():
            trail, before = order.request.trail, order.trigger_price
            if trail is None or before is None:
                continue
            trigger = trail.follow(order.side, before, last)
            if trigger != before:
                moved.append(replace(order, trigger_price=trigger))
        return moved

    def due(self, symbol: str, last: int) -> list[OrderRecord]:
        """Take out the orders that a trade at `last` triggers, and return them."""
        orders = [order for order in self._orders.get(symbol, {}).values() if order.is_met(last)]
        for order in orders:
            self.remove(order)
        return orders


_ENDINGS = {
    OrderEnd.FILLED: OrderStatus.FILLED,
    OrderEnd.CANCELLED: OrderStatus.CANCELED,
    OrderEnd.EXPIRED: OrderStatus.EXPIRED,
}


class Triggered(NamedTuple):
    """A stop was triggered by a trade at `last`."""

    account: ClientAccount
    order: OrderRecord
    last: int


class CloseDue(NamedTuple):
    """A fill of this quantity asks for its conditional close."""

    account: ClientAccount
    order: OrderRecord
    qty: int


class Settlement:
    """Owner of the accounts' orders and money while they are in the engines."""

    def __init__(self, amounts: Mapping[str, Amounts]) -> None:
        """`amounts` by symbol."""
        self.amounts = amounts
        self.rows = {symbol: StreamRows(one) for symbol, one in amounts.items()}
        """What words the rows of `executions`, by symbol."""
        self.waiting = WaitingStops()
        self._owners: dict[str, ClientAccount] = {}
        """The owners of open orders, by order id."""
        self._trade_ids = ExchangeIds("T", start=0)

    # --- what requests do to orders ---------------------------------------------------

    def open(self, account: ClientAccount, order: OrderRecord, now: int) -> None:
        """Take in an accepted order."""
        self._owners[order.order_id] = account
        self.update(account, order, now)

    def update(self, account: ClientAccount, order: OrderRecord, now: int) -> OrderRecord:
        """Take in an order's new version, hold what it needs, and return it."""
        if not order.waiting:
            # What is reserved and not yet spent; no more than the rest needs at its limit.
            amount = order.reserve - self.spent(order)
            if order.price is not None:
                amount = min(amount, self.required(order, order.left, order.price))
            asset = self.amounts[order.symbol].pays_with(order.side)
            account.ledger.hold(order.order_id, asset, max(0, amount))
        return account.orders.put(order, now)

    def close(
        self, account: ClientAccount, order: OrderRecord, status: OrderStatus, reason: str, now: int
    ) -> None:
        """End an order, and send that to its owner."""
        self._owners.pop(order.order_id, None)
        self.waiting.remove(order)
        account.ledger.release(order.order_id)
        order = account.orders.put(replace(order, status=status, reason=reason, closed=now), now)
        rows = self.rows[order.symbol]
        match status:
            case OrderStatus.FILLED:
                row = rows.filled(order, now)
            case OrderStatus.EXPIRED:
                row = rows.expired(order, now)
            case _:
                row = rows.canceled(order, now)
        self.send_execution(account, order.symbol, row, now)

    def send_execution(self, account: ClientAccount, symbol: str, row: Row, now: int) -> None:
        """Send a row of `executions` to the account's subscribers."""
        for stream in account.streams.of(EXECUTIONS):
            count = account.counts.count(symbol, now) if stream.rate_count else None
            stream.update(row if count is None else {**row, "ratecount": float(count)})

    def required(self, order: OrderRecord, left: int, price: int) -> int:
        """Return what a part of an order may still spend at this price, the fee included."""
        return self.amounts[order.symbol].required(
            order.side,
            left * price,
            left,
            order.rates.taker,
            fee_in_base=order.request.fee_in_base,
        )

    def spent(self, order: OrderRecord) -> int:
        """Return what an order's fills took of the asset it pays with."""
        in_base = order.request.fee_in_base
        if order.side is Side.BID:
            return order.cost + (0 if in_base else order.fee)
        return self.amounts[order.symbol].lots(order.filled) + (order.fee if in_base else 0)

    # --- what engines do to orders ----------------------------------------------------

    def apply(self, symbol: str, batch: EngineBatch) -> Iterator[Triggered | CloseDue]:
        """Book what a batch did to clients' orders, and iterate what follows from it."""
        if not self._owners:
            return
        before: EngineStep | None = None
        for step in batch.steps:
            match step:
                case OrderFilled():
                    yield from self._book_trade(step, batch.time)
                    yield from self._triggered(symbol, step.price, batch.time)
                case Rested() if _is_refill(before, step):
                    self._send_refill(step, batch.time)
                case Done(order_id=order_id, status=end, reason=reason):
                    if found := self._open_order(order_id):
                        self.close(*found, _ENDINGS[end], reason, batch.time)
            before = step

    def _open_order(self, order_id: str) -> tuple[ClientAccount, OrderRecord] | None:
        """Return a client's open order and its owner; None for an agent's."""
        account = self._owners.get(order_id)
        order = account.orders.get(order_id) if account else None
        return (account, order) if account and order else None

    def _triggered(self, symbol: str, last: int, now: int) -> Iterator[Triggered]:
        """Move the triggers that follow a trade, and iterate the orders it triggers."""
        if symbol in self.waiting:
            for moved in self.waiting.trail(symbol, last):
                self.waiting.put(self.update(self._owners[moved.order_id], moved, now))
            for order in self.waiting.due(symbol, last):
                yield Triggered(self._owners[order.order_id], order, last)

    def _book_trade(self, trade: OrderFilled, time: int) -> Iterator[CloseDue]:
        """Book a trade for its taker and its maker, where they are clients."""
        for order_id, maker in ((trade.order_id, False), (trade.maker_order_id, True)):
            if found := self._open_order(order_id):
                account, order = found
                order = self._book_fill(account, order, trade, maker=maker, time=time)
                if order.request.close is not None:
                    yield CloseDue(account, order, trade.qty)

    def _book_fill(
        self,
        account: ClientAccount,
        order: OrderRecord,
        trade: OrderFilled,
        *,
        maker: bool,
        time: int,
    ) -> OrderRecord:
        """Move the money of one fill, and send it on both channels."""
        fill, order = self._fill(order, trade, maker=maker, time=time)
        amounts, asset = self.amounts[order.symbol], fill.fee_asset
        sign = 1 if order.side is Side.BID else -1
        movements = (
            (amounts.base, sign * amounts.lots(fill.qty)),
            (amounts.quote, -sign * fill.cost),
        )
        entries = [
            account.ledger.book(
                name, amount, fill.fee if name == asset else 0, ref_id=fill.exec_id, time=time
            )
            for name, amount in movements
        ]
        fill = replace(fill, ledgers=tuple(entry.ledger_id for entry in entries))
        account.fills[fill.exec_id] = fill
        account.volume.add(fill.cost, time)
        self.update(account, order, time)
        row = self.rows[order.symbol].trade(order, fill)
        self.send_execution(account, order.symbol, row, time)
        for stream in account.streams.of(BALANCES):
            for entry in entries:
                stream.update(stream_rows.movement(account.ledger, entry))
        return order

    def _fill(
        self, order: OrderRecord, trade: OrderFilled, *, maker: bool, time: int
    ) -> tuple[FillRecord, OrderRecord]:
        """Return a fill, and the order after it.

        Running totals are rounded and parts are differences of them.
        """
        amounts = self.amounts[order.symbol]
        rate = order.rates.maker if maker else order.rates.taker
        in_base = order.request.fee_in_base
        notional = order.notional + trade.price * trade.qty
        weight = order.fee_weight + rate * trade.qty * (1 if in_base else trade.price)
        cost = amounts.cost(notional)
        fee = amounts.base_fee(weight) if in_base else amounts.quote_fee(weight)
        fill = FillRecord(
            exec_id=self._trade_ids.take(),
            order_id=order.order_id,
            trade_id=trade.trade_id,
            time=time,
            price=trade.price,
            qty=trade.qty,
            cost=cost - order.cost,
            fee=fee - order.fee,
            fee_asset=amounts.base if in_base else amounts.quote,
            maker=maker,
            ledgers=("", ""),
        )
        return fill, replace(
            order,
            status=OrderStatus.PARTIAL,
            filled=order.filled + trade.qty,
            notional=notional,
            fee_weight=weight,
            cost=cost,
            fee=fee,
            trades=(*order.trades, fill.exec_id),
        )

    def _send_refill(self, refill: Rested, time: int) -> None:
        """Tell the owner of an iceberg that its next part is shown."""
        found = self._open_order(refill.order_id)
        if found and found[1].request.order_type is OrderType.ICEBERG:
            account, order = found
            row = self.rows[order.symbol].refilled(order, refill.visible_qty, time)
            self.send_execution(account, order.symbol, row, time)


def _is_refill(before: EngineStep | None, now: Rested) -> bool:
    """Whether an iceberg's next part follows one that was filled.

    Otherwise an order is new, or moves.
    """
    return (
        isinstance(before, LeftLevel)
        and before.order_id == now.order_id
        and before.cause is LeaveCause.FILLED
    )
