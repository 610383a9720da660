"""What waits to be sent to one client: bounded, so that a client that stops reading stops
nobody else.

The overflow policy: the exchange keeps what a client has not read up to `LIMIT_BYTES`
(many seconds of everything); past that it drops the lot and hangs up, saying why. It
never leaves a single message out, because books could not survive it.
"""

from __future__ import annotations

import asyncio
from collections import deque

LIMIT_BYTES = 64 * 2**20


class Outbox:
    """Messages for one client, in order. One task takes them out."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.limit = limit
        self.overflowed = False
        self._messages: deque[bytes] = deque()
        self._size = 0
        self._ready = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Queue one message; once the box has overflowed nothing more goes in."""
        if self.overflowed:
            return
        self._messages.append(message)
        self._size += len(message)
        if self._size > self.limit:
            self.overflowed = True
            self._messages.clear()
        self._ready.set()

    async def take(self) -> bytes | None:
        """The next message, when there is one; None after an overflow."""
        while not self._messages:
            if self.overflowed:
                return None
            self._ready.clear()
            await self._ready.wait()
        message = self._messages.popleft()
        self._size -= len(message)
        return message
