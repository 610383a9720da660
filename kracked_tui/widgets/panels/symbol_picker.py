"""The symbol picker: finds a pair by a part of its name."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from kracked_tui.view.line import Line, Span, fit, line
from kracked_tui.widgets.painted_rows import LiveRows


class SymbolChosen(Message):
    """Show this symbol."""

    def __init__(self, symbol: str) -> None:
        super().__init__()
        self.symbol = symbol


def matching(text: str, symbols: Sequence[str]) -> list[str]:
    """Return the symbols that begin with this text, then those that contain it.

    A slash need not be typed, and XBT finds BTC.
    """
    letters = text.upper().replace("/", "").replace("XBT", "BTC").strip()
    bare = [(symbol.replace("/", ""), symbol) for symbol in symbols]
    first = [symbol for plain, symbol in bare if plain.startswith(letters)]
    later = [symbol for plain, symbol in bare if letters in plain and symbol not in first]
    return first + later


class SymbolPicker(Vertical):
    """Lists the pairs that match the typed text; enter shows the marked one. Never modal."""

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self.border_title = "Find a pair"
        self._symbols: list[str] = []
        self._found: list[str] = []
        self._cursor = 0
        self._rows = LiveRows(id="picker-rows", ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        yield Input(placeholder="pair, for example ETH/USD", id="picker-input", compact=True)
        yield self._rows

    def start(self, symbols: Sequence[str]) -> None:
        """Open for these symbols with an empty field."""
        self._symbols = list(symbols)
        field = self.query_one(Input)
        field.value = ""
        self.screen.set_focus(field)  # at once: the next key may be waiting already
        self._search("")

    def offer(self, symbols: Sequence[str]) -> None:
        """Add the symbols that became known while it is open."""
        if len(symbols) != len(self._symbols):
            self._symbols = list(symbols)
            self._search(self.query_one(Input).value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._found:
            self.post_message(SymbolChosen(self._found[self._cursor]))
        elif "/" in event.value:
            self.post_message(SymbolChosen(event.value.upper().strip()))

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def move(self, rows_up: int) -> None:
        """Move the mark up by some rows."""
        self._cursor = max(0, min(len(self._found) - 1, self._cursor - rows_up))
        self._draw()

    def _search(self, text: str) -> None:
        self._found, self._cursor = matching(text, self._symbols), 0
        self._draw()

    def _draw(self) -> None:
        width, height = self._rows.size
        first = max(0, self._cursor - height + 3)
        count = f" {len(self._found)} of {len(self._symbols)} pairs · enter shows · esc closes"
        lines: list[Line] = [Line(fit([Span(count, "dim")], width))]
        for at, symbol in enumerate(self._found[first:], first):
            mark = "▸ " if at == self._cursor else "  "
            spans = line(Span(mark, "accent"), Span(symbol)).spans
            lines.append(Line(fit(spans, width), "cursor" if at == self._cursor else ""))
        self._rows.set_lines(lines[:height])
