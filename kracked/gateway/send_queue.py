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


class SendQueue:
    """Messages for one client, in order. One task takes them out."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.ending = ""
        """Why nothing more is taken in; empty while open."""
        self._limit = limit
        self._messages: deque[bytes] = deque()
        self._size = 0
        self._changed = asyncio.Event()

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    def put(self, message: bytes) -> None:
        """Queue one message; a box that has been closed ignores it."""
        if self.ending:
            return
        self._messages.append(message)
        self._size += len(message)
        if self._size > self._limit:
            self._messages.clear()
            self.close(f"more than {self._limit} bytes were left unread")
        self._changed.set()

    def close(self, reason: str) -> None:
        """Take nothing more in; what waits is still sent."""
        self.ending = self.ending or reason
        self._changed.set()

    async def take(self) -> bytes | None:
        """The next message, when there is one; None once closed and empty."""
        while not self._messages:
            if self.ending:
                return None
            self._changed.clear()
            await self._changed.wait()
        message = self._messages.popleft()
        self._size -= len(message)
        return message
