"""Those who listen to one topic, and whether they have what an update applies to."""

from __future__ import annotations

from kracked.gateway.channels import Topic
from kracked.gateway.client_session import ClientSession
from kracked.replay_server import windows
from kracked.replay_server.windows import Book, BookWindow, OrdersWindow, Update


class TopicAudience:
    """Of one topic."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.begun: dict[ClientSession, bool] = {}
        """Everyone, and whether they have a book to apply updates to."""
        self._window: BookWindow | OrdersWindow | None = None
        """Kept while somebody has a book of less than the recorded depth."""

    @property
    def depth(self) -> int:
        assert isinstance(self.topic.variety, int)
        return self.topic.variety

    def picture(self, book: Book) -> str:
        """The book as it stands, at this audience's depth; updates are cut to match."""
        if self.depth < book.depth and self._window is None:
            self._window = windows.window(book, self.depth)
        return windows.snapshot(book, self.depth)

    def begin(self, snapshot: bytes) -> None:
        """Give everyone a book to start from, or to start afresh from."""
        for listener in self.begun:
            self.begun[listener] = True
            listener.send(snapshot)

    def replace(self, book: Book, data: bytes) -> None:
        """The recorded snapshot `data` has replaced the book."""
        self._window = None
        if self.depth >= book.depth and data:
            self.begin(data)
        elif book.verified:
            self.begin(self.picture(book).encode())

    def update(self, event: Update, data: bytes) -> None:
        """The book has taken the recorded update `data`."""
        if self._window is not None:
            data = self._window.update(event).encode()
        if not data:
            return
        for listener, begun in self.begun.items():
            if begun:
                listener.send(data)

    def doubt(self) -> None:
        """The book can no longer be trusted: silence until its next snapshot."""
        self._window = None
        self.begun = dict.fromkeys(self.begun, False)
