"""Publishes one stream of events to several consumers, none of which can hold up another.

Each consumer has its own bounded queue and a named policy for when it is full. A consumer
that missed events gets an `Overflow` in their place; the others do not notice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Self

from kracked.protocol.events import Event, Overflow


class Policy(Enum):
    """The treatment of new events when a consumer's queue is full."""

    NEVER_SKIP = "the queue is long; if it fills all the same, new events are dropped and counted"
    """For recorders: an event that is queued is never dropped."""
    NEWEST = "the oldest events make room for the newest"
    """For displays: the next event is never far behind."""


LIMITS = {Policy.NEVER_SKIP: 1_000_000, Policy.NEWEST: 10_000}
"""Events that a queue holds by default."""


class Consumer:
    """An async iterator of events; a context manager that ends its subscription.

    Use either the iterator or `batch` and `take`, from one task.
    """

    def __init__(self, policy: Policy, limit: int, leave: Callable[[Consumer], None]) -> None:
        self.policy, self.limit = policy, limit
        self.dropped = 0
        """Events dropped so far."""
        self._queue: deque[Event] = deque()
        self._unreported = 0
        """Dropped events that no `Overflow` has reported yet."""
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._leave = leave
        self._watcher: Callable[[], None] | None = None

    @property
    def waiting(self) -> int:
        """Events queued now."""
        return len(self._queue)

    # --- the feed's end ---------------------------------------------------------------

    def put(self, happened: list[Event]) -> None:
        """Queue events; never waits, never raises."""
        if self._unreported or len(self._queue) + len(happened) > self.limit:
            self._squeeze(happened)
        else:
            self._queue.extend(happened)
        self._wake()

    def _squeeze(self, happened: list[Event]) -> None:
        """Queue events as the policy says: the queue is full, or was and is not half read yet."""
        if self.policy is Policy.NEWEST:
            self._queue.extend(happened)
            lost = max(0, len(self._queue) - self.limit)
            for _ in range(lost):
                self._queue.popleft()
        elif len(self._queue) + len(happened) <= self.limit // 2:
            self._queue.append(Overflow(happened[0].received, self._unreported))
            self._queue.extend(happened)
            self._unreported = 0
            return
        else:  # drop until half is read: one long gap is better than many short ones
            lost = len(happened)
        self._unreported += lost
        self.dropped += lost

    def close(self) -> None:
        """End the stream; events that are queued can still be read."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._watcher is not None:
            self._watcher()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # --- the consumer's end -----------------------------------------------------------

    def take(self) -> list[Event]:
        """Return all queued events, oldest first, without waiting."""
        taken = list(self._queue)
        self._queue.clear()
        if self._unreported and self.policy is Policy.NEWEST:
            taken.insert(0, self._overflow(taken[0]))
        elif self._unreported and taken:
            taken.append(self._overflow(taken[-1]))
        return taken

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have a function called whenever events are queued, in the same step of the loop.

        At that moment the feed's books hold what the queued events say, and nothing later. It
        must not raise: it runs in the task of the connection.
        """
        self._watcher = watcher

    async def batch(self) -> list[Event]:
        """Wait for events and return all queued ones; none when the feed has ended."""
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
        if self._unreported and self.policy is Policy.NEWEST:
            return self._overflow(self._queue[0])
        return self._queue.popleft()

    def _overflow(self, neighbour: Event) -> Overflow:
        """Return the report of the dropped events, at the time of the event beside them."""
        dropped, self._unreported = self._unreported, 0
        return Overflow(neighbour.received, dropped)

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
        """Return a consumer of every event from now on; `limit` None is the policy's own."""
        consumer = Consumer(policy, LIMITS[policy] if limit is None else limit, self._remove)
        self.consumers = (*self.consumers, consumer)
        if self._closed:
            consumer.close()
        return consumer

    def publish(self, happened: list[Event]) -> None:
        """Queue events for every consumer, in this order."""
        if happened:
            for consumer in self.consumers:
                consumer.put(happened)

    def open(self) -> None:
        """Publish again after `close`; the consumers of before have ended for good."""
        if self._closed:
            self._closed, self.consumers = False, ()

    def close(self) -> None:
        """End the streams of all consumers."""
        self._closed = True
        for consumer in self.consumers:
            consumer.close()

    def _remove(self, consumer: Consumer) -> None:
        self.consumers = tuple(one for one in self.consumers if one is not consumer)
