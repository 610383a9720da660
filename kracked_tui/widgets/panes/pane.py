"""A numbered pane: a framed body that can be focused and scrolled."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textual.events import Blur, Focus, MouseScrollDown, MouseScrollUp

from kracked_tui.error_boundary import error_text
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.chrome.layout import pane_key
from kracked_tui.view.chrome.pane_frame import Box, Title
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.replay.past import past_note
from kracked_tui.view.words import plain_values, wrapped
from kracked_tui.widgets.painted_rows import LiveRows

log = logging.getLogger(__name__)


class Content(NamedTuple):
    """Everything a pane shows inside its frame."""

    body: Sequence[Line]
    note: str = ""
    right: str = ""
    foot: Iterable[Span] = ()
    urgent: bool = False
    """Whether `right` is shown in place of the note where there is no room for both."""


class FrameSkip:
    """Draws one frame in so many: what changes slowly need not be drawn twenty times a second."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._wait = 0

    def take(self) -> bool:
        """Count a frame. Returns whether it is to be drawn."""
        due = self._wait <= 0
        self._wait = self._every - 1 if due else self._wait - 1
        return due

    def reset(self) -> None:
        """Let the next frame be drawn."""
        self._wait = 0


class Pane(LiveRows, can_focus=True):
    """Draws the frame it is given by `show`; subclasses post messages upwards."""

    name_shown = ""
    notch_rows = 3
    """Rows that a notch of the mouse wheel moves."""
    every = 1
    """One frame in so many is drawn: a costly picture is not made twenty times a second."""

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self.number = number
        self.frame: FrameState | None = None
        self.frame_skip = FrameSkip(self.every)
        self._box = Box()
        self._failure = ""
        """Why the last frame has nothing inside."""

    @property
    def inside(self) -> tuple[int, int]:
        """Width and height within the frame."""
        return max(0, self.cells.width - 2), max(0, self.cells.height - 2)

    def show(self, frame: FrameState) -> None:
        """Draw a frame."""
        self.frame = frame
        self.redraw()

    def redraw(self) -> None:
        """Draw the last frame again, after a key changed the pane."""
        if self.frame is None or not self.cells:
            return
        try:
            body, note, right, foot, urgent = self.content(self.frame)
            self._failure = ""
        except Exception as error:  # a screen without one pane is better than no screen
            body, note, right, foot, urgent = self._failed(error)
        name = self.name_shown
        if (past := self.frame.past) is not None:
            name, note = f"{past.word} {name}", past_note(past, note)
        title = Title(pane_key(self.number, self.id or ""), name, note, right, urgent)
        armed = self.frame.armed
        self.set_lines(
            self._box.around(
                title, body, self.cells, focused=self.has_focus, armed=armed, foot=foot
            )
        )

    def _failed(self, error: Exception) -> Content:
        """Show the error in place of a picture that would be old; log each one once."""
        failure = error_text(error)
        if failure != self._failure:
            log.error("pane not drawn", exc_info=error, extra={"pane": self.id})
            self._failure = failure
        return Content(sentence_lines(f"Not drawn: {failure}", self.inside[0], "warn"))

    def content(self, frame: FrameState) -> Content:
        """Return what the pane shows of a frame; each subclass has its own."""
        return Content((), frame.symbol)

    def move(self, rows_up: int) -> None:
        """Move the cursor, or the view, up by some rows."""

    def edge(self, up: int) -> None:
        """Go to the top (1) or the bottom (-1)."""

    def shift(self, columns: int) -> None:
        """Go left (negative) or right, where the pane shows a stretch of time."""

    def open(self) -> None:
        """Do what enter does in this pane."""

    def row_text(self) -> str:
        """Return the text to copy: the row under the cursor, else the first below the heads."""
        rows = self.lines[2:-1]
        marked = next((row for row in rows if "▸" in row.text), rows[0] if rows else Line(()))
        return plain_values(marked)

    def wheel(self, up: int) -> None:
        """Take a notch of the mouse wheel, up (1) or down (-1)."""
        self.move(self.notch_rows * up)

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self.wheel(1)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self.wheel(-1)

    def on_focus(self, _: Focus) -> None:
        self.redraw()

    def on_blur(self, _: Blur) -> None:
        self.redraw()


class Scroll:
    """The rows a list is scrolled down by; its owner knows how long it is."""

    def __init__(self) -> None:
        self.skip = 0

    def move(self, rows_up: int, *, length: int, rows: int) -> None:
        """Scroll, within a list of this length of which `rows` are in sight."""
        self.skip = max(0, min(self.skip - rows_up, length - rows))


def sentence_lines(text: str, width: int, role: str = "dim") -> list[Line]:
    """Draw a sentence over as many rows as it needs."""
    rows = wrapped(text, width - 2)
    return [Line(fit([Span(f" {row}", role)], width)) for row in rows]
