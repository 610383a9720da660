"""One subscription: what identifies it, how it is requested, and its state.

Source: docs.kraken.com/api/docs/guides/spot-ws-intro and the channel pages
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kracked.protocol import events
from kracked.protocol.client.subscription_stages import SubscriptionStage
from kracked.protocol.requests import Subscribe, Unsubscribe

Key = tuple[str, str | None, int | None]
"""Channel, symbol, interval: they identify the subscription that a message belongs to."""

BOOKS = frozenset(("book", "level3"))
"""Channels whose data make a verified book."""
ACCOUNT = frozenset(("executions", "balances"))
"""Channels of the account: without a symbol, with numbered messages."""
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
        """Channel, symbol and interval: they identify the subscription in a message."""
        return (self.channel, self.symbol, self.interval)

    @property
    def name(self) -> str:
        """The subscription as messages to a person name it: `book BTC/USD`."""
        return f"{self.channel} {self.symbol}" if self.symbol else self.channel

    @property
    def terms(self) -> tuple[str, int | None, int | None, str | None]:
        """Everything but the symbol: subscriptions with the same terms fit one request."""
        return (self.channel, self.depth, self.interval, self.event_trigger)


INSTRUMENTS = Subscription("instrument")
EXECUTIONS = Subscription("executions")
BALANCES = Subscription("balances")


class SubscriptionState:
    """The state of one subscription. Only its session changes it."""

    __slots__ = (
        "acknowledged",
        "attempts",
        "connections_spent",
        "due",
        "error",
        "gap_reason",
        "gap_start",
        "hang_ups",
        "heard_before",
        "hurried",
        "last_message",
        "live_since",
        "messages",
        "req_id",
        "requested_alone",
        "resyncs",
        "retry_at",
        "sequence",
        "stage",
        "subscription",
        "target",
    )

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        """What the latest request named, or the next one will name."""
        self.target: Subscription | None = subscription
        """What should be live in the end; None when the subscription was dropped."""
        self.stage = SubscriptionStage.TO_SUBSCRIBE
        self.due = 0
        """When to send the request or to stop waiting for its answer, by the steady clock."""
        self.retry_at = 0
        """Earliest time to subscribe again after unsubscribing."""
        self.req_id: int | None = None
        self.acknowledged = False
        self.hurried = False
        """Whether its answer is not waited for any longer than `due`."""
        self.requested_alone = False
        """Whether it needs a request of its own, so that a refusal names it."""
        self.attempts = 0
        """Failed attempts on this connection."""
        self.connections_spent = 0
        """Connections given up because of this subscription."""
        self.live_since = 0
        self.last_message = 0
        """When its last message came, by the steady clock."""
        self.messages = 0
        self.hang_ups = 0
        """How often in succession the server ended the connection before it was granted."""
        self.heard_before = 0
        """Its messages when it was last requested."""
        self.resyncs = 0
        self.sequence: int | None = None
        """The number of its last message; account channels only."""
        self.gap_start: int | None = None
        """Start of the open gap in its data, ns since the Unix epoch; None without one."""
        self.gap_reason = ""
        self.error: str | None = None
        """The exchange's last refusal."""

    @property
    def heard(self) -> bool:
        """Whether a message has come since it was last requested."""
        return self.messages > self.heard_before


def answers(event: events.Subscribed | events.Unsubscribed, state: SubscriptionState) -> bool:
    """Whether this is the answer to the state's latest request."""
    return event.req_id is None or event.req_id == state.req_id


def is_refusal_of(event: events.Rejected, state: SubscriptionState) -> bool:
    """Whether this refuses the state's latest request: by id, else only by a named symbol."""
    if state.stage is SubscriptionStage.SUBSCRIBING:
        if state.acknowledged or event.method == "unsubscribe":
            return False
    elif state.stage is not SubscriptionStage.UNSUBSCRIBING or event.method == "subscribe":
        return False
    if event.symbol not in (None, state.subscription.symbol):
        return False
    if event.req_id is not None:
        return event.req_id == state.req_id
    return event.symbol is not None and event.channel in (None, state.subscription.channel)


def gap(state: SubscriptionState, start: int, end: int, reason: str) -> events.Gap:
    """Return the gap in this subscription's data from `start` to `end`, ns since the epoch."""
    channel, symbol, _ = state.subscription.key
    return events.Gap(end, channel, (symbol,) if symbol else (), start, end, reason)


def subscribe_request(subscriptions: Iterable[Subscription], token: str | None) -> Subscribe:
    """Return one request for subscriptions of the same terms."""
    first, symbols = _merged(subscriptions)
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
    """Return one request to end subscriptions of the same terms; it must repeat the terms."""
    first, symbols = _merged(subscriptions)
    return Unsubscribe(
        channel=first.channel,
        symbol=symbols,
        depth=first.depth,
        interval=first.interval,
        event_trigger=first.event_trigger,
        token=token if first.channel in NEEDS_TOKEN else None,
    )


def _merged(
    subscriptions: Iterable[Subscription],
) -> tuple[Subscription, tuple[str, ...] | None]:
    several = list(subscriptions)
    symbols = tuple(one.symbol for one in several if one.symbol is not None)
    return several[0], symbols or None
