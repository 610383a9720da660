"""`FeedManager`: one feed for the monitor, the recorder and your code.

It owns the connections and opens the fewest the exchange allows: one for public data,
one for every 200 symbols of level3, one for the account. What each connection says goes
through its `Session` and its `BookKeeper`, then to every consumer.
"""

from __future__ import annotations

import asyncio
import random
from collections import ChainMap
from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import chain, count
from types import TracebackType
from typing import Self, Unpack

from msgspec.structs import replace

from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.endpoints import Endpoints
from kracked.errors import RequestRejected
from kracked.feed.account import Account
from kracked.feed.backoff import Backoff, attempts_budget
from kracked.feed.channels import Channels, subscriptions
from kracked.feed.clock import Clock
from kracked.feed.connection import Connection, Token
from kracked.feed.errors import AlreadyOpen, NeedsToken, NoToken, NotOpen
from kracked.feed.fanout import Consumer, Fanout, Policy
from kracked.feed.managed_connection import LEVEL3, PRIVATE, PUBLIC, ROLES, ManagedConnection
from kracked.feed.stats import ConsumerStats, FeedStats
from kracked.feed.tap import LIMIT_BYTES, Tap
from kracked.instruments import Asset, Instrument
from kracked.protocol import events
from kracked.protocol.client.session import Session
from kracked.protocol.client.subscription import (
    BALANCES,
    EXECUTIONS,
    INSTRUMENTS,
    NEEDS_TOKEN,
    Key,
    Subscription,
    SubscriptionStage,
    gap,
)
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event
from kracked.protocol.last_values import TOLD, LastValues
from kracked.protocol.sliding_window import SlidingWindow

LEVEL3_SYMBOLS = 200
"""Symbols one level3 connection takes."""
_STATEFUL = frozenset((events.Instruments, events.Executions, events.Balances, events.Resync))


