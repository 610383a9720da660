"""A recording that begins in the middle: whoever plays it sees what stood when it began."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import zstandard
from msgspec.structs import replace

from kracked.book.keeper import BookKeeper
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.errors import RecordError
from kracked.feed.account import Account
from kracked.feed_manager import FeedManager
from kracked.format.layout import HOUR_NS
from kracked.format.session_info import SessionInfo
from kracked.format.tables import ASSETS, PAIRS
from kracked.frames import load_balances, load_executions, load_ohlc, load_ticker, load_trades
from kracked.protocol import encode, events
from kracked.protocol.events import Event, Side
from kracked.protocol.maintenance.announcements import MaintenanceEvent
from kracked.protocol.order_terms import OrderType
from kracked.record.check import check
from kracked.record.convert import convert
from kracked.record.read.recording import open_recording
from kracked.record.replay import Player
from kracked.record.write.session import JoinedState, record_into
from kracked.recorder import recording
from kracked.rest.client import RestClient
from kracked.rest.orders import AddOrder
from kracked.sim.server import SimOptions, SimServer
from kracked.verify import verify_lines
from tests.record.seeded_market import START, Level3Market

SYMBOL = "BTC/USD"


class Trading:
    """A feed of everything on an exchange where this account has traded already."""

    def __init__(self, feed: FeedManager, token: str) -> None:
        self.feed, self.token = feed, token

    async def recorded(self, path: Path, *, own: bool = True) -> list[Event]:
        """Record from now on, a little; what stood when the recorder joined."""
        stood = self.feed.current_state()
        async with recording(self.feed, path, own=own):
            await self.heard(60)
        return stood

    async def heard(self, count: int) -> None:
        """Wait until so many more events have come."""
        with self.feed.consumer() as consumer:
            while count > 0:
                count -= len(await consumer.batch())


@pytest.fixture
async def trading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Trading]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    async with asyncio.timeout(60), SimServer(SimOptions(seed=7, symbols=(SYMBOL,))) as sim:
        key, endpoints = Credentials(sim.api_key, sim.api_secret), Endpoints.at(sim.endpoints.rest)
        async with RestClient(key, endpoints) as client:
            given: list[str] = []

            async def token() -> str:
                given.append(await client.websockets_token())
                return given[-1]

            channels = {"book": 10, "level3": 10, "trade": True, "ticker": True, "ohlc": 1}
            async with FeedManager(
                (SYMBOL,), account=True, token=token, endpoints=endpoints, **channels
            ) as feed:
                await feed.ready()
                await _trade(client, feed)
                yield Trading(feed, given[0])


async def _trade(client: RestClient, feed: FeedManager) -> None:
    """Until two orders rest, one has been filled, and every channel has told something."""
    resting = {"order_type": OrderType.LIMIT, "side": Side.BID, "volume": Decimal("0.01")}
    with feed.consumer() as consumer:
        for price in ("1000", "1001"):
            await client.add_order(AddOrder(price=Decimal(price), **resting), SYMBOL)
        taking = {"order_type": OrderType.MARKET, "side": Side.BID, "volume": Decimal("0.01")}
        await client.add_order(AddOrder(**taking), SYMBOL)
        while (
            len(feed.account.orders) < 2 or not feed.account.fills or len(feed.current_state()) < 7
        ):
            await consumer.batch()


def first_told(path: Path) -> list[Event]:
    """What a player of the recording hears before its first message."""
    moment = Player(open_recording(path)).step()
    assert moment is not None
    return list(moment.snapshots)


def stood_later(path: Path) -> list[Event]:
    """What the recorder wrote of what stands after the first message."""
    player, stood = Player(open_recording(path)), list[Event]()
    player.step()
    while (moment := player.step()) is not None:
        stood += moment.snapshots
    return stood


def plain_lines(path: Path) -> list[bytes]:
    """The raw log as any reader of zstd has it."""
    [log] = path.glob("raw/*")
    reader = zstandard.ZstdDecompressor().stream_reader(log.read_bytes(), read_across_frames=True)
    return reader.read().splitlines()


def account_of(told: list[Event]) -> Account:
    account = Account()
    for event in told:
        if isinstance(event, events.Executions | events.Balances):
            account.apply(event)
    return account


async def test_a_replay_begins_with_what_the_feed_knew(trading: Trading, tmp_path: Path) -> None:
    stood = await trading.recorded(tmp_path / "session")
    told = first_told(tmp_path / "session")
    assert {type(event) for event in stood} == {
        *(events.Status, events.Instruments, events.Ticker, events.Trades, events.Candles),
        *(events.Executions, events.Balances),
    }
    assert [encode.message(event) for event in told[: len(stood)]] == [
        encode.message(event) for event in stood
    ]
    assert check(tmp_path / "session").healthy


async def test_the_replay_command_prints_it_first(trading: Trading, tmp_path: Path) -> None:
    stood = await trading.recorded(tmp_path / "session")
    command = [sys.executable, "-m", "kracked.cli.main", "replay", str(tmp_path / "session")]
    replay = await asyncio.create_subprocess_exec(*command, "--speed", "max", stdout=PIPE)
    printed, _ = await replay.communicate()
    first = [json.loads(line)["event"] for line in printed.splitlines()[: len(stood)]]
    assert first == [type(event).__name__.lower() for event in stood]


async def test_a_recording_that_goes_on_tells_anew_what_stands(
    trading: Trading, tmp_path: Path
) -> None:
    await trading.recorded(tmp_path / "session")
    await trading.recorded(tmp_path / "session")
    assert account_of(stood_later(tmp_path / "session")).orders.keys() == (
        trading.feed.account.orders.keys()
    )
    assert check(tmp_path / "session").healthy


async def test_own_orders_fills_and_balances_are_there_from_the_start(
    trading: Trading, tmp_path: Path
) -> None:
    known = trading.feed.account
    orders, fills, balances = dict(known.orders), list(known.fills), dict(known.balances)
    await trading.recorded(tmp_path / "session")
    account = account_of(first_told(tmp_path / "session"))
    assert [replace(order, timestamp="") for order in account.orders.values()] == [
        replace(order, timestamp="") for order in orders.values()
    ]
    assert (list(account.fills), account.balances) == (fills, balances)
    assert account.orders_known
    assert account.balances_known


async def test_without_own_nothing_of_the_account_is_written(
    trading: Trading, tmp_path: Path
) -> None:
    await trading.recorded(tmp_path / "session", own=False)
    assert not account_of(first_told(tmp_path / "session")).orders_known
    order_id = next(iter(trading.feed.account.orders)).encode()
    kept = b"".join(entry.data for _, entry in open_recording(tmp_path / "session").read())
    assert order_id not in kept
    assert not [*(tmp_path / "session").glob("executions*")]
    assert not [*(tmp_path / "session").glob("balances*")]


async def test_no_token_is_written_with_what_stands(trading: Trading, tmp_path: Path) -> None:
    await trading.recorded(tmp_path / "session")
    kept = b"".join(entry.data for _, entry in open_recording(tmp_path / "session").read())
    assert trading.token.encode() not in kept


@pytest.mark.parametrize(
    "load", [load_ticker, load_trades, load_ohlc, load_executions, load_balances]
)
async def test_tables_made_of_the_raw_log_are_those_kept_live(
    load: object, trading: Trading, tmp_path: Path
) -> None:
    await trading.recorded(tmp_path / "session")
    convert(tmp_path / "session", tmp_path / "lake")
    live, made = load(tmp_path / "session"), load(tmp_path / "lake")  # type: ignore[operator]
    assert len(live)
    pd.testing.assert_frame_equal(made, live, check_categorical=False)


async def test_which_candles_stood_is_known_of_the_recording(
    trading: Trading, tmp_path: Path
) -> None:
    await trading.recorded(tmp_path / "session")
    symbols = open_recording(tmp_path / "session").info().symbols
    assert [symbol for symbol, subject in symbols.items() if subject.ohlc] == sorted(
        {
            event.symbol
            for event in trading.feed.current_state()
            if isinstance(event, events.Candles)
        }
    )


async def test_the_rules_of_every_pair_and_asset_are_in_their_tables(
    trading: Trading, tmp_path: Path
) -> None:
    await trading.recorded(tmp_path / "session")
    for table, known in ((PAIRS, trading.feed.instruments), (ASSETS, trading.feed.assets)):
        with (tmp_path / "session" / f"{table.name}.csv").open() as file:
            assert {row[0] for row in list(csv.reader(file))[1:]} == set(known)


async def test_any_reader_of_json_lines_finds_snapshots_of_another_type(
    trading: Trading, tmp_path: Path
) -> None:
    await trading.recorded(tmp_path / "session")
    lines = plain_lines(tmp_path / "session")
    stood = [json.loads(line)["msg"] for line in lines if b'"conn":"keyframe"' in line]
    assert {message["type"] for message in stood} == {"keyframe"}
    assert {"instrument", "ticker", "trade", "ohlc", "executions", "balances"} < {
        message["channel"] for message in stood
    }
    assert verify_lines("log", lines).unreadable == 0


async def test_what_was_lost_is_told_anew_once_messages_are_taken_again(
    trading: Trading, tmp_path: Path
) -> None:
    with suppress(RecordError):  # which says at the end that five are missing
        async with recording(trading.feed, tmp_path / "session") as recorder:
            await trading.heard(20)
            recorder._session.ingest.note_lost(5, trading.feed.clock.wall())
            await trading.heard(200)
    account = account_of(stood_later(tmp_path / "session"))
    assert account.orders.keys() == trading.feed.account.orders.keys()
    assert account.balances == trading.feed.account.balances


def planned(at: int, *, stated: bool = True) -> events.Status:
    listed = (MaintenanceEvent(event_id=7, title="matching engine"),) if stated else ()
    return events.Status(at, "online", upcoming_maintenance=listed, lists_stated=stated)


def statuses(path: Path) -> list[events.Status]:
    """The status messages that the recorder itself wrote, as a player hears them."""
    player, told = Player(open_recording(path)), list[events.Status]()
    while (moment := player.step()) is not None:
        told += [event for event in moment.snapshots if isinstance(event, events.Status)]
    return told


def test_each_segment_begins_with_the_status_and_what_is_planned(tmp_path: Path) -> None:
    now = [START]
    info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
    stream = Level3Market().stream(40)
    keeper = BookKeeper()
    with record_into(tmp_path / "session", info, clock=lambda: now[0]) as session:

        def arrive(*messages: tuple[int, bytes]) -> None:
            for received, data in messages:
                session.ingest.take_message("level3", received, data)
                for event in keeper.receive(data, received):
                    session.ingest.take_event(event)

        session.begin(JoinedState(START, [planned(START)], []))
        arrive(*stream[:10])
        session.ingest.take_event(planned(START + 1, stated=False))
        session.hand_over(keeper.l3.values(), stream[9][0])
        session.hand_over(keeper.l3.values(), stream[9][0] + 1)
        later = stream[9][0] + HOUR_NS
        session.hand_over(keeper.l3.values(), later)
        arrive((later + 1, b'{"channel":"heartbeat"}'))
        session.hand_over(keeper.l3.values(), later + 1)
        arrive((later + 2, b'{"channel":"heartbeat"}'))
        session.hand_over(keeper.l3.values(), later + 2)
        now[0] = later + 3
    assert len(open_recording(tmp_path / "session").logs) == 2
    told = statuses(tmp_path / "session")
    assert told[0].received == START
    assert {event.system for event in told} == {"online"}
    assert all([each.event_id for each in event.upcoming_maintenance] == [7] for event in told)
    assert any(event.received >= later for event in told)
    assert check(tmp_path / "session").healthy
