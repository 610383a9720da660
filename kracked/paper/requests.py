"""Requests on their way to the paper engine, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

import msgspec

from kracked.paper.reports import Row
from kracked.paper.terms import PaperAmend, PaperRequest


class CancelRequest(msgspec.Struct, frozen=True):
    """The end of one order, by its id."""

    order_id: str


class CancelAllRequest(msgspec.Struct, frozen=True):
    """The end of every open order."""


class SwitchRequest(msgspec.Struct, frozen=True):
    """A new setting of the dead-man's switch."""

    timeout: int | None
    """ns after its arrival when everything is cancelled; None disarms it."""


class StartRequest(msgspec.Struct, frozen=True):
    """The time of a pending order has come."""

    order_id: str


class ExpiryRequest(msgspec.Struct, frozen=True):
    """The time of an order is over."""

    order_id: str


Request = (
    PaperRequest
    | PaperAmend
    | CancelRequest
    | CancelAllRequest
    | SwitchRequest
    | StartRequest
    | ExpiryRequest
)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one request."""

    ticket: int
    """What the engine returned when the request was made."""
    time: int
    error: str | None = None
    """Why it was refused, in the exchange's words; None when it was done."""
    order_id: str | None = None
    count: int = 0
    """Orders that a cancel ends."""


class Report(msgspec.Struct, frozen=True):
    """One row of the `executions` channel."""

    row: Row


class Requests:
    """Requests by their arrival; those that arrive at once keep their order."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Request]] = []
        self._tickets = 0

    def send(self, request: Request, arrival: int) -> int:
        """Let a request, or an order's own time, arrive then; return its ticket."""
        self._tickets += 1
        heappush(self._heap, (arrival, self._tickets, request))
        return self._tickets

    @property
    def next_arrival(self) -> int | None:
        """The time at which the next one arrives; None when none is on its way."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: int) -> Iterator[tuple[int, int, Request]]:
        """Iterate over arrival, ticket and request of all that have arrived."""
        while self._heap and self._heap[0][0] <= now:
            yield heappop(self._heap)
