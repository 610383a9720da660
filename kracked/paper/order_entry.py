"""What an order meets when it arrives: checks, the visible book, its place in the queue."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from kracked.flow import GhostFill
from kracked.paper.account import PaperAccount
from kracked.paper.account_events import (
    Accepted,
    AnyAccountEvent,
    Ended,
    Filled,
    Obscured,
    PaperOrder,
    Started,
    TriggerMet,
    TriggerMoved,
)
from kracked.paper.market import SymbolMarket
from kracked.paper.terms import (
    CLIENT_ID_IN_USE,
    INSUFFICIENT_FUNDS,
    NOT_VERIFIED,
    POST_ONLY,
    UNKNOWN_PAIR,
    PaperRefusal,
    PaperRequest,
    PaperState,
    check_terms,
)
from kracked.paper.visible import Taken
from kracked.protocol.order_terms import SelfTrade, TimeInForce, is_met

NO_FUNDS = "Insufficient funds"
NO_PRICE = "Invalid price"
NOT_FILLED = "Immediate or cancel order could not be filled completely"
KILLED = "Fill or kill order could not be filled completely"
BOOK_EMPTY = "the visible book holds no more"
SELF_TRADE = "Self trade prevention"
_NO_BOOK = "unknown: {} without a verified book"
_AT_ONCE = frozenset((TimeInForce.IOC, TimeInForce.FOK))


class OrderEntry:
    """Decides what happens to an order, and puts it down as events of the account."""

    def __init__(
        self, account: PaperAccount, put: Callable[[AnyAccountEvent], PaperOrder | None]
    ) -> None:
        """`put`: writes an event down, applies and reports it; returns the order after it."""
        self._account, self._put = account, put
        self._closing: list[str] = []
        """Orders that close fills and have not come to the market yet."""

    # --- new orders ---------------------------------------------------------------------------

    def place(self, market: SymbolMarket | None, request: PaperRequest, time: int) -> str:
        """Accept an order, and let it meet the market unless its time is yet to come.

        Returns:
            Its id.

        Raises:
            PaperRefusal: Nothing has been done.
        """
        instrument = self._account.instruments.get(request.symbol)
        if instrument is None:
            raise PaperRefusal(UNKNOWN_PAIR)
        if request.cl_ord_id is not None and self._account.by_client_id(request.cl_ord_id):
            raise PaperRefusal(CLIENT_ID_IN_USE)
        if market is None or not market.ready:
            raise PaperRefusal(NOT_VERIFIED)
        check_terms(request, instrument, market.last, time)
        request = _with_trigger(market, request)
        pending = (request.start_at or time) > time
        if not pending and not request.order_type.waits:
            self.check_arrival(market, request, request.qty, post_only=request.post_only)
        order_id = self._next_id()
        order = self._put(Accepted(time=time, order_id=order_id, request=request))
        assert order is not None
        if not pending:
            self._begin(market, order, time)
        return order_id

    def start(self, market: SymbolMarket | None, order: PaperOrder, time: int) -> None:
        """Let a pending order come to the market; without funds it ends there."""
        order_id, waits = order.order_id, order.request.order_type.waits
        request = order.request if market is None else _with_trigger(market, order.request)
        if market is None or not (market.ready or waits):
            self.obscure(order_id, _NO_BOOK.format("its time came"), time)
            return
        if waits and request.trigger_price is None:
            self.obscure(order_id, "unknown: no trade was known to keep a distance from", time)
            return
        if not waits:
            try:
                self.check_arrival(market, request, order.left, post_only=request.post_only)
            except PaperRefusal as refusal:
                self.end(order_id, refusal.error.partition(":")[2], time)
                return
        trigger = request.trigger_price
        started = self._put(Started(time=time, order_id=order_id, trigger_price=trigger))
        assert started is not None
        self._begin(market, started, time)

    def _begin(self, market: SymbolMarket, order: PaperOrder, time: int) -> None:
        """Let an order wait for its trigger, or meet the market."""
        market.entered[order.order_id] = market.time
        if not order.request.order_type.waits:
            self.meet(market, order, time)
        elif market.last and triggers(order.request, market.last):
            self.trigger(market, order, market.last, time)

    def _next_id(self) -> str:
        return f"OPAPER-00000-{self._account.orders + 1:06d}"

    def check_arrival(
        self,
        market: SymbolMarket,
        request: PaperRequest,
        left: int,
        *,
        post_only: bool,
        own: str = "",
    ) -> None:
        """Check what depends on the market and on the funds.

        Args:
            market: Its market.
            request: The order's terms.
            left: How much of it is not filled.
            post_only: Whether it is refused if it would trade at once.
            own: The order whose hold it may use.

        Raises:
            PaperRefusal: It would trade and must not, or cannot be paid for.
        """
        price = request.price
        if post_only and price is not None and market.crosses(request.side, price):
            raise PaperRefusal(POST_ONLY)
        if not self._affords(market, request, left, own):
            raise PaperRefusal(INSUFFICIENT_FUNDS)

    def _affords(self, market: SymbolMarket, request: PaperRequest, left: int, own: str) -> bool:
        """Whether an order can be paid for, at the dearer rate if it would trade at once."""
        money, price, side = self._account.money, request.price, request.side
        rate = money.rates.maker
        if price is None:
            taken = _reached(market, request, left)
            notional, left = sum(t.price * t.qty for t in taken), sum(t.qty for t in taken)
        else:
            notional = left * price
        if price is None or market.crosses(side, price):
            rate = max(rate, money.rates.taker)
        return money.affords(money.need(request, notional, left, rate), own)

    def meet(self, market: SymbolMarket, order: PaperOrder, time: int) -> None:
        """Let an order take what it reaches, and let the rest of it rest or end."""
        request, order_id = order.request, order.order_id
        if request.time_in_force is TimeInForce.FOK and not _can_fill(market, order):
            self.end(order_id, KILLED, time)
            return
        stopped = self._take(market, order, time)
        left = self._account.open.get(order_id)
        if left is not None:
            if stopped:
                self.end(order_id, SELF_TRADE, time)
            elif request.price is None:
                self.end(order_id, BOOK_EMPTY, time)
            elif request.time_in_force in _AT_ONCE:
                self.end(order_id, NOT_FILLED, time)
            else:
                market.rest(order_id, request.side, request.price, left.left, request.display_qty)
        self._start_closes(market, time)

    def _take(self, market: SymbolMarket, order: PaperOrder, time: int) -> bool:
        """Let an order take what it reaches; return whether an own order stops it.

        An own order that its rule cancels ends once the takers of before are decided.
        """
        request, order_id = order.request, order.order_id
        while True:
            taken, own = market.offers(request.side, order.left, request.price)
            for part in taken:
                market.visible.use(part.order_id, part.qty)
                self._fill(order, part.price, part.qty, time, maker=False)
            left = self._account.open.get(order_id)
            if own is None or left is None:
                return False
            order = left
            if request.stp is not SelfTrade.CANCEL_NEWEST:
                market.begin_end(own, SELF_TRADE, time, None)
            if request.stp is not SelfTrade.CANCEL_OLDEST:
                return True

    def _start_closes(self, market: SymbolMarket, time: int) -> None:
        """Let the orders that close fills come to the market."""
        closing, self._closing = self._closing, []
        for order_id in closing:
            self.start(market, self._account.open[order_id], time)

    # --- triggers -----------------------------------------------------------------------------

    def trigger_waiting(self, market: SymbolMarket, last: int, time: int) -> None:
        """Let triggers follow a trade, and trigger the orders that it reaches, oldest first.

        Args:
            market: Its market.
            last: The price of the trade.
            time: Its instant.
        """
        for order in tuple(self._account.open.values()):
            request = order.request
            if (
                order.state is not PaperState.WAITING
                or request.symbol != market.ledger.symbol
                or time <= market.entered.get(order.order_id, 0)
            ):
                continue
            if triggers(request, last):
                self.trigger(market, order, last, time)
            elif request.trail is not None and request.trigger_price is not None:
                moved = request.trail.follow(request.side, request.trigger_price, last)
                if moved != request.trigger_price:
                    order_id = order.order_id
                    self._put(TriggerMoved(time=time, order_id=order_id, trigger_price=moved))

    def trigger(self, market: SymbolMarket, order: PaperOrder, last: int, time: int) -> None:
        """Let a waiting order meet the market, if its book is known and it can be paid for."""
        order_id, request = order.order_id, order.request
        limit = request.trail.limit if request.trail is not None else None
        if limit is not None:
            request = replace(request, price=limit.price_from(request.trigger_price or 0))
        market.entered.pop(order_id, None)
        if not market.ready:
            self.obscure(order_id, _NO_BOOK.format("it was triggered"), time)
        elif request.price is not None and request.price <= 0:
            self.end(order_id, NO_PRICE, time)
        elif not self._affords(market, request, order.left, order_id):
            self.end(order_id, NO_FUNDS, time)
        else:
            met = TriggerMet(time=time, order_id=order_id, last=last, price=request.price)
            triggered = self._put(met)
            assert triggered is not None
            self.meet(market, triggered, time)

    # --- fills and ends -----------------------------------------------------------------------

    def fill(self, market: SymbolMarket, order_id: str, fill: GhostFill) -> None:
        """Fill a resting order, up to what it still wants.

        A fill of before an amend that is decided after it leaves less to the order's new stay.
        """
        order = self._account.open.get(order_id)
        if order is None or order.state is not PaperState.RESTING:
            return
        qty = min(fill.qty, order.left)
        if not self._pays(order, fill.price, qty):
            return
        self._fill(order, fill.price, qty, fill.instant, maker=True, trade_id=fill.trade_id)
        order = self._account.open.get(order_id)
        if order is None:
            market.resting.drop(order_id)
        elif order_id in market.resting and market.resting[order_id].left > order.left:
            ghost = market.resting[order_id]
            ghost.amend(order.left, ghost.price, ghost.standing)
        self._start_closes(market, fill.instant)

    def _pays(self, order: PaperOrder, price: int, qty: int) -> bool:
        """Whether a fill, and what the order holds after it, can be paid for.

        Always, but for one from before an amend to a cheaper price whose funds are in use again.
        """
        request, money = order.request, self._account.money
        left = order.left - qty
        notional = price * qty + (request.price or 0) * left
        need = money.need(request, notional, order.left, money.rates.maker)
        return money.affords(need, order.order_id)

    def _fill(
        self,
        order: PaperOrder,
        price: int,
        qty: int,
        time: int,
        *,
        maker: bool,
        trade_id: int | None = None,
    ) -> None:
        close_id = None if order.request.close is None else self._next_id()
        self._put(
            Filled(
                time=time,
                order_id=order.order_id,
                exec_id=f"TPAPER-00000-{self._account.fills + 1:06d}",
                price=price,
                qty=qty,
                maker=maker,
                trade_id=trade_id,
                close_id=close_id,
            )
        )
        if close_id is not None:
            self._closing.append(close_id)

    def end(self, order_id: str, reason: str, time: int, *, expired: bool = False) -> None:
        """Cancel what is left of an order, or let it expire."""
        self._put(Ended(time=time, order_id=order_id, reason=reason, expired=expired))

    def obscure(self, order_id: str, reason: str, time: int) -> None:
        """Say of an order that its outcome is unknown from here on."""
        self._put(Obscured(time=time, order_id=order_id, reason=reason))


def _with_trigger(market: SymbolMarket, request: PaperRequest) -> PaperRequest:
    """Return an order with the trigger that it begins with: a distance from the last trade."""
    if request.trail is None or not market.last:
        return request
    return replace(request, trigger_price=request.trail.trigger(request.side, market.last))


def triggers(request: PaperRequest, last: int) -> bool:
    """Whether a trade at this price triggers an order that waits."""
    return is_met(request.order_type, request.side, request.trigger_price or 0, last)


def _can_fill(market: SymbolMarket, order: PaperOrder) -> bool:
    """Whether the whole order would trade at once, self-trade prevention included."""
    return sum(part.qty for part in _reached(market, order.request, order.left)) >= order.left


def _reached(market: SymbolMarket, request: PaperRequest, left: int) -> list[Taken]:
    """Return what an order would take now: beyond own orders, too, if its rule cancels those."""
    if request.stp is SelfTrade.CANCEL_OLDEST:
        return market.visible.offers(request.side, left, request.price)
    return market.offers(request.side, left, request.price)[0]
