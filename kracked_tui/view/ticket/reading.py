"""Which rows of a ticket are in sight, and which of a preview have been. Pure."""

from __future__ import annotations

from kracked_tui.view.ticket.ticket_lines import TOO_SMALL

NOT_TO_THE_END = "the preview goes on below: j reads on, then y sends"


class Reading:
    """Owner of how far one ticket is scrolled. Rows count as read once they were painted.

    Attributes:
        skip: Rows scrolled past.
        readable: Whether no word is missing in the rows.
    """

    def __init__(self) -> None:
        self.skip = 0
        self._rows = self._room = 0
        self.readable = True
        self._shown_to = self._read_to = 0

    def show(self, rows: int, room: int, *, readable: bool) -> None:
        """Take what is drawn now.

        Args:
            rows: Rows of the ticket.
            room: Rows there is room for.
            readable: Whether no word is missing in them.
        """
        if room != self._room:  # the window is another one: what was read of it is not known
            self._read_to = 0
        self._rows, self._room, self.readable = rows, room, readable
        self.skip = max(0, min(self.skip, rows - room))
        self._shown_to = min(rows, self.skip + room)

    def take_read(self) -> None:
        """Count the rows drawn last as read; rows that were skipped over are not."""
        if self.skip <= self._read_to:
            self._read_to = max(self._read_to, self._shown_to)

    def turn(self, pages: int) -> None:
        """Scroll down by some pages of which the last row is the next one's first."""
        self.skip = max(0, self.skip + pages * max(1, self._room - 1))

    @property
    def whole(self) -> bool:
        """Whether every row is in sight now, or was before."""
        seen = self._shown_to if self.skip <= self._read_to else 0
        return self.readable and max(self._read_to, seen) >= self._rows

    @property
    def unread(self) -> str:
        """The reason why the ticket cannot have been read to its end; empty when it can."""
        if not self.readable:
            return TOO_SMALL
        return "" if self._read_to >= self._rows else NOT_TO_THE_END

    @property
    def text(self) -> str:
        """The rows above and below those in sight, and the keys that go there; empty for none."""
        above, below = self.skip, max(0, self._rows - self._shown_to)
        parts = [f"▲{above} k" if above else "", f"▼{below} j" if below else ""]
        return " ".join(filter(None, parts))
