"""A recording on the screen: at its own pace, through the same books, never trusted blindly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kracked.book.keeper import BookKeeper
from kracked.errors import RecordError
from kracked.format.session_info import SessionInfo
from kracked.protocol.events import Event, Gap, Side, Trade, Trades
from kracked.record.write.session import record_into
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import picture
from kracked_tui.screens.replay import ReplayScreen
from kracked_tui.sources.base import TimeJump
from kracked_tui.sources.open import open_playable
from kracked_tui.sources.replay import ReplaySource
from kracked_tui.sources.session import SessionRecording
from kracked_tui.state.store import Store
from tests.patience import until
from tests.record.seeded_market import Level3Market, feed, record_stream
from tests.tui.conftest import settled
from tests.tui.recorded_minute import OPENED, SYMBOL, record_market
from tests.tui.test_goldens import compare


def test_a_folder_without_messages_cannot_be_played(tmp_path: Path) -> None:
    record_stream(tmp_path / "empty", [])
    with pytest.raises(RecordError, match="no messages"):
        open_playable(tmp_path / "empty")


# --- a recorded session ---------------------------------------------------------------


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rec") / "20261122T140000Z-simulated-exchange"
    record_market(path)
    return path


@asynccontextmanager
async def playing(path: Path) -> AsyncIterator[tuple[ReplaySource, list[Event]]]:
    """Open a paused replay; yields it and the events it publishes."""
    source = ReplaySource(open_playable(path))
    source.toggle()
    published: list[Event] = []

    async def listen() -> None:
        async for batch in source.batches():
            published.extend(batch)

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        yield source, published
        listening.cancel()


def books(source: ReplaySource) -> list[object]:
    """Return every order in its place, and the position."""
    book = source.l3[SYMBOL]
    orders = [tuple(queue) for side in (book.bids, book.asks) for queue in side]
    return [orders, book.computed, source.now()]


async def test_stepping_forth_and_back_shows_the_same_books(session: Path) -> None:
    async with playing(session) as (source, _):
        await source.seek(OPENED + 35 * NS_PER_S)
        await source.step(SYMBOL, 1)
        there = [books(source)]
        for _ in range(15):
            await source.step(SYMBOL, 1)
            there.append(books(source))
        back = [there[-1]]
        for _ in range(15):
            await source.step(SYMBOL, -1)
            back.append(books(source))
    assert back == there[::-1]
    assert len({str(each) for each in there}) == len(there)


async def test_a_message_of_several_order_events_takes_as_many_steps(session: Path) -> None:
    async with playing(session) as (source, _):
        await source.seek(OPENED + 30 * NS_PER_S)
        seen = []
        for _ in range(20):
            await source.step(SYMBOL, 1)
            seen.append(source.view().step)
    first = next(at for at, words in enumerate(seen) if words.endswith("(1/2)"))
    assert seen[first + 1].endswith("(2/2)")


async def test_a_seek_ends_with_the_books_of_a_straight_read(session: Path) -> None:
    async with playing(session) as (source, _):
        at = OPENED + 45 * NS_PER_S
        await source.seek(at)
        straight = SessionRecording(session).player()
        while straight.next_due is not None and straight.next_due <= at:
            straight.step()
        assert source.l3[SYMBOL].computed == straight.keeper.l3[SYMBOL].computed
        assert source.l3[SYMBOL].verified
        assert source.now() == at


async def test_after_a_seek_back_the_tape_has_no_trade_of_the_future(session: Path) -> None:
    store = Store("REPLAY")
    async with playing(session) as (source, published):
        for second in (50, 20):
            published.clear()
            at = OPENED + second * NS_PER_S
            await source.seek(at)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert isinstance(published[0], TimeJump)
            for event in published:
                store.apply(event)
            assert 0 < at - store.market(SYMBOL).prints[-1].time < 10 * NS_PER_S


async def test_a_gap_is_known_from_its_end_on_and_not_within_it(tmp_path: Path) -> None:
    stream = Level3Market().stream(20)
    begin, end = stream[-1][0], stream[-1][0] + 10 * NS_PER_S
    with record_into(
        tmp_path / "gap", SessionInfo(start=to_rfc3339(begin, 9)), clock=lambda: end
    ) as session:
        feed(session, BookKeeper(), stream)
        session.ingest.take_event(Gap(end, "level3", ("BTC/USD",), begin, end, "lost"))
        session.ingest.take_message("level3", end + NS_PER_S, b'{"channel":"heartbeat"}')
    async with playing(tmp_path / "gap") as (source, published):
        results = []
        for at in (end + NS_PER_S, begin + NS_PER_S, end):
            published.clear()
            await source.seek(at)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            results.append(
                [type(published[0]), *(event for event in published if type(event) is Gap)]
            )
    known = Gap(end, "level3", ("BTC/USD",), begin, end, "lost")
    assert results == [[TimeJump, known], [TimeJump], [TimeJump, known]]


async def test_shifts_during_a_seek_add_up(session: Path) -> None:
    async with playing(session) as (source, _):
        begun = source.now()
        await asyncio.gather(*(source.shift(10 * NS_PER_S) for _ in range(4)))
        assert source.now() == begun + 40 * NS_PER_S


async def test_the_ends_are_as_far_as_it_goes(session: Path) -> None:
    async with playing(session) as (source, _):
        await source.seek(0)
        assert source.now() == source.view().start
        await source.seek(1 << 62)
        assert source.view().ended
        await source.step(SYMBOL, 1)
        assert source.view().step == "the end"


def levels(source: ReplaySource) -> list[object]:
    book = source.l2["ETH/USD"]
    return [tuple(book.bids), tuple(book.asks)]


async def test_a_raw_log_takes_steps_and_seeks_too(captures: Path) -> None:
    async with playing(captures / "crossbook_book_ethusd_d25.jsonl") as (source, _):
        await source.step("ETH/USD", 1)
        first = levels(source)
        await source.step("ETH/USD", 1)
        second = levels(source)
        await source.step("ETH/USD", -1)
        assert levels(source) == first != second
        await source.seek(source.view().end)
        assert source.counters() == (1129, 0)


# --- on the screen --------------------------------------------------------------------


@asynccontextmanager
async def screen(
    session: Path, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[Monitor, ReplaySource, Pilot[None]]]:
    source = ReplaySource(open_playable(session))
    source.toggle()
    monitor = Monitor(source, Settings(), (SYMBOL,))
    async with monitor.run_test(size=size) as pilot:
        await source.seek(OPENED + 30 * NS_PER_S)
        await settled(monitor, pilot)
        yield monitor, source, pilot


def bar(monitor: Monitor) -> str:
    assert isinstance(monitor.trade, ReplayScreen)
    monitor.trade.draw()
    return monitor.trade.time_keys.bar.lines[0].text


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_screen_of_a_recording_is_the_golden_one(
    session: Path, size: tuple[int, int]
) -> None:
    async with screen(session, size) as (monitor, _, pilot):
        for _ in range(3):
            await pilot.press("full_stop")
            await seek_done(monitor, pilot)
        await settled(monitor, pilot)
        compare(f"replay-{size[0]}x{size[1]}", picture(monitor, ".txt").decode())


async def seek_done(monitor: Monitor, pilot: Pilot[None]) -> None:
    """Wait until the seeks of pressed keys are done."""
    await pilot.pause()
    seeks = [worker for worker in monitor.workers if worker.group == "seek"]
    if seeks:
        await monitor.workers.wait_for_complete(seeks)
    await pilot.pause()


async def test_keys_move_through_time_and_leave_the_cursor_alone(session: Path) -> None:
    async with screen(session) as (monitor, source, pilot):
        await pilot.press("j", "j")
        cursor = monitor.trade.ladder.scroll.cursor
        for key, seconds in (
            ("greater_than_sign", 40),
            ("less_than_sign", 30),
            ("left_curly_bracket", 0),
            ("right_curly_bracket", 60),
        ):
            await pilot.press(key)
            await seek_done(monitor, pilot)
            assert abs(source.now() - OPENED - seconds * NS_PER_S) < NS_PER_S // 5
        assert monitor.trade.ladder.scroll.cursor == cursor


async def test_space_plays_and_h_holds_the_ladder(session: Path) -> None:
    async with screen(session) as (monitor, source, pilot):
        await pilot.press("space")
        assert source.view().playing
        assert not monitor.trade.ladder.scroll.held
        await pilot.press("space", "h")
        assert not source.view().playing
        assert monitor.trade.ladder.scroll.held


async def test_a_paused_replay_shows_all_of_an_instant_in_one_frame(session: Path) -> None:
    async with screen(session) as (monitor, _, _pilot):
        trade = monitor.trade
        trade.draw()
        trade.status.set_lines([])
        assert list(trade.frame())
        assert trade.status.lines[0].text.strip()


async def test_a_paused_replay_sums_the_trades_that_are_on_its_tape(session: Path) -> None:
    async with screen(session) as (monitor, source, _):
        market, trade = monitor.store.market(SYMBOL), monitor.trade
        before = trade.frame_state().flow.windows[1]
        assert market.last
        assert market.precision
        number = market.prints[-1].last_id + 1
        fill = Trade(Side.BID, market.last, 5, "market", number, to_rfc3339(source.now(), 9))
        # Received at the very instant that the screen shows already.
        monitor.store.apply(Trades(source.now(), SYMBOL, market.precision, (fill,)))
        after = trade.frame_state().flow.windows[1]
    assert (after.bought - before.bought, after.sold) == (5, before.sold)


async def test_after_a_step_back_the_orders_are_those_of_the_book_again(session: Path) -> None:
    async with screen(session) as (monitor, source, pilot):
        for key in ("full_stop", "full_stop", "full_stop", "comma", "comma"):
            await pilot.press(key)
            await seek_done(monitor, pilot)
        monitor.trade.draw()
        ledger, book = monitor.store.flows.order_flow[SYMBOL], source.l3[SYMBOL]
        for side, orders in ((Side.BID, book.bids), (Side.ASK, book.asks)):
            held = [order.order_id for order in orders.orders()]
            levels = [ledger.queue(side, queue.price) for queue in orders]
            assert [life.order_id for level in levels for life in level] == held


async def test_parentheses_change_the_speed(session: Path) -> None:
    async with screen(session) as (monitor, _, pilot):
        await pilot.press("right_parenthesis")
        assert " 10x " in bar(monitor)
        await pilot.press("right_parenthesis", "right_parenthesis")
        assert " max " in bar(monitor)
        await pilot.press(*["left_parenthesis"] * 4)
        assert " 0.1x " in bar(monitor)


async def test_a_time_of_day_can_be_typed(session: Path) -> None:
    async with screen(session) as (monitor, source, pilot):
        await pilot.press("t")
        await pilot.pause()
        await pilot.press(*"14:00:12", "enter")
        await seek_done(monitor, pilot)
        assert to_rfc3339(source.now(), 0) == "2026-11-22T14:00:12Z"


async def test_text_that_is_no_time_is_refused_and_nothing_moves(session: Path) -> None:
    async with screen(session) as (monitor, source, pilot):
        before = source.now()
        await pilot.press("t")
        await pilot.pause()
        await pilot.press(*"noon", "enter")
        await pilot.pause()
        assert source.now() == before
        assert "'noon' is no time" in monitor.view_model.recent_log()[0].text


async def test_a_click_on_the_bar_goes_there(session: Path) -> None:
    async with screen(session) as (monitor, source, pilot):
        column = bar(monitor).index("━")
        await pilot.click("#time", offset=(column, 0))
        await seek_done(monitor, pilot)
        assert source.now() == source.view().start


async def test_a_seek_that_the_end_cancels_never_begins(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with screen(session) as (monitor, source, _):
        begun: list[int] = []
        monkeypatch.setattr(source, "shift", begun.append)
        assert isinstance(monitor.trade, ReplayScreen)
        monitor.trade.action_shift(10)
        monitor.workers.cancel_all()
    assert begun == []


async def test_a_replay_is_not_recorded_and_has_no_key_for_orders(session: Path) -> None:
    async with screen(session) as (monitor, _, pilot):
        await pilot.press("R")
        assert "a replay is a recording already" in monitor.view_model.recent_log()[0].text
        assert not {key.id for key in monitor.table} & {"buy", "sell", "arm"}


async def test_the_list_of_recordings_leads_to_one(session: Path) -> None:
    async with screen(session) as (monitor, _, pilot):
        monitor.recording.folder = session.parent
        await pilot.press("P")
        sessions = monitor.trade.sessions
        await until(lambda: any(session.name in line.text for line in sessions.lines))
        await pilot.press("enter")
        await until(lambda: monitor.destination)
    assert monitor.destination is not None
    assert monitor.destination.path == session


@pytest.mark.parametrize("key", ["b", "A", "x"])
async def test_a_key_that_trades_says_why_a_replay_takes_none(session: Path, key: str) -> None:
    async with screen(session) as (monitor, _, pilot):
        await pilot.press(key)
        told = " ".join(each.text for each in monitor.store.log_entries)
        assert "REPLAY: a recording takes no orders" in told
