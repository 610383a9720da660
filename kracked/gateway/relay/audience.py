"""The subscribers of one topic, and whether each has the book that updates apply to."""

from __future__ import annotations

from kracked.gateway.channels import Topic
from kracked.gateway.client_session import ClientSession
from kracked.gateway.relay import windows
from kracked.gateway.relay.windows import Book, L2Window, L3Window, Update


class TopicAudience:
    """Owner of one topic's subscribers."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.synced: dict[ClientSession, bool] = {}
        """Every subscriber, and whether it has a book to apply updates to."""
        self._window: L2Window | L3Window | None = None
        """Set while a subscriber has a book of less than the recorded depth."""

    @property
    def depth(self) -> int:
        """The depth of a book's topic."""
        assert isinstance(self.topic.variety, int)
        return self.topic.variety

    def snapshot(self, book: Book) -> str:
        """Return the book at this topic's depth; later updates are cut to match it."""
        if self.depth < book.depth and self._window is None:
            self._window = windows.window(book, self.depth)
        return windows.snapshot(book, self.depth)

    def replace(self, book: Book, data: bytes) -> None:
        """Send the book that the recorded snapshot `data` has replaced; empty for a keyframe."""
        self._window = None
        if self.depth >= book.depth and data:
            self._send_snapshot(data)
        elif book.verified:
            self._send_snapshot(self.snapshot(book).encode())

    def update(self, event: Update, data: bytes) -> None:
        """Send the recorded update `data`, which the book has taken, to those in sync."""
        if self._window is not None:
            data = self._window.update(event).encode()
        if not data:
            return
        for session, synced in self.synced.items():
            if synced:
                session.send(data)

    def suspend(self) -> None:
        """Send nothing until the book's next snapshot: it cannot be trusted."""
        self._window = None
        self.synced = dict.fromkeys(self.synced, False)

    def _send_snapshot(self, snapshot: bytes) -> None:
        for session in self.synced:
            self.synced[session] = True
            session.send(snapshot)
