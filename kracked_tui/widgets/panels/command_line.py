"""The `:` line: a field for a command, and the lines it may become."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped
from kracked_tui.widgets.painted_rows import LiveRows

Complete = Callable[[str], tuple[tuple[str, str], ...]]
"""Returns the lines that a text may become, each with its help."""


class CommandLine(Vertical):
    """Tab takes the marked line, up and down move the mark, enter runs what is typed."""

    BINDINGS = [Binding("tab", "complete", show=False, priority=True)]  # noqa: RUF012

    class Entered(Message):
        """Run this line."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self.border_title = "Command"
        self._complete: Complete = lambda _: ()
        self._found: tuple[tuple[str, str], ...] = ()
        self._cursor = 0
        self._error = ""
        self._rows = LiveRows(id="command-rows", ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        yield Input(
            placeholder="command, for example pair ETH/USD", id="command-input", compact=True
        )
        yield self._rows

    def start(self, complete: Complete, text: str = "") -> None:
        """Open with a text in the field."""
        self._complete = complete
        field = self.query_one(Input)
        field.value, field.cursor_position = text, len(text)
        self.screen.set_focus(field)  # at once: the next key may be waiting already
        self._search(text)

    def refuse(self, error: str) -> None:
        """Say why the line was not run."""
        self._error = error
        self._draw()

    def move(self, rows_up: int) -> None:
        """Move the mark up by some rows."""
        self._cursor = max(0, min(len(self._found) - 1, self._cursor - rows_up))
        self._draw()

    def action_complete(self) -> None:
        """Take the marked line."""
        if self._found:
            field = self.query_one(Input)
            field.value = self._found[self._cursor][0]
            field.cursor_position = len(field.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value
        if self._cursor and self._found:  # a line was chosen below the first
            text = self._found[self._cursor][0]
        self.post_message(self.Entered(text))

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def _search(self, text: str) -> None:
        self._found, self._cursor, self._error = self._complete(text), 0, ""
        self._draw()

    def _draw(self) -> None:
        width, height = self._rows.size
        role = "warn" if self._error else "dim"
        said = self._error or "tab completes · enter runs · esc closes"
        lines = [Line(fit([Span(f" {row}", role)], width)) for row in wrapped(said, width - 2)]
        room = max(1, height - len(lines))
        first = max(0, self._cursor - room + 1)
        for at, (text, about) in enumerate(self._found[first : first + room], first):
            marked = at == self._cursor
            spans = [
                Span("▸ " if marked else "  ", "accent"),
                Span(f"{text:<12} "),
                Span(about, "dim"),
            ]
            lines.append(Line(fit(spans, width), "cursor" if marked else ""))
        self._rows.set_lines(lines[:height])
