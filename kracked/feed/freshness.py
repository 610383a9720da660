"""The judge of freshness: whether each subscription's data are current, by itself and its siblings.

Heartbeats prove a connection, never a subscription, and a quiet market is silent for good
reason. So silence alone proves nothing: a subscription is stale when its siblings, the other
channels of its symbol, say what it should have said. Pure: no clock, no I/O.

- A book is *contradicted* when newer messages of the ticker or of the other book have other best
  prices, or a trade went through its best price, and it does not move.
- It is *left behind* when a sibling each of whose messages changes it sends several, and it none.
- Ticker, trades and candles are judged likewise by each other, with more patience.
- A subscription that was granted and never sent its first message is *mute*.

A pair that is not online is not judged.

Source of what each channel sends and when: the pages below
docs.kraken.com/api/docs/websocket-v2/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kracked.feed.contradictions import LEAD_NS, Market, contradiction, is_sent_by_trades
from kracked.feed.managed_connection import ManagedConnection
from kracked.protocol.client.session import Session
from kracked.protocol.client.subscription import BOOKS, Key, SubscriptionState
from kracked.protocol.client.subscription_stages import SubscriptionStage
from kracked.protocol.client.timeouts import SNAPSHOT_NS
from kracked.times import NS_PER_S

JUDGE_EVERY_NS = NS_PER_S // 4
BOOK_PATIENCE_NS = NS_PER_S * 3 // 2
"""How long a book may disagree: orders are judged by it, so it is stale within two seconds."""
OTHER_PATIENCE_NS = 5 * NS_PER_S
MOST_IGNORED = 3
"""Messages of one sibling that a subscription may leave unanswered: an iceberg order that shows
its next part trades without a change of its level."""
STALL_NS = NS_PER_S
"""A judge who was called this late was held up, as was the reading of messages."""


class StaleSubscription(NamedTuple):
    """A subscription that has just become stale."""

    key: Key
    reason: str
    """What contradicts it."""
    last_received: int
    """When its last message came, ns since the Unix epoch; 0 when there was none."""
    silent_ns: int
    """Time since its last message, or since it was granted."""


class Freshness(NamedTuple):
    """Whether the data of one subscription are current."""

    current: bool
    reason: str
    """Why not; empty when they are."""
    age_ns: int | None
    """Time since the last sign that they are current; None when they are not."""


class _Watch:
    """One subscription under observation."""

    __slots__ = ("behind_since", "doubt", "doubt_since", "messages", "siblings")

    def __init__(self, messages: int, siblings: Iterable[SubscriptionState]) -> None:
        self.messages = messages
        self.siblings = {one.subscription.key: (one.heard_before, one.messages) for one in siblings}
        """The counts of its siblings' messages when it last said something."""
        self.behind_since: int | None = None
        self.doubt_since: int | None = None
        self.doubt = ""

    def ahead(self, sibling: SubscriptionState) -> int:
        """Return how many updates a sibling has sent since; its snapshot is none."""
        requested, counted = self.siblings.get(sibling.subscription.key, (-1, 0))
        if requested != sibling.heard_before:
            counted = sibling.heard_before + 1
        return sibling.messages - counted


