"""The one-row widgets at the foot of the screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message

from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.chrome.hints import Hint, hint_at, hint_line
from kracked_tui.view.chrome.status import feed_view, status_line
from kracked_tui.view.line import Line
from kracked_tui.view.replay.record_status import RecordView
from kracked_tui.widgets.painted_rows import LiveRows
from kracked_tui.widgets.rate import Rate


class StatusLine(LiveRows):
    """The feed in short, and the progress of a recording."""

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self._messages = Rate()

    def show(self, frame: FrameState, record: RecordView | None) -> None:
        """Draw a frame."""
        view = feed_view(frame.source.name, frame.store, frame.source.counters(), frame.now)
        view = view._replace(
            rate=self._messages.per_second(frame.now, frame.store.messages),
            rates=frame.account.rates,
        )
        self.set_lines([status_line(view, self.size.width, record)])


class Hints(LiveRows):
    """The keys worth knowing; each is a button too."""

    class Pressed(Message):
        """Run the action of this hint."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self.hints: Sequence[Hint] = ()
        self._shown: tuple[object, int, Line] | None = None

    def show(self, hints: Sequence[Hint]) -> None:
        """Draw the hints that fit."""
        self.hints, width = hints, self.cells.width
        if self._shown is None or self._shown[:2] != (hints, width):
            self._shown = (hints, width, hint_line(hints, width))
        self.set_lines([self._shown[2]])

    def tell(self, line: Line) -> None:
        """Show what was told in place of the keys."""
        self.hints = ()
        self.set_lines([line])

    def on_click(self, event: Click) -> None:
        hint = hint_at(self.hints, self.size.width, event.x)
        if hint is not None:
            self.post_message(self.Pressed(hint.action))