class FeedManager:
    """Verified books and every event of the symbols asked for; an async context manager.

    Once left it may be entered again: it connects and subscribes anew to what it had,
    and what it missed is told as a `Gap`, as after a reconnect.

    `token` fetches a WebSocket token: needed for `level3` and `account`. With `account`
    the own orders' executions and the balances come too. Iterating gives every event,
    in order; each iteration is a consumer of its own. Raises a `ConfigError` for a
    channel, depth or interval the exchange does not offer.
    """

    def __init__(
        self,
        symbols: Iterable[str] = (),
        *,
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
        """Connection attempts; managers of one process should share it."""
        self.instruments: dict[str, Instrument] = {}
        """Every listed symbol's rules, as last heard."""
        self.assets: dict[str, Asset] = {}
        self.account = Account()
        """Open orders, fills and balances; unknown unless `account` was asked for."""
        self._latest = LastValues()
        self._token = token
        self._codec = Codec()
        self._links: list[ManagedConnection] = []
        self._orders: ChainMap[str, L3Book] = ChainMap()
        self._fanout = Fanout()
        self._taps: tuple[Tap, ...] = ()
        self._tasks: asyncio.TaskGroup | None = None
        self._moved = asyncio.Event()
        self._public = self._add_link(PUBLIC)
        if account:
            self._want([EXECUTIONS, BALANCES])
        for symbol in (symbols,) if isinstance(symbols, str) else symbols:
            self._want(subscriptions(symbol, channels))

    # --- books ------------------------------------------------------------------------

    @property
    def books(self) -> Mapping[str, L2Book]:
        """Level 2 books by symbol, always current; look at `verified` before trusting one."""
        return self._public.keeper.books

    @property
    def orders(self) -> Mapping[str, L3Book]:
        """Level 3 books by symbol, likewise."""
        return self._orders

    def standing(self) -> list[Event]:
        """What stands besides the books now, as the snapshots a subscriber would begin with.

        For who joins a feed that has been running: instruments, then each live ticker,
        the last trades and candles, then what is known of the account.
        """
        now, told = self.clock.wall(), list[Event]()
        if self.instruments:
            pairs, assets = tuple(self.instruments.values()), tuple(self.assets.values())
            told.append(events.Instruments(now, pairs, assets, snapshot=True))
        for link in self._links:
            for key, track in link.session.tracks.items():
                event = (
                    self._latest.snapshot(key) if track.state is SubscriptionStage.LIVE else None
                )
                if event is not None:
                    told.append(replace(event, received=now))
        return told + self.account.standing(now)

    def missing(self) -> list[events.Gap]:
        """Holes that stand open: what was lost and is not back. Each is told when it has ended.

        For who leaves a feed before that; of a feed that was left itself there are none.
        """
        now = self.clock.wall()
        tracks = (track for link in self._links for track in link.session.tracks.values())
        return [
            gap(track, track.lost_at, now, track.lost_why)
            for track in tracks
            if track.lost_at is not None and self._tasks is not None
        ]

    # --- life -------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise AlreadyOpen
        self._moved = asyncio.Event()  # an event belongs to the loop that waited for it
        self._fanout.open()
        self._tasks = await asyncio.TaskGroup().__aenter__()
        for link in self._links:
            self._start(link)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._tasks is not None
        for link in self._links:
            link.stop()
        self._fanout.close()
        cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
        try:
            # The group would wrap what the caller's own code raised; its own tasks' errors
            # it reports by cancelling the caller, so only a cancellation concerns it.
            await self._tasks.__aexit__(*(kind, error, trace) if cancelled else (None,) * 3)
        finally:
            self._tasks = None
            self.account.distrust()
            self.moved()

    # --- subscribing ------------------------------------------------------------------

    async def subscribe(self, symbol: str, **channels: Unpack[Channels]) -> None:
        """Add channels of a symbol, or change their depth; returns when they are live.

        Waits as long as the connection is down. Raises `RequestRejected` when the
        exchange refuses one of them, as `ready` does; the others stay.
        """
        wanted = subscriptions(symbol, channels)
        self._want(wanted)
        await self._settle(wanted)

    async def unsubscribe(self, symbol: str, *channels: str) -> None:
        """Drop the named channels of a symbol, or all of them; returns when they are gone."""
        dropped: list[tuple[ManagedConnection, Key]] = []
        for link in tuple(self._links):
            for key in tuple(link.session.tracks):
                if key[1] == symbol and (not channels or key[0] in channels):
                    link.session.drop(key)
                    dropped.append((link, key))
            link.connection.spur()
        while any(_being_dropped(link, key) for link, key in dropped):
            await self._moved.wait()
        self._close_idle()

    async def ready(self) -> None:
        """Wait until everything wanted is live or refused for good.

        Then raises the first refusal, if there is one: a `RequestRejected`, and of these
        `NoToken` when it is the key that was refused. What was not refused is live.
        """
        await self._settle(
            [
                track.wanted
                for link in self._links
                for track in link.session.tracks.values()
                if track.wanted is not None
            ]
        )

    async def _settle(self, wanted: list[Subscription]) -> None:
        while self._tasks is not None:
            if all(self._settled(subscription) for subscription in wanted):
                break
            await self._moved.wait()
        else:
            raise NotOpen
        for refusal in filter(None, map(self._refusal, wanted)):
            raise refusal

    def _settled(self, subscription: Subscription) -> bool:
        """Whether there is nothing to wait for: live, refused, or dropped meanwhile."""
        link = self._holder(subscription.key)
        if link is None:
            return True
        track = link.session.tracks[subscription.key]
        live = track.state is SubscriptionStage.LIVE and track.subscription == subscription
        return live or self._refusal(subscription) is not None

    def _refusal(self, subscription: Subscription) -> RequestRejected | None:
        link = self._holder(subscription.key)
        if link is None:
            return None
        track, refused = link.session.tracks[subscription.key], link.connection.refused
        if refused is not None:
            return NoToken(link.connection.name, str(refused))
        if track.state is SubscriptionStage.REFUSED:
            return RequestRejected(track.subscription.name, track.error or "")
        return None

    def _holder(self, key: Key) -> ManagedConnection | None:
        """The connection that has this subscription."""
        return next((link for link in self._links if key in link.session.tracks), None)

    def _want(self, wanted: list[Subscription]) -> None:
        for subscription in wanted:
            if subscription.channel in NEEDS_TOKEN and self._token is None:
                raise NeedsToken(subscription.channel)
        for subscription in wanted:
            if subscription.symbol is not None:
                self._public.session.want(INSTRUMENTS)  # precisions come before data
            link = self._link_for(subscription)
            link.session.want(subscription)
        for link in self._links:
            self._start(link)
            link.connection.spur()

    # --- links ------------------------------------------------------------------------

    def _link_for(self, subscription: Subscription) -> ManagedConnection:
        """The connection that has it, or has room for it; a new one if there is none."""
        if (holder := self._holder(subscription.key)) is not None:
            return holder
        role = ROLES.get(subscription.channel, PUBLIC)
        for link in self._links:
            full = role is LEVEL3 and len(link.session.tracks) >= LEVEL3_SYMBOLS
            if link.role is role and not full:
                return link
        return self._add_link(role)

    def _add_link(self, role: str) -> ManagedConnection:
        taken = {link.connection.name for link in self._links}
        numbered = (f"{role}-{number}" for number in count(2))
        name = next(name for name in chain((role,), numbered) if name not in taken)
        keeper = BookKeeper(codec=self._codec)
        session = Session(keeper)
        connection = Connection(
            name,
            getattr(self.endpoints, role),
            session,
            self,
            backoff=Backoff(random.random),
            token=None if role is PUBLIC else self._token,
        )
        link = ManagedConnection(role, keeper, session, connection)
        self._links.append(link)
        if role is LEVEL3:
            self._orders.maps.append(keeper.orders)
            if self.instruments:
                session.subscriptions.admit()
        return link

    def _start(self, link: ManagedConnection) -> None:
        """Connect, once there is something to ask for; before `async with` nothing is."""
        if self._tasks is not None and link.task is None and link.session.tracks:
            link.task = self._tasks.create_task(link.connection.run(), name=link.connection.name)

    def _close_idle(self) -> None:
        """Close what serves nothing any more."""
        for link in tuple(self._links):
            if link.role is PUBLIC or link.session.tracks:
                continue
            link.stop()
            self._links.remove(link)
            self._orders.maps = [m for m in self._orders.maps if m is not link.keeper.orders]

    # --- consumers --------------------------------------------------------------------

    def consumer(self, policy: Policy = Policy.NEVER_SKIP, *, limit: int | None = None) -> Consumer:
        """A stream of every event from now on, with its own queue of `limit` events.

        What was told before, `standing` tells. Use it in a `with` block, which ends it.
        """
        return self._fanout.consumer(policy, limit)

    def tap(self, *, limit_bytes: int = LIMIT_BYTES) -> Tap:
        """Every frame from now on as it came; use it in a `with` block, which ends it."""
        tap = Tap(limit_bytes, self._remove_tap)
        self._taps = (*self._taps, tap)
        return tap

    def _remove_tap(self, tap: Tap) -> None:
        self._taps = tuple(one for one in self._taps if one is not tap)

    async def __aiter__(self) -> AsyncIterator[Event]:
        with self.consumer() as consumer:
            async for event in consumer:
                yield event

    # --- what connections tell --------------------------------------------------------

    def hear(self, connection: Connection, data: bytes, received: int) -> None:
        """One frame has come: keep the books, then tell everyone."""
        happened = connection.session.receive(data, received, self.clock.steady())
        for tap in self._taps:
            tap.put(connection.name, received, data)
        for event in happened:
            kind = type(event)
            if kind in TOLD:
                self._latest.remember(event)  # type: ignore[arg-type]
            elif kind in _STATEFUL:
                happened = [*happened, *self._follow(event, connection)]
        self._fanout.publish(happened)

    def tell(self, happened: list[Event]) -> None:
        """Something happened to a connection."""
        for event in happened:
            match event:
                case events.Reconnecting(connection=name) if name == PRIVATE:
                    self.account.distrust()
                case events.Reconnecting(connection=name) if name == PUBLIC:
                    self._latest.pause()
                case events.Resync(channel=channel):
                    self.account.distrust(channel)
        self._fanout.publish(happened)

    def moved(self) -> None:
        """A subscription or a connection has changed its state: wake who waits for that."""
        self._moved.set()
        self._moved.clear()

    def _follow(self, event: Event, teller: Connection) -> list[Event]:
        """Keep what the manager itself shows up to date, before anyone reads of it."""
        match event:
            case events.Instruments():
                self._learn(event, teller)
            case events.Executions() | events.Balances():
                return self._account_for(event, teller)
            case events.Resync(channel=channel):
                self.account.distrust(channel)
        return []

    def _account_for(
        self, event: events.Executions | events.Balances, teller: Connection
    ) -> list[Event]:
        """Merge it; what makes no sense there asks for a snapshot, as a wrong checksum does."""
        self.account.apply(event)
        orders = isinstance(event, events.Executions)
        if self.account.orders_known if orders else self.account.balances_known:
            return []
        key = (EXECUTIONS if orders else BALANCES).key
        return teller.session.doubt(key, "a report without sense", event.received)

    def _learn(self, event: events.Instruments, teller: Connection) -> None:
        self.instruments.update((instrument.symbol, instrument) for instrument in event.pairs)
        self.assets.update((asset.id, asset) for asset in event.assets)
        for link in self._links:
            if link.connection is not teller:
                self._fanout.publish(link.session.inform(event, self.clock.steady()))
                link.connection.spur()

    # --- counters ---------------------------------------------------------------------

    def stats(self) -> FeedStats:
        """Counters of everything, as they stand."""
        now = self.clock.steady()
        return FeedStats(
            connections=tuple(link.stats(now) for link in self._links if link.session.tracks),
            consumers=tuple(
                ConsumerStats(policy=one.policy.name, waiting=one.waiting, dropped=one.dropped)
                for one in self._fanout.consumers
            ),
        )


def _being_dropped(link: ManagedConnection, key: Key) -> bool:
    track = link.session.tracks.get(key)
    return track is not None and track.wanted is None
