"""Takes clients' orders to the engines: places, amends, edits and cancels them.

Pure: the time is passed in. A request is checked, then charged for, then done; a refusal
is raised before anything has changed. The timers of the accounts' dead-man's switches run
here too.

Sources: docs.kraken.com/api/docs/guides/spot-amends, and the trading pages of
docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from msgspec.structs import replace

from kracked.gateway import order_words, refusals
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.amounts import Amounts
from kracked.gateway.accounts.order_records import Amendment, OrderRecord, OrderStatus
from kracked.gateway.accounts.order_request import OrderRequest
from kracked.gateway.exchange_ids import ExchangeIds
from kracked.gateway.listing import ListedAsset
from kracked.gateway.private_api import order_checks
from kracked.gateway.private_api.ports import Cancelled
from kracked.gateway.refusals import Refusal
from kracked.protocol import limits
from kracked.sim.engine.orders import EngineBatch, EngineReason, NewOrder
from kracked.sim.listings import Listing
from kracked.sim.order_entry.client_accounts import AccountOptions, ClientAccounts
from kracked.sim.order_entry.funds import Funds
from kracked.sim.order_entry.ports import ExchangePort
from kracked.sim.order_entry.settlement import CloseDue, Settlement, Triggered


class Brokerage:
    """Every client's account, and the way from a request to the engine."""

    def __init__(
        self,
        exchange: ExchangePort,
        listings: Iterable[Listing],
        assets: Iterable[ListedAsset],
        options: AccountOptions | None = None,
    ) -> None:
        """Open a brokerage without accounts.

        Args:
            exchange: The exchange it belongs to.
            listings: The pairs that can be traded.
            assets: The assets of these pairs.
            options: What every account begins with.

        Raises:
            TooPrecise: A balance has too many decimals.
        """
        instruments = [listing.instrument for listing in listings]
        self.accounts = ClientAccounts(instruments, assets, options or AccountOptions())
        self.settlement = Settlement(
            {
                instrument.symbol: Amounts(instrument, self.accounts.scales)
                for instrument in instruments
            }
        )
        self.funds = Funds(exchange, self.settlement)
        self._exchange = exchange
        self._order_ids = ExchangeIds("O", start=1 << 72)
        self._amend_ids = ExchangeIds("T", start=1 << 72)
        self._due: deque[Triggered | CloseDue] = deque()
        self._draining = False
        """Whether a call further up the stack works through `_due`."""
        self._scheduled: list[tuple[int, str, ClientAccount]] = []
        """Start, id and owner of scheduled orders, soonest first; no two ids are equal."""
        self._expiring: list[tuple[int, str, ClientAccount]] = []
        """Expiry, id and owner of orders that wait outside the book, soonest first."""

    # --- reading ----------------------------------------------------------------------

    @property
    def amounts(self) -> Mapping[str, Amounts]:
        """The arithmetic of each pair, by symbol."""
        return self.settlement.amounts

    @property
    def assets(self) -> Mapping[str, ListedAsset]:
        """The assets of the pairs, by the WebSocket's names."""
        return self.accounts.assets

    @property
    def scales(self) -> Mapping[str, int]:
        """The decimals that ledgers count each asset in."""
        return self.accounts.scales

    def bought_for(self, account: ClientAccount, symbol: str, cash: int) -> int:
        """Return the quantity that a market buy of a value gets; both are scaled."""
        return self.funds.bought_for(account, symbol, cash)

    # --- placing ----------------------------------------------------------------------

    def check(self, account: ClientAccount, request: OrderRequest, now: int) -> None:
        """Check an order against the market's mode, its own terms and the client's other ids.

        Raises:
            Refusal: It may not be placed.
        """
        listing = self._exchange.listing(request.symbol)
        order_checks.mode(self._exchange.system, listing.instrument.status, request)
        last = self._exchange.last_price(request.symbol)
        order_checks.terms(request, listing.instrument, last, now)
        order_checks.client_id(request.cl_ord_id, request.userref, account.orders)

    def add(
        self, account: ClientAccount, request: OrderRequest, now: int, *, ref_id: str | None = None
    ) -> str:
        """Accept a checked order, pass it to the engine, and return its id.

        Args:
            account: Whose order it is.
            request: The order.
            now: Time, ns since the Unix epoch.
            ref_id: The order whose fill placed this one.

        Raises:
            Refusal: The account has too many open orders, or too little money.
        """
        if len(account.orders.open(request.symbol)) >= account.tier.open_orders:
            raise Refusal(order_words.ORDERS_LIMIT)
        order = OrderRecord(
            order_id=self._order_ids.take(),
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
            order = replace(order, reserve=self.funds.reserve_for(account, order))
        order = replace(order, amends=(self.amendment(order, now, original=True),))
        self.settlement.open(account, order, now)
        row = self.settlement.rows[order.symbol].pending_new(order)
        self.settlement.send_execution(account, order.symbol, row, now)
        if not order.started:
            heappush(self._scheduled, (request.start_at or now, order.order_id, account))
        else:
            self._begin(account, order, now)
        return order.order_id

    def _begin(self, account: ClientAccount, order: OrderRecord, now: int) -> None:
        """Let an order that has started wait for its trigger, or enter the book."""
        if not order.request.order_type.waits:
            self._enter(account, order, now)
            return
        order = self._confirm(account, order, now)
        if order.request.expire_at is not None:
            heappush(self._expiring, (order.request.expire_at, order.order_id, account))
        last = self._exchange.last_price(order.symbol)
        if order.is_met(last):
            self.trigger(Triggered(account, order, last), now)
        else:
            self.settlement.waiting.put(order)

    def _start(self, account: ClientAccount, order: OrderRecord, now: int) -> None:
        """Start a scheduled order whose time has come; it held no funds before."""
        order = replace(order, started=True, trigger_price=self._first_trigger(order.request))
        if not order.waiting:
            funded = self._fund(account, order, now)
            if funded is None:
                return
            order = funded
        self._begin(account, order, now)

    def _fund(self, account: ClientAccount, order: OrderRecord, now: int) -> OrderRecord | None:
        """Hold what an order needs, or cancel it for lack of funds and return None."""
        try:
            order = replace(order, reserve=self.funds.reserve_for(account, order))
        except Refusal:
            self.settlement.close(account, order, OrderStatus.CANCELED, order_words.NO_FUNDS, now)
            return None
        return self.settlement.update(account, order, now)

    def _first_trigger(self, request: OrderRequest) -> int | None:
        if request.trail is None:
            return request.trigger_price
        return request.trail.trigger(request.side, self._exchange.last_price(request.symbol))

    def _enter(self, account: ClientAccount, order: OrderRecord, now: int) -> None:
        """Submit an order to its engine; what the engine does comes back through `apply`."""
        request = order.request
        new_order = NewOrder(
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
        batch = self._exchange.matcher(order.symbol).submit(new_order, now)
        if batch.refusal is not None:
            self.settlement.close(
                account, order, OrderStatus.CANCELED, batch.refusal.value, batch.time
            )
            return
        if order.status is OrderStatus.PENDING:
            self._confirm(account, order, batch.time)
        self._exchange.publish(order.symbol, batch)

    def _confirm(self, account: ClientAccount, order: OrderRecord, now: int) -> OrderRecord:
        """Tell the client that an accepted order is open."""
        order = self.settlement.update(account, replace(order, status=OrderStatus.NEW), now)
        row = self.settlement.rows[order.symbol].new(order, now)
        self.settlement.send_execution(account, order.symbol, row, now)
        return order

    # --- triggers ---------------------------------------------------------------------

    def trigger(self, triggered: Triggered, now: int) -> None:
        """Turn a triggered order into a market or a limit order, if it can be paid for now."""
        account, order = triggered.account, replace(triggered.order, triggered=True)
        trail = order.request.trail
        if trail is not None and trail.limit is not None and order.trigger_price is not None:
            order = replace(order, price=trail.limit.price_from(order.trigger_price))
        row = self.settlement.rows[order.symbol].triggered(order, triggered.last, now)
        self.settlement.send_execution(account, order.symbol, row, now)
        if order.price is not None and order.price <= 0:
            self.settlement.close(account, order, OrderStatus.CANCELED, order_words.NO_PRICE, now)
            return
        funded = self._fund(account, order, now)
        if funded is not None:
            self._enter(account, funded, now)

    def _place_close(self, due: CloseDue, now: int) -> None:
        """Place the order that closes a fill; without funds it is not placed."""
        parent = due.order.request
        request = replace(parent.closing(due.qty), by_index=parent.by_index)
        try:
            self.add(due.account, request, now, ref_id=due.order.order_id)
        except Refusal:
            return

    def amendment(
        self, order: OrderRecord, now: int, *, post_only: bool = False, original: bool = False
    ) -> Amendment:
        """Return an order's terms from now on, under a new id; arguments as in `Amendment.of`."""
        amend_id = self._amend_ids.take()
        return Amendment.of(order, amend_id, now, post_only=post_only, original=original)

    # --- cancelling -------------------------------------------------------------------

    def cancel_all_at(self, account: ClientAccount, until: int | None, _now: int) -> None:
        """Set the time when the dead-man's switch cancels everything; None disarms it."""
        account.cancel_all_at = until

    def cancel(self, account: ClientAccount, orders: Iterable[OrderRecord], now: int) -> Cancelled:
        """Cancel open orders, each charged by its age, and return how many.

        Raises:
            Refusal: The exchange is in maintenance.
        """
        if self._exchange.system == "maintenance":
            raise Refusal(refusals.UNAVAILABLE)
        return Cancelled(self._cancel(account, orders, order_words.USER_REQUESTED, now))

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
        """End an open order, in the book or outside it, without charging for it."""
        if order.waiting:
            self.settlement.close(account, order, OrderStatus.CANCELED, reason, now)
        else:
            matcher = self._exchange.matcher(order.symbol)
            self._exchange.publish(order.symbol, matcher.cancel(order.order_id, now, reason))

    # --- time and trade ---------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Start and end orders at their own times; fire the switches that were not renewed."""
        while self._expiring and self._expiring[0][0] <= now:
            _, order_id, owner = heappop(self._expiring)
            order = owner.orders.get(order_id)
            if order is not None and order.status.open and order.waiting:
                reason = EngineReason.EXPIRED.value
                self.settlement.close(owner, order, OrderStatus.EXPIRED, reason, now)
        while self._scheduled and self._scheduled[0][0] <= now:
            _, order_id, owner = heappop(self._scheduled)
            order = owner.orders.get(order_id)
            if order is not None and order.status.open and not order.started:
                self._start(owner, order, now)
        for account in self.accounts.values():
            at = account.cancel_all_at
            if at is not None and at <= now:
                account.cancel_all_at = None
                self._cancel(account, account.orders.open(), order_words.TIMED_OUT, now)

    def apply(self, symbol: str, batch: EngineBatch) -> None:
        """Settle what an engine did, and do what follows from it."""
        self._due.extend(self.settlement.apply(symbol, batch))
        if self._draining:
            return
        self._draining = True
        try:
            while self._due:
                match self._due.popleft():
                    case Triggered() as triggered:
                        self.trigger(triggered, batch.time)
                    case CloseDue() as close:
                        self._place_close(close, batch.time)
        finally:
            self._draining = False
