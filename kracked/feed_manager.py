"""`FeedManager`: one feed for the monitor, the recorder and your code.

It joins the feed's parts to the REST client, which fetches the tokens. Each frame of a
connection goes through its `Session` and its `BookKeeper`; the events go to every consumer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Self, Unpack

from msgspec.structs import replace

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed.account import Account
from kracked.feed.backoff import attempts_budget
from kracked.feed.channels import Channels, NoSymbol, subscriptions
from kracked.feed.clock import Clock
from kracked.feed.connection import Connection, Token
from kracked.feed.connection_pool import ConnectionPool
from kracked.feed.errors import AlreadyOpen, NeedsToken, NotOpen
from kracked.feed.fanout import Consumer, Fanout, Policy
from kracked.feed.freshness import Freshness, FreshnessJudge
from kracked.feed.managed_connection import PRIVATE, PUBLIC, ManagedConnection
from kracked.feed.stats import ConsumerStats, FeedStats
from kracked.feed.tap import LIMIT_BYTES, Tap
from kracked.instruments import Asset, Instrument
from kracked.protocol import events
from kracked.protocol.client.subscription import (
    BALANCES,
    EXECUTIONS,
    INSTRUMENTS,
    NEEDS_TOKEN,
    Key,
    Subscription,
)
from kracked.protocol.client.subscription_stages import SubscriptionStage
from kracked.protocol.events import Event
from kracked.protocol.last_values import REMEMBERED_TYPES, LastValues
from kracked.protocol.maintenance.tracker import MaintenanceTracker
from kracked.protocol.sliding_window import SlidingWindow
from kracked.rest.client import RestClient

_STATEFUL = frozenset(
    (events.Instruments, events.Executions, events.Balances, events.Resync, events.Status)
)


class FeedManager:
    """Verified books and every event of the requested symbols; an async context manager.

        async with kracked.FeedManager(["BTC/USD"], book=25, trade=True) as feed:
            async for event in feed: ...

    Each iteration is a consumer of its own and gives every event, in order. After leaving
    the block it may be entered again: it connects, and reports what it missed as a `Gap`.

    Args:
        symbols: Pairs to subscribe at once, ``["BTC/USD", "ETH/USD"]``.
        account: Subscribe to own executions and balances too.
        credentials: API key for `level3` and `account`; by default the environment's.
        token: Async function that fetches a WebSocket token, in place of `credentials`;
            a program that has a `RestClient` gives its `websockets_token`.
        endpoints: Addresses of the exchange; Kraken's own by default.
        clock: Source of time; tests bring their own.
        budget: Connection attempts in ten minutes; managers of one process share it.
        channels: `book`, `level3`, `trade`, `ticker`, `ohlc`, as `Channels` describes them.

    Raises:
        UnsupportedDepth: The exchange does not offer this depth.
        UnsupportedChoice: The exchange does not offer this channel, ticker trigger or interval.
        NoChannels: There are symbols but no channels.
        NeedsToken: `level3` or `account` without a key.
        NoSymbol: A symbol is empty.
    """

    def __init__(
        self,
        symbols: Iterable[str] = (),
        *,
        credentials: Credentials | None = None,
        account: bool = False,
        token: Token | None = None,
        endpoints: Endpoints | None = None,
        clock: Clock | None = None,
        budget: SlidingWindow | None = None,
        **channels: Unpack[Channels],
    ) -> None:
        self.endpoints = endpoints or Endpoints.kraken()
        self.clock = clock or Clock()
        self.budget = budget or attempts_budget()
        self.instruments: dict[str, Instrument] = {}
        """The rules of every listed symbol."""
        self.assets: dict[str, Asset] = {}
        """The rules of every listed asset."""
        self.account = Account()
        """Open orders, fills and balances; unknown unless `account` was requested."""
        self.has_account = account
        """Whether the account's channels were requested."""
        self.maintenance = MaintenanceTracker()
        """Planned maintenance and incidents; `maintenance.effect(now)` says what they mean."""
        self._rest: RestClient | None = None
        self._credentials = credentials
        self._last_values = LastValues()
        self._judge = FreshnessJudge()
        self._connections = ConnectionPool(self, self.endpoints, token)
        self._fanout = Fanout()
        self._taps: tuple[Tap, ...] = ()
        self._tasks: asyncio.TaskGroup | None = None
        self._state_changed = asyncio.Event()
        if account:
            self._want([EXECUTIONS, BALANCES])
        for symbol in (symbols,) if isinstance(symbols, str) else symbols:
            self._want(subscriptions(symbol, channels))

    # --- books and state --------------------------------------------------------------

    @property
    def l2(self) -> Mapping[str, L2Book]:
        """Level 2 books by symbol, always current; look at `verified` before trusting one."""
        return self._connections.public.keeper.l2

    @property
    def l3(self) -> Mapping[str, L3Book]:
        """Level 3 books by symbol, always current; look at `verified` before trusting one."""
        return self._connections.l3

    def freshness(self, symbol: str, channel: str = "book") -> Freshness:
        """Return whether a subscription's data are current, judged by its siblings too."""
        return self._judge.freshness(self._connections, symbol, channel, self.clock.steady())

    def current_state(self) -> list[Event]:
        """Return everything that is known now besides the books, as snapshots.

        For a program that joins a running feed: the engine's status with what is planned, the
        instruments, each live subscription's ticker, last trades and candles, the account.
        """
        now, snapshots = self.clock.wall(), list[Event]()
        if self.maintenance.standing is not None:
            snapshots.append(replace(self.maintenance.standing, received=now))
        if self.instruments:
            pairs, assets = tuple(self.instruments.values()), tuple(self.assets.values())
            snapshots.append(events.Instruments(now, pairs, assets, snapshot=True))
        for key, state in self._connections.states():
            if state.stage is SubscriptionStage.LIVE:
                snapshot = self._last_values.snapshot(key)
                if snapshot is not None:
                    snapshots.append(replace(snapshot, received=now))
        return snapshots + self.account.snapshots(now)

    def missing_trades(self, symbol: str) -> tuple[tuple[int, int], ...]:
        """Return the first and last id of each run of trades that never came, oldest first.

        A `Gap` told each of them when it was seen; REST `Trades` has the trades themselves.
        """
        return self._connections.public.session.trade_sequence.missing(symbol)

    def open_gaps(self) -> list[events.Gap]:
        """Return the gaps that have begun and not ended, each up to now.

        A gap is published when it ends; a program that stops listening before finds it here.
        A feed that is not open has none.
        """
        return [] if self._tasks is None else self._connections.open_gaps(self.clock.wall())

    def stats(self) -> FeedStats:
        """Return the counters of every connection, subscription and consumer."""
        now = self.clock.steady()
        return FeedStats(
            connections=tuple(one.stats(now) for one in self._connections if one.session.states),
            consumers=tuple(
                ConsumerStats(policy=one.policy.name, waiting=one.waiting, dropped=one.dropped)
                for one in self._fanout.consumers
            ),
        )

    # --- life -------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise AlreadyOpen
        # An asyncio event belongs to the loop that waited for it.
        self._state_changed = asyncio.Event()
        self._fanout.open()
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._connections.open(self._tasks)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._tasks is not None
        self._connections.close()
        self._fanout.close()
        cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
        try:
            # The group would wrap an error of the caller's own code; it needs a cancellation only.
            await self._tasks.__aexit__(*(kind, error, trace) if cancelled else (None,) * 3)
        finally:
            self._tasks = None
            self.account.distrust()
            self.on_state_change()
            if self._rest is not None:
                await self._rest.close()

    # --- subscribing ------------------------------------------------------------------

    async def subscribe(self, symbol: str, **channels: Unpack[Channels]) -> None:
        """Add channels of a symbol, or change their parameters, and wait until they are live.

        It waits as long as the connection is down.

        Args:
            symbol: The pair, ``BTC/USD``.
            channels: As in `Channels`.

        Raises:
            RequestRejected: The exchange refused one of them; the others stay.
            UnsupportedDepth: The exchange does not offer this depth.
            UnsupportedChoice: The exchange does not offer this channel, trigger or interval.
            NeedsToken: `level3` without a key.
            NotOpen: The feed is not open.
        """
        requested = subscriptions(symbol, channels)
        self._want(requested)
        await self._until_settled(requested)

    async def unsubscribe(self, symbol: str, *channels: str) -> None:
        """Drop channels of a symbol, and wait until the exchange has ended them.

        Args:
            symbol: The pair, ``BTC/USD``.
            channels: Their names; all of the symbol by default.
        """
        dropped: list[tuple[ManagedConnection, Key]] = []
        for managed in self._connections:
            for key in tuple(managed.session.states):
                if key[1] == symbol and (not channels or key[0] in channels):
                    managed.session.drop(key)
                    dropped.append((managed, key))
            managed.connection.wake()

        def under_way() -> bool:
            """Whether the exchange still has to end one of them."""
            states = (managed.session.states.get(key) for managed, key in dropped)
            return any(state is not None and state.target is None for state in states)

        while under_way():
            await self._state_changed.wait()
        self._connections.close_idle()

    async def ready(self) -> None:
        """Wait until every subscription is live or refused for good.

        Raises:
            RequestRejected: The first refusal, after all the others are live.
            NoToken: The first refusal, when the key was refused.
            NotOpen: The feed is not open.
        """
        states = (state for _, state in self._connections.states())
        await self._until_settled([state.target for state in states if state.target is not None])

    async def _until_settled(self, requested: list[Subscription]) -> None:
        while self._tasks is not None:
            if all(map(self._connections.settled, requested)):
                break
            await self._state_changed.wait()
        else:
            raise NotOpen
        for rejection in filter(None, map(self._connections.rejection, requested)):
            raise rejection

    def _want(self, requested: list[Subscription]) -> None:
        for subscription in requested:
            if subscription.symbol == "":
                raise NoSymbol
            if subscription.channel in NEEDS_TOKEN and not self._has_token():
                raise NeedsToken(subscription.channel)
        for subscription in requested:
            if subscription.symbol is not None:
                # Precisions come before data.
                self._connections.public.session.want(INSTRUMENTS)
            self._connections.connection_for(subscription).session.want(subscription)
        self._connections.start_needed()
        for managed in self._connections:
            managed.connection.wake()

    def _has_token(self) -> bool:
        """Whether a token can be fetched; the environment is read when first needed."""
        if self._connections.token is None:
            credentials = self._credentials or Credentials.from_environment()
            if credentials is not None:
                self._rest = RestClient(credentials, self.endpoints)
                self._connections.token = self._rest.websockets_token
        return self._connections.token is not None

    # --- consumers --------------------------------------------------------------------

    def consumer(self, policy: Policy = Policy.NEVER_SKIP, *, limit: int | None = None) -> Consumer:
        """Return a stream of every event from now on; use it in a `with` block, which ends it.

        `current_state` returns what came before.

        Args:
            policy: The treatment of events when the consumer is too slow.
            limit: Events that its queue holds; by default the policy's own number.
        """
        return self._fanout.consumer(policy, limit)

    def tap(self, *, limit_bytes: int = LIMIT_BYTES) -> Tap:
        """Return a stream of every frame from now on as it came; use it in a `with` block.

        Args:
            limit_bytes: Bytes that it holds; further frames are dropped and counted.
        """
        tap = Tap(limit_bytes, self._remove_tap)
        self._taps = (*self._taps, tap)
        return tap

    def _remove_tap(self, tap: Tap) -> None:
        self._taps = tuple(one for one in self._taps if one is not tap)

    async def __aiter__(self) -> AsyncIterator[Event]:
        with self.consumer() as consumer:
            async for event in consumer:
                yield event

    # --- frames and events of connections (`kracked.feed.connection.Owner`) --------------

    def on_frame(self, connection: Connection, data: bytes, received: int) -> None:
        """Apply one frame to the books, then publish its events."""
        happened = connection.session.receive(data, received, self.clock.steady())
        for tap in self._taps:
            tap.put(connection.name, received, data)
        for event in happened:
            kind = type(event)
            if kind in REMEMBERED_TYPES:
                self._last_values.remember(event)  # type: ignore[arg-type]
            elif kind in _STATEFUL:
                happened = [*happened, *self._update_state(event, connection)]
        self._fanout.publish(happened)

    def on_events(self, happened: list[Event]) -> None:
        """Publish events of a connection itself, and distrust what depends on it."""
        for event in happened:
            match event:
                case events.Reconnecting(connection=name) if name == PRIVATE:
                    self.account.distrust()
                case events.Reconnecting(connection=name) if name == PUBLIC:
                    self._last_values.pause()
                case events.Resync(channel=channel):
                    self.account.distrust(channel)
        self._fanout.publish(happened)
        if self._judge.due(now := self.clock.steady()):
            markets = self._connections.markets(self._last_values, self.instruments)
            for found in self._judge.judge(markets, now):  # renew each stale one alone
                self._fanout.publish(self._connections.renew_stale(found, self.clock.wall(), now))

    def on_state_change(self) -> None:
        """Wake the tasks that wait for a subscription or a connection to change its state."""
        self._state_changed.set()
        self._state_changed.clear()

    def _update_state(self, event: Event, source: Connection) -> list[Event]:
        """Update instruments and account before the event is published; return what follows."""
        match event:
            case events.Instruments():
                self.instruments.update((one.symbol, one) for one in event.pairs)
                self.assets.update((asset.id, asset) for asset in event.assets)
                self._connections.instruments_known = bool(self.instruments)
                for managed in self._connections:
                    if managed.connection is not source:
                        self._fanout.publish(managed.session.inform(event, self.clock.steady()))
                        managed.connection.wake()
            case events.Executions() | events.Balances():
                self.account.apply(event)
                orders = isinstance(event, events.Executions)
                if not (self.account.orders_known if orders else self.account.balances_known):
                    key = (EXECUTIONS if orders else BALANCES).key
                    return source.session.resync(key, "a report without sense", event.received)
            case events.Resync(channel=channel):
                self.account.distrust(channel)
            case events.Status():
                return list[Event](self.maintenance.apply(event))
        return []
