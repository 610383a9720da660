"""The past beside a session that goes on: its keys, its words, and what money keys do there."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kracked.times import NS_PER_S
from kracked_tui.config import Keeping, Settings
from kracked_tui.export.snapshot import picture
from kracked_tui.screens.look_back import Look
from kracked_tui.screens.past import PastScreen
from kracked_tui.sources.replay import ReplaySource
from kracked_tui.state.moments import MomentKind, NotedMoment
from kracked_tui.view.replay.timebar import TimeView
from tests.patience import until
from tests.tui.recorded_minute import record_market
from tests.tui.trading_monitor import SYMBOL, Trading, trading


class Past:
    """A session on a simulated exchange, and its past beside it."""

    def __init__(self, found: Trading) -> None:
        self.found, self.monitor, self.pilot = found, found.monitor, found.pilot

    @property
    def screen(self) -> PastScreen:
        """The screen of the past, which must be shown."""
        front = self.monitor.beside.front
        assert isinstance(front, PastScreen)
        return front

    @property
    def open(self) -> bool:
        """Whether the past is shown."""
        return self.monitor.beside.front is not self.monitor.trade

    @property
    def source(self) -> ReplaySource:
        """Where the past comes from."""
        source = self.screen.model.source
        assert isinstance(source, ReplaySource)
        return source

    @property
    def view(self) -> TimeView:
        """The time bar."""
        return self.source.view()

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, each once the one before has led somewhere."""
        for key in keys:
            await self.pilot.press(key)
            await self.still()

    async def step(self, key: str) -> int:
        """Press a key that steps; return the checksum of the book once the step is done."""
        source, done = self.source, asyncio.Event()
        take = source.step

        async def step(symbol: str, by: int) -> None:
            await take(symbol, by)
            done.set()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(source, "step", step)
            await self.pilot.press(key)
            await done.wait()
        return self.source.l3[SYMBOL].computed

    async def still(self) -> None:
        """Wait until no seek is on its way."""
        await self.pilot.pause(0.01)
        if self.open:
            await until(lambda: not self.open or not self.view.seeking)
            await until(lambda: not self.open or not self.source.restoring)
        await self.pilot.pause(0.01)

    async def look(self) -> None:
        """Look at the past."""
        await self.until_kept()
        await self.pilot.press("comma")
        await until(lambda: self.open and self.screen.is_attached and self.view.step)
        await self.still()

    async def until_kept(self, messages: int = 30) -> None:
        """Wait until the buffer has something to show."""
        buffer = self.monitor.beside._buffer
        assert buffer is not None
        await until(lambda: buffer.on and buffer._ring.messages >= messages)
        await until(lambda: self.monitor.store.flows[SYMBOL].ledger)

    def has_order_events(self) -> bool:
        """Whether an order event can be stepped back to."""
        buffer = self.monitor.beside._buffer
        assert buffer is not None
        return buffer.recording().last_update(1 << 62, SYMBOL, "level3") is not None

    def text(self) -> str:
        """The screen, as it is drawn."""
        self.monitor.beside.front.draw()
        return picture(self.monitor, ".txt").decode()

    def told(self) -> str:
        """The newest entry of the live session's log."""
        return self.monitor.store.log_entries[0].text


@asynccontextmanager
async def beside(
    folder: Path,
    *,
    size: tuple[int, int] = (120, 40),
    settings: Settings | None = None,
    rate: float = 1.0,
    read_only: bool = False,
) -> AsyncIterator[Past]:
    """Open a monitor whose past can be looked at."""
    async with trading(
        folder, size=size, settings=settings, rate=rate, read_only=read_only
    ) as found:
        yield Past(found)


# --- looking back ---------------------------------------------------------------------------


