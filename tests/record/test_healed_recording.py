"""Holes in the numbers of trades are healed while recording, and known as healed ever after."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from kracked.endpoints import Endpoints
from kracked.feed_manager import FeedManager
from kracked.format.coverage import Verdict
from kracked.format.raw_census import last_trades
from kracked.format.session_info import SessionInfo, read_info
from kracked.format.tables import Flag
from kracked.frames import bars, load_trades
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec
from kracked.protocol.events import Side
from kracked.record.check import check
from kracked.record.convert import convert
from kracked.record.read.recording import open_recording
from kracked.record.replay import Player
from kracked.record.write.session import Format, IncompleteRecording, record_into
from kracked.recorder import Progress, recording
from kracked.sim.faults.schedule import Fault, FaultKind
from kracked.sim.server import SimOptions, SimServer
from kracked.times import to_rfc3339
from tests.patience import PATIENCE_S, until
from tests.record.seeded_market import START

SYMBOL = "BTC/USD"


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    options = SimOptions(seed=7, symbols=(SYMBOL,), rate=20, faults="")
    async with asyncio.timeout(PATIENCE_S), SimServer(options) as server:
        yield server


def feed_of(sim: SimServer, *, closed: bool = False) -> FeedManager:
    """A feed of an exchange; `closed` if its REST is not at the address that it is looked for."""
    endpoints = Endpoints.at(sim.endpoints.rest)
    if closed:
        endpoints = replace(endpoints, rest=f"{endpoints.rest}/nowhere")
    return FeedManager((SYMBOL,), trade=True, endpoints=endpoints)


async def next_trade(feed: FeedManager) -> None:
    """Wait until the stream has a trade."""
    with feed.consumer() as consumer:
        async for event in consumer:
            if isinstance(event, events.Trades):
                return


async def record_with_a_hole(
    sim: SimServer, path: Path, *, closed: bool = False, form: Format = Format.CSV
) -> Progress:
    """Record through a time in which the exchange sends no trades though there are some."""
    async with (
        feed_of(sim, closed=closed) as feed,
        recording(feed, path, form=form) as recorder,
    ):
        await next_trade(feed)
        assert sim.injector is not None
        while not feed.missing_trades(SYMBOL):  # a pause in trading may be as long
            assert sim.injector.inject(Fault(FaultKind.SILENT, SYMBOL, "trade/0.2"))
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await until(lambda: feed.missing_trades(SYMBOL))

        def missing() -> int:
            return recorder.progress().status.missing_trades

        if closed:
            await until(missing)
        else:
            await until(lambda: recorder.progress().status.healed_trades and not missing())
            for _ in range(3):  # the hole lies within the recording, not at its end
                await next_trade(feed)
    return recorder.progress()


def rows(path: Path) -> list[dict[str, str]]:
    with (path / "trades.csv").open() as file:
        return list(csv.DictReader(file))


def is_healed(row: dict[str, str]) -> bool:
    return bool(int(row["flags"]) & Flag.HEALED)


async def test_a_hole_is_healed_while_recording(sim: SimServer, tmp_path: Path) -> None:
    path = tmp_path / "session"
    last = await record_with_a_hole(sim, path)
    numbers = sorted({int(row["trade_id"]) for row in rows(path)})
    assert numbers == [*range(numbers[0], numbers[-1] + 1)]
    healed = [row for row in rows(path) if is_healed(row)]
    assert len(healed) == last.status.healed_trades > 0
    assert last.status.verdict is Verdict.COMPLETE
    assert last.missing == ()


async def test_healed_trades_are_the_exchange_s_own(sim: SimServer, tmp_path: Path) -> None:
    path = tmp_path / "session"
    await record_with_a_hole(sim, path)
    traded = {trade.trade_id: trade for trade in sim.exchange.publishers[SYMBOL].history.trades}
    precision = sim.exchange.publishers[SYMBOL].listing.instrument.precision
    for row in filter(is_healed, rows(path)):
        trade = traded[int(row["trade_id"])]
        assert row["price"] == precision.price_text(trade.price)
        assert row["qty"] == precision.qty_text(trade.qty)
        assert row["side"] == {"bid": "buy", "ask": "sell"}[trade.side]
        assert row["ord_type"] == trade.taker_type
        assert row["ts_event"][:26] == to_rfc3339(trade.time)[:26]


async def test_check_info_and_loaders_know_it_as_healed(sim: SimServer, tmp_path: Path) -> None:
    path = tmp_path / "session"
    last = await record_with_a_hole(sim, path)
    health = check(path)
    assert health.verdict is Verdict.COMPLETE, health
    assert health.coverage[SYMBOL]["trade"] == 100.0
    assert health.healed_trades == last.status.healed_trades
    assert health.gaps
    assert all(gap.closed for gap in health.gaps)
    info = read_info(path)
    assert (info.trade_holes, info.verdict) == ([], Verdict.COMPLETE)
    assert info.coverage == health.coverage
    trades = load_trades(path)
    assert trades["trade_id"].diff().dropna().eq(1).all()
    assert (trades["flags"] & Flag.HEALED > 0).sum() == last.status.healed_trades
    assert (trades["flags"] & Flag.SUSPECT == 0).all()
    whole = bars(path, "1ms")[1:-1]  # the recording begins and ends within the first and last
    assert len(whole)
    assert not whole["suspect"].any()


async def test_every_form_of_tables_has_the_healed_trades(sim: SimServer, tmp_path: Path) -> None:
    for form in (Format.SQLITE, Format.PARQUET):
        path = tmp_path / form
        last = await record_with_a_hole(sim, path, form=form)
        trades = load_trades(path)
        assert (trades["flags"] & Flag.HEALED > 0).sum() == last.status.healed_trades
        assert trades["trade_id"].diff().dropna().eq(1).all()


async def test_tables_made_anew_and_a_replay_have_them(sim: SimServer, tmp_path: Path) -> None:
    path = tmp_path / "session"
    last = await record_with_a_hole(sim, path)
    (path / "trades.csv").unlink()
    convert(path)
    assert (load_trades(path)["flags"] & Flag.HEALED > 0).sum() == last.status.healed_trades
    player, healed = Player(open_recording(path)), 0
    while (moment := player.step()) is not None:
        for event in moment.events:
            if isinstance(event, events.HealedTrades):
                assert (moment.connection, moment.data) == ("", b"")
                healed += len(event.trades)
    assert healed == last.status.healed_trades


async def test_what_cannot_be_fetched_stays_a_hole_and_is_told(
    sim: SimServer, tmp_path: Path
) -> None:
    path = tmp_path / "session"
    last = await record_with_a_hole(sim, path, closed=True)
    missing = last.status.missing_trades
    assert missing > 0
    assert last.status.healed_trades == 0
    [what, *_] = last.missing
    assert "of BTC/USD" in what
    assert what.endswith("refused: EGeneral:Unknown method")
    info = read_info(path)
    assert sum(hole.count for hole in info.trade_holes) == missing
    assert info.verdict is Verdict.GAPS
    health = check(path)
    assert [(hole.first, hole.last) for hole in health.trade_holes] == [
        (hole.first, hole.last) for hole in info.trade_holes
    ]
    assert health.verdict is Verdict.GAPS
    assert health.coverage[SYMBOL]["trade"] < 100
    assert bars(path, "1s")["suspect"].any()


async def test_a_recording_that_goes_on_heals_what_it_could_not_before(
    sim: SimServer, tmp_path: Path
) -> None:
    path = tmp_path / "session"
    first = await record_with_a_hole(sim, path, closed=True)
    traded = sim.exchange.publishers[SYMBOL].history
    before = traded.trades[-1].trade_id
    await until(lambda: traded.trades[-1].trade_id > before + 80)  # more than a snapshot has
    async with feed_of(sim) as feed, recording(feed, path) as recorder:
        await feed.ready()
        await until(lambda: recorder.progress().status.healed_trades > first.status.missing_trades)
        await until(lambda: not recorder.progress().status.missing_trades)
        await next_trade(feed)
    assert check(path).trade_holes == []
    numbers = sorted({int(row["trade_id"]) for row in rows(path)})
    assert numbers == [*range(numbers[0], numbers[-1] + 1)]
    assert check(path).coverage[SYMBOL]["trade"] == 100.0


async def test_after_a_kill_the_log_tells_with_which_trade_to_go_on(
    sim: SimServer, tmp_path: Path
) -> None:
    path = tmp_path / "session"
    await record_with_a_hole(sim, path, closed=True)
    info = read_info(path)
    [found] = last_trades(path, {}).values()
    [stated] = info.trades.values()
    assert replace(found, holes=(), received=0) == replace(stated, holes=(), received=0)
    assert [(hole.first, hole.last) for hole in found.holes] == [
        (hole.first, hole.last) for hole in stated.holes
    ]
    [again] = last_trades(path, info.trades).values()
    assert len(again.holes) == len(stated.holes)


def trade(number: int) -> events.Trades:
    made = events.Trade(Side.BID, 1, 1, "market", number, to_rfc3339(START + number))
    return events.Trades(START + number, SYMBOL, Precision(1, 8), (made,))


def test_check_and_recorder_agree_on_an_old_snapshot_and_on_a_new_count(tmp_path: Path) -> None:
    path, told = tmp_path / "session", SessionInfo(start=to_rfc3339(START, 9))
    codec, messages = Codec(), []
    counts = [(1, 2), (5,), (6,), (3, 5), (7,), (1, 2), (4,)]
    for index, numbers in enumerate(counts):
        snapshot, anew = len(numbers) > 1, 100 if index > 4 else 0
        rows_of = ",".join(
            f'{{"symbol":"{SYMBOL}","side":"buy","price":1.0,"qty":1.0,"ord_type":"limit",'
            f'"trade_id":{number},"timestamp":"{to_rfc3339(START + (anew + number) * 10**9)}"}}'
            for number in numbers
        )
        kind = "snapshot" if snapshot else "update"
        text = f'{{"channel":"trade","type":"{kind}","data":[{rows_of}]}}'
        messages.append(("public", START + index, text.encode()))
    with record_into(path, told, clock=lambda: START + 99) as session:
        for message in messages:
            session.ingest.take([message], codec.decode(message[2], message[1]))
    holes = read_info(path).trade_holes
    assert [(hole.first, hole.last) for hole in holes] == [(4, 4), (3, 3)]
    assert check(path).trade_holes == holes


def test_a_batch_that_is_dropped_leaves_holes_in_the_trades(tmp_path: Path) -> None:
    info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
    with ExitStack() as stack:
        stack.enter_context(suppress(IncompleteRecording))  # the heartbeat
        recorded = record_into(tmp_path / "session", info, clock=lambda: START + 9)
        session = stack.enter_context(recorded)
        holes = session.ingest.trade_holes
        session.ingest.take([], [trade(1)])
        session.ingest.hand_over(START)
        session._writer._bound = -1
        session.ingest.take([("public", START + 2, b'{"channel":"heartbeat"}')], [trade(2)])
        session.ingest.hand_over(START + 2)
        session._writer._bound = 1 << 30
        session.ingest.take([], [trade(3)])
        assert [(hole.first, hole.last) for hole in holes.open()] == [(2, 2)]
