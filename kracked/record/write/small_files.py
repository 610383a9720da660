"""The small files beside the tables, each replaced whole: what rows need at once, others late.

`session.json` is replaced before the rows that need it are written. The live books are for
convenience: they are made piece by piece in idle moments, the newest wins, and a rush of
messages leaves them out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

from kracked.format.layout import LIVE_BOOKS
from kracked.format.lazy_text import PAUSE_S, Text, render
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sinks import WriteBatch

_REST_TIMES = 4
"""Making the live books takes a fifth of the time at most: this many times as long it rests."""


class SmallFiles:
    """The sink that replaces small files. Used by one thread; `wants_live_books` by any."""

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        self._late: Text | None = None
        self._work: Iterator[None] | None = None
        self._rests_until = 0.0

    @property
    def wants_live_books(self) -> bool:
        """Whether live books would be written soon: none are in the making."""
        return self._late is None and self._work is None and time.monotonic() >= self._rests_until

    def prepare(self, batch: WriteBatch) -> None:
        """Replace the batch's files, all but the live books."""
        for name, content in batch.files.items():
            if name != LIVE_BOOKS:
                self._folder.replace(name, render([content], pause_s=PAUSE_S).encode())

    def write(self, batch: WriteBatch) -> None:
        """Keep the live books for an idle moment."""
        self._late = batch.files.get(LIVE_BOOKS, self._late)

    def do_idle_work(self) -> bool:
        """Make one piece of the live books; return False when there is nothing to make."""
        if self._work is None and self._late is None:
            return False
        time.sleep(PAUSE_S)  # the event loop's turn
        return self._make_piece()

    def _make_piece(self) -> bool:
        if self._work is None:
            if self._late is None:
                return False
            self._work, self._late = self._replace_live_books(self._late), None
        if next(self._work, self._work) is self._work:
            self._work = None
        return True

    def _replace_live_books(self, content: Text) -> Iterator[None]:
        begun, pieces = time.monotonic(), [content] if isinstance(content, str) else []
        if not isinstance(content, str):
            for piece in content.pieces():
                pieces.append(piece)
                yield
        with suppress(OSError):  # a full disk, which the tables report; newer books will come
            self._folder.replace(LIVE_BOOKS, "".join(pieces).encode())
        self._rests_until = time.monotonic() + _REST_TIMES * (time.monotonic() - begun)

    def flush(self) -> None:
        """Do nothing."""

    def sync(self) -> None:
        """Do nothing: files are on the disk when they are replaced."""

    def drop_pending(self) -> int:
        """Drop nothing that was promised."""
        return 0

    def close(self) -> None:
        """Write the last live books."""
        while self._make_piece():
            pass  # nobody waits for the interpreter any more, so without pauses
