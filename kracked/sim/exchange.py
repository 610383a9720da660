"""The simulated exchange, minus its sockets: a market, its clients, and what each is sent.

Time is an argument, so an hour of trading is a loop. A server connects clients, passes on
their frames and calls `advance`; every message leaves through a session's `send`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random

import msgspec

from kracked.gateway import refusals
from kracked.gateway.auth import ApiKeys
from kracked.gateway.channels import Socket, Topic
from kracked.gateway.client_session import ClientSession, Send
from kracked.gateway.exchange_state import ExchangeState
from kracked.gateway.listing import ListedAsset
from kracked.gateway.private_api.stream_subscriptions import StreamSubscriptions
from kracked.gateway.rest_names import RestNames
from kracked.protocol import encode
from kracked.protocol.encode import SNAPSHOT, UPDATE
from kracked.sim import listings as listed
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import EngineBatch
from kracked.sim.faults import maintenance
from kracked.sim.faults.order_faults import OrderFaults
from kracked.sim.listings import Listing
from kracked.sim.market_data.book_publisher import LEVEL3
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher
from kracked.sim.order_entry.brokerage import Brokerage
from kracked.sim.order_entry.client_accounts import AccountOptions
from kracked.sim.order_entry.endpoints import FaultyMethods
from kracked.sim.realism import PLAIN, Realism
from kracked.sim.truth import PlantedRow, TruthRow, truth_rows

INSTRUMENT = Topic("instrument")


class Exchange:
    """Owns the subscriptions, and the order in which messages are sent."""

    def __init__(
        self,
        market: SimulatedMarket,
        keys: ApiKeys,
        now: int,
        *,
        account_options: AccountOptions | None = None,
        order_faults: OrderFaults | None = None,
        habits: Realism = PLAIN,
        truth: Callable[[TruthRow | PlantedRow], None] | None = None,
    ) -> None:
        """Open an exchange on a market.

        Args:
            market: The agents' market, opened at `now`.
            keys: The API keys that clients may use.
            now: Time, ns since the Unix epoch.
            account_options: What every account begins with.
            order_faults: Decides what happens to trading requests; nothing by default.
            habits: How the live exchange is followed beyond its rules.
            truth: Takes what happens to every order, as the engine knows it, and each planted
                pattern when it is over.
        """
        self.market, self.keys, self._truth = market, keys, truth
        if truth is not None:
            market.told = truth
        self._feeds = _LateFeeds(habits.feeds_apart_ns) if habits.feeds_apart_ns else None
        self.time = now
        """How far the market has come."""
        self.paused_ns = 0
        """How much of the time went by without trade."""
        self.state = ExchangeState()
        """The engine's state, and what is announced."""
        self.publishers = {
            listing.symbol: MarketDataPublisher(
                listing,
                market.matcher(listing.symbol),
                market.histories[listing.symbol],
                now,
                habits,
            )
            for listing in market.listings
        }
        self.assets = listed.assets(market.listings)
        self.names = RestNames(self.listing, market.listings, self.assets)
        self.order_faults = order_faults or OrderFaults()
        """Faults of trading requests; `expect` scripts some."""
        self.brokerage = Brokerage(self, market.listings, self.assets, account_options)
        self.requests = FaultyMethods(self, self.brokerage, self.names)
        self.streams = StreamSubscriptions(self.brokerage)
        self._calls: list[tuple[int, int, Callable[[], None]]] = []
        """Time, serial and function of each `call_at`, soonest first."""
        self._serials = count()
        self._script = object()
        """The script of maintenance that was begun last."""
        self._next_event_id = 51
        self._subscribers: dict[Topic, dict[ClientSession, None]] = {}
        self._sessions: dict[ClientSession, None] = {}
        # Connection ids name connections; they need not be repeatable, nor secret.
        self._ids = Random()

    # --- connections ------------------------------------------------------------------

    def connect(self, socket: Socket, send: Send, now: int) -> ClientSession:
        """Begin a client's session with the status.

        Args:
            socket: The address it connected to.
            send: Takes one message for it; must not wait.
            now: Time, ns since the Unix epoch.
        """
        connection_id = self._ids.getrandbits(64)
        session = ClientSession(
            self, socket, send, connection_id=connection_id, now=now, trading=self
        )
        self._sessions[session] = None
        session.send_status(self.state, now)
        return session

    @property
    def sessions(self) -> tuple[ClientSession, ...]:
        """The sessions of every client that is connected."""
        return tuple(self._sessions)

    def disconnect(self, session: ClientSession) -> None:
        """Forget a client whose connection has ended."""
        self._sessions.pop(session, None)
        session.end()

    def join(self, topic: Topic, session: ClientSession) -> None:
        """Send a topic's messages to a session from now on."""
        if self._feeds is not None:  # a snapshot must not be followed by what came before it
            for late_topic, text in self._feeds.all(topic):
                self._send(late_topic, text)
        subscribers = self._subscribers.setdefault(topic, {})
        if not subscribers and topic.symbol:
            self.publishers[topic.symbol].watch(topic)
        subscribers[session] = None

    def leave(self, topic: Topic, session: ClientSession) -> None:
        """Stop sending a topic's messages to a session."""
        subscribers = self._subscribers.get(topic, {})
        subscribers.pop(session, None)
        if not subscribers and self._subscribers.pop(topic, None) is not None and topic.symbol:
            self.publishers[topic.symbol].unwatch(topic)

    def snapshot(self, topic: Topic) -> str:
        """Return what a new subscriber starts from."""
        if topic == INSTRUMENT:
            return _instruments(SNAPSHOT, self.assets, self.listings)
        return self.publishers[topic.symbol].snapshot(topic, self.time)

    def refusal(self, topic: Topic) -> str | None:
        """Return why nobody can subscribe to a topic, in the exchange's words; None if all can."""
        if topic.symbol and topic.symbol not in self.publishers:
            return refusals.unsupported_pair(topic.symbol)
        return None

    # --- reading ----------------------------------------------------------------------

    def listing(self, symbol: str) -> Listing:
        """Return the instrument as it is now, its status included."""
        return self.publishers[symbol].listing

    def matcher(self, symbol: str) -> Matcher:
        """Return the instrument's engine."""
        return self.publishers[symbol].matcher

    def last_price(self, symbol: str) -> int:
        """Return the price of the latest trade, scaled; before the first, the opening price."""
        last = self.publishers[symbol].history.last
        return self.publishers[symbol].listing.opening_price if last is None else last.price

    @property
    def listings(self) -> tuple[Listing, ...]:
        """Every instrument as it is now."""
        return tuple(publisher.listing for publisher in self.publishers.values())

    # --- time -------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let the market trade until `now`, and send what subscribers asked for."""
        for symbol, batch in self.market.advance(now):
            self.publish(symbol, batch)
        self._pass_time(now)

    def pause(self, now: int) -> None:
        """Let time pass without trade: the agents go on later as if it had not passed."""
        self.paused_ns += now - self.time
        self.market.pause(now - self.time)
        self._pass_time(now)

    def call_at(self, time: int, act: Callable[[], None]) -> None:
        """Call a function when the market has come to this time."""
        heappush(self._calls, (time, next(self._serials), act))

    def _pass_time(self, now: int) -> None:
        """Do everything that time brings about besides trade."""
        self.time = max(self.time, now)
        self.brokerage.advance(now)
        if self._feeds is not None:
            for topic, text in self._feeds.due(now):
                self._send(topic, text)
        while self._calls and self._calls[0][0] <= now:
            heappop(self._calls)[2]()
        for session in self._sessions:
            session.send_heartbeats(now)

    def publish(self, symbol: str, batch: EngineBatch) -> None:
        """Publish what an engine did, for the agents or for a client, and settle it."""
        if self._truth is not None:
            for row in truth_rows(symbol, batch):
                self._truth(row)
        for topic, text in self.publishers[symbol].apply(batch):
            if self._feeds is None:
                self._send(topic, text)
            else:
                self._feeds.put(topic, text, batch.time)
        self.brokerage.apply(symbol, batch)

    def _send(self, topic: Topic, text: str) -> None:
        data = text.encode()
        for session in self._subscribers.get(topic, ()):
            session.send(data)

    # --- modes ------------------------------------------------------------------------

    @property
    def system(self) -> str:
        """The engine's mode."""
        return self.state.system

    def set_system(self, system: str) -> None:
        """Announce a mode: `online`, `post_only`, `cancel_only`, `maintenance`."""
        self.set_state(msgspec.structs.replace(self.state, system=system))

    def set_state(self, state: ExchangeState) -> None:
        """Announce a mode, planned maintenance and incidents."""
        self.state = state
        for session in self._sessions:
            session.send_status(state, self.time)

    def run_maintenance(self, script: str) -> None:
        """Announce what a script says, from now on; the last one that was begun counts.

        Raises:
            BadFaults: The script cannot be read.
        """
        steps = maintenance.read(script)
        self._script = current = object()

        def come_to(state: ExchangeState) -> None:
            """Announce a state, unless another script was begun."""
            if self._script is current:
                self.set_state(state)

        coming = maintenance.states(steps, self.time, self.state, first_id=self._next_event_id)
        self._next_event_id += len(steps)
        for at, state in coming:
            self.call_at(at, partial(come_to, state))

    def set_pair_status(self, symbol: str, status: str) -> None:
        """Announce a pair's mode on the `instrument` channel."""
        publisher = self.publishers[symbol]
        instrument = msgspec.structs.replace(publisher.listing.instrument, status=status)
        publisher.listing = msgspec.structs.replace(publisher.listing, instrument=instrument)
        self._send(INSTRUMENT, _instruments(UPDATE, (), (publisher.listing,)))


