"""The past, or a recording, shown beside a live session that goes on.

At most one is open. It has a source, a store and a screen of its own: nothing of the session
stops, and closing it leads back to the session as it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from textual.app import App
from textual.worker import WorkType

from kracked.errors import KrackedError
from kracked_tui import keys
from kracked_tui.config import Settings
from kracked_tui.error_boundary import report_error, reporting_errors
from kracked_tui.past.model import PastModel
from kracked_tui.screens.look_back import Look
from kracked_tui.screens.order import OrderScreen
from kracked_tui.screens.past import PastScreen
from kracked_tui.screens.trade import TradeScreen
from kracked_tui.state.moments import Moments
from kracked_tui.state.store import Store
from kracked_tui.view.replay.past import Bookmark, BufferFill
from kracked_tui.widgets.frame_pump import EventIntake

if TYPE_CHECKING:
    from kracked_tui.past.keeping import AlwaysOnBuffer
    from kracked_tui.sources.base import Source
    from kracked_tui.sources.recording import PlayableRecording
    from kracked_tui.sources.replay import ReplaySource

_GROUP = "past"
_TURN = 50
"""Messages until the loop of the live session has its turn."""
_REST_S = 0.001


class _Shown(NamedTuple):
    """The past or a recording that is opened."""

    load: Callable[[], PlayableRecording]
    """Opens it; runs in a thread."""
    name: str
    """The name of a recording; empty for the past of the session."""
    moments: Moments
    bookmarks: list[Bookmark]
    fill: Callable[[], BufferFill] | None = None
    at: int | None = None
    """The instant to begin at, ns, paused; None to play from the beginning."""
    then: Callable[[PastScreen], object] = lambda _: None
    """Called when it is shown."""


class Beside:
    """Owner of what is shown beside the session."""

    def __init__(
        self, app: App[None], live: TradeScreen, settings: Settings, changed: Callable[[], None]
    ) -> None:
        """
        Args:
            app: Shows the screens.
            live: The screen of the session.
            settings: Keys, and how much is kept.
            changed: Called when there is something new to draw.
        """
        self._app, self._live, self._changed = app, live, changed
        self._settings = settings
        self._buffer: AlwaysOnBuffer | None = None
        """What the session received lately; None before its source is open, and of a replay."""
        self._one_at_a_time = asyncio.Lock()
        self._screen: PastScreen | None = None
        self._recorded_marks: dict[Path, list[Bookmark]] = {}
        """The bookmarks of each recording."""

    @property
    def front(self) -> TradeScreen:
        """The screen that is shown: the one of the session, or the one over it."""
        return self._screen or self._live

    def keep(self, source: Source) -> None:
        """Keep what a session receives; look through a recording for its moments."""
        # The libraries of a feed and of recordings are loaded with the source.
        from kracked_tui.past.keeping import AlwaysOnBuffer  # noqa: PLC0415
        from kracked_tui.sources.replay import ReplaySource  # noqa: PLC0415

        tell = self._live.model.tell
        if source.feed is not None:
            self._buffer = AlwaysOnBuffer(self._settings.buffer)
            self._live.model.kept = self._buffer.fill
            keeping = self._buffer.run(source.feed)
            work = reporting_errors(keeping, tell, "the last minutes are no longer kept")
            self._app.run_worker(work, group="buffer")
        elif isinstance(source, ReplaySource):
            self._live.model.scanned = Moments()
            self._look_through(source.recording, self._live.model.scanned, lambda: True)

    def _look_through(
        self, recording: PlayableRecording, moments: Moments, wanted: Callable[[], bool]
    ) -> None:
        """Find the moments of a recording, in a thread, as long as they are wanted."""
        looking = asyncio.to_thread(
            scan, recording, moments, lambda: wanted() and self._app.is_running
        )
        tell = self._live.model.tell
        work = reporting_errors(looking, tell, "the recording was not looked through")
        self._app.run_worker(work, group="moments")

    # --- opening ----------------------------------------------------------------------------

    def look_back(self, at: Look) -> None:
        """Show the past of the session."""
        model, buffer = self._live.model, self._buffer
        if buffer is None or not buffer.on:
            minutes = self._settings.buffer.minutes
            why = "nothing was received yet" if minutes else "[buffer] minutes is 0"
            self._live.model.tell(f"no past to look at: {why}", "warn")
            self._live.draw()
            return
        then: dict[Look, Callable[[PastScreen], object]] = {
            Look.STEP: lambda screen: screen.time_keys.action_step(-1),
            Look.MOMENT: lambda screen: screen.time_keys.action_moment(-1),
            Look.BOOKMARKS: lambda screen: screen.time_keys.action_bookmarks(),
        }
        recording = buffer.recording()
        self._open(
            _Shown(
                load=lambda: recording,
                name="",
                moments=model.moments,
                bookmarks=model.bookmarks,
                fill=buffer.fill,
                at=recording.end,
                then=then[at],
            )
        )

    def open_recording(self, path: Path) -> None:
        """Show a recording that can be played."""

        def load() -> PlayableRecording:
            """Open it."""
            from kracked_tui.sources.open import open_playable  # noqa: PLC0415  slow to load

            return open_playable(path)

        marks = self._recorded_marks.setdefault(path, [])
        name = path.resolve().name
        self._open(_Shown(load, name, moments=Moments(), bookmarks=marks))

    def _open(self, shown: _Shown) -> None:
        async def show() -> None:
            """Make the work when it starts: the next may replace it before."""
            await self._show(shown)

        worker: WorkType[None] = show
        self._app.run_worker(worker, group=_GROUP, exclusive=True)

    async def _show(self, shown: _Shown) -> None:
        """Show it until this is cancelled, once what was shown before is gone."""
        try:
            async with self._one_at_a_time, self._playing(shown) as (source, screen):
                tell, model = self._live.model.tell, screen.model
                intake = EventIntake(
                    model.store, tell, evaluate=lambda _: None, applied=self._changed
                )
                model.applying = lambda: intake.applying
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(intake.run(source))
                    shown.then(screen)
                    screen.draw()
        except (KrackedError, OSError) as error:
            self._live.model.tell(str(error), "warn")
        except Exception as error:  # the session goes on, whatever becomes of its past
            report_error(error, self._live.model.tell, "the past is closed")

    @asynccontextmanager
    async def _playing(self, shown: _Shown) -> AsyncIterator[tuple[ReplaySource, PastScreen]]:
        """Yield the source, paused, and the screen on which it is shown."""
        from kracked_tui.past.whole_state import replaying  # noqa: PLC0415  slow to load

        source = await asyncio.to_thread(lambda: replaying(shown.load(), at=shown.at))
        model = PastModel(
            self._live.model,
            source,
            recording=shown.name,
            begun=source.recording.start,
            moments=shown.moments,
            bookmarks=shown.bookmarks,
            fill=shown.fill,
        )
        money = isinstance(self._live, OrderScreen)
        table = keys.active(self._settings.keys, money=money, replay=True, beside=True)
        screen = PastScreen(model, table, self._live, ascii_only=self._settings.ascii)
        if not shown.name:
            screen.ladder.show_as(self._live.ladder)
        goes_on = True
        if shown.name:
            self._look_through(source.recording, shown.moments, lambda: goes_on)
        try:
            self._live.covered, self._screen = True, screen
            await self._app.push_screen(screen)
            yield source, screen
        finally:
            goes_on = False
            self._screen, self._live.covered = None, False
            if self._app.is_running:
                # The app itself waits for a screen that leaves: who cancels that ends the monitor.
                leaving = asyncio.ensure_future(self._uncover(screen))
                while not leaving.done():
                    with suppress(asyncio.CancelledError):  # what is under way is the closing
                        await asyncio.shield(leaving)
                leaving.result()

    # --- closing ----------------------------------------------------------------------------

    async def _uncover(self, screen: PastScreen) -> None:
        """Take a screen away, and draw the session's."""
        while screen in self._app.screen_stack:  # the palette may be open over it
            await self._app.pop_screen()
        self._live.draw()

    def close(self) -> None:
        """Go back to the session."""
        self._app.workers.cancel_group(self._app, _GROUP)

    async def closed(self) -> None:
        """Go back to the session, and return once it is shown."""
        self.close()
        async with self._one_at_a_time:
            pass


def scan(recording: PlayableRecording, moments: Moments, goes_on: Callable[[], bool]) -> None:
    """Note the moments of a whole recording, from its beginning; call it in a thread.

    Args:
        recording: What to look through, by a player of its own.
        moments: Takes the moments, and how far they are known.
        goes_on: Whether anybody still wants them.
    """
    player, store = recording.player(), Store("REPLAY")
    store.moments = moments
    moments.through, count = recording.start, 0
    while goes_on() and (played := player.step()) is not None:
        for event in recording.events_of(played):
            store.apply(event)
        moments.through = played.received
        count += 1
        if count % _TURN == 0:
            time.sleep(_REST_S)
    moments.through = None
