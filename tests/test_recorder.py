"""The recorder on a running feed of the simulated exchange: everything heard is kept."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pandas as pd
import pytest
import zstandard

import kracked
from kracked.book.keeper import BookKeeper
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.errors import RecordError
from kracked.feed.clock import Clock
from kracked.format.session_info import SessionInfo
from kracked.format.tables import Flag
from kracked.frames import load_orders, load_ticker, load_trades
from kracked.frames.books.table_replay import books
from kracked.record import closed_segments
from kracked.record.check import check
from kracked.record.closed_segments import make_tables_so_far, replace_tables
from kracked.record.read.recording import open_recording
from kracked.record.write.session import Format, record_into
from kracked.recorder import Progress, record, recording
from kracked.sim.server import SimOptions, SimServer
from kracked.times import NS_PER_S
from tests.patience import PATIENCE_S, until
from tests.record.seeded_market import Level3Market
from tests.record.seeded_market import feed as feed_session

SYMBOLS = ("BTC/USD", "ETH/USD")


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with SimServer(SimOptions(seed=7, symbols=SYMBOLS)) as server:
        yield server


@pytest.fixture
def feed(sim: SimServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> kracked.FeedManager:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return kracked.FeedManager(
        SYMBOLS,
        book=25,
        level3=100,
        trade=True,
        ticker=True,
        ohlc=1,
        credentials=Credentials(sim.api_key, sim.api_secret),
        endpoints=Endpoints.at(sim.endpoints.rest),
    )


async def test_a_recorded_market_verifies_raw_and_as_tables(
    feed: kracked.FeedManager, tmp_path: Path
) -> None:
    path = tmp_path / "session"
    async with asyncio.timeout(PATIENCE_S), feed, recording(feed, path) as recorder:
        await feed.ready()
        await until(lambda: recorder.progress().status.messages > 200)
    health = check(tmp_path / "session")
    assert health.healthy, health
    assert health.lost == 0
    assert {(book.symbol, book.channel) for book in health.books} == {
        (symbol, channel) for symbol in SYMBOLS for channel in ("book", "level3")
    }
    assert health.messages == recorder.progress().status.messages
    for symbol in SYMBOLS:
        for channel in ("book", "level3"):
            *_, last = books(tmp_path / "session", symbol, channel=channel)
            raw = open_recording(tmp_path / "session").at(last.received, symbol, channel=channel)
            assert (last.computed, last.verified) == (raw.computed, True)
    assert set(load_ticker(tmp_path / "session")["symbol"]) == set(SYMBOLS)
    assert len(load_trades(tmp_path / "session")) > 50


async def test_a_recording_may_join_a_feed_that_runs_already(
    feed: kracked.FeedManager, tmp_path: Path
) -> None:
    async with asyncio.timeout(PATIENCE_S), feed:
        await feed.ready()
        with feed.consumer() as consumer:
            await consumer.batch()
        async with recording(feed, tmp_path / "session") as recorder:
            await until(lambda: recorder.progress().status.messages > 200)
    assert check(tmp_path / "session").healthy
    orders = load_orders(tmp_path / "session", symbols="BTC/USD")
    begun = orders.index[orders["action"] == "R"][0]
    assert (orders["flags"][:begun] & Flag.SUSPECT > 0).all()
    assert (orders["flags"][begun:] & Flag.SUSPECT == 0).all()
    *_, last = books(tmp_path / "session", "BTC/USD")
    assert last.verified


async def test_whenever_a_recording_joins_every_book_message_in_it_is_verified(
    feed: kracked.FeedManager, tmp_path: Path
) -> None:
    moments = random.Random(7)
    async with asyncio.timeout(PATIENCE_S), feed:
        await feed.ready()
        for number in range(8):
            await heard(feed, moments.randrange(40))
            for _ in range(moments.randrange(20)):
                await asyncio.sleep(0)
            async with recording(feed, tmp_path / str(number)):
                await heard(feed, moments.randrange(1, 150))
    healths = [check(tmp_path / str(number)) for number in range(8)]
    assert all(health.healthy for health in healths)
    assert sum(book.messages for health in healths for book in health.books) > 100
    assert not [
        book for health in healths for book in health.books if book.verified < book.messages
    ]


async def heard(feed: kracked.FeedManager, count: int) -> None:
    """Wait until so many more events have come."""
    with feed.consumer() as consumer:
        while count > 0:
            count -= len(await consumer.batch())


async def test_a_connection_that_is_lost_to_the_end_leaves_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "session"
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as exchange:
        sim = await exchange.enter_async_context(SimServer(SimOptions(symbols=SYMBOLS)))
        channels = {"book": 10, "ticker": True, "trade": True}
        async with (
            kracked.FeedManager(
                SYMBOLS, endpoints=Endpoints.at(sim.endpoints.rest), **channels
            ) as feed,
            recording(feed, path),
        ):
            await feed.ready()
            await exchange.aclose()
            await until(lambda: not feed.stats().connections[0].open)
    holes = open_recording(path).gaps()
    assert {(hole.channel, hole.symbols) for hole in holes} == {
        *((channel, (symbol,)) for channel in channels for symbol in SYMBOLS),
        ("instrument", ()),
    }
    *_, (last, _, _) = open_recording(path)
    assert {hole.start for hole in holes} == {last}


async def never(_: float) -> None:
    """Whoever sleeps so does not wake: the recorder looks once, and then at the end."""
    await asyncio.Event().wait()


async def test_an_error_of_the_caller_costs_no_message_and_is_told_as_it_is(
    feed: kracked.FeedManager, tmp_path: Path
) -> None:
    feed.clock = Clock(sleep=never)
    heard: list[bytes] = []

    async def fail() -> None:
        with feed.tap() as tap:
            await feed.ready()
            heard.extend(data for _, _, data in tap.take())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(PATIENCE_S), feed, recording(feed, tmp_path / "session"):
            await fail()
    assert set(heard) <= {data for _, _, data in open_recording(tmp_path / "session")}


async def test_a_signal_ends_a_recording_cleanly(feed: kracked.FeedManager, tmp_path: Path) -> None:
    def stop_soon(_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(PATIENCE_S):
        await record(feed, tmp_path / "session", tell=stop_soon)
    assert open_recording(tmp_path / "session").info().clean_stop


async def test_a_recorder_that_can_write_no_more_ends_with_the_reason(
    feed: kracked.FeedManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> object:
        raise RuntimeError("the library is broken")

    monkeypatch.setattr(zstandard, "ZstdCompressor", broken)
    with pytest.raises(RecordError, match=r"[1-9]\d* messages .* the library is broken|broken"):
        async with asyncio.timeout(PATIENCE_S):
            await record(feed, tmp_path / "session")


async def test_the_progress_tells_what_is_left_to_write_when_it_ends(
    feed: kracked.FeedManager, tmp_path: Path
) -> None:
    told: list[Progress] = []
    async with asyncio.timeout(PATIENCE_S):
        await record(feed, tmp_path / "session", duration_s=0.5, tell_ending=told.append)
    assert told
    assert all(each.ending and each.status.left_bytes >= 0 for each in told)


async def test_parquet_takes_the_place_of_hours_that_are_over_while_it_records(
    tmp_path: Path,
) -> None:
    stream = Level3Market().stream(100)
    later = [(received + 3600 * NS_PER_S, data) for received, data in stream[50:]]
    path = tmp_path / "session"
    info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
    with record_into(path, info, form=Format.PARQUET, clock=lambda: later[-1][0]) as session:
        feed_session(session, BookKeeper(), [*stream[:50], *later])
        await until(lambda: not session.status().left_bytes)
        whole = load_orders(path)
        assert (path / "L3_ticks-20241112T06Z.csv").exists()
        await make_tables_so_far(path)
        made = [part.name for part in path.glob("parquet/channel=l3/*/*/*.parquet")]
        assert made == ["part-20241112T0600Z-00.parquet"]
        assert [file.name for file in path.glob("L3*")] == ["L3_ticks.csv"]
        pd.testing.assert_frame_equal(load_orders(path), whole, check_categorical=False)


def recorded_hour(path: Path) -> pd.DataFrame:
    """What is in the tables of a recording whose Parquet was not made yet."""
    stream = Level3Market().stream(60)
    info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
    with record_into(path, info, form=Format.PARQUET, clock=lambda: stream[-1][0]) as session:
        feed_session(session, BookKeeper(), stream)
    return load_orders(path)


def test_parquet_takes_the_place_of_csv_when_a_recording_ends(tmp_path: Path) -> None:
    whole = recorded_hour(tmp_path / "session")
    replace_tables(tmp_path / "session")
    assert not [*(tmp_path / "session").glob("L*.csv")]
    pd.testing.assert_frame_equal(load_orders(tmp_path / "session"), whole, check_categorical=False)
    health = check(tmp_path / "session")
    assert (health.healthy, health.verdict) == (True, "complete")


def test_csv_with_more_rows_than_parquet_stays(tmp_path: Path) -> None:
    recorded_hour(tmp_path / "session")
    table = tmp_path / "session" / "L3_ticks.csv"
    table.write_text(table.read_text() + table.read_text().splitlines(keepends=True)[-1])
    replace_tables(tmp_path / "session")
    assert table.exists()


def test_an_end_does_not_wait_for_long_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = recorded_hour(tmp_path / "session")
    monkeypatch.setattr(closed_segments, "_END_WAITS_S", 0.0)
    process = closed_segments.finish_tables(tmp_path / "session")
    assert process > 0
    assert len(load_orders(tmp_path / "session")) == len(whole)
    end = time.monotonic() + PATIENCE_S
    while (tmp_path / "session" / "L3_ticks.csv").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    assert len(load_orders(tmp_path / "session")) == len(whole)


async def test_no_secret_is_ever_written(
    feed: kracked.FeedManager, sim: SimServer, tmp_path: Path
) -> None:
    await record(feed, tmp_path / "session", duration_s=1)
    raw = b"".join(data for _, _, data in open_recording(tmp_path / "session"))
    assert sim.api_key.encode() not in raw
    assert b'"token"' not in raw


@pytest.fixture
def own_feed(
    sim: SimServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> kracked.FeedManager:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return kracked.FeedManager(
        SYMBOLS,
        ticker=True,
        account=True,
        credentials=Credentials(sim.api_key, sim.api_secret),
        endpoints=Endpoints.at(sim.endpoints.rest),
    )


async def _recorded(feed: kracked.FeedManager, path: Path, *, own: bool) -> Path:
    """Until the account has told its balances, and a little of the market after that."""
    async with asyncio.timeout(PATIENCE_S), feed, recording(feed, path, own=own) as recorder:
        await until(lambda: feed.account.balances and recorder.progress().status.rows > 10)
    return path


async def test_what_a_key_brings_is_recorded_too(
    own_feed: kracked.FeedManager, tmp_path: Path
) -> None:
    path = await _recorded(own_feed, tmp_path / "session", own=True)
    assert (path / "balances.csv").read_text().count("\n") > 1
    shared = {str(file) for file in [path, *path.rglob("*")] if file.stat().st_mode & 0o077}
    assert shared == set()
    assert any(connection == "private" for _, connection, _ in open_recording(path))


async def test_the_account_may_be_left_out_of_a_recording(
    own_feed: kracked.FeedManager, tmp_path: Path
) -> None:
    path = await _recorded(own_feed, tmp_path / "session", own=False)
    assert not (path / "balances.csv").exists()
    assert not any(connection == "private" for _, connection, _ in open_recording(path))
    assert check(path).healthy


async def test_no_token_is_written_though_it_be_echoed(
    own_feed: kracked.FeedManager, tmp_path: Path
) -> None:
    """Kraken repeats parts of a request in refusals; a token must not survive there."""
    path = tmp_path / "session"
    async with asyncio.timeout(PATIENCE_S), own_feed, recording(own_feed, path):
        await own_feed.ready()
        for connection in own_feed.stats().connections:
            echo = b'{"method":"subscribe","error":"x","result":{"token":"s3cret-t0ken"}}'
            for tap in own_feed._taps:
                tap.put(connection.name, own_feed.clock.wall(), echo)
    everything = b"".join(data for _, _, data in open_recording(path))
    assert b'"token":"<redacted>"' in everything
    assert b"s3cret" not in everything


async def test_a_folder_in_use_is_refused_before_anything_is_asked(
    feed: kracked.FeedManager, tmp_path: Path
) -> None:
    async with asyncio.timeout(PATIENCE_S), feed, recording(feed, tmp_path / "session"):
        with pytest.raises(RecordError, match="is being recorded"):
            async with recording(feed, tmp_path / "session"):
                pass
