"""Events that no message brings: the feed's own, and those of the keeper of books."""

from __future__ import annotations

from kracked.protocol.events.event import Event, SymbolEvent


class Resync(SymbolEvent, frozen=True, tag="resync"):
    """The data of a subscription cannot be trusted; a fresh snapshot is needed, once.

    Whoever keeps books without a feed requests it; a feed does so by itself.
    """

    channel: str
    reason: str
    """`checksum`, `impossible` (the rules forbid what came), `precision` (the instrument's
    decimals changed), `sequence` (a message is missing), `stale` (its siblings contradict it),
    `timeout`, `unasked`."""
    detail: str = ""


class Verified(SymbolEvent, frozen=True, tag="verified"):
    """A book is proven: the checksum of its snapshot matched."""

    channel: str


class Connected(Event, frozen=True, tag="connected"):
    """A connection is open."""

    connection: str
    """`public`, `level3` or `private`, with a number where there are several."""
    url: str


class Reconnecting(Event, frozen=True, tag="reconnecting"):
    """A connection is lost, or could not be made."""

    connection: str
    url: str
    reason: str
    attempt: int
    """Attempts since the connection was last good."""
    delay_s: float
    """Seconds until the next attempt."""


class Reconnected(Event, frozen=True, tag="reconnected"):
    """A lost connection is back; snapshots follow."""

    connection: str
    url: str
    down_ns: int


class Gap(Event, frozen=True, omit_defaults=True, tag="gap"):
    """Messages of these symbols may be missing between `start` and `end`.

    Where the exchange's trade ids show which trades are missing, it names them.
    """

    channel: str
    symbols: tuple[str, ...]
    """Empty for a channel without symbols."""
    start: int
    """ns since the Unix epoch."""
    end: int
    """ns since the Unix epoch."""
    reason: str
    first_id: int | None = None
    """The first missing trade; None where it is not known which, and of other channels."""
    last_id: int | None = None
    """The last missing trade."""


class Stale(SymbolEvent, frozen=True, tag="stale"):
    """A subscription is not current: its connection is silent, or its siblings contradict it."""

    channel: str
    silent_ns: int
    """Time since its last message."""
    reason: str = ""
    """What contradicts it, or that nothing ever came; empty while heartbeats are missing."""
    interval: int | None = None
    """Minutes; candles only."""


class Overflow(Event, frozen=True, tag="overflow"):
    """This consumer was too slow: events before this one were left out for it."""

    dropped: int
    """How many."""
