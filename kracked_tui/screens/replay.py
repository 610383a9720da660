"""The screen of a recording: everything of the trade screen, a time bar, and keys for time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from kracked.errors import ProtocolError
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui import keys
from kracked_tui.keys import Key
from kracked_tui.screens.part import ScreenPart
from kracked_tui.screens.trade import TradeScreen
from kracked_tui.sources.base import PlaybackControls
from kracked_tui.sources.record_switch import RecordSwitch
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome import layout
from kracked_tui.view.chrome.questions import QuestionText
from kracked_tui.view.replay.past import bookmark_lines
from kracked_tui.view.replay.timebar import TimeView, instant_of, time_at, time_line
from kracked_tui.widgets.bindings import bindings
from kracked_tui.widgets.painted_rows import LiveRows
from kracked_tui.widgets.panels.session_picker import SessionPicker

_HOW = "A time of day, such as 14:03 or 14:03:21.5, or a whole instant: 2026-11-22T14:03:21Z."


_NUMBER = "Type its number; enter alone goes to the newest."


class TimeBar(LiveRows):
    """One row; a click goes to the time under it."""

    class Pointed(Message):
        """Go to this time, ns."""

        def __init__(self, time: int) -> None:
            super().__init__()
            self.instant = time

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(id=layout.TIME, ascii_only=ascii_only)
        self.view = TimeView()

    def show(self, view: TimeView) -> None:
        """Draw the bar."""
        self.view = view
        self.set_lines([time_line(view, self.size.width)])

    def on_click(self, event: Click) -> None:
        time = time_at(self.view, event.x, self.size.width)
        if time is not None:
            self.post_message(self.Pointed(time))


class TimeKeys(ScreenPart):
    """Routes the keys of time to the controls of the recording, once it is open."""

    def __init__(self, screen: TradeScreen, *, ascii_only: bool) -> None:
        self._screen, self._model = screen, screen.model
        self.bar = TimeBar(ascii_only=ascii_only)

    def widgets(self) -> Iterable[Widget]:
        """Return the time bar."""
        yield self.bar

    @property
    def _controls(self) -> PlaybackControls | None:
        return self._model.source.playback

    def draw(self) -> None:
        """Draw the time bar."""
        if self._controls is not None:
            self.bar.show(self._controls.view())

    def back(self) -> bool:
        """Go back to what was watched before, where nothing is open."""
        panels = self._screen.panels
        if panels.top or panels.zoomed or not self._screen.watched_before:
            return False
        self._screen.post_message(SessionPicker.Chosen(None))
        return True

    def _run_seek(self, seek: Callable[[], Awaitable[object]]) -> None:
        """Seek in the background: it takes a moment, and keys do not wait for it."""
        self._screen.run_in_background(seek, "seek", "the seek failed", drawn=True)

    def action_play(self) -> None:
        """Play or pause."""
        if self._controls:
            self._controls.toggle()
            self._screen.draw()

    def action_speed(self, faster: int) -> None:
        """Play faster (1) or slower (-1)."""
        if self._controls:
            self._controls.faster(faster)
            self._screen.draw()

    def action_step(self, by: int) -> None:
        """Go one order event ahead (1) or back (-1)."""
        if self._controls:
            self._run_seek(partial(self._controls.step, self._model.symbol, by))

    def action_shift(self, seconds: int) -> None:
        """Go some seconds ahead, or back."""
        if self._controls:
            self._run_seek(partial(self._controls.shift, seconds * NS_PER_S))

    def go_to(self, time: int) -> None:
        """Go to an instant, ns since the Unix epoch."""
        if self._controls:
            self._run_seek(partial(self._controls.seek, time))

    def action_moment(self, by: int) -> None:
        """Go to the next own fill, sighting or big cancel (1), or the one before (-1)."""
        controls, model = self._controls, self._model
        if controls is None:
            return
        view, moments = controls.view(), model.moments
        found = moments.beside(view.position, model.symbol, by)
        if found is not None and found.received >= view.start:
            model.tell(f"{found.kind} {fmt.moment(found.received, 3)}: {found.words}")
            self.go_to(found.received)
            return
        kinds = "own fill, sweep, sighting or big cancel"
        said = f"no {'later' if by > 0 else 'earlier'} {kinds} of {model.symbol}"
        if moments.through is not None:
            said += f" found yet: looked through until {fmt.moment(moments.through)}"
        model.tell(said, "warn")
        self._screen.draw()

    def action_bookmark(self) -> None:
        """Mark the moment shown."""
        self._model.tell(self._model.add_bookmark())
        self._screen.draw()

    def action_bookmarks(self) -> None:
        """List the bookmarks, and go to the one whose number is typed."""
        controls, marks = self._controls, self._model.bookmarks
        if controls is None:
            return

        def go_to_mark(text: str) -> None:
            """Go to the mark of this number, the newest without one."""
            number = text.strip() or str(len(marks))
            if not (number.isdecimal() and 0 < int(number) <= len(marks)):
                self._model.tell(f"no bookmark has the number {number[:9]!r}", "warn")
                return
            mark = marks[int(number) - 1]
            if mark.symbol != self._model.symbol:
                self._screen.show_symbol(mark.symbol)
            self.go_to(mark.time)

        if not marks:
            self._model.tell("no bookmark yet: M marks a moment", "warn")
            self._screen.draw()
            return
        view = controls.view()
        lines = bookmark_lines(marks, view.start, view.position)
        self._screen.questions.ask(QuestionText("Go to bookmark", (*lines, _NUMBER)), go_to_mark)

    def action_jump(self) -> None:
        """Ask for a time, and go there."""
        controls = self._controls
        if controls is None:
            return

        def go_to_typed(text: str) -> None:
            """Go to the typed time, or say that it is none."""
            try:
                time = instant_of(text, controls.view())
            except ProtocolError:
                self._model.tell(f"{text!r} is no time: {_HOW}", "warn")
            else:
                self.go_to(time)

        view = controls.view()
        span = f"It goes from {to_rfc3339(view.start, 0)} to {to_rfc3339(view.end, 0)}."
        self._screen.questions.ask(QuestionText("Go to", (_HOW, span)), go_to_typed)


class ReplayScreen(TradeScreen):
    """Everything of the trade screen, and time."""

    BINDINGS = list(bindings(key for key in keys.of_replay() if key.id in keys.CHANGED))  # noqa: RUF012
    has_time_bar = True

    def __init__(
        self,
        model: ViewModel,
        table: tuple[Key, ...],
        *,
        recording: RecordSwitch,
        ascii_only: bool,
        time_keys: Callable[..., TimeKeys] = TimeKeys,
    ) -> None:
        """`time_keys` makes the keys of time; the other arguments are those of every screen."""
        super().__init__(model, table, recording=recording, ascii_only=ascii_only)
        self.time_keys = time_keys(self, ascii_only=ascii_only)
        self.add_part(self.time_keys)

    def on_time_bar_pointed(self, message: TimeBar.Pointed) -> None:
        self.time_keys.go_to(message.instant)
