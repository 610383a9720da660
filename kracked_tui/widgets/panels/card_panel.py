"""The card over the panes: one sighting or one fill in full, made anew with every frame."""

from __future__ import annotations

from collections.abc import Callable

from textual.events import MouseScrollDown, MouseScrollUp
from textual.message import Message

from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.card import Card, card_lines
from kracked_tui.view.chrome.pane_frame import Box, Title
from kracked_tui.view.line import Span
from kracked_tui.widgets.painted_rows import LiveRows

CardOf = Callable[[FrameState], Card | None]
"""Returns the card as it is now; None once its subject is forgotten."""


class CardOpened(Message):
    """Show a card."""

    def __init__(self, card: CardOf) -> None:
        super().__init__()
        self.card = card


class CardPanel(LiveRows):
    """Shows one card; what was pending when it was opened becomes known while it is open."""

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self._card_of: CardOf | None = None
        self._frame: FrameState | None = None
        self._skip = self._below = 0
        """Rows above and below those in sight."""
        self._box = Box()
        self._last: Card | None = None
        """Kept on the screen when its subject is forgotten meanwhile."""

    def start(self, card: CardOf) -> None:
        """Show another card, from its top."""
        self._card_of, self._skip, self._last = card, 0, None

    def show(self, frame: FrameState) -> None:
        """Draw the card as it is now."""
        width, height = self.size
        if not height or self._card_of is None:
            return
        self._frame = frame
        card = self._last = self._card_of(frame) or self._last
        if card is None:
            return
        lines = card_lines(card, width - 2)
        rows = height - 2
        self._skip = max(0, min(self._skip, len(lines) - rows))
        below = self._below = max(0, len(lines) - self._skip - rows)
        words = [
            f"{below} row{'s' * (below > 1)} below: j" if below else "",
            card.foot,
            "esc closes",
        ]
        foot = (Span(" · ".join(word for word in words if word), "dim"),)
        title = Title("", card.name, card.note)
        shown = lines[self._skip : self._skip + rows]
        self.set_lines(self._box.around(title, shown, (width, height), focused=True, foot=foot))

    def move(self, rows_up: int) -> None:
        """Scroll up by some rows."""
        self._skip = max(0, self._skip - max(rows_up, -self._below))
        if self._frame is not None:
            self.show(self._frame)

    def text(self) -> str:
        """Return all of the card's rows, to be copied."""
        width = max(1, self.size.width - 2)
        lines = card_lines(self._last, width) if self._last is not None else []
        return "\n".join(line.text.rstrip() for line in lines)

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self.move(3)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self.move(-3)
