"""The exchange of a paper account, minus its sockets and its clock.

What comes of the market goes to the clients first and to the paper engine then. Requests wait
for the latency that was chosen, on the clock on which market data arrive; the answer follows
at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import TypeVar

from msgspec.structs import replace

from kracked.errors import RecordError
from kracked.gateway import refusals
from kracked.gateway.auth import ApiKey, Call, Permission
from kracked.gateway.client_session import AccountStreams, Answers, TradingRequests
from kracked.gateway.listing import ListedAsset, ListedPair
from kracked.gateway.private_api.permissions import TRADING
from kracked.gateway.private_api.queries import PrivateRequest
from kracked.gateway.private_api.rest_endpoints import Endpoint, PrivateRest, only
from kracked.gateway.private_api.stream_subscriptions import StreamSubscriptions
from kracked.gateway.private_api.ws_methods import TradingMethods
from kracked.gateway.refusals import Refusal
from kracked.gateway.relay.market_relay import Books, MarketRelay
from kracked.gateway.rest import answer, method_of
from kracked.gateway.rest_names import RestNames
from kracked.paper.money import Overdrawn
from kracked.paper_exchange.broker import PaperBroker
from kracked.protocol import events
from kracked.protocol.events import Event

log = logging.getLogger(__name__)

CANCEL_ONLY = "cancel_only"
"""The mode while no book is verified: nothing new can be decided."""
ACCOUNT_FAILED = (OSError, RecordError, Overdrawn)
"""Errors after which the account is not what its file says: they end what serves it."""
_T = TypeVar("_T")


class PaperExchange:
    """A market that is passed on, and a paper account in it.

    Attributes:
        relay: The market's side.
        time: How far the account's time has come, ns since the Unix epoch.
    """

    def __init__(
        self,
        relay: MarketRelay,
        open_broker: Callable[[PaperExchange], PaperBroker],
        *,
        pairs: Iterable[ListedPair],
        assets: Iterable[ListedAsset],
        books: Callable[[], Books],
        verified: Callable[[str], bool],
        now: int,
        latency_ns: int = 0,
    ) -> None:
        """Open for trade; the relay's clients can trade from now on.

        Args:
            relay: The market's side.
            open_broker: Returns the broker of this market.
            pairs: The account's pairs; those that the relay offers can be traded.
            assets: Their assets.
            books: Returns the books as they are now.
            verified: Whether orders may be decided by a symbol's book just now.
            now: The account's time.
            latency_ns: How long a request about orders is on its way, there and back.
        """
        self.relay = relay
        self.time = now
        self._wall = now
        self._books, self._verified, self._latency_ns = books, verified, latency_ns
        self._pairs = {pair.symbol: pair for pair in pairs}
        self._served = tuple(filter(relay.offers, self._pairs))
        self._last: dict[str, int] = {}
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        """Arrival, serial and function of each request on its way, soonest first."""
        self._serials = count()
        self.broker = open_broker(self)
        names = RestNames(self.listing, self._pairs.values(), assets)
        self._methods = TradingMethods(self, self.broker, self.broker, names)
        self._streams = StreamSubscriptions(self.broker)
        # Tokens are used on the clients' clock, which is not the account's in a replay.
        token = Endpoint(only(Permission.WEBSOCKETS), self._token)
        self._rest = PrivateRest(
            self,
            self.broker,
            self.broker,
            keys=relay.keys,
            names=names,
            besides={"GetWebSocketsToken": token},
        )
        relay.trading = self

    # --- the market ---------------------------------------------------------------------

    @property
    def system(self) -> str:
        """The exchange's mode."""
        return self.relay.state.system

    def listing(self, symbol: str) -> ListedPair:
        """Return the instrument as it is now, its status included."""
        return self._pairs[symbol]

    def last_price(self, symbol: str) -> int:
        """Return the price of the latest trade, scaled; before it that of the best ask or bid."""
        if symbol in self._last:
            return self._last[symbol]
        book = self._books().l2.get(symbol)
        best = (book.asks.best or book.bids.best) if book is not None else None
        return best.price if best is not None else 0

    def apply(self, happened: Iterable[Event], data: bytes, now: int) -> None:
        """Pass on what came of the market, which the books have taken, and trade by it.

        Args:
            happened: The events, in order.
            data: The message that brought them; empty where there is none.
            now: When it came, on the account's clock.
        """
        self._arrive(now)
        happened = tuple(happened)
        self.relay.publish(happened, data)
        for event in happened:
            match event:
                case events.Trades() if event.trades:
                    self._last[event.symbol] = event.trades[-1].price
                case events.Ticker(last=int(price)):
                    self._last[event.symbol] = price
                case events.Instruments():
                    self._follow_rules(event)
            self.broker.apply(event)

    def learn(self, before: Iterable[Event]) -> None:
        """Take the last prices that the market has told before it is traded on."""
        for event in before:
            if isinstance(event, events.Ticker) and event.last is not None:
                self._last[event.symbol] = event.last
                self.broker.apply(event)

    def _follow_rules(self, event: events.Instruments) -> None:
        """Follow modes and minimums; what has other decimals is not traded (the engine knows)."""
        for instrument in event.pairs:
            if instrument.symbol not in self._served:
                continue
            pair = self._pairs[instrument.symbol]
            if pair.instrument.precision == instrument.precision:
                self._pairs[instrument.symbol] = replace(pair, instrument=instrument)

    # --- time ---------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let requests arrive and time pass; call it a hundred times a second."""
        self._arrive(now)
        self.broker.elapse(self.time)
        restriction = "" if any(map(self._verified, self._served)) else CANCEL_ONLY
        if restriction != self.relay.restriction:
            self.relay.restriction = restriction
            self.relay.announce(self._wall)

    def _arrive(self, now: int) -> None:
        """Let the requests arrive whose time has come."""
        while self._waiting and self._waiting[0][0] <= now:
            arrival, _, act = heappop(self._waiting)
            self.time = max(self.time, arrival)
            act()
        self.time = max(self.time, now)

    def _arriving(self, now: int, act: Callable[[], None]) -> None:
        """Let a request arrive after the latency."""
        if not self._latency_ns:
            self.time = max(self.time, now)
            act()
        else:
            heappush(self._waiting, (now + self._latency_ns, next(self._serials), act))

    @property
    def is_asked(self) -> bool:
        """Whether a request is on its way: its time must come."""
        return bool(self._waiting)

    # --- requests -----------------------------------------------------------------------

    @property
    def requests(self) -> TradingRequests:
        """The WebSocket's trading methods."""
        return self

    @property
    def streams(self) -> AccountStreams:
        """The private channels."""
        return self._streams

    def request(
        self,
        method: str,
        params: dict[str, object],
        key: ApiKey,
        now: int,  # noqa: ARG002 - the client's clock, which is not the account's in a replay
        answer: Callable[[Answers], None],
    ) -> None:
        """Let a WebSocket request arrive, and answer it."""

        def act() -> None:
            """Carry it out."""
            try:
                found = in_bounds(
                    method, lambda: self._methods.answer(method, params, key, self.time)
                )
            except Refusal as refusal:
                found = [refusal.error]
            answer(found)

        self._arriving(self.time, act)

    def call(self, http_method: str, call: Call, wall: int, reply: Callable[[bytes], None]) -> None:
        """Let a private REST call arrive, and answer it.

        Args:
            http_method: It must be POST.
            call: The signed call.
            wall: The time on the clients' clock.
            reply: Takes the body of the reply, at once or later.
        """
        _, name = method_of(call.path)

        def act() -> None:
            """Carry it out."""
            self._wall = wall
            result = partial(self._result, http_method, name, call)
            reply(answer(lambda: in_bounds(name, result)))

        if name in TRADING:
            self._arriving(self.time, act)
        else:
            act()

    def _result(self, http_method: str, name: str, call: Call) -> object:
        if http_method != "POST" or not self._rest.knows(name):
            raise Refusal(refusals.UNKNOWN_METHOD)
        return self._rest.answer(name, call, self.time)

    def _token(self, request: PrivateRequest) -> Mapping[str, object]:
        return self.relay.keys.token_reply(request.key, self._wall)


def in_bounds(method: str, work: Callable[[], _T]) -> _T:
    """Return what a request's work returns; an error in it is that request's alone.

    Raises:
        Refusal: The request is refused, or there is an error in it.
        OSError: The account's file cannot be written.
        RecordError: The account is not what it should be.
        Overdrawn: Likewise.
    """
    try:
        return work()
    except (Refusal, *ACCOUNT_FAILED):
        raise
    except Exception as error:  # any: the other clients' requests go on
        log.exception("a request failed inside", extra={"method": method})
        raise Refusal(refusals.INTERNAL) from error