class FreshnessJudge:
    """Judges every subscription of a feed; `now` is ns of any steady clock."""

    def __init__(self) -> None:
        self.reasons: dict[Key, str] = {}
        """Why each stale subscription is so, until it is live and proven again."""
        self._watches: dict[Key, _Watch] = {}
        self._asked: set[Key] = set()
        """Mute subscriptions that were asked for anew already."""
        self._judged = 0

    def due(self, now: int) -> bool:
        """Whether it is time to call `judge`."""
        return now - self._judged >= JUDGE_EVERY_NS

    def judge(self, markets: Iterable[Market], now: int) -> list[StaleSubscription]:
        """Return the subscriptions that have just become stale.

        Args:
            markets: Every symbol of the feed.
            now: The steady clock, ns.
        """
        stalled = now - self._judged if now - self._judged > STALL_NS else 0
        self._judged = now
        found: list[StaleSubscription] = []
        seen: dict[Key, _Watch] = {}
        for market in markets:
            latest = max(state.last_message for state in market.states.values())
            for key, state in market.states.items():
                if not _is_judged(market, state):
                    continue
                self.reasons.pop(key, None)
                if self._asked and state.heard:
                    self._asked.discard(key)
                reason = "" if state.heard else self._mute(market, state, now)
                # Nearly always nothing is clearly newer, and there is nothing to compare.
                if not reason and latest - state.last_message > LEAD_NS:
                    watch = seen[key] = self._watched(market, state, stalled)
                    reason = _stale(market, state, watch, now)
                if reason:
                    self.reasons[key] = reason
                    silent_ns = now - max(state.last_message, state.live_since)
                    last = _last_received(market, key)
                    found.append(StaleSubscription(key, reason, last, silent_ns))
        self._watches = seen
        return found

    def freshness(
        self, connections: Iterable[ManagedConnection], symbol: str, channel: str, now: int
    ) -> Freshness:
        """Return whether the subscriptions of a symbol's channel are current.

        Args:
            connections: Those of the feed.
            symbol: The pair, ``BTC/USD``.
            channel: Its channel.
            now: The steady clock, ns.
        """
        found = [
            self._freshness(key, managed.session, now)
            for managed in connections
            for key in managed.session.states
            if key[:2] == (channel, symbol)
        ]
        worst = min(found, key=lambda one: (one.current, -(one.age_ns or 0)), default=None)
        return worst or Freshness(current=False, reason="not subscribed", age_ns=None)

    def _freshness(self, key: Key, session: Session, now: int) -> Freshness:
        state, watch = session.states[key], self._watches.get(key)
        if state.stage is not SubscriptionStage.LIVE:
            reason = self.reasons.get(key) or state.error or state.gap_reason
            reason = reason or "it has not begun to come"
            return Freshness(current=False, reason=reason, age_ns=None)
        silent = now - session.liveness.last_frame
        since = watch.doubt_since if watch is not None else None
        age_ns = silent if since is None else max(silent, now - since)
        return Freshness(current=True, reason="", age_ns=age_ns)

    def _watched(self, market: Market, state: SubscriptionState, stalled: int) -> _Watch:
        """Return the watch of a subscription, begun anew after each of its messages."""
        watch = self._watches.get(state.subscription.key)
        if watch is None or watch.messages != state.messages:
            return _Watch(state.messages, _siblings(market, state))
        if watch.behind_since is not None:
            watch.behind_since += stalled
        if watch.doubt_since is not None:
            watch.doubt_since += stalled
        return watch

    def _mute(self, market: Market, state: SubscriptionState, now: int) -> str:
        """Say that a subscription never sent its first message; empty where that may be right.

        A pair that never traded has no trades and no candles to send; the first time that is
        asked, then it is believed.
        """
        key = state.subscription.key
        if now - state.live_since < SNAPSHOT_NS:
            return ""
        if state.subscription.channel in ("trade", "ohlc"):
            quiet = market.ticker is not None and not market.ticker.volume
            if quiet or key in self._asked:
                return ""
        self._asked.add(key)
        return f"granted {SNAPSHOT_NS // NS_PER_S} s ago, and nothing came"


def _is_judged(market: Market, state: SubscriptionState) -> bool:
    if state.stage is not SubscriptionStage.LIVE or not market.online:
        return False
    channel = state.subscription.channel
    book = market.l2 if channel == "book" else market.l3
    return channel not in BOOKS or (book is not None and book.verified)


def _stale(market: Market, state: SubscriptionState, watch: _Watch, now: int) -> str:
    """Say why a subscription is stale; empty while it is not."""
    is_book = state.subscription.channel in BOOKS
    patience = BOOK_PATIENCE_NS if is_book else OTHER_PATIENCE_NS
    doubt = contradiction(market, state)
    if not doubt:
        watch.doubt_since, watch.doubt = None, ""
    else:
        watch.doubt = doubt
        watch.doubt_since = now if watch.doubt_since is None else watch.doubt_since
        if now - watch.doubt_since >= patience:
            return doubt
    ahead = [(watch.ahead(one), one) for one in _siblings(market, state)]
    most, sibling = max(ahead, key=lambda pair: pair[0], default=(0, state))
    if most <= 0:
        watch.behind_since = None
        return ""
    watch.behind_since = now if watch.behind_since is None else watch.behind_since
    if most >= MOST_IGNORED and now - watch.behind_since >= patience:
        return f"{most} messages of {sibling.subscription.channel} came, and none of it"
    return ""


def _siblings(market: Market, state: SubscriptionState) -> Iterator[SubscriptionState]:
    """Yield the live subscriptions each of whose messages must have one of this one beside it."""
    subject = state.subscription
    for other in market.states.values():
        one = other.subscription
        if other is state or other.stage is not SubscriptionStage.LIVE:
            continue
        by_trades = one.channel == "trade" or is_sent_by_trades(one)
        match subject.channel, one.channel:
            case ("book", "level3") | ("level3", "book"):
                told = (one.depth or 0) <= (subject.depth or 0)  # it sees no further
            case ("book" | "level3", "ticker"):
                told = True
            case "ticker", _:
                told = one.channel == "trade" and is_sent_by_trades(subject)
            case _:
                told = by_trades
        if told:
            yield other


def _last_received(market: Market, key: Key) -> int:
    """Return when the last message of a subscription came, ns since the Unix epoch."""
    channel, _, interval = key
    last = {
        "book": market.l2,
        "level3": market.l3,
        "ticker": market.ticker,
        "trade": market.trades,
        "ohlc": market.candles.get(interval or 0),
    }.get(channel)
    return last.received if last is not None else 0
