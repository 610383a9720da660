"""The watchlist pane: every subscribed pair."""

from __future__ import annotations

from textual.events import Click

from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.chrome import watchlist
from kracked_tui.widgets.panels.symbol_picker import SymbolChosen
from kracked_tui.widgets.panes.pane import Content, Pane


class WatchlistPane(Pane):
    """Every subscribed symbol; enter or a click shows one."""

    name_shown = "Watchlist"
    every = 4

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._cursor = 0

    def content(self, frame: FrameState) -> Content:
        """Draw a row for each symbol."""
        width, _ = self.inside
        rows = [
            watchlist.watch_line(row._replace(cursor=self.has_focus and at == self._cursor), width)
            for at, row in enumerate(frame.watch_rows)
        ]
        order = frame.watch_order
        note = f"by {order}" if order in watchlist.ORDERS[1:] else ""
        return Content([watchlist.head_line(width, order), *rows], note)

    def move(self, rows_up: int) -> None:
        """Move the cursor up by some rows."""
        count = len(self.frame.watch_rows) if self.frame else 0
        self._cursor = max(0, min(count - 1, self._cursor - rows_up))
        self.redraw()

    def edge(self, up: int) -> None:
        """Put the cursor on the first symbol (1) or the last (-1)."""
        self.move(up * 1000)

    def open(self) -> None:
        """Show the symbol under the cursor."""
        rows = self.frame.watch_rows if self.frame else ()
        if self._cursor < len(rows):
            self.post_message(SymbolChosen(rows[self._cursor].symbol))

    def on_click(self, event: Click) -> None:
        if self.frame and 0 <= event.y - 2 < len(self.frame.watch_rows):
            self._cursor = event.y - 2
            self.open()
