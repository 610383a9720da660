"""The private API over this exchange: what it has besides, and faults of trading requests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kracked.gateway import order_words, refusals
from kracked.gateway.auth import ApiKey, ApiKeys, Permission
from kracked.gateway.client_session import Answers
from kracked.gateway.private_api.queries import PrivateRequest
from kracked.gateway.private_api.rest_endpoints import Endpoint, PrivateRest, only
from kracked.gateway.private_api.ws_methods import TradingMethods
from kracked.gateway.refusals import Refusal
from kracked.gateway.rest_names import RestNames, reply_key
from kracked.sim.faults.order_faults import OrderFault
from kracked.sim.listings import Listing
from kracked.sim.market_data import book_rows
from kracked.sim.order_entry.amends import Amends
from kracked.sim.order_entry.brokerage import Brokerage
from kracked.sim.order_entry.ports import ExchangePort


def private_rest(
    exchange: ExchangePort, brokerage: Brokerage, keys: ApiKeys, names: RestNames[Listing]
) -> PrivateRest:
    """Return what answers private REST calls, Level3 among them."""

    def level3(request: PrivateRequest) -> object:
        """Answer Level3: every order of a book."""
        name, depth = request.params.required("pair"), request.params.whole("depth", 100)
        listing = names.pair(name)
        if depth not in book_rows.ORDER_DEPTHS:
            raise Refusal(refusals.argument("depth"))
        orders = book_rows.orders(listing, exchange.matcher(listing.symbol), depth)
        return {"pair": reply_key(name, listing), **orders}

    besides = {"Level3": Endpoint(only(Permission.QUERY_ORDERS), level3)}
    amends = Amends(exchange, brokerage)
    return PrivateRest(exchange, brokerage, amends, keys=keys, names=names, besides=besides)


class FaultyMethods:
    """The WebSocket's trading methods, with faults of orders between them and the client."""

    def __init__(
        self, exchange: ExchangePort, brokerage: Brokerage, names: RestNames[Listing]
    ) -> None:
        """Prepare to answer; `exchange.order_faults` decides what goes wrong."""
        self._exchange = exchange
        self._methods = TradingMethods(exchange, brokerage, Amends(exchange, brokerage), names)

    def request(
        self,
        method: str,
        params: dict[str, object],
        key: ApiKey,
        now: int,
        answer: Callable[[Answers], None],
    ) -> None:
        """Act on a request and answer it, unless a fault of orders comes between.

        Args:
            method: A known method.
            params: The request's parameters, without its token.
            key: Whose request it is.
            now: Time, ns since the Unix epoch.
            answer: Takes the answers: at once, later, or never.
        """
        fault = self._exchange.order_faults.draw(self._methods.rest_name(method))
        if fault is not None and not fault.kind.acts:
            if fault.kind is OrderFault.UNAVAILABLE:
                answer([refusals.UNAVAILABLE])
            elif fault.kind is OrderFault.DOMAIN_RATE:
                answer([order_words.DOMAIN_RATE])
            elif fault.kind is OrderFault.THROTTLED:
                answer([order_words.throttled(now + fault.length_ns)])
            return  # the others are lost on their way here, and never answered
        answers = self._methods.answer(method, params, key, now)
        if fault is None or fault.kind in (OrderFault.REST_LAG, OrderFault.TWICE):
            answer(answers)
        elif fault.kind is OrderFault.REPLY_LATE:
            self._exchange.call_at(now + fault.length_ns, partial(answer, answers))
