"""Takes clients' orders to the engines: places, amends, edits and cancels them.

Pure: time is passed in. A request is checked, charged for, and then done; a refusal is
raised before anything has changed. Each account's dead-man's switch is here too.

Sources: docs.kraken.com/api/docs/guides/spot-amends, and the trading pages of
docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from kracked import units
from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.protocol import limits
from kracked.protocol.events import Side
from kracked.protocol.limits import Tier
from kracked.sim import messages
from kracked.sim.accounts.account import ClientAccount
from kracked.sim.accounts.amounts import Amounts, scales
from kracked.sim.accounts.fees import Volume
from kracked.sim.accounts.ledger import Ledger
from kracked.sim.accounts.order_records import Amendment, OrderRecord, OrderStatus
from kracked.sim.accounts.order_request import OrderRequest
from kracked.sim.engine.exchange_ids import ExchangeIds
from kracked.sim.engine.orders import EngineBatch, NewOrder
from kracked.sim.listings import ListedAsset, Listing
from kracked.sim.order_entry import order_checks
from kracked.sim.order_entry.funds import Funds
from kracked.sim.order_entry.ports import ExchangePort
from kracked.sim.order_entry.settlement import Closing, Settlement, Triggered
from kracked.sim.order_entry.triggers import met

USD = "USD"
_USD_DECIMALS = 4
ADD = limits.cost_of_add()
STARTING_BALANCES: Mapping[str, str] = {
    "USD": "100000",
    "BTC": "2",
    "ETH": "20",
    "SOL": "200",
    "XRP": "20000",
    "DOGE": "200000",
    "BONK": "1000000000",
}
"""What a new account owns, of what is listed."""


class AccountOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a new account begins with."""

    tier: Tier = limits.PRO
    balances: Mapping[str, str] = msgspec.field(default_factory=lambda: STARTING_BALANCES)
    """Decimal text by asset; what is not listed is left out."""
    volume: str = "0"
    """Traded in the thirty days before, USD: it decides the fees."""


class Placed(NamedTuple):
    """An order that was accepted, or would have been."""

    request: OrderRequest
    order_id: str = ""
    """Empty when it was only validated."""


