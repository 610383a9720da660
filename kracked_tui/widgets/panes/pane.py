"""A numbered pane: a framed body that can be focused and scrolled."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textual.events import Blur, Focus

from kracked_tui import error_boundary
from kracked_tui.keys import PANE_KEYS
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.chrome.pane_frame import Box, Title
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped
from kracked_tui.widgets.painted_rows import LiveRows

log = logging.getLogger(__name__)


class Content(NamedTuple):
    """What a pane shows inside its frame."""

    body: Sequence[Line]
    note: str = ""
    right: str = ""
    foot: Iterable[Span] = ()
    urgent: bool = False
    """Where there is no room for both, `right` is shown and the note is not."""


class FrameSkip:
    """One frame in so many: what nobody reads twenty times a second need not be drawn so often."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._wait = 0

    def take(self) -> bool:
        """Whether this frame is one of them."""
        mine = self._wait <= 0
        self._wait = self._every - 1 if mine else self._wait - 1
        return mine

    def reset(self) -> None:
        """The next frame is one of them."""
        self._wait = 0


class Pane(LiveRows, can_focus=True):
    """Attributes down: `show` gives it the frame. Messages up: its subclasses post them."""

    name_shown = ""
    every = 1
    """Drawn with one frame in so many: a slow picture need not cost twenty a second."""

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self.number = number
        self.frame: FrameState | None = None
        self.turns = FrameSkip(self.every)
        self._box = Box()
        self._failure = ""
        """Why the last frame has nothing inside."""

    @property
    def inside(self) -> tuple[int, int]:
        """Width and height within the frame."""
        return max(0, self.cells.width - 2), max(0, self.cells.height - 2)

    def show(self, frame: FrameState) -> None:
        self.frame = frame
        self.redraw()

    def redraw(self) -> None:
        """Draw the frame again: a key changed how it is looked at."""
        if self.frame is None or not self.cells:
            return
        try:
            body, note, right, foot, urgent = self.content(self.frame)
            self._failure = ""
        except Exception as error:  # one pane less is better than no screen
            body, note, right, foot, urgent = self._undrawn(error)
        title = Title(PANE_KEYS[self.number - 1], self.name_shown, note, right, urgent)
        armed = self.frame.armed
        self.set_lines(
            self._box.around(
                title, body, self.cells, focused=self.has_focus, armed=armed, foot=foot
            )
        )

    def _undrawn(self, error: Exception) -> Content:
        """Instead of what would be an old picture: why there is none."""
        failure = error_boundary.error_text(error)
        if failure != self._failure:
            log.error("pane not drawn", exc_info=error, extra={"pane": self.id})
            self._failure = failure
        sentence = f"Not drawn: {failure}"
        lines = [Line((Span(f" {row}", "warn"),)) for row in wrapped(sentence, self.inside[0] - 2)]
        return Content([Line(fit(line.spans, self.inside[0])) for line in lines])

    def content(self, frame: FrameState) -> Content:
        """What to show of the frame; each pane has its own."""
        return Content((), frame.symbol)

    def move(self, rows_up: int) -> None:
        """The cursor, or the view, `rows_up` higher."""

    def edge(self, up: int) -> None:
        """To the top (1) or the bottom (-1)."""

    def open(self) -> None:
        """What enter does here."""

    def row_text(self) -> str:
        """What copying takes: the row under the cursor, else the first below the heads."""
        rows = self.lines[2:-1]
        marked = next((row for row in rows if "▸" in row.text), rows[0] if rows else Line(()))
        words = "".join(span.text for span in marked.spans if "-bar" not in span.role)
        return words.strip("│┃║▸ ")

    def on_focus(self, _: Focus) -> None:
        self.redraw()

    def on_blur(self, _: Blur) -> None:
        self.redraw()


class Scroll:
    """How far a list is scrolled down; its owner says how long it is."""

    def __init__(self) -> None:
        self.skip = 0

    def move(self, rows_up: int, *, length: int, rows: int) -> None:
        self.skip = max(0, min(self.skip - rows_up, length - rows))
