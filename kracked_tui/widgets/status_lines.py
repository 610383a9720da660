"""The one-row widgets at the head and the foot of the screen, each drawn from a frame."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message

from kracked import times
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome.header import HeaderView, countdown, header_line
from kracked_tui.view.chrome.hints import Hint, hint_at, hint_line
from kracked_tui.view.chrome.status import feed_view, status_line
from kracked_tui.view.line import Line
from kracked_tui.view.replay.record_status import RecordView
from kracked_tui.widgets.painted_rows import LiveRows
from kracked_tui.widgets.rate import Rate


class Header(LiveRows):
    """The symbol and its price, whether the data can be trusted, whether keys trade."""

    _shown_size = ""
    """The quantity shown."""

    def show(self, frame: FrameState) -> None:
        """Draw a frame."""
        market, quote, book = frame.market, frame.quote, frame.book
        ticker, replay = market.ticker, frame.source.mode == "REPLAY"
        exchange_time = book.exchange_time if book else None
        latency = book.received - exchange_time if book and exchange_time else None
        clock = fmt.clock(frame.now)
        if replay:  # a recording may be of another day
            clock = times.to_rfc3339(frame.now, 0)[:-1].replace("T", " ")
        if not fmt.recorded(frame.now):
            clock = fmt.moment(frame.now)
        view = HeaderView(
            symbol=frame.symbol or "no symbol",
            precision=frame.precision,
            data=frame.data_status,
            last=market.last,
            rising=market.rising,
            change=market.change,
            high=ticker.high if ticker else None,
            low=ticker.low if ticker else None,
            volume=ticker.volume if ticker else None,
            spread=quote[1] - quote[0] if quote else None,
            mid2=sum(quote) if quote else 0,
            verified=book is not None and book.verified,
            latency_ns=latency if latency and not replay else None,
            clock=clock,
            trading=frame.account.status,
            maintenance=countdown(frame.effect),
            past=frame.past,
        )
        lines, size = [header_line(view, self.size.width)], frame.account.status.size
        if size == self._shown_size:
            self.set_lines(lines)
        else:
            self._shown_size = size
            self.set_lines_to_read(lines)

    @property
    def shows_size(self) -> bool:
        """Whether the header has the quantity that a key would send at once."""
        text = "".join(line.text for line in self.lines)
        return bool(self._shown_size) and f"SIZE {self._shown_size} " in text and self.in_sight

    def showed_size_at(self, pressed_s: float) -> bool:
        """Return whether that quantity was painted before a key was pressed.

        Args:
            pressed_s: When the key arrived, by the monotonic clock.
        """
        return self.whole_since is not None and self.whole_since <= pressed_s


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