async def test_comma_shows_the_past_one_order_event_back_and_q_the_present(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.until_kept()
        await until(past.has_order_events)
        await past.look()
        assert past.view.step.startswith("before ")
        assert not past.view.playing
        await past.press("q")
        await until(lambda: not past.open)
        assert past.monitor.screen is past.monitor.trade
        assert "PAST" not in past.text()


async def test_leaving_twice_at_once_leads_back_to_a_session_that_goes_on(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.look()
        for _ in range(5):
            past.monitor.beside.close()
            await asyncio.sleep(0)
        await past.monitor.beside.closed()
        assert past.monitor.is_running
        await past.press("question_mark")
        assert past.monitor.trade.panels.top is not None


async def test_a_look_that_the_next_one_replaces_at_once_leaves_no_warning(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.until_kept()
        for _ in range(3):
            past.monitor.beside.look_back(Look.STEP)
        await until(lambda: past.open and past.screen.is_attached and past.view.step)
        gc.collect()


async def test_escape_leads_back_to_live_once_nothing_is_open_there(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.look()
        await past.press("question_mark", "escape")
        assert past.open
        await past.press("escape")
        await until(lambda: not past.open)


async def test_header_and_every_pane_say_that_they_show_the_past_while_the_session_goes_on(
    tmp_path: Path,
) -> None:
    async with beside(tmp_path) as past:
        await past.look()
        text = past.text()
        header, told, *_ = text.splitlines()
        assert "PAST" in header
        assert "behind" in header
        assert "LIVE goes on" in header
        assert "PAST of this session" in told
        assert "q back to LIVE" in told
        assert "of 15m00 kept" in told
        assert "of 64.0 MB" in told
        panes = [pane for pane in past.screen.panes if pane.display]
        for pane in panes:
            assert f"PAST {pane.name_shown}" in pane.lines[0].text
            assert "behind" in pane.lines[0].text


async def test_the_session_goes_on_while_one_looks_at_its_past(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.look()
        messages, position = past.monitor.store.messages, past.view.position
        await until(lambda: past.monitor.store.messages > messages + 20)
        assert past.view.position == position
        assert past.view.end > position


async def test_fills_and_order_flow_are_followed_while_one_looks_at_the_past(
    tmp_path: Path,
) -> None:
    async with beside(tmp_path) as past:
        await past.look()
        model = past.monitor.view_model
        known = model.positions._complete_at
        assert known
        await until(lambda: model.positions._complete_at > known)
        assert past.open


async def test_stepping_back_and_ahead_goes_order_by_order_through_verified_books(
    tmp_path: Path,
) -> None:
    async with beside(tmp_path) as past:
        await past.until_kept(100)  # more than ten order events
        await past.look()
        there = [past.source.l3[SYMBOL].computed]
        there += [await past.step("comma") for _ in range(5)]
        back = [there[-1], *[await past.step("full_stop") for _ in range(5)]]
        assert back == there[::-1]
        assert past.source.l3[SYMBOL].verified
        assert past.source.l2[SYMBOL].verified


@pytest.mark.parametrize(("key", "seconds"), [("less_than_sign", 10), ("left_curly_bracket", 60)])
async def test_keys_go_back_by_ten_seconds_and_a_minute_within_what_is_kept(
    tmp_path: Path, key: str, seconds: int
) -> None:
    async with beside(tmp_path) as past:
        await past.look()
        before = past.view.position
        await past.press(key)
        assert past.view.position == max(past.view.start, before - seconds * NS_PER_S)


async def test_space_plays_the_past_and_parentheses_change_its_speed(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.look()
        await past.press("less_than_sign", "right_parenthesis")
        assert past.view.speed == "10x"
        start = past.view.position
        await past.press("space")
        await until(lambda: past.view.position > start)
        await past.press("left_parenthesis")
        assert past.view.speed == "1x"


async def test_t_goes_to_a_typed_time(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.look()
        await past.press("t", *"00:00", "enter")
        assert past.view.start <= past.view.position <= past.view.end


async def test_the_past_has_the_tape_and_the_orders_of_its_time(tmp_path: Path) -> None:
    async with beside(tmp_path, rate=0.001) as past:
        await past.until_kept(1)
        await past.found.armed()
        before = past.monitor.source.now()
        await past.found.joined("B")
        await past.look()
        assert past.screen.frame_state().account.order_rows
        past.screen.time_keys.go_to(before)
        await past.still()
        await until(lambda: not past.screen.frame_state().account.order_rows)
        assert past.monitor.trade.frame_state().account.order_rows


# --- moments and bookmarks ------------------------------------------------------------------


def note(past: Past, *seconds_ago: float) -> list[NotedMoment]:
    """Let the live session note own fills so many seconds ago."""
    now = past.monitor.source.now()
    moments = [
        NotedMoment(now - int(ago * NS_PER_S), SYMBOL, MomentKind.FILL, "buy 0.1 @ 63000")
        for ago in seconds_ago
    ]
    past.monitor.store.moments._found.extend(moments)
    return moments


async def test_n_goes_to_the_next_moment_and_capital_n_to_the_one_before(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.until_kept(200)
        past.monitor.store.moments._found.clear()
        first, second = note(past, 1.0, 0.5)
        await past.pilot.press("N")
        await until(lambda: past.open)
        await until(lambda: past.view.position == second.received)
        await past.press("N")
        assert past.view.position == first.received
        assert past.told().startswith("own fill")
        await past.press("n")
        assert past.view.position == second.received


async def test_where_there_is_no_further_moment_the_log_says_so(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.look()
        past.monitor.store.moments._found.clear()
        await past.press("n")
        assert "no later own fill, sweep, sighting or big cancel" in past.told()


async def test_an_own_fill_is_a_moment_of_the_live_session(tmp_path: Path) -> None:
    async with beside(tmp_path, rate=0.001) as past:
        await past.until_kept(1)
        await past.found.armed()
        await past.pilot.press("b", "t", "enter", "y")
        kinds = lambda: [each.kind for each in past.monitor.store.moments]  # noqa: E731
        await past.found.until(lambda: MomentKind.FILL in kinds(), past.found.log_text())


async def test_bookmarks_are_set_live_and_in_the_past_and_gone_to_by_number(
    tmp_path: Path,
) -> None:
    async with beside(tmp_path) as past:
        await past.until_kept()
        await past.press("M")
        assert past.told().startswith("bookmark 1")
        await past.look()
        await past.press("comma", "comma", "M")
        marked = past.view.position
        assert past.told().startswith("bookmark 2")
        await past.press("comma", "comma")
        assert past.view.position != marked
        await past.press("apostrophe")
        assert "2" in past.text()
        assert "shown now" not in past.text()
        await past.press(*"2", "enter")
        assert past.view.position == marked


async def test_the_list_of_bookmarks_opens_from_live_too(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.until_kept()
        await past.press("M", "apostrophe")
        await until(lambda: past.open and "Go to bookmark" in past.text())


# --- money ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["b", "s", "B", "S", "Z", "ctrl+r", "e", "x", "X", "A"])
async def test_keys_that_act_on_what_the_screen_shows_are_refused_with_the_reason(
    tmp_path: Path, key: str
) -> None:
    async with beside(tmp_path, rate=0.2) as past:
        await past.look()
        await past.press(key)
        assert "refused: the screen shows the past" in past.told()
        assert "q goes back to LIVE" in past.told()
        assert not past.found.open


async def test_no_order_key_is_at_work_though_the_session_is_armed(tmp_path: Path) -> None:
    async with beside(tmp_path, rate=0.001) as past:
        await past.until_kept(1)
        await past.found.armed()
        await past.look()
        await past.press("B", "S", "b", "enter", "y")
        assert not past.found.received
        assert past.found.trader.armed
        assert "ARMED" in past.text().splitlines()[0]


@pytest.mark.parametrize("key", ["K", "ctrl+k"])
async def test_panic_keys_act_on_the_live_session_and_say_so(tmp_path: Path, key: str) -> None:
    async with beside(tmp_path, rate=0.001) as past:
        await past.until_kept(1)
        await past.found.armed()
        await past.found.joined("B")
        await past.look()
        assert "PANIC LIVE BTC/USD" in past.text()
        await past.press(key)
        await past.found.until(lambda: not past.found.open, past.found.log_text())
        await past.found.until(lambda: not past.found.trader.armed)
        assert "acts on LIVE" in past.found.log_text()
        assert past.open


async def test_cancel_everything_asks_first_and_says_that_it_acts_on_live(tmp_path: Path) -> None:
    async with beside(tmp_path, rate=0.001) as past:
        await past.until_kept(1)
        await past.found.armed()
        await past.found.joined("B")
        await past.look()
        await past.press("ctrl+x")
        assert "acts on LIVE" in past.text()
        await past.press(*"all", "enter")
        await past.found.until(lambda: not past.found.open, past.found.log_text())


async def test_a_disarms_the_session_that_goes_on(tmp_path: Path) -> None:
    async with beside(tmp_path, rate=0.001) as past:
        await past.until_kept(1)
        await past.found.armed()
        await past.look()
        await past.press("A")
        await past.found.until(lambda: not past.found.trader.armed)


async def test_read_only_has_no_key_for_orders_in_the_past_either(tmp_path: Path) -> None:
    async with beside(tmp_path, read_only=True) as past:
        await past.look()
        assert not {key.id for key in past.screen.table} & {"buy", "panic", "arm"}


async def test_the_hint_of_the_key_to_the_past_is_shown_where_some_of_it_is_kept(
    tmp_path: Path,
) -> None:
    async with beside(tmp_path, size=(200, 60)) as past:
        await past.until_kept()
        assert ", past" in past.text()


async def test_the_key_to_the_past_does_nothing_while_a_ticket_is_open(tmp_path: Path) -> None:
    async with beside(tmp_path) as past:
        await past.until_kept()
        await past.pilot.press("b", "comma", "N")
        await past.still()
        assert not past.open


async def test_quitting_from_the_past_asks_about_orders_on_the_live_screen(tmp_path: Path) -> None:
    async with beside(tmp_path, rate=0.001) as past:
        await past.until_kept(1)
        await past.found.armed()
        await past.found.joined("B")
        await past.look()
        await past.pilot.press("ctrl+q")
        await until(lambda: not past.open)
        await past.pilot.pause(0.05)
        assert "Quit" in past.text()


# --- recordings beside a session (M8) --------------------------------------------------------


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rec") / "20261122T140000Z-simulated-exchange"
    record_market(path)
    return path


async def test_a_recording_opens_beside_the_session_and_closes_with_the_same_key(
    tmp_path: Path, session: Path
) -> None:
    async with beside(tmp_path) as past:
        past.monitor.recording.folder = session.parent
        await past.pilot.press("P")
        sessions = past.monitor.trade.sessions
        await until(lambda: any(session.name in line.text for line in sessions.lines))
        await past.pilot.press("enter")
        await until(lambda: past.open and past.view.playing)
        assert past.monitor.destination is None
        header, told, *_ = past.text().splitlines()
        assert "REPLAY" in header
        assert "LIVE goes on" in header
        assert session.name in told
        messages = past.monitor.store.messages
        await until(lambda: past.monitor.store.messages > messages)
        await past.press("q")
        await until(lambda: not past.open)


async def test_the_moments_of_a_recording_are_found_while_it_is_shown(
    tmp_path: Path, session: Path
) -> None:
    async with beside(tmp_path) as past:
        past.monitor.beside.open_recording(session)
        await until(lambda: past.open and past.screen.is_attached)
        model = past.screen.model
        await until(lambda: model.moments.through is None)
        past.screen.time_keys.go_to(past.view.end)
        await past.still()
        await past.press("N")
        assert "earlier" in past.told() or past.view.position < past.view.end


async def test_one_recording_after_another_leaves_the_session_as_it_was(
    tmp_path: Path, session: Path
) -> None:
    async with beside(tmp_path) as past:
        past.monitor.beside.open_recording(session)
        await until(lambda: past.open and past.screen.is_attached)
        first = past.screen
        past.monitor.beside.open_recording(session)
        await until(lambda: past.open and past.screen is not first and past.screen.is_attached)
        await past.press("q")
        await until(lambda: not past.open)
        assert past.monitor.screen_stack[-1] is past.monitor.trade


# --- settings -------------------------------------------------------------------------------


async def test_a_buffer_of_no_minutes_keeps_nothing_and_the_key_says_why(tmp_path: Path) -> None:
    off = Settings(buffer=Keeping(minutes=0))
    async with beside(tmp_path, settings=off) as past:
        await past.press("comma")
        assert not past.open
        assert "[buffer] minutes is 0" in past.told()
