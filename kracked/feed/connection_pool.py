"""The connections of one feed: the fewest that the exchange allows, opened when they are needed.

One connection carries public data, one every 200 symbols of level3, one the account.
Each has a session and a book keeper of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections import ChainMap
from collections.abc import Iterator, Mapping
from itertools import chain, count

from kracked.book.keeper import BookKeeper
from kracked.book.l3 import L3Book
from kracked.endpoints import Endpoints
from kracked.errors import RequestRejected
from kracked.feed.backoff import Backoff
from kracked.feed.connection import Connection, Owner, Token
from kracked.feed.contradictions import Market
from kracked.feed.errors import Denied, NoToken
from kracked.feed.freshness import StaleSubscription
from kracked.feed.managed_connection import LEVEL3, PUBLIC, ROLES, ManagedConnection
from kracked.feed.transport import choose
from kracked.instruments import Instrument
from kracked.protocol.client.session import Session
from kracked.protocol.client.subscription import Key, Subscription, SubscriptionState, gap
from kracked.protocol.client.subscription_stages import SubscriptionStage
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event, Gap, Stale
from kracked.protocol.last_values import LastValues

LEVEL3_SYMBOLS = 200
"""Symbols that one level3 connection takes.

Source: docs.kraken.com/api/docs/websocket-v2/level3
"""


class ConnectionPool:
    """Owner of a feed's connections.

    Args:
        owner: Receives their frames and events.
        endpoints: The addresses of the exchange.
        token: Fetches a token for each new socket that needs one.
    """

    def __init__(self, owner: Owner, endpoints: Endpoints, token: Token | None) -> None:
        self._owner, self._endpoints = owner, endpoints
        self.token = token
        self.transport = choose()
        self._codec = Codec()
        self._connections: list[ManagedConnection] = []
        self._tasks: asyncio.TaskGroup | None = None
        self.l3: ChainMap[str, L3Book] = ChainMap()
        """Level 3 books of every level3 connection, by symbol."""
        self.instruments_known = False
        """Whether the instrument list has come; level3 subscriptions wait for it."""
        self.public = self._add(PUBLIC)
        """It exists from the start: instruments arrive on it before anything else."""

    def __iter__(self) -> Iterator[ManagedConnection]:
        """Iterate over a copy: a connection may be added or closed meanwhile."""
        return iter(tuple(self._connections))

    def states(self) -> Iterator[tuple[Key, SubscriptionState]]:
        """Iterate over every subscription of every connection."""
        for managed in self:
            yield from managed.session.states.items()

    def open_gaps(self, now: int) -> list[Gap]:
        """Return the gaps that have begun and not ended, each until `now`, ns since the epoch."""
        return [
            gap(state, state.gap_start, now, state.gap_reason)
            for _, state in self.states()
            if state.gap_start is not None
        ]

    def markets(self, last: LastValues, instruments: Mapping[str, Instrument]) -> Iterator[Market]:
        """Yield everything that the feed holds of each symbol, for the judge of freshness."""
        by_symbol: dict[str, dict[Key, SubscriptionState]] = {}
        for key, state in self.states():
            if key[1] is not None:
                by_symbol.setdefault(key[1], {})[key] = state
        l2_books = self.public.keeper.l2
        for symbol, states in by_symbol.items():
            instrument = instruments.get(symbol)
            candles = {key[2]: last.candles(symbol, key[2]) for key in states if key[2]}
            yield Market(
                symbol,
                states,
                l2=l2_books.get(symbol),
                l3=self.l3.get(symbol),
                ticker=last.tickers.get(symbol),
                trades=last.trades(symbol),
                candles={interval: one for interval, one in candles.items() if one},
                online=instrument is None or instrument.status == "online",
            )

    def renew_stale(self, found: StaleSubscription, wall: int, now: int) -> list[Event]:
        """Renew a stale subscription; return what is to be told.

        Args:
            found: The subscription, as the judge found it.
            wall: The wall clock, ns since the Unix epoch.
            now: The steady clock, ns.
        """
        channel, symbol, interval = found.key
        managed = self.holder_of(found.key)
        if managed is None or symbol is None:
            return []
        stale = Stale(wall, symbol, channel, found.silent_ns, found.reason, interval)
        managed.connection.wake()
        return [stale, *managed.session.renew_stale(stale, found.last_received, now)]

    def settled(self, subscription: Subscription) -> bool:
        """Whether there is nothing to wait for: live, refused, or dropped meanwhile."""
        managed = self.holder_of(subscription.key)
        if managed is None:
            return True
        state = managed.session.states[subscription.key]
        live = state.stage is SubscriptionStage.LIVE and state.subscription == subscription
        return live or self.rejection(subscription) is not None

    def rejection(self, subscription: Subscription) -> RequestRejected | None:
        """Return why a subscription, or the key that it needs, was refused; None if it was not."""
        managed = self.holder_of(subscription.key)
        if managed is None:
            return None
        state, refused = managed.session.states[subscription.key], managed.connection.refused
        if isinstance(refused, Denied):
            return refused
        if refused is not None:
            return NoToken("GetWebSocketsToken", str(refused), managed.connection.name)
        if state.stage is SubscriptionStage.REFUSED:
            return RequestRejected(state.subscription.name, state.error or "")
        return None

    def holder_of(self, key: Key) -> ManagedConnection | None:
        """Return the connection that has this subscription; None when none has."""
        return next((one for one in self._connections if key in one.session.states), None)

    def connection_for(self, subscription: Subscription) -> ManagedConnection:
        """Return the connection that has the subscription or has room for it, else a new one."""
        if (holder := self.holder_of(subscription.key)) is not None:
            return holder
        role = ROLES.get(subscription.channel, PUBLIC)
        for managed in self._connections:
            full = role is LEVEL3 and len(managed.session.states) >= LEVEL3_SYMBOLS
            if managed.role is role and not full:
                return managed
        return self._add(role)

    def open(self, tasks: asyncio.TaskGroup) -> None:
        """Run the connections as tasks of this group from now on."""
        self._tasks = tasks
        self.start_needed()

    def close(self) -> None:
        """Stop every connection. `open` starts them again with their subscriptions."""
        self._tasks = None
        for managed in self._connections:
            managed.stop()

    def start_needed(self) -> None:
        """Start the connections that have subscriptions; before `open` none is started."""
        if self._tasks is None:
            return
        for managed in self._connections:
            if managed.task is None and managed.session.states:
                run = managed.connection.run()
                managed.task = self._tasks.create_task(run, name=managed.connection.name)

    def close_idle(self) -> None:
        """Close the connections without subscriptions; the public one stays."""
        for managed in self:
            if managed.role is PUBLIC or managed.session.states:
                continue
            managed.stop()
            self._connections.remove(managed)
            self.l3.maps = [books for books in self.l3.maps if books is not managed.keeper.l3]

    def _add(self, role: str) -> ManagedConnection:
        taken = {managed.connection.name for managed in self._connections}
        numbered = (f"{role}-{number}" for number in count(2))
        name = next(name for name in chain((role,), numbered) if name not in taken)
        keeper = BookKeeper(codec=self._codec)
        session = Session(keeper)
        connection = Connection(
            name,
            getattr(self._endpoints, role),
            session,
            self._owner,
            transport=self.transport,
            backoff=Backoff(random.random),
            token=None if role is PUBLIC else self.token,
        )
        managed = ManagedConnection(role, keeper, session, connection)
        self._connections.append(managed)
        if role is LEVEL3:
            self.l3.maps.append(keeper.l3)
            if self.instruments_known:
                session.subscriptions.allow_symbols()
        return managed
