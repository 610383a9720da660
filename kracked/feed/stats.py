"""Counters of a feed at one moment, as frozen values."""

from __future__ import annotations

import msgspec


class SubscriptionStats(msgspec.Struct, frozen=True, kw_only=True):
    channel: str
    symbol: str | None
    depth: int | None
    interval: int | None
    state: str
    """A value of `SubscriptionStage`: `to subscribe`, `subscribing`, `live`, `to unsubscribe`,
    `unsubscribing`, `refused`."""
    messages: int
    verified: int
    """Messages whose checksum matched; books only."""
    mismatched: int
    resyncs: int
    silent_ns: int | None
    """Since its last message; None before the first."""
    error: str | None
    """The exchange's words, when it refused."""


class ConnectionStats(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    url: str
    open: bool
    system: str | None
    """The engine's state as this connection was told."""
    messages: int
    bytes: int
    connects: int
    """Connections made so far; one less than that were lost."""
    reason: str
    """Why the last one ended; empty while none has."""
    silent_ns: int | None
    rtt_ns: int | None
    clock_offset_ns: int | None
    """The exchange's clock minus ours; true to half of `rtt_ns`."""
    subscriptions: tuple[SubscriptionStats, ...]


class ConsumerStats(msgspec.Struct, frozen=True, kw_only=True):
    policy: str
    waiting: int
    dropped: int


class FeedStats(msgspec.Struct, frozen=True, kw_only=True):
    connections: tuple[ConnectionStats, ...]
    consumers: tuple[ConsumerStats, ...]

    @property
    def messages(self) -> int:
        return sum(connection.messages for connection in self.connections)

    @property
    def resyncs(self) -> int:
        return sum(
            subscription.resyncs
            for connection in self.connections
            for subscription in connection.subscriptions
        )