class _LateFeeds:
    """Messages held back by chance: level 3 and all else, each in its own order."""

    def __init__(self, most_ns: int) -> None:
        self._most_ns = most_ns
        self._random = Random(most_ns)
        self._queues: dict[bool, deque[tuple[int, Topic, str]]] = {True: deque(), False: deque()}

    def put(self, topic: Topic, text: str, time: int) -> None:
        """Hold a message of an instant."""
        queue = self._queues[topic.channel == LEVEL3]
        due = time + int(self._random.random() * self._most_ns)
        queue.append((max(due, queue[-1][0]) if queue else due, topic, text))

    def due(self, now: int) -> Iterator[tuple[Topic, str]]:
        """Take out what is to be sent by now."""
        for queue in self._queues.values():
            while queue and queue[0][0] <= now:
                yield queue.popleft()[1:]

    def all(self, topic: Topic) -> Iterator[tuple[Topic, str]]:
        """Take out what is held of the feed of a topic."""
        queue = self._queues[topic.channel == LEVEL3]
        while queue:
            yield queue.popleft()[1:]


def _instruments(kind: str, assets: tuple[ListedAsset, ...], listings: tuple[Listing, ...]) -> str:
    """Return a message of the `instrument` channel."""
    asset_rows = [
        encode.asset(listed.asset, listed.collateral_value, listed.margin_rate) for listed in assets
    ]
    pair_rows = []
    for listing in listings:
        long, short = listing.position_limit_long, listing.position_limit_short
        limits = None if long is None or short is None else (long, short)
        pair_rows.append(encode.pair(listing.instrument, listing.margin_initial, limits))
    return encode.instrument_lists(kind, asset_rows, pair_rows)
