"""A stranger who sets and removes row by row has the exchange's book after every message."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from kracked.book.keeper import BookKeeper
from kracked.format.cells import time_cell
from kracked.format.session_info import SessionInfo
from kracked.format.tables import Flag
from kracked.frames.books.table_replay import book_events
from kracked.protocol import events
from kracked.record.convert import convert
from kracked.record.write.session import record_into
from tests.benchmarks.streams import START, stream

SYMBOL, DEPTH, MESSAGES = "BTC/USD", 10, 3_000
Levels = dict[str, dict[Decimal, Decimal]]


@pytest.fixture(scope="module", params=["book", "level3"])
def channel(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def told(channel: str) -> list[bytes]:
    snapshot, updates = stream(channel, DEPTH, MESSAGES)
    return [snapshot, *updates]


@pytest.fixture(scope="module")
def session(channel: str, told: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("naive") / "session"
    keeper = BookKeeper()
    info, end = SessionInfo(start=time_cell(START)), START + len(told) + 1
    with record_into(path, info, clock=lambda: end) as session:
        granted = events.Subscribed(START, channel, SYMBOL, DEPTH)
        keeper.apply(granted)
        session.ingest.take_event(granted)
        for number, data in enumerate(told):
            heard = keeper.receive(data, START + number)
            session.ingest.take([(channel, START + number, data)], heard)
    return path


def _messages(path: Path, channel: str) -> Iterator[list[dict[str, str]]]:
    """Yield the rows of each message: up to the row whose flags have bit 128."""
    gathered: list[dict[str, str]] = []
    table = path / ("L2_updates.csv" if channel == "book" else "L3_ticks.csv")
    with table.open() as file:
        for row in csv.DictReader(file):
            gathered.append(row)
            if int(row["flags"]) & 128:
                yield gathered
                gathered = []


def _rebuild(path: Path, channel: str) -> Iterator[Levels]:
    """Set and remove, and nothing else: what any reader does that knows no depth."""
    sides: dict[str, dict[object, tuple[Decimal, Decimal]]] = {"b": {}, "a": {}}
    for rows in _messages(path, channel):
        for row in rows:
            if row["side"] == "n":
                sides = {"b": {}, "a": {}}
                continue
            price, side = Decimal(row["price"]), sides[row["side"]]
            key: object = row["order_id"] if channel == "level3" else price
            qty = Decimal(row["size" if channel == "level3" else "qty"])
            if qty == 0 or row.get("action") == "C":
                side.pop(key, None)
            else:
                side[key] = price, qty
        levels: Levels = {"b": {}, "a": {}}
        for name, side in sides.items():
            for price, qty in side.values():
                levels[name][price] = levels[name].get(price, Decimal(0)) + qty
        yield levels


def _truth(channel: str, told: list[bytes]) -> Iterator[Levels]:
    """The book of the keeper, whose checksum the exchange confirms."""
    keeper = BookKeeper()
    keeper.apply(events.Subscribed(START, channel, SYMBOL, DEPTH))
    for data in told:
        keeper.receive(data)
        book = keeper.l2[SYMBOL] if channel == "book" else keeper.l3[SYMBOL]
        assert book.verified
        levels: Levels = {}
        for name, side in (("b", book.bids), ("a", book.asks)):
            pairs = ((each.price, each.qty) for each in side) if channel == "level3" else side
            levels[name] = {
                book.precision.price_decimal(price): book.precision.qty_decimal(qty)
                for price, qty in pairs
            }
        yield levels


def test_row_by_row_the_tables_give_the_exchanges_book(
    channel: str, session: Path, told: list[bytes]
) -> None:
    pairs = zip(_rebuild(session, channel), _truth(channel, told), strict=True)
    wrong = [number for number, (ours, theirs) in enumerate(pairs) if ours != theirs]
    assert wrong == []


def test_what_the_depth_cut_has_a_flag_of_its_own(channel: str, session: Path) -> None:
    rows = [row for message in _messages(session, channel) for row in message]
    cut = [row for row in rows if int(row["flags"]) & Flag.CUT]
    assert len(cut) > 50
    assert {row.get("action", "C") for row in cut} == {"C"}


def test_no_open_order_is_added_again(channel: str, session: Path) -> None:
    open_orders: set[str] = set()
    again = []
    for message in _messages(session, channel):
        for row in message:
            if row.get("action") == "A":
                again += [row["order_id"]] if row["order_id"] in open_orders else []
                open_orders.add(row["order_id"])
            elif row.get("action") == "C":
                open_orders.discard(row["order_id"])
    assert again == []


@pytest.mark.parametrize("converted", [False, True])
def test_readers_of_messages_have_those_of_the_exchange_alone(
    converted: bool, channel: str, session: Path, told: list[bytes]
) -> None:
    if converted:
        convert(session)
    sent = BookKeeper()
    sent.apply(events.Subscribed(START, channel, SYMBOL, DEPTH))
    wanted = (events.BookEvent, events.L3Event)
    heard = [event for data in told for event in sent.receive(data) if isinstance(event, wanted)]
    found = [*book_events(session, SYMBOL, channel=channel)]  # type: ignore[arg-type]
    assert [(each.bids, each.asks, each.checksum) for each in found] == [
        (each.bids, each.asks, each.checksum) for each in heard
    ]
