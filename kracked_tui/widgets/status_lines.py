"""The one-row widgets at the foot of the screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from textual.events import Click
from textual.message import Message

from kracked.times import NS_PER_S
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.chrome.hints import Hint, hint_at, hint_line
from kracked_tui.view.chrome.status import FeedView, status_line
from kracked_tui.view.line import Line
from kracked_tui.view.replay.record_status import RecordView
from kracked_tui.widgets.painted_rows import LiveRows


class Rate:
    """The rate at which a count rises, over about the last two seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque(maxlen=40)
        """Time and count, at most ten a second."""

    def per_second(self, now: int, count: int) -> int:
        """Take a sample at `now`, ns, and return the rate."""
        samples = self._samples
        if samples and now < samples[-1][0]:
            samples.clear()  # a replay has gone back
        if not samples or now - samples[-1][0] >= NS_PER_S // 10:
            samples.append((now, count))
        while len(samples) > 1 and now - samples[0][0] > 2 * NS_PER_S:
            samples.popleft()
        passed = now - samples[0][0]
        # A paused replay has no rate.
        steady = passed > NS_PER_S // 10
        return (count - samples[0][1]) * NS_PER_S // passed if steady else 0


class StatusLine(LiveRows):
    """The feed's counters, and the progress of a recording."""

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, ascii_only=ascii_only)
        self._messages, self._frames = Rate(), Rate()

    def show(self, frame: FrameState, *, frames: int, record: RecordView | None) -> None:
        """Draw the counters; `frames` is the number drawn since the start."""
        now, store, counters = frame.now, frame.store, frame.source.counters()
        view = FeedView(
            source=frame.source.name,
            rate=self._messages.per_second(now, store.messages),
            messages=store.messages,
            verified=counters.verified,
            mismatched=counters.mismatched,
            resyncs=store.resyncs,
            gaps=store.gaps,
            dropped=store.dropped,
            frames=self._frames.per_second(now, frames),
            uptime_ns=now - store.started if store.started else 0,
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

    def on_click(self, event: Click) -> None:
        hint = hint_at(self.hints, self.size.width, event.x)
        if hint is not None:
            self.post_message(self.Pressed(hint.action))
