"""The docked list of recordings; enter replays the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.events import Click
from textual.message import Message

from kracked_tui.view.chrome.pane_frame import Box, Title
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.replay.sessions import SessionRow, session_lines
from kracked_tui.view.words import wrapped
from kracked_tui.widgets.painted_rows import LiveRows


class SessionPicker(LiveRows):
    """Lists recordings. Never modal: the market goes on beside it."""

    class Chosen(Message):
        """Replay this recording, or go back."""

        def __init__(self, path: Path | None) -> None:
            super().__init__()
            self.path = path
            """None: go back to what was watched before."""

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self._rows: Sequence[SessionRow] = ()
        self._folder = ""
        self._cursor = 0
        self._refusal = ""
        self._first = 0
        """The list's first row in sight."""
        self._above = 0
        """Lines above the list."""
        self._box = Box()

    def start(self, rows: Sequence[SessionRow], folder: Path) -> None:
        """Open for these recordings of a folder."""
        self._rows, self._folder, self._cursor, self._refusal = rows, str(folder), 0, ""
        self.show()

    def refuse(self, reason: str) -> None:
        """Say why the chosen one cannot be replayed, until the cursor moves."""
        self._refusal = reason
        self.show()

    def show(self) -> None:
        """Draw the list."""
        width, height = self.size
        if not height:
            return
        lines = session_lines(self._rows, self._cursor, width - 2)
        if not lines:
            none = f" none yet; R records into {self._folder}"
            lines = [Line(fit([Span(none, "dim")], width - 2))]
        above = [
            Line(fit([Span(f" {text}", "warn")], width - 2))
            for text in wrapped(self._refusal, width - 4)
            if text
        ]
        self._above = len(above)
        self._first = max(0, self._cursor + len(above) - height + 3)
        title = Title("P", "Recordings", f"{len(self._rows)}")
        foot = (Span("enter replays · esc closes", "dim"),)
        body = [*above, *lines[self._first :]]
        self.set_lines(self._box.around(title, body, (width, height), focused=True, foot=foot))

    def move(self, rows_up: int) -> None:
        """Move the cursor up by some rows."""
        self._cursor = max(0, min(len(self._rows) - 1, self._cursor - rows_up))
        self._refusal = ""
        self.show()

    def open(self) -> None:
        """Replay the recording under the cursor."""
        if self._rows:
            self.post_message(self.Chosen(self._rows[self._cursor].path))

    def on_click(self, event: Click) -> None:
        row = event.y - 1 - self._above + self._first
        if 0 < event.y < self.size.height - 1 and self._first <= row < len(self._rows):
            self._cursor = row
            self.open()
