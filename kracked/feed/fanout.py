"""One stream of events to several consumers, none of which can hold up another.

Each consumer has its own bounded queue and a named policy for the day it is full. What
was left out is told to that consumer alone, as an `Overflow` where the hole is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Self

from kracked.protocol.events import Event, Overflow


class Policy(Enum):
    """What becomes of events when a consumer's queue is full."""

    NEVER_SKIP = "the queue is long; should it fill all the same, the hole is reported"
    """For recorders: nothing queued is ever thrown away."""
    NEWEST = "the oldest make room for the newest"
    """For displays: what is read next is never far behind."""


LIMITS = {Policy.NEVER_SKIP: 1_000_000, Policy.NEWEST: 10_000}
"""Events a queue holds unless told otherwise."""


class Consumer:
    """An async iterator of events; a context manager that ends its subscription."""

    def __init__(self, policy: Policy, limit: int, leave: Callable[[Consumer], None]) -> None:
        self.policy, self.limit = policy, limit
        self.dropped = 0
        """Events left out so far."""
        self._queue: deque[Event] = deque()
        self._hole = 0
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._leave = leave

    @property
    def waiting(self) -> int:
        """Events queued now."""
        return len(self._queue)

    # --- the feed's end ---------------------------------------------------------------

    def put(self, happened: list[Event]) -> None:
        """Queue these; never waits, never raises."""
        if self._hole or len(self._queue) + len(happened) > self.limit:
            self._squeeze(happened)
        else:
            self._queue.extend(happened)
        self._wake()

    def _squeeze(self, happened: list[Event]) -> None:
        if self.policy is Policy.NEWEST:
            self._queue.extend(happened)
            lost = max(0, len(self._queue) - self.limit)
            for _ in range(lost):
                self._queue.popleft()
        elif len(self._queue) + len(happened) <= self.limit // 2:
            self._queue.append(Overflow(happened[0].received, self._hole))
            self._queue.extend(happened)
            self._hole = 0
            return
        else:  # wait until half is read: one long hole says more than many short ones
            lost = len(happened)
        self._hole += lost
        self.dropped += lost

    def close(self) -> None:
        """No more will come; what is queued can still be read."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # --- the consumer's end -----------------------------------------------------------

    def take(self) -> list[Event]:
        """Everything queued, oldest first, without waiting."""
        taken = list(self._queue)
        self._queue.clear()
        if self._hole and self.policy is Policy.NEWEST:
            taken.insert(0, self._tell(taken[0]))
        elif self._hole and taken:
            taken.append(self._tell(taken[-1]))
        return taken

    async def batch(self) -> list[Event]:
        """Everything queued, once there is something; empty when the feed has ended."""
        while not self._queue and not self._closed:
            await self._wait()
        return self.take()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            await self._wait()
        if self._hole and self.policy is Policy.NEWEST:
            return self._tell(self._queue[0])
        return self._queue.popleft()

    def _tell(self, neighbour: Event) -> Overflow:
        hole, self._hole = self._hole, 0
        return Overflow(neighbour.received, hole)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._leave(self)


class Fanout:
    """The consumers of one feed."""

    def __init__(self) -> None:
        self.consumers: tuple[Consumer, ...] = ()
        self._closed = False

    def consumer(self, policy: Policy, limit: int | None) -> Consumer:
        consumer = Consumer(policy, LIMITS[policy] if limit is None else limit, self._remove)
        self.consumers = (*self.consumers, consumer)
        if self._closed:
            consumer.close()
        return consumer

    def publish(self, happened: list[Event]) -> None:
        """Hand these on, in this order."""
        if happened:
            for consumer in self.consumers:
                consumer.put(happened)

    def open(self) -> None:
        """Hand on again after a close; the consumers of before have ended for good."""
        if self._closed:
            self._closed, self.consumers = False, ()

    def close(self) -> None:
        self._closed = True
        for consumer in self.consumers:
            consumer.close()

    def _remove(self, consumer: Consumer) -> None:
        self.consumers = tuple(one for one in self.consumers if one is not consumer)
