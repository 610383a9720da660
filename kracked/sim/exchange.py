"""The simulated exchange, minus its sockets: a market, and who is told what of it.

Time is an argument, so an hour of trading is a loop. A server connects clients, hands
over their frames and calls `advance`; everything that is to be sent leaves through
each session's `send`.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

import msgspec

from kracked.gateway import refusals
from kracked.gateway.auth import ApiKeys
from kracked.gateway.channels import Socket, Topic
from kracked.gateway.client_session import ClientSession
from kracked.protocol import encode
from kracked.protocol.encode import SNAPSHOT, UPDATE
from kracked.sim import listings as listed
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import EngineBatch
from kracked.sim.faults.order_faults import OrderFaults
from kracked.sim.listings import ListedAsset, Listing
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher
from kracked.sim.order_entry.brokerage import AccountOptions, Brokerage
from kracked.sim.private_api.stream_subscriptions import StreamSubscriptions
from kracked.sim.private_api.ws_methods import TradingMethods
from kracked.sim.rest_names import RestNames

INSTRUMENT = Topic("instrument")


class Exchange:
    """Owns the subscriptions and the order in which things are told."""

    def __init__(
        self,
        market: SimulatedMarket,
        keys: ApiKeys,
        now: int,
        *,
        account_options: AccountOptions | None = None,
        order_faults: OrderFaults | None = None,
    ) -> None:
        """`market` has been opened at `now`, ns since the Unix epoch.

        `account_options` are what every account begins with; `order_faults` decides what happens to
        trading requests, nothing by default.
        """
        self.market, self.keys = market, keys
        self.time = now
        """How far the market has come."""
        self.paused_ns = 0
        """How much of the time went by without trade."""
        self.system = "online"
        self.publishers = {
            listing.symbol: MarketDataPublisher(
                listing, market.matcher(listing.symbol), market.histories[listing.symbol], now
            )
            for listing in market.listings
        }
        self.assets = listed.assets(market.listings)
        self.names = RestNames(self.listing, market.listings, self.assets)
        self.order_faults = order_faults or OrderFaults()
        """Faults of trading requests; `expect` scripts some."""
        self.brokerage = Brokerage(self, market.listings, self.assets, account_options)
        self.requests = TradingMethods(self, self.brokerage, self.names)
        self.streams = StreamSubscriptions(self.brokerage)
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._turns = count()
        self._audience: dict[Topic, dict[ClientSession, None]] = {}
        self._sessions: dict[ClientSession, None] = {}
        # Connection ids name connections; they need not be repeatable, nor secret.
        self._ids = Random()

    # --- connections ------------------------------------------------------------------

    def connect(self, socket: Socket, send: Callable[[bytes], None], now: int) -> ClientSession:
        """Greet a new client with the status; `send` must not wait."""
        connection_id = self._ids.getrandbits(64)
        session = ClientSession(
            self, socket, send, connection_id=connection_id, now=now, trading=self
        )
        self._sessions[session] = None
        session.send_status(self.system)
        return session

    @property
    def sessions(self) -> tuple[ClientSession, ...]:
        """Everybody connected."""
        return tuple(self._sessions)

    def disconnect(self, session: ClientSession) -> None:
        self._sessions.pop(session, None)
        session.end()

    def join(self, topic: Topic, session: ClientSession) -> None:
        """Tell this session of the topic from now on."""
        audience = self._audience.setdefault(topic, {})
        if not audience and topic.symbol:
            self.publishers[topic.symbol].watch(topic)
        audience[session] = None

    def leave(self, topic: Topic, session: ClientSession) -> None:
        audience = self._audience.get(topic, {})
        audience.pop(session, None)
        if not audience and self._audience.pop(topic, None) is not None and topic.symbol:
            self.publishers[topic.symbol].unwatch(topic)

    def snapshot(self, topic: Topic) -> str:
        """What a new subscriber to the topic starts from."""
        match topic.channel:
            case "instrument":
                return self._instruments(SNAPSHOT, self.assets, self.listings)
            case _:
                return self.publishers[topic.symbol].snapshot(topic, self.time)

    def refusal(self, topic: Topic) -> str | None:
        """Why nobody can subscribe to the topic."""
        if topic.symbol and topic.symbol not in self.publishers:
            return refusals.unsupported_pair(topic.symbol)
        return None

    # --- reading ----------------------------------------------------------------------

    def listing(self, symbol: str) -> Listing:
        """The instrument as it is now, its status included."""
        return self.publishers[symbol].listing

    def matcher(self, symbol: str) -> Matcher:
        return self.market.matcher(symbol)

    def last_price(self, symbol: str) -> int:
        """Of the latest trade; before the first, where the market opened."""
        last = self.publishers[symbol].history.last
        return self.publishers[symbol].listing.opening_price if last is None else last.price

    # --- time -------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let the market trade until `now`, and tell everybody what they asked to hear."""
        for symbol, batch in self.market.advance(now):
            self.publish(symbol, batch)
        self._pass(now)

    def pause(self, now: int) -> None:
        """Let time pass without trade: the agents go on later as if it had not."""
        self.paused_ns += now - self.time
        self.market.pause(now - self.time)
        self._pass(now)

    def call_at(self, time: int, act: Callable[[], None]) -> None:
        """Do something when the market has come to this time."""
        heappush(self._later, (time, next(self._turns), act))

    def _pass(self, now: int) -> None:
        """Everything that time brings about besides trade."""
        self.time = max(self.time, now)
        self.brokerage.advance(now)
        while self._later and self._later[0][0] <= now:
            heappop(self._later)[2]()
        for session in self._sessions:
            session.send_heartbeats(now)

    def publish(self, symbol: str, batch: EngineBatch) -> None:
        """Tell what one request did to an instrument, the agents' or a client's."""
        for topic, text in self.publishers[symbol].apply(batch):
            self._tell(topic, text)
        self.brokerage.apply(symbol, batch)

    def _tell(self, topic: Topic, text: str) -> None:
        data = text.encode()
        for session in self._audience.get(topic, ()):
            session.send(data)

    # --- modes ------------------------------------------------------------------------

    def set_system(self, system: str) -> None:
        """Announce a mode: `online`, `post_only`, `cancel_only`, `maintenance`."""
        self.system = system
        for session in self._sessions:
            session.send_status(system)

    def set_pair_status(self, symbol: str, status: str) -> None:
        """Announce a pair's mode on the `instrument` channel."""
        publisher = self.publishers[symbol]
        instrument = msgspec.structs.replace(publisher.listing.instrument, status=status)
        publisher.listing = msgspec.structs.replace(publisher.listing, instrument=instrument)
        self._tell(INSTRUMENT, self._instruments(UPDATE, (), (publisher.listing,)))

    @property
    def listings(self) -> tuple[Listing, ...]:
        return tuple(publisher.listing for publisher in self.publishers.values())

    @staticmethod
    def _instruments(
        kind: str, assets: tuple[ListedAsset, ...], listings: tuple[Listing, ...]
    ) -> str:
        return encode.instrument_lists(
            kind,
            [
                encode.asset(listed.asset, listed.collateral_value, listed.margin_rate)
                for listed in assets
            ],
            [encode.pair(one.instrument, one.margin_initial, _limits(one)) for one in listings],
        )


def _limits(listing: Listing) -> tuple[int, int] | None:
    long, short = listing.position_limit_long, listing.position_limit_short
    return None if long is None or short is None else (long, short)
