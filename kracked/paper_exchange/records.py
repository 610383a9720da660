"""The paper account as its owner sees it over REST and on the private channels.

It follows the events of the account and decides nothing: orders, fills and entries of the
ledger are their consequences, and each is sent to whoever has subscribed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from msgspec.structs import replace

from kracked.gateway.accounts import stream_rows
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.amounts import Amounts
from kracked.gateway.accounts.fees import Rates, Volume
from kracked.gateway.accounts.ledger import AccountLedger
from kracked.gateway.accounts.order_records import (
    Amendment,
    FillRecord,
    OrderRecord,
    OrderStatus,
)
from kracked.gateway.accounts.order_request import OrderRequest
from kracked.gateway.accounts.private_streams import BALANCES, EXECUTIONS, Row
from kracked.gateway.accounts.stream_rows import StreamRows
from kracked.gateway.exchange_ids import ExchangeIds
from kracked.instruments import Instrument
from kracked.paper import (
    Accepted,
    Carried,
    Ended,
    Filled,
    Listed,
    Money,
    Obscured,
    Opened,
    PaperOrder,
    PaperState,
    PlaceBounds,
    Started,
    SwitchSet,
    TermsChanged,
    TriggerMet,
    TriggerMoved,
)
from kracked.paper.account import AnyChange
from kracked.paper.account_events import AnyAccountEvent
from kracked.paper_exchange.terms import as_requested
from kracked.protocol.events import Side
from kracked.protocol.limits import Tier

MAIN = "main"
"""The name of the one account there is."""
USD = "USD"
_USD_DECIMALS = 4
_STATUSES = {
    PaperState.FILLED: OrderStatus.FILLED,
    PaperState.CANCELLED: OrderStatus.CANCELED,
    PaperState.EXPIRED: OrderStatus.EXPIRED,
    PaperState.PENDING: OrderStatus.PENDING,
}


class AccountRecords:
    """Owner of the account's records; they change by `apply` alone.

    Attributes:
        account: The records, as the private API reads them.
        amounts: The arithmetic of each pair, by symbol.
        scales: The decimals that each asset is counted in.
    """

    def __init__(
        self, opened: Opened | Carried, money: Money, *, tier: Tier, shown: Mapping[str, int]
    ) -> None:
        """Begin where an account was opened.

        Args:
            opened: The event that its log begins with.
            money: Its money, which scales amounts and knows what orders hold.
            tier: The rate limits.
            shown: The decimals that each asset is always written with.
        """
        self.scales: dict[str, int] = {}
        self.amounts: dict[str, Amounts] = {}
        self._money = money
        self._rows: dict[str, StreamRows] = {}
        self.scales.update(money.scales)  # an amount of before keeps its digits
        self.scales[USD] = max(self.scales.get(USD, 0), _USD_DECIMALS)
        ledger = AccountLedger(self.scales, shown, ExchangeIds("L", start=1 << 70))
        rates = Rates(taker=opened.rates.taker, maker=opened.rates.maker)
        self.account = ClientAccount(
            MAIN, ledger, tier, Volume(), 10 ** self.scales[USD], fixed=rates
        )
        self._amend_ids = ExchangeIds("T", start=1 << 70)
        for instrument in opened.instruments:
            self._list(instrument)
        for asset in self.scales:
            ledger.deposit(asset, 0)
        opening = Money(opened.instruments, opened.balances, opened.rates)
        for asset in opening.assets:
            finer = self.scales[asset] - opening.scales[asset]
            ledger.deposit(asset, opening.amount(asset) * 10**finer)
        if isinstance(opened, Carried):
            self._carry(opened)

    def _carry(self, carried: Carried) -> None:
        """Take over the orders and the fills of before; their ledger entries are gone."""
        fills: dict[str, list[Filled]] = {}
        for event in carried.history:
            fills.setdefault(event.order_id, []).append(event)
        for order in (*carried.closed, *carried.open):
            known = fills.get(order.order_id, [])
            record = self._carried_order(order, tuple(one.exec_id for one in known))
            self.account.orders.put(record, order.ended or order.touched)
            for event in known:
                self.account.fills[event.exec_id] = self._fill_record(record, event, ())
        self.account.cancel_all_at = carried.deadline

    def _carried_order(self, order: PaperOrder, trades: tuple[str, ...]) -> OrderRecord:
        request = as_requested(order.request)
        _, cost, _ = self._money.moved(request.symbol, order.notional, 1, maker=True)
        status = _STATUSES.get(order.state, OrderStatus.NEW)
        partial = order.is_open and order.filled
        return OrderRecord(
            order_id=order.order_id,
            request=request,
            rates=self.account.rates(order.placed),
            opened=order.placed,
            touched=order.touched,
            qty=request.qty,
            price=request.price,
            trigger_price=request.trigger_price,
            display_qty=request.display_qty,
            status=OrderStatus.PARTIAL if partial else status,
            started=order.started,
            ref_id=order.ref_id,
            triggered=order.triggered,
            filled=order.filled,
            notional=order.notional,
            cost=cost,
            fee=self._money.fee_of(request.symbol, order.fee_weight, in_base=request.fee_in_base),
            trades=trades,
            closed=order.ended or None,
            reason=order.reason,
        )

    def _list(self, instrument: Instrument) -> None:
        self.amounts[instrument.symbol] = amounts = Amounts(instrument, self.scales)
        self._rows[instrument.symbol] = StreamRows(amounts)

    # --- events -----------------------------------------------------------------------

    def apply(self, event: AnyAccountEvent) -> None:
        """Follow one event, and send what subscribers are to know of it."""
        match event:
            case Opened() | Carried():
                return
            case Listed():
                self._list(event.instrument)
            case SwitchSet():
                self.account.cancel_all_at = event.deadline
            case Accepted():
                self._accept(event.order_id, as_requested(event.request), event.time)
            case Filled():
                self._fill(event)
            case Started() | TermsChanged() | TriggerMoved() | TriggerMet() | Ended() | Obscured():
                self._change(event)
            case _:
                assert_never(event)

    def hold(self) -> None:
        """Take over what open orders hold now."""
        for order in self.account.orders.open():
            self.account.ledger.hold(order.order_id, *self._money.hold_of(order.order_id))

    def place(self, order: OrderRecord, place: PlaceBounds | None, time: int) -> None:
        """Note what stands ahead of an open order, and tell it."""
        order = self._put(replace(order, place=place), time)
        self._send(order, self._rows[order.symbol].placed(order, time))

    def _accept(
        self, order_id: str, request: OrderRequest, time: int, *, ref_id: str | None = None
    ) -> None:
        """Take in an order; the one that closes a fill, or whose time is to come, is pending."""
        order = OrderRecord(
            order_id=order_id,
            request=request,
            rates=self.account.rates(time),
            opened=time,
            touched=time,
            qty=request.qty,
            price=request.price,
            trigger_price=request.trigger_price,
            display_qty=request.display_qty,
            ref_id=ref_id,
            started=ref_id is None and (request.start_at or time) <= time,
        )
        original = Amendment.of(order, self._amend_ids.take(), time, original=True)
        order = self._put(replace(order, amends=(original,)), time)
        self._send(order, self._rows[order.symbol].pending_new(order))
        if order.started:
            self._begin(order, time)

    def _begin(self, order: OrderRecord, time: int) -> None:
        order = self._put(replace(order, status=OrderStatus.NEW, started=True), time)
        self._send(order, self._rows[order.symbol].new(order, time))

    def _change(
        self, event: Started | TermsChanged | TriggerMoved | TriggerMet | Ended | Obscured
    ) -> None:
        order, time = self._order(event), event.time
        rows = self._rows[order.symbol]
        match event:
            case Started():
                self._begin(replace(order, trigger_price=event.trigger_price), time)
            case TermsChanged():
                order = replace(
                    order,
                    qty=event.qty,
                    price=event.price,
                    trigger_price=event.trigger_price,
                    display_qty=event.display_qty or order.display_qty,
                    touched=time,
                )
                amendment = Amendment.of(order, self._amend_ids.take(), time)
                order = replace(order, amends=(*order.amends, amendment))
                self._send(order, rows.amended(self._put(order, time), time))
            case TriggerMoved():
                order = self._put(replace(order, trigger_price=event.trigger_price), time)
                self._send(order, rows.trailed(order, time))
            case TriggerMet():
                price = order.price if event.price is None else event.price
                order = self._put(replace(order, triggered=True, price=price), time)
                self._send(order, rows.triggered(order, event.last, time))
            case Obscured():
                order = self._put(replace(order, reason=event.reason), time)
                self._send(order, rows.noted(order, time))
            case Ended():
                status = OrderStatus.EXPIRED if event.expired else OrderStatus.CANCELED
                self._close(order, status, event.reason, time)

    def _fill(self, event: Filled) -> None:
        order = self._order(event)
        fill, order = self._filled(order, event)
        self.account.fills[fill.exec_id] = fill
        self.account.volume.add(fill.cost, event.time)
        order = self._put(order, event.time)
        self._send(order, self._rows[order.symbol].trade(order, fill))
        for stream in self.account.streams.of(BALANCES):
            for ledger_id in fill.ledgers:
                entry = self.account.ledger.entries[ledger_id]
                stream.update(stream_rows.movement(self.account.ledger, entry))
        if not order.left:
            self._close(order, OrderStatus.FILLED, "", event.time)
        if event.close_id is not None:
            closing, parent = order.request.closing(event.qty), order.order_id
            self._accept(event.close_id, closing, event.time, ref_id=parent)

    def _filled(self, order: OrderRecord, event: Filled) -> tuple[FillRecord, OrderRecord]:
        """Move the money of a fill; return it, and the order after it."""
        amounts, ledger = self.amounts[order.symbol], self.account.ledger
        lots, cost, fee = self._moved(order, event)
        in_base = order.request.fee_in_base
        base_fee, quote_fee = (fee, 0) if in_base else (0, fee)
        sign = 1 if order.side is Side.BID else -1
        movements = (
            (amounts.base, sign * lots, base_fee),
            (amounts.quote, -sign * cost, quote_fee),
        )
        base, quote = (
            ledger.book(asset, amount, paid, ref_id=event.exec_id, time=event.time).ledger_id
            for asset, amount, paid in movements
        )
        return self._fill_record(order, event, (base, quote)), replace(
            order,
            status=OrderStatus.PARTIAL,
            filled=order.filled + event.qty,
            notional=order.notional + event.price * event.qty,
            cost=order.cost + cost,
            fee=order.fee + fee,
            trades=(*order.trades, event.exec_id),
        )

    def _fill_record(
        self, order: OrderRecord, event: Filled, ledgers: tuple[str, ...]
    ) -> FillRecord:
        _, cost, fee = self._moved(order, event)
        amounts = self.amounts[order.symbol]
        return FillRecord(
            exec_id=event.exec_id,
            order_id=order.order_id,
            trade_id=event.trade_id or 0,
            time=event.time,
            price=event.price,
            qty=event.qty,
            cost=cost,
            fee=fee,
            fee_asset=amounts.base if order.request.fee_in_base else amounts.quote,
            maker=event.maker,
            ledgers=ledgers,
        )

    def _moved(self, order: OrderRecord, event: Filled) -> tuple[int, int, int]:
        """Return what a fill moves of the base and the quote, and its fee."""
        in_base = order.request.fee_in_base
        price, qty, maker = event.price, event.qty, event.maker
        return self._money.moved(order.symbol, price, qty, maker=maker, in_base=in_base)

    # --- shared -----------------------------------------------------------------------

    def _order(self, event: AnyChange) -> OrderRecord:
        order = self.account.orders.get(event.order_id)
        assert order is not None  # the account has taken the event
        return order

    def _put(self, order: OrderRecord, time: int) -> OrderRecord:
        self.account.ledger.hold(order.order_id, *self._money.hold_of(order.order_id))
        return self.account.orders.put(order, time)

    def _close(self, order: OrderRecord, status: OrderStatus, reason: str, time: int) -> None:
        order = self._put(replace(order, status=status, reason=reason, closed=time), time)
        rows = self._rows[order.symbol]
        row = rows.canceled(order, time)
        if status is OrderStatus.FILLED:
            row = rows.filled(order, time)
        elif status is OrderStatus.EXPIRED:
            row = rows.expired(order, time)
        self._send(order, row)

    def _send(self, order: OrderRecord, row: Row) -> None:
        for stream in self.account.streams.of(EXECUTIONS):
            count = self.account.counts.count(order.symbol, order.touched)
            stream.update({**row, "ratecount": float(count)} if stream.rate_count else row)
