"""A bounded queue of messages for one client: a client that stops reading stops nobody else.

The overflow policy: a queue holds what a client has not read up to `LIMIT_BYTES` (many
seconds of everything). Past that it drops all of it and the connection is closed with a
reason. It never leaves out a single message, because books could not survive that.
"""

from __future__ import annotations

import asyncio
from collections import deque

LIMIT_BYTES = 64 * 2**20


class SendQueue:
    """Messages for one client, in order. One task takes them out."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        """`limit`: the most bytes that may wait."""
        self.ending = ""
        """Why nothing more is accepted; empty while the queue is open."""
        self._limit = limit
        self._messages: deque[bytes] = deque()
        self._size = 0
        self._changed = asyncio.Event()

    @property
    def size(self) -> int:
        """Bytes that wait to be sent."""
        return self._size

    def put(self, message: bytes) -> None:
        """Queue one message; a closed queue ignores it."""
        if self.ending:
            return
        self._messages.append(message)
        self._size += len(message)
        if self._size > self._limit:
            self._messages.clear()
            self.close(f"more than {self._limit} bytes were left unread")
        self._changed.set()

    def close(self, reason: str) -> None:
        """Accept nothing more; what waits is still handed out."""
        self.ending = self.ending or reason
        self._changed.set()

    async def take(self) -> bytes | None:
        """Wait for the next message and return it; None once closed and empty."""
        while not self._messages:
            if self.ending:
                return None
            self._changed.clear()
            await self._changed.wait()
        message = self._messages.popleft()
        self._size -= len(message)
        return message
