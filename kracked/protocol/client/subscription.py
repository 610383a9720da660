"""One subscription: what identifies it, how it is asked for, and where it stands.

Source: docs.kraken.com/api/docs/guides/spot-ws-intro and the channel pages
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from kracked.protocol import events
from kracked.protocol.requests import Subscribe, Unsubscribe

Key = tuple[str, str | None, int | None]
"""Channel, symbol, interval: what a message says about the subscription it belongs to."""

BOOKS = frozenset(("book", "level3"))
"""Channels whose data make a verified book."""
ACCOUNT = frozenset(("executions", "balances"))
"""Channels of the account: no symbol, and numbered messages."""
NEEDS_TOKEN = frozenset(("level3", *ACCOUNT))
NEEDS_SNAPSHOT = frozenset(("instrument", *BOOKS, *ACCOUNT))
"""Channels whose updates mean nothing before the snapshot."""


class Subscription(msgspec.Struct, frozen=True):
    """A channel of one symbol, with the parameters that identify it to the exchange."""

    channel: str
    symbol: str | None = None
    """None for `instrument` and the account's channels: always everything."""
    depth: int | None = None
    interval: int | None = None
    """Minutes; ohlc only."""
    event_trigger: str | None = None
    """Ticker only: `trades` or `bbo`."""

    @property
    def key(self) -> Key:
        return (self.channel, self.symbol, self.interval)

    @property
    def name(self) -> str:
        return f"{self.channel} {self.symbol}" if self.symbol else self.channel

    @property
    def terms(self) -> tuple[str, int | None, int | None, str | None]:
        """Subscriptions with the same terms fit one request."""
        return (self.channel, self.depth, self.interval, self.event_trigger)


INSTRUMENTS = Subscription("instrument")
EXECUTIONS = Subscription("executions")
BALANCES = Subscription("balances")


class SubscriptionStage(StrEnum):
    TO_ASK = "to ask"
    ASKED = "asked"
    LIVE = "live"
    TO_LEAVE = "to leave"
    LEAVING = "leaving"
    REFUSED = "refused"


class SubscriptionState:
    """Where one subscription stands. Only its session changes it."""

    __slots__ = (
        "acked",
        "alone",
        "due",
        "error",
        "heard",
        "live_since",
        "lost_at",
        "lost_why",
        "messages",
        "req_id",
        "resume_at",
        "resyncs",
        "rounds",
        "sequence",
        "stage",
        "subscription",
        "tries",
        "wanted",
    )

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        """What was, or will be, asked."""
        self.wanted: Subscription | None = subscription
        """What should stand once this conversation is over; None: nothing."""
        self.stage = SubscriptionStage.TO_ASK
        self.due = 0
        """When to act: ask, leave, or stop waiting for an answer."""
        self.resume_at = 0
        """Earliest time to ask again after leaving."""
        self.req_id: int | None = None
        self.acked = False
        self.alone = False
        """To be asked in a request of its own, so that a refusal names it."""
        self.tries = 0
        self.rounds = 0
        """Connections given up because of it."""
        self.live_since = 0
        self.heard = 0
        self.messages = 0
        self.resyncs = 0
        self.sequence: int | None = None
        self.lost_at: int | None = None
        """Start of the hole in its data, ns since the Unix epoch."""
        self.lost_why = ""
        self.error: str | None = None


def answers(event: events.Subscribed | events.Unsubscribed, state: SubscriptionState) -> bool:
    """Whether this is the answer to the state's latest request."""
    return event.req_id is None or event.req_id == state.req_id


def is_refusal_of(event: events.Rejected, state: SubscriptionState) -> bool:
    """Whether this refuses the state's latest request: by id, else only by a named symbol."""
    if state.stage is SubscriptionStage.ASKED:
        if state.acked or event.method == "unsubscribe":
            return False
    elif state.stage is not SubscriptionStage.LEAVING or event.method == "subscribe":
        return False
    if event.symbol not in (None, state.subscription.symbol):
        return False
    if event.req_id is not None:
        return event.req_id == state.req_id
    return event.symbol is not None and event.channel in (None, state.subscription.channel)


def gap(state: SubscriptionState, start: int, end: int, reason: str) -> events.Gap:
    """A hole in the data of this state."""
    channel, symbol, _ = state.subscription.key
    return events.Gap(end, channel, (symbol,) if symbol else (), start, end, reason)


def subscribe_request(subscriptions: Iterable[Subscription], token: str | None) -> Subscribe:
    """One request for subscriptions of the same terms."""
    first, symbols = _together(subscriptions)
    executions = first.channel == "executions"
    return Subscribe(
        channel=first.channel,
        symbol=symbols,
        depth=first.depth,
        interval=first.interval,
        event_trigger=first.event_trigger,
        # The executions page deprecates `snapshot` for the two that follow.
        snapshot=None if executions else True,
        snap_orders=True if executions else None,
        snap_trades=True if executions else None,
        token=token if first.channel in NEEDS_TOKEN else None,
    )


def unsubscribe_request(subscriptions: Iterable[Subscription], token: str | None) -> Unsubscribe:
    """One request to leave subscriptions of the same terms, which must be repeated."""
    first, symbols = _together(subscriptions)
    return Unsubscribe(
        channel=first.channel,
        symbol=symbols,
        depth=first.depth,
        interval=first.interval,
        event_trigger=first.event_trigger,
        token=token if first.channel in NEEDS_TOKEN else None,
    )


def _together(
    subscriptions: Iterable[Subscription],
) -> tuple[Subscription, tuple[str, ...] | None]:
    several = list(subscriptions)
    symbols = tuple(one.symbol for one in several if one.symbol is not None)
    return several[0], symbols or None
