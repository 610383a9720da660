"""The one-row widgets at the edges of the screen, and the help pages."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message

from kracked_tui.keys import Key
from kracked_tui.view.chrome import help as pages
from kracked_tui.view.chrome.pane_frame import Title, framed
from kracked_tui.view.chrome.status import Hint, hint_at, hint_line
from kracked_tui.view.line import Line, Span
from kracked_tui.widgets.painted_rows import LiveRows


class Hints(LiveRows):
    """The keys worth knowing; each is a button too."""

    class Pressed(Message):
        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, hints: Sequence[Hint], *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self.hints = hints
        self._shown: tuple[object, int, Line] | None = None

    def show(self) -> None:
        width = self.cells.width
        if self._shown is None or self._shown[:2] != (self.hints, width):
            self._shown = (self.hints, width, hint_line(self.hints, width))
        self.set_lines([self._shown[2]])

    def on_click(self, event: Click) -> None:
        hint = hint_at(self.hints, self.size.width, event.x)
        if hint is not None:
            self.post_message(self.Pressed(hint.action))


class HelpPages(LiveRows):
    """One page of the help at a time."""

    def __init__(self, table: tuple[Key, ...], *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self._table = table
        self._page = 0

    def show(self) -> None:
        width, height = self.size
        if not height:
            return
        found = pages.pages(self._table, height - 2, width - 2)
        self._page %= len(found)
        title = Title("?", "Help", f"page {self._page + 1} of {len(found)}", "")
        foot = (Span("up and down turn the page · esc closes", "dim"),)
        body = pages.help_lines(found[self._page], width - 2)
        self.set_lines(framed(title, body, (width, height), focused=True, foot=foot))

    def move(self, rows_up: int) -> None:
        self._page -= 1 if rows_up > 0 else -1
        self.show()

    def edge(self, up: int) -> None:
        """To the first page (1) or the last (-1)."""
        self._page = 0 if up > 0 else -1
        self.show()
