"""The help, a page at a time."""

from __future__ import annotations

from kracked_tui.keys import Key
from kracked_tui.view.chrome.help import help_lines, pages
from kracked_tui.view.chrome.pane_frame import Box, Title
from kracked_tui.view.line import Span
from kracked_tui.widgets.painted_rows import LiveRows


class HelpPages(LiveRows):
    """One page of the help at a time."""

    def __init__(self, table: tuple[Key, ...], *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self._table = table
        self._page = 0
        self._word = ""
        """What is searched; empty for all pages."""
        self._pane = ""
        """The pane whose help this is; empty for that of all keys."""
        self._box = Box()

    def show(self) -> None:
        """Draw the page."""
        width, height = self.size
        if not height:
            return
        found = pages(self._table, height - 2, width - 2, word=self._word, pane=self._pane)
        self._page %= len(found)
        name = f"Help: {self._word}" if self._word else "Help"
        title = Title("?", name, f"page {self._page + 1} of {len(found)}", "")
        foot = (Span("arrows, pgup, pgdn, home, end turn · / searches · esc closes", "dim"),)
        body = help_lines(found[self._page], width - 2)
        self.set_lines(self._box.around(title, body, (width, height), focused=True, foot=foot))

    def search(self, word: str) -> None:
        """Show the entries with this word alone; every page where it is empty."""
        self._word, self._pane, self._page = word.strip(), "", 0

    def of_pane(self, pane: str) -> None:
        """Begin with what one pane shows, and its keys."""
        self._word, self._pane, self._page = "", pane, 0

    def move(self, rows_up: int) -> None:
        """Turn one page back (positive) or ahead."""
        self._page -= 1 if rows_up > 0 else -1
        self.show()

    def edge(self, up: int) -> None:
        """Go to the first page (1) or the last (-1)."""
        self._page = 0 if up > 0 else -1
        self.show()
