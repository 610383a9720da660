"""A connection with everything that belongs to it: session, keeper, task."""

from __future__ import annotations

import asyncio

from kracked.book.keeper import BookKeeper
from kracked.feed.connection import Connection
from kracked.feed.stats import ConnectionStats, SubscriptionStats
from kracked.protocol.client.session import Session
from kracked.protocol.client.subscription import ACCOUNT, SubscriptionState

PUBLIC, LEVEL3, PRIVATE = "public", "level3", "private"
"""The three kinds of sockets; each channel belongs to exactly one."""
ROLES = {"level3": LEVEL3, **dict.fromkeys(ACCOUNT, PRIVATE)}
"""The kind of socket of the channels that are not public."""


class ManagedConnection:
    """One connection of a feed.

    It has a keeper of its own, so that an unreadable frame casts doubt on its own books only.
    """

    def __init__(
        self, role: str, keeper: BookKeeper, session: Session, connection: Connection
    ) -> None:
        self.role, self.keeper = role, keeper
        self.session, self.connection = session, connection
        self.task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Cancel its task, if it runs."""
        if self.task is not None:
            self.task.cancel()
            self.task = None

    def stats(self, now: int) -> ConnectionStats:
        """Return its counters; `now` is the steady clock, ns."""
        session, connection, liveness = self.session, self.connection, self.session.liveness
        return ConnectionStats(
            name=connection.name,
            url=connection.url,
            open=connection.open,
            system=session.system,
            messages=session.messages,
            bytes=session.bytes,
            connects=connection.connects,
            reason=connection.reason,
            silent_ns=now - liveness.last_frame if connection.open else None,
            rtt_ns=liveness.rtt_ns,
            clock_offset_ns=liveness.clock_offset_ns,
            subscriptions=tuple(
                self._subscription_stats(one, now) for one in session.states.values()
            ),
        )

    def _subscription_stats(self, state: SubscriptionState, now: int) -> SubscriptionStats:
        one = state.subscription
        stats = self.keeper.stats.get((one.symbol or "", one.channel))
        return SubscriptionStats(
            channel=one.channel,
            symbol=one.symbol,
            depth=one.depth,
            interval=one.interval,
            state=state.stage.value,
            messages=state.messages,
            verified=stats.verified if stats else 0,
            mismatched=stats.mismatched if stats else 0,
            resyncs=state.resyncs,
            silent_ns=now - state.last_message if state.messages else None,
            error=state.error,
        )
