"""The screen of a recording: everything of the trade screen, a time bar, and keys for time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from textual.app import ComposeResult
from textual.events import Click
from textual.message import Message

from kracked.errors import ProtocolError
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui import keys
from kracked_tui.keys import Key
from kracked_tui.screens.trade import TradeScreen
from kracked_tui.sources.base import PlaybackControls
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view.chrome import layout as places
from kracked_tui.view.replay.timebar import TimeView, instant_of, time_at, time_line
from kracked_tui.widgets.bindings import bindings
from kracked_tui.widgets.painted_rows import LiveRows
from kracked_tui.widgets.prompt import Prompt, Question
from kracked_tui.widgets.session_picker import SessionPicker

_HOW = "A time of day, such as 14:03 or 14:03:21.5, or a whole instant: 2026-11-22T14:03:21Z."


class TimeBar(LiveRows):
    """One row; a click goes to the time under it."""

    class Pointed(Message):
        def __init__(self, time: int) -> None:
            super().__init__()
            self.instant = time

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(id=places.TIME, ascii_only=ascii_only)
        self.view = TimeView()

    def show(self, view: TimeView) -> None:
        self.view = view
        self.set_lines([time_line(view, self.size.width)])

    def on_click(self, event: Click) -> None:
        time = time_at(self.view, event.x, self.size.width)
        if time is not None:
            self.post_message(self.Pointed(time))


class ReplayScreen(TradeScreen):
    """Routes the keys of time to the source's transport."""

    BINDINGS = list(bindings(key for key in keys.of_replay() if key.id in keys.CHANGED))  # noqa: RUF012
    timed = True

    def __init__(self, desk: ViewModel, table: tuple[Key, ...], *, ascii_only: bool) -> None:
        super().__init__(desk, table, ascii_only=ascii_only)
        self.time_bar = TimeBar(ascii_only=ascii_only)
        self.prompt = Prompt(id=places.PROMPT, ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self.prompt
        yield self.time_bar

    def frame(self) -> Iterator[None]:
        yield from super().frame()
        if self.is_attached and self._transport is not None:
            self.time_bar.show(self._transport.view())

    @property
    def _transport(self) -> PlaybackControls | None:
        """None until the recording is open."""
        return self.desk.source.transport

    def _do(self, wind: Callable[[], Awaitable[object]]) -> None:
        """Winding takes a moment: the keys do not wait for it."""
        self._let(wind, "wind", "not gone there", drawn=True)

    # --- keys -------------------------------------------------------------------------

    def action_play(self) -> None:
        if self._transport:
            self._transport.toggle()
            self.draw()

    def action_speed(self, faster: int) -> None:
        if self._transport:
            self._transport.faster(faster)
            self.draw()

    def action_step(self, by: int) -> None:
        if self._transport:
            self._do(partial(self._transport.step, self.desk.symbol, by))

    def action_shift(self, seconds: int) -> None:
        if self._transport:
            self._do(partial(self._transport.shift, seconds * NS_PER_S))

    def on_time_bar_pointed(self, message: TimeBar.Pointed) -> None:
        if self._transport:
            self._do(partial(self._transport.seek, message.instant))

    def action_back(self) -> None:
        """Close what is open; with nothing open, back to what was watched before."""
        if self._panel or self._zoomed or not self.desk.before:
            super().action_back()
        else:
            self.post_message(SessionPicker.Chosen(None))

    # --- going to a time ------------------------------------------------------------------

    def action_jump(self) -> None:
        if self._transport is None:
            return
        view = self._transport.view()
        whole = f"It goes from {to_rfc3339(view.start, 0)} to {to_rfc3339(view.end, 0)}."
        self._panel = places.PROMPT
        self._place()
        self.prompt.ask(Question("Go to", (_HOW, whole), self._jump))

    def _jump(self, text: str) -> None:
        self._close_panel()
        if self._transport is None:
            return
        try:
            time = instant_of(text, self._transport.view())
        except ProtocolError:
            self.desk.tell(f"{text!r} is no time: {_HOW}", "warn")
            return
        self._do(partial(self._transport.seek, time))
