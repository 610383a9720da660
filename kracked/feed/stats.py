"""The counters of a feed at one moment, as frozen values; and what is missing by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kracked.protocol.client.subscription_stages import SETTLED
from kracked.protocol.events import Gap

_MAX_NAMED = 5
"""Symbols that a sentence about many of them names."""


class SubscriptionStats(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of one subscription."""

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
    """Messages whose checksum did not match, or that contradicted the book; books only."""
    resyncs: int
    """Times that its data could not be used and it was renewed."""
    silent_ns: int | None
    """Time since its last message; None before the first."""
    error: str | None
    """The exchange's last refusal, in its words."""


class ConnectionStats(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of one connection."""

    name: str
    url: str
    open: bool
    system: str | None
    """The engine's state as announced on this connection."""
    messages: int
    bytes: int
    connects: int
    """Connections made so far; all but the present one were lost."""
    reason: str
    """Why the last connection ended; empty while none has."""
    silent_ns: int | None
    """Time since the last frame; None while it is not open."""
    rtt_ns: int | None
    """The last ping's round trip."""
    clock_offset_ns: int | None
    """The exchange's clock minus ours; exact to half of `rtt_ns`."""
    subscriptions: tuple[SubscriptionStats, ...]


class ConsumerStats(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of one consumer."""

    policy: str
    """The name of its `Policy`."""
    waiting: int
    """Events queued now."""
    dropped: int
    """Events dropped so far."""


class FeedStats(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of a feed at one moment."""

    connections: tuple[ConnectionStats, ...]
    consumers: tuple[ConsumerStats, ...]

    @property
    def messages(self) -> int:
        """Frames of all connections."""
        return sum(connection.messages for connection in self.connections)

    @property
    def resyncs(self) -> int:
        """Resyncs of all subscriptions."""
        return sum(
            subscription.resyncs
            for connection in self.connections
            for subscription in connection.subscriptions
        )


def describe_missing(feed: FeedStats, gaps: Iterable[Gap]) -> Iterator[str]:
    """Yield a sentence for each channel and reason that is not live now.

    A subscription that was refused is left out: its refusal was reported when it came.

    Args:
        feed: The feed's counters.
        gaps: The gaps that are open, as `FeedManager.open_gaps` returns them.
    """
    reasons = {(gap.channel, gap.symbols): gap.reason for gap in gaps}
    missing: dict[tuple[str, str], list[str]] = {}
    for connection in feed.connections:
        for one in connection.subscriptions:
            if one.state in SETTLED:
                continue
            symbols: tuple[str, ...] = (one.symbol,) if one.symbol else ()
            reason = one.error or reasons.get((one.channel, symbols), "it has not begun to come")
            if not connection.open:
                reason = connection.reason or "not connected yet"
            missing.setdefault((one.channel, reason), []).extend(symbols)
    for (channel, reason), several in missing.items():
        symbols = tuple(dict.fromkeys(several))  # candles have several subscriptions of a symbol
        more = len(symbols) - _MAX_NAMED
        named = f" of {', '.join(symbols[:_MAX_NAMED])}" if symbols else ""
        yield f"{channel}{named}{f' and {more} more' if more > 0 else ''}: {reason}"
