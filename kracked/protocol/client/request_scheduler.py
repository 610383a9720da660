"""Chooses the requests that may go out now: grouped, numbered and paced as the exchange allows.

Sources: docs.kraken.com/exchange/api-reference/spot-websocket-v2/level3 (its rate
counter), docs.kraken.com/api/docs/guides/spot-ws-intro
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kracked.protocol import requests
from kracked.protocol.client.subscription import (
    SubscriptionState,
    subscribe_request,
    unsubscribe_request,
)
from kracked.protocol.client.subscription_stages import SubscriptionStage
from kracked.protocol.sliding_window import SlidingWindow
from kracked.times import NS_PER_S

SYMBOLS_PER_REQUEST = 50
# Undocumented for public sockets; these are figures known to be accepted.
REQUESTS_PER_WINDOW, REQUEST_WINDOW_NS = 10, NS_PER_S // 2
# 200 a second is documented; the window is a little wider because requests bunch on the way.
LEVEL3_COUNTER, LEVEL3_WINDOW_NS = 200, NS_PER_S * 11 // 10
LEVEL3_COST = {10: 5, 100: 25, 1000: 100}
"""Cost of one symbol, by depth."""


class RequestScheduler:
    """Turns the states whose time has come into requests. `now` is ns of any steady clock."""

    def __init__(self) -> None:
        self._last_req_id = 0
        self.window = SlidingWindow(REQUESTS_PER_WINDOW, REQUEST_WINDOW_NS)
        """The requests sent lately; nothing is sent while it is full."""
        self._level3 = SlidingWindow(LEVEL3_COUNTER, LEVEL3_WINDOW_NS)

    def ping(self) -> tuple[int, bytes]:
        """Return the id and the bytes of a ping."""
        req_id = self._next_req_id()
        return req_id, requests.encode(requests.Ping(), req_id)

    def requests(
        self, states: Iterable[SubscriptionState], token: str | None, now: int
    ) -> Iterator[tuple[bytes, int, list[SubscriptionState]]]:
        """Yield bytes, id and states of each request that may go out, unsubscribing first.

        A state that finds no room is left as it is; its turn comes.
        """
        due = [state for state in states if state.due <= now]
        for stage in (SubscriptionStage.TO_UNSUBSCRIBE, SubscriptionStage.TO_SUBSCRIBE):
            subscribes = stage is SubscriptionStage.TO_SUBSCRIBE
            for group in _groups(state for state in due if state.stage is stage):
                if self.window.room(now) < 1:
                    return
                part = self._affordable(group, now) if subscribes else group
                if not part:
                    continue
                self.window.spend(1, now)
                req_id = self._next_req_id()
                make = subscribe_request if subscribes else unsubscribe_request
                request = make((state.subscription for state in part), token)
                yield requests.encode(request, req_id), req_id, part

    def _affordable(self, group: list[SubscriptionState], now: int) -> list[SubscriptionState]:
        """Return the states that the level3 counter has room for, and spend it."""
        subscription = group[0].subscription
        if subscription.channel != "level3":
            return group
        cost = LEVEL3_COST.get(subscription.depth or 10, LEVEL3_COUNTER)
        part = group[: self._level3.room(now) // cost]
        self._level3.spend(cost * len(part), now)
        return part

    def _next_req_id(self) -> int:
        self._last_req_id += 1
        return self._last_req_id


def _groups(states: Iterable[SubscriptionState]) -> Iterator[list[SubscriptionState]]:
    """Group states of the same terms, as many as one request should name."""
    groups: dict[tuple[object, ...], list[SubscriptionState]] = {}
    for state in states:
        one = state.subscription
        groups.setdefault(one.key if state.requested_alone else one.terms, []).append(state)
    for group in groups.values():
        for start in range(0, len(group), SYMBOLS_PER_REQUEST):
            yield group[start : start + SYMBOLS_PER_REQUEST]
