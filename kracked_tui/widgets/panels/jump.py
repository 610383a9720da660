"""The jump panel: a letter for each pane, and the next key goes there."""

from __future__ import annotations

from collections.abc import Mapping

from textual.events import Key
from textual.message import Message

from kracked_tui.view.chrome.pane_frame import Box, Title
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.widgets.painted_rows import LiveRows

TOP = "g"
"""The letter that goes to the top of the pane: `g` twice, as in other programs."""


class JumpPanel(LiveRows, can_focus=True):
    """Takes one key: a letter goes to its pane, any other closes the panel."""

    class Chosen(Message):
        """Go to a pane; None for none."""

        def __init__(self, pane: str | None, *, top: bool = False) -> None:
            super().__init__()
            self.pane = pane
            self.top = top
            """Whether to go to the top of the focused pane instead."""

    def __init__(
        self,
        letters: Mapping[str, tuple[str, str]],
        *,
        id: str,  # noqa: A002
        ascii_only: bool = False,
    ) -> None:
        """`letters` has the pane and its name for each letter."""
        super().__init__(id=id, ascii_only=ascii_only)
        self._letters = letters
        self._box = Box()

    def show(self) -> None:
        """Draw the letters."""
        width, height = self.size
        if not height:
            return
        rows = [(letter, name) for letter, (_, name) in self._letters.items()]
        rows.append((TOP, "top of this pane"))
        body = [
            Line(fit([Span(f" {letter}  ", "key"), Span(name)], width - 2)) for letter, name in rows
        ]
        foot = (Span("any other key closes", "dim"),)
        title = Title("", "Go to")
        self.set_lines(self._box.around(title, body, (width, height), focused=True, foot=foot))

    def on_key(self, event: Key) -> None:
        if event.key == "escape":
            return
        event.stop()
        event.prevent_default()
        pane = self._letters.get(event.character or "", (None, ""))[0]
        self.post_message(self.Chosen(pane, top=event.character == TOP))