class Brokerage:
    """Every client's account, and the way from a request to the engine."""

    def __init__(
        self,
        exchange: ExchangePort,
        listings: Iterable[Listing],
        assets: Iterable[ListedAsset],
        terms: AccountOptions | None = None,
    ) -> None:
        instruments = [listing.instrument for listing in listings]
        self.assets = {listed.asset.id: listed for listed in assets}
        self._shown = {name: listed.asset.precision for name, listed in self.assets.items()}
        self._scales = {USD: _USD_DECIMALS} | scales(instruments, self._shown)
        self._exchange = exchange
        self.settlement = Settlement(
            {one.symbol: Amounts(one, self._scales) for one in instruments}
        )
        self.funds = Funds(exchange, self.settlement)
        self.accounts: dict[str, ClientAccount] = {}
        self._terms = terms or AccountOptions()
        self._deposits(self._terms)  # a balance that cannot be is told now, not to a client
        self._orders, self._amends = (
            ExchangeIds("O", start=1 << 72),
            ExchangeIds("T", start=1 << 72),
        )
        self._due: deque[Triggered | Closing] = deque()
        self._working = False
        self._starts: list[tuple[int, str, ClientAccount]] = []
        """Scheduled orders, soonest first; order ids are unique, so accounts never compare."""

    def account(self, name: str) -> ClientAccount:
        """The account of this name, opened on the usual terms when it is first asked for."""
        found = self.accounts.get(name)
        return self.open_account(name, self._terms) if found is None else found

    def open_account(self, name: str, terms: AccountOptions) -> ClientAccount:
        """A new account."""
        ledger = Ledger(self._scales, self._shown, self.settlement.ledgers)
        volume = Volume(self._amount(USD, terms.volume))
        account = ClientAccount(name, ledger, terms.tier, volume, self._amount(USD, "1"))
        for asset, amount in self._deposits(terms).items():
            ledger.deposit(asset, amount)
        self.accounts[name] = account
        return account

    def _deposits(self, terms: AccountOptions) -> dict[str, int]:
        """What an account begins with, of what is listed. Raises `TooPrecise`."""
        listed = {name: text for name, text in terms.balances.items() if name in self._scales}
        return {name: self._amount(name, text) for name, text in listed.items()}

    def scale(self, asset: str) -> int:
        """Decimals in which the ledgers count the asset."""
        return self._scales[asset]

    def _amount(self, asset: str, text: str) -> int:
        return units.scale(text.encode(), self._scales[asset])

    # --- placing ----------------------------------------------------------------------

    def place(
        self,
        account: ClientAccount,
        symbol: str,
        read: Callable[[], OrderRequest],
        now: int,
        *,
        validate: bool = False,
    ) -> Placed:
        """A new order. Raises `Refusal`.

        The counter's fixed part is charged even when the request is malformed.
        """
        (placed,) = self.place_all(account, symbol, lambda: [read()], now, validate=validate)
        if isinstance(placed, Refusal):
            raise placed
        return placed

    def place_all(
        self,
        account: ClientAccount,
        symbol: str,
        read: Callable[[], list[OrderRequest]],
        now: int,
        *,
        validate: bool = False,
        cost: Decimal = ADD,
    ) -> list[Placed | Refusal]:
        """Several orders: all are checked before any is placed. Raises `Refusal` for all.

        Afterwards each stands alone; one that lacks funds is refused alone.
        """
        try:
            requests = read()
            for request in requests:
                self.check(account, request, now)
        except Refusal:
            account.counts.spend(symbol, cost, now)
            raise
        account.counts.charge(symbol, cost, now)
        if validate:
            return [Placed(request) for request in requests]
        return [self._try(account, request, now) for request in requests]

    def check(self, account: ClientAccount, request: OrderRequest, now: int) -> None:
        """Whether the market and the order's own terms allow it. Raises `Refusal`."""
        listing = self._exchange.listing(request.symbol)
        order_checks.mode(self._exchange.system, listing.instrument.status, request)
        last = self._exchange.last_price(request.symbol)
        order_checks.form(request, listing.instrument, last, now)
        order_checks.client_id(request.cl_ord_id, request.userref, account.orders)

    def _try(self, account: ClientAccount, request: OrderRequest, now: int) -> Placed | Refusal:
        try:
            order_checks.client_id(request.cl_ord_id, request.userref, account.orders)
            return Placed(request, self.add(account, request, now))
        except Refusal as refusal:
            return refusal

    def add(
        self, account: ClientAccount, request: OrderRequest, now: int, *, ref_id: str | None = None
    ) -> str:
        """Accept a checked order, if the account can bear it, and hand it to the engine: its id."""
        if len(account.orders.open(request.symbol)) >= account.tier.open_orders:
            raise Refusal(messages.ORDERS_LIMIT)
        order = OrderRecord(
            order_id=self._orders.take(),
            request=request,
            rates=account.rates(now),
            opened=now,
            touched=now,
            qty=request.qty,
            price=request.price,
            trigger_price=self._first_trigger(request),
            display_qty=request.display_qty,
            ref_id=ref_id,
            started=(request.start_at or now) <= now,
        )
        if not order.waiting:
            order = replace(order, reserve=self.funds.afforded(account, order))
        order = replace(order, amends=(self.amendment(order, now, original=True),))
        self.settlement.open(account, order, now)
        rows = self.settlement.rows[order.symbol]
        self.settlement.send_execution(account, order.symbol, rows.pending_new(order), now)
        if not order.started:
            heappush(self._starts, (request.start_at or now, order.order_id, account))
        elif request.order_type.waits:
            self._await_trigger(account, order, now)
        else:
            self._enter(account, order, now)
        return order.order_id

    def _start(self, account: ClientAccount, order: OrderRecord, now: int) -> None:
        """A scheduled order's time has come; it holds no funds before."""
        order = replace(order, started=True, trigger_price=self._first_trigger(order.request))
        if order.request.order_type.waits:
            self._await_trigger(account, order, now)
            return
        try:
            order = replace(order, reserve=self.funds.afforded(account, order))
        except Refusal:
            self.settlement.close(account, order, OrderStatus.CANCELED, messages.NO_FUNDS, now)
            return
        self._enter(account, self.settlement.update(account, order, now), now)

    def _first_trigger(self, request: OrderRequest) -> int | None:
        if request.trail is None:
            return request.trigger_price
        return request.trail.trigger(request.side, self._exchange.last_price(request.symbol))

    def _enter(self, account: ClientAccount, order: OrderRecord, now: int) -> None:
        """Submit to the engine; what it does comes back through `follow`."""
        batch = self._exchange.matcher(order.symbol).submit(_new_order(account, order), now)
        if batch.refusal is not None:
            self.settlement.close(
                account, order, OrderStatus.CANCELED, batch.refusal.value, batch.time
            )
            return
        if order.status is OrderStatus.PENDING:
            self._confirm(account, order, batch.time)
        self._exchange.publish(order.symbol, batch)

    def _confirm(self, account: ClientAccount, order: OrderRecord, now: int) -> OrderRecord:
        order = self.settlement.update(account, replace(order, status=OrderStatus.NEW), now)
        row = self.settlement.rows[order.symbol].new(order, now)
        self.settlement.send_execution(account, order.symbol, row, now)
        return order

    # --- triggers ---------------------------------------------------------------------

    def _await_trigger(self, account: ClientAccount, order: OrderRecord, now: int) -> None:
        order = self._confirm(account, order, now)
        last = self._exchange.last_price(order.symbol)
        if met(order, last):
            self.trigger(Triggered(account, order, last), now)
        else:
            self.settlement.waiting.put(order)

    def trigger(self, due: Triggered, now: int) -> None:
        """The order becomes a market or a limit order, if it can be paid for now."""
        account, order = due.account, _triggered(due.order)
        row = self.settlement.rows[order.symbol].triggered(order, due.last, now)
        self.settlement.send_execution(account, order.symbol, row, now)
        try:
            order = replace(order, reserve=self.funds.afforded(account, order))
        except Refusal:
            self.settlement.close(account, order, OrderStatus.CANCELED, messages.NO_FUNDS, now)
            return
        self.settlement.update(account, order, now)
        self._enter(account, order, now)

    def _close(self, due: Closing, now: int) -> None:
        """Place the order that closes a fill; without funds it is not placed."""
        parent, close = due.order.request, due.order.request.close
        assert close is not None
        request = OrderRequest(
            symbol=parent.symbol,
            side=Side.ASK if parent.side is Side.BID else Side.BID,
            order_type=close.order_type,
            qty=due.qty,
            price=close.price,
            trigger_price=close.trigger_price,
            trail=close.trail,
            by_index=parent.by_index,
            userref=parent.userref,
        )
        try:
            self.add(due.account, request, now, ref_id=due.order.order_id)
        except Refusal:
            return

    def amendment(
        self, order: OrderRecord, now: int, *, post_only: bool = False, original: bool = False
    ) -> Amendment:
        return Amendment(
            self._amends.take(),
            now,
            order.qty,
            order.left,
            order.price,
            order.trigger_price,
            order.display_qty,
            post_only or (original and order.request.post_only),
            original,
        )

    # --- cancelling -------------------------------------------------------------------

    def cancel(self, account: ClientAccount, orders: Iterable[OrderRecord], now: int) -> int:
        """Cancel open orders, at the price of their age: how many. Raises `Refusal`."""
        if self._exchange.system == "maintenance":
            raise Refusal(refusals.UNAVAILABLE)
        return self._cancel(account, orders, messages.USER_REQUESTED, now)

    def _cancel(
        self, account: ClientAccount, orders: Iterable[OrderRecord], reason: str, now: int
    ) -> int:
        count = 0
        for order in orders:
            account.counts.spend(order.symbol, limits.cost_of_cancel(now - order.touched), now)
            self.remove(account, order, reason, now)
            count += 1
        return count

    def remove(self, account: ClientAccount, order: OrderRecord, reason: str, now: int) -> None:
        if order.waiting:
            self.settlement.close(account, order, OrderStatus.CANCELED, reason, now)
        else:
            matcher = self._exchange.matcher(order.symbol)
            self._exchange.publish(order.symbol, matcher.cancel(order.order_id, now, reason))

    # --- time and trade ---------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Start the orders whose time has come; fire the switches that were not renewed."""
        while self._starts and self._starts[0][0] <= now:
            _, order_id, owner = heappop(self._starts)
            order = owner.orders.get(order_id)
            if order is not None and order.status.open and not order.started:
                self._start(owner, order, now)
        for account in self.accounts.values():
            at = account.cancel_all_at
            if at is not None and at <= now:
                account.cancel_all_at = None
                self._cancel(account, account.orders.open(), messages.TIMED_OUT, now)

    def apply(self, symbol: str, batch: EngineBatch) -> None:
        """Book what an engine did, and do what follows from it."""
        self._due.extend(self.settlement.apply(symbol, batch))
        if self._working:
            return  # the loop below is further up the stack
        self._working = True
        try:
            while self._due:
                match self._due.popleft():
                    case Triggered() as due:
                        self.trigger(due, batch.time)
                    case Closing() as due:
                        self._close(due, batch.time)
        finally:
            self._working = False


def _triggered(order: OrderRecord) -> OrderRecord:
    """The order on its way to the book; a trailing one learns its limit now."""
    trail, trigger = order.request.trail, order.trigger_price
    if trail is None or trail.limit is None or trigger is None:
        return replace(order, triggered=True)
    return replace(order, triggered=True, price=trail.limit.price_from(trigger))


def _new_order(account: ClientAccount, order: OrderRecord) -> NewOrder:
    request = order.request
    return NewOrder(
        order_id=order.order_id,
        side=request.side,
        qty=order.left,
        price=order.price,
        tif=request.tif,
        expire_at=request.expire_at,
        post_only=request.post_only,
        display_qty=order.display_qty,
        owner=account.name,
        stp=request.stp,
    )
