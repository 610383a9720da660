"""The jump panel: a letter for each pane, and the next key goes there."""

from __future__ import annotations

from collections.abc import Mapping

from kracked_tui.view.chrome.pane_frame import Box, Title
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.widgets.painted_rows import LiveRows

TOP = "g"
"""The letter that goes to the top of the pane: `g` twice, as in other programs."""


class JumpPanel(LiveRows, can_focus=True):
    """Shows the letters: the next key goes to its pane, any other closes the panel."""

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

    def pane_of(self, letter: str) -> str | None:
        """Return the pane of a letter; None where no pane has it."""
        return self._letters.get(letter, (None, ""))[0]
