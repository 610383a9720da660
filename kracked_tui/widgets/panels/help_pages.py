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
        self._box = Box()

    def show(self) -> None:
        """Draw the page."""
        width, height = self.size
        if not height:
            return
        found = pages(self._table, height - 2, width - 2)
        self._page %= len(found)
        title = Title("?", "Help", f"page {self._page + 1} of {len(found)}", "")
        foot = (Span("up and down turn the page · esc closes", "dim"),)
        body = help_lines(found[self._page], width - 2)
        self.set_lines(self._box.around(title, body, (width, height), focused=True, foot=foot))

    def move(self, rows_up: int) -> None:
        """Turn one page back (positive) or ahead."""
        self._page -= 1 if rows_up > 0 else -1
        self.show()

    def edge(self, up: int) -> None:
        """Go to the first page (1) or the last (-1)."""
        self._page = 0 if up > 0 else -1
        self.show()
