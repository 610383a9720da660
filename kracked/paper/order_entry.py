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
    TermsChanged,
    TriggerMet,
)
from kracked.paper.market import SymbolMarket
from kracked.paper.terms import (
    CLIENT_ID_IN_USE,
    INSUFFICIENT_FUNDS,
    INVALID_ORDER,
    NOT_VERIFIED,
    OUTCOME_UNKNOWN,
    POST_ONLY,
    UNKNOWN_PAIR,
    PaperAmend,
    PaperRefusal,
    PaperRequest,
    PaperState,
    check_minimums,
    check_prices,
    check_terms,
)
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce

NO_FUNDS = "Insufficient funds"
NOT_FILLED = "Immediate or cancel order could not be filled completely"
KILLED = "Fill or kill order could not be filled completely"
BOOK_EMPTY = "the visible book holds no more"
SELF_TRADE = "Self trade prevention"


class OrderEntry:
    """Decides what happens to an order, and puts it down as events of the account."""

    def __init__(
        self, account: PaperAccount, put: Callable[[AnyAccountEvent], PaperOrder | None]
    ) -> None:
        """`put`: writes an event down, applies and reports it; returns the order after it."""
        self._account, self._put = account, put

    # --- new orders ---------------------------------------------------------------------------

    def place(self, market: SymbolMarket | None, request: PaperRequest, time: int) -> str:
        """Accept an order and let it meet the market; return its id.

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
        check_terms(request, instrument, market.last)
        if not request.order_type.waits:
            self._check_arrival(market, request, request.qty, post_only=request.post_only)
        order_id = f"OPAPER-00000-{self._account.orders + 1:06d}"
        order = self._put(Accepted(time=time, order_id=order_id, request=request))
        assert order is not None
        market.entered[order_id] = market.time
        if not request.order_type.waits:
            self._meet(market, order, time)
        elif market.last and _is_met(request, market.last):
            self._trigger(market, order, market.last, time)
        return order_id

    def _check_arrival(
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
            taken, _ = market.offers(side, left, None)
            notional, left = sum(t.price * t.qty for t in taken), sum(t.qty for t in taken)
        else:
            notional = left * price
        if price is None or market.crosses(side, price):
            rate = max(rate, money.rates.taker)
        return money.affords(money.need(request.symbol, side, notional, left, rate), own)

    def _meet(self, market: SymbolMarket, order: PaperOrder, time: int) -> None:
        """Let an order take what it reaches, and let the rest of it rest or end."""
        request, order_id = order.request, order.order_id
        taken, own = market.offers(request.side, order.left, request.price)
        if request.time_in_force is TimeInForce.FOK and sum(t.qty for t in taken) < order.left:
            self.end(order_id, KILLED, time)
            return
        for part in taken:
            market.visible.use(part.order_id, part.qty)
            self._fill(order_id, part.price, part.qty, time, maker=False)
        left = self._account.open.get(order_id)
        if left is None:
            return
        if own:
            self.end(order_id, SELF_TRADE, time)
        elif request.price is None:
            self.end(order_id, BOOK_EMPTY, time)
        elif request.time_in_force is not TimeInForce.GTC:
            self.end(order_id, NOT_FILLED, time)
        else:
            market.rest(order_id, request.side, request.price, left.left, request.display_qty)

    # --- triggers -----------------------------------------------------------------------------

    def trigger_waiting(self, market: SymbolMarket, last: int, time: int) -> None:
        """Trigger the waiting orders that a trade reaches, oldest first.

        Args:
            market: Its market.
            last: The price of the trade.
            time: Its instant.
        """
        for order in tuple(self._account.open.values()):
            request = order.request
            if (
                order.state is PaperState.WAITING
                and request.symbol == market.ledger.symbol
                and time > market.entered.get(order.order_id, 0)
                and _is_met(request, last)
            ):
                self._trigger(market, order, last, time)

    def _trigger(self, market: SymbolMarket, order: PaperOrder, last: int, time: int) -> None:
        """Let a waiting order meet the market, if its book is known and it can be paid for."""
        order_id = order.order_id
        market.entered.pop(order_id, None)
        if not market.ready:
            reason = "unknown: it was triggered without a verified book"
            self._put(Obscured(time=time, order_id=order_id, reason=reason))
        elif not self._affords(market, order.request, order.left, order_id):
            self.end(order_id, NO_FUNDS, time)
        else:
            triggered = self._put(TriggerMet(time=time, order_id=order_id, last=last))
            assert triggered is not None
            self._meet(market, triggered, time)

    # --- amends -------------------------------------------------------------------------------

    def amend(
        self, market: SymbolMarket | None, order: PaperOrder, amend: PaperAmend, time: int
    ) -> None:
        """Give an open order new terms. Less at the same price keeps the place.

        Raises:
            PaperRefusal: It stays as it was.
        """
        new = self._amended(order, amend)
        if market is None or not market.ready:
            raise PaperRefusal(NOT_VERIFIED)
        left = new.qty - order.filled
        event = TermsChanged(
            time=time,
            order_id=order.order_id,
            qty=new.qty,
            price=new.price,
            trigger_price=new.trigger_price,
        )
        if order.state is PaperState.WAITING:
            waiting = self._put(event)
            if waiting is not None and market.last and _is_met(new, market.last):
                self._trigger(market, waiting, market.last, time)
            return
        keeps = new.price == order.request.price and left <= order.left
        if not keeps:
            post_only = amend.post_only or new.post_only
            self._check_arrival(market, new, left, post_only=post_only, own=order.order_id)
            market.resting.retire(order.order_id, market.time)
        amended = self._put(event)
        assert amended is not None
        if keeps:
            ghost = market.resting[order.order_id]
            ghost.amend(left, ghost.price, ghost.standing)
        else:
            self._meet(market, amended, time)

    def _amended(self, order: PaperOrder, amend: PaperAmend) -> PaperRequest:
        """Return the new terms, checked by themselves."""
        old, waiting = order.request, order.state is PaperState.WAITING
        if order.state is PaperState.UNKNOWN:
            raise PaperRefusal(OUTCOME_UNKNOWN)
        if (amend.price is not None and not old.order_type.limited) or (
            amend.trigger_price is not None and not waiting
        ):
            raise PaperRefusal(INVALID_ORDER)
        new = replace(
            old,
            qty=old.qty if amend.qty is None else amend.qty,
            price=old.price if amend.price is None else amend.price,
            trigger_price=old.trigger_price if amend.trigger_price is None else amend.trigger_price,
        )
        instrument = self._account.instruments[old.symbol]
        check_prices(instrument, new.price, new.trigger_price)
        check_minimums(instrument, new.qty, new.price or new.trigger_price or 0)
        return new

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
        self._fill(order_id, fill.price, qty, fill.instant, maker=True, trade_id=fill.trade_id)
        order = self._account.open.get(order_id)
        if order is None:
            market.resting.drop(order_id)
        elif order_id in market.resting and market.resting[order_id].left > order.left:
            ghost = market.resting[order_id]
            ghost.amend(order.left, ghost.price, ghost.standing)

    def _pays(self, order: PaperOrder, price: int, qty: int) -> bool:
        """Whether a fill, and what the order holds after it, can be paid for.

        Always, but for one from before an amend to a cheaper price whose funds are in use again.
        """
        request, money = order.request, self._account.money
        left = order.left - qty
        notional = price * qty + (request.price or 0) * left
        need = money.need(request.symbol, request.side, notional, order.left, money.rates.maker)
        return money.affords(need, order.order_id)

    def _fill(
        self,
        order_id: str,
        price: int,
        qty: int,
        time: int,
        *,
        maker: bool,
        trade_id: int | None = None,
    ) -> None:
        self._put(
            Filled(
                time=time,
                order_id=order_id,
                exec_id=f"TPAPER-00000-{self._account.fills + 1:06d}",
                price=price,
                qty=qty,
                maker=maker,
                trade_id=trade_id,
            )
        )

    def end(self, order_id: str, reason: str, time: int) -> None:
        """Cancel what is left of an order."""
        self._put(Ended(time=time, order_id=order_id, reason=reason))


def _is_met(request: PaperRequest, last: int) -> bool:
    """Whether a trade at this price triggers an order."""
    rises = (request.side is Side.BID) == request.order_type.stops
    trigger = request.trigger_price or 0
    return last >= trigger if rises else last <= trigger
