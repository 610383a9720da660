"""Events of the conversation on a connection: its state, and the answers to requests."""

from __future__ import annotations

import msgspec

from kracked.protocol.events.event import Event
from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent


class Status(Event, frozen=True, tag="status"):
    """The state of the trading engine: first message of a connection, then every change."""

    system: str
    """`online`, `post_only`, `cancel_only`, `maintenance`; an open set."""
    version: str = ""
    api_version: str = ""
    connection_id: int = 0
    """Unsigned 64 bit: may exceed 2**63."""
    upcoming_maintenance: tuple[MaintenanceEvent, ...] = ()
    """Planned windows that have not begun: an event leaves the list when its window starts."""
    emergency: tuple[Incident, ...] = ()
    """Incidents that are not resolved."""
    lists_stated: bool = True
    """Whether the exchange sent the two lists, empty or not; without them nothing is known of
    what is planned, and nothing has changed."""

    def after(self, before: Status | None) -> Status:
        """Return this status with the lists of the one before, if it has none of its own."""
        if self.lists_stated or before is None:
            return self
        return msgspec.structs.replace(
            self,
            upcoming_maintenance=before.upcoming_maintenance,
            emergency=before.emergency,
            lists_stated=before.lists_stated,
        )


class Heartbeat(Event, frozen=True, tag="heartbeat"):
    """A sign of life, once a second; it proves the connection, never a subscription."""


class Pong(Event, frozen=True, tag="pong"):
    """The answer to a ping."""

    req_id: int | None
    time_in: str = ""
    """When the ping reached the exchange, RFC 3339."""
    time_out: str = ""
    """When the answer left the exchange, RFC 3339."""


class Subscribed(Event, frozen=True, tag="subscribed"):
    """The exchange granted a subscription, with the parameters in force."""

    channel: str
    symbol: str | None = None
    depth: int | None = None
    interval: int | None = None
    snapshot: bool | None = None
    req_id: int | None = None
    warnings: tuple[str, ...] = ()
    max_rate_count: int | None = None
    """Executions only: the account's engine rate threshold."""


class Unsubscribed(Event, frozen=True, tag="unsubscribed"):
    """The exchange ended a subscription."""

    channel: str
    symbol: str | None = None
    depth: int | None = None
    interval: int | None = None
    req_id: int | None = None


class Rejected(Event, frozen=True, tag="rejected"):
    """The exchange refused a request. Often only `req_id` shows which one."""

    method: str | None
    error: str
    """The exchange's own words, complete."""
    req_id: int | None = None
    symbol: str | None = None
    channel: str | None = None


class Replied(Event, frozen=True, tag="replied"):
    """A trading method succeeded."""

    method: str
    result: object
    """The exchange's own object or list."""
    req_id: int | None = None
    time_in: str = ""
    time_out: str = ""


class Malformed(Event, frozen=True, tag="malformed"):
    """A message that is not what the documentation promises."""

    text: str
    """Its beginning, for the log."""
    reason: str
    """What is wrong with it."""
    symbol: str | None = None
    """The symbol that it was about, if that could be read."""
    channel: str | None = None
    """The channel that it was about, if that could be read."""


class Notice(Event, frozen=True, tag="notice"):
    """A text of the proxy before the exchange, outside the protocol: it will disconnect."""

    text: str


class Unknown(Event, frozen=True, tag="unknown"):
    """A message of a channel that this version does not know; ignored on purpose."""

    channel: str
