"""Own orders and fills that were recorded, and the way back to what was watched before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from kracked.format import keyframe
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.sources.open import open_playable
from kracked_tui.sources.opening import Destination
from kracked_tui.sources.replay import ReplaySource
from kracked_tui.view.replay.sessions import SessionRow
from tests.tui.conftest import settled
from tests.tui.frozen_market import SYMBOL, book

INSTRUMENT = (
    '{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[{"symbol":"BTC/USD",'
    '"base":"BTC","quote":"USD","status":"online","qty_precision":8,"qty_increment":0.00000001,'
    '"qty_min":0.00005,"price_precision":1,"price_increment":0.1,"cost_precision":5,'
    '"cost_min":0.5,"marginable":false,"has_index":true}]}}'
)
ORDER = (
    '"order_id":"OABCDE-FGHIJ-KLMNOP","symbol":"BTC/USD","side":"buy","order_type":"limit",'
    '"order_qty":2.0,"limit_price":64208.0,'
)
OPEN = (
    '{"channel":"executions","type":"snapshot","data":[{' + ORDER + '"order_status":"new",'
    '"exec_type":"pending_new","cum_qty":0,"timestamp":"2026-11-22T14:03:25.000000Z"}],'
    '"sequence":1}'
)
FILL = (
    '{"channel":"executions","type":"update","data":[{'
    + ORDER
    + '"order_status":"partially_filled","exec_type":"trade","exec_id":"TABCDE-FGHIJ-KLMNOP",'
    '"trade_id":4711,"last_qty":0.5,"last_price":64208.0,"cost":32104.0,"cum_qty":0.5,'
    '"liquidity_ind":"m","fees":[{"asset":"USD","qty":51.3}],'
    '"timestamp":"2026-11-22T14:03:35.000000Z"}],"sequence":2}'
)
TRADE = (
    '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell",'
    '"price":64208.0,"qty":0.5,"ord_type":"market","trade_id":4711,'
    '"timestamp":"2026-11-22T14:03:35.000000Z"}]}'
)
LAST = (
    '{"channel":"status","type":"update","data":[{"system":"online"}],'
    '"time_out":"2026-11-22T14:03:45.000000Z"}'
)


def log(folder: Path) -> Path:
    """Write a log of a book, an own order five seconds later, and a fill after ten more."""
    path = folder / "own.jsonl"
    picture = keyframe.as_snapshot(keyframe.encode(book())).decode()
    path.write_text("\n".join((INSTRUMENT, picture, OPEN, FILL, TRADE, LAST)) + "\n")
    return path


@asynccontextmanager
async def replaying(
    folder: Path, *, before: tuple[SessionRow, ...] = ()
) -> AsyncIterator[tuple[Monitor, ReplaySource, Pilot[None]]]:
    source = ReplaySource(open_playable(log(folder)))
    source.toggle()
    monitor = Monitor(source, Settings(), (SYMBOL,))
    monitor.trade.watched_before = before
    async with monitor.run_test(size=(200, 60)) as pilot:
        await source.seek(source.view().end)
        await settled(monitor, pilot)
        yield monitor, source, pilot


def pane(monitor: Monitor, name: str) -> str:
    found = next(each for each in monitor.trade.panes if each.id == name)
    return "\n".join(line.text for line in found.lines)


async def test_own_orders_and_fills_are_on_the_ladder_in_their_panes_and_on_the_tape(
    tmp_path: Path,
) -> None:
    async with replaying(tmp_path) as (monitor, _, _):
        row = next(line.text for line in monitor.trade.ladder.lines if "64208.0" in line.text)
        assert "1.5" in row.partition("64208.0")[0]
        assert "64208.0" in pane(monitor, "orders")
        assert "0.5" in pane(monitor, "fills")
        assert "yours" in pane(monitor, "tape")


async def test_before_the_fill_there_is_no_fill(tmp_path: Path) -> None:
    async with replaying(tmp_path) as (monitor, source, pilot):
        await source.shift(-12_000_000_000)
        await settled(monitor, pilot)
        assert "64208.0" in pane(monitor, "orders")
        assert not monitor.store.account.fills
        assert "yours" not in pane(monitor, "tape")


async def test_escape_closes_what_is_open_and_then_leads_back(tmp_path: Path) -> None:
    async with replaying(tmp_path, before=(SessionRow("ws.example"),)) as (monitor, _, pilot):
        await pilot.press("question_mark", "escape")
        assert monitor.destination is None
        await pilot.press("escape")
        await pilot.pause()
    assert monitor.destination == Destination(None)


async def test_quitting_ends_the_program_though_a_replay_was_chosen_before(tmp_path: Path) -> None:
    async with replaying(tmp_path) as (monitor, _, pilot):
        monitor._wanted = Destination(tmp_path)  # chosen, then not opened because of own orders
        await pilot.press("ctrl+q")
    assert monitor.destination is None


async def test_escape_stays_where_nothing_was_watched_before(tmp_path: Path) -> None:
    async with replaying(tmp_path) as (monitor, _, pilot):
        await pilot.press("escape")
        await pilot.pause()
        assert monitor.destination is None
