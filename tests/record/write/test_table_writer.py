"""Rows are suspect from the hole on until a snapshot has proven the book, and not longer."""

from __future__ import annotations

from kracked.book.keeper import BookKeeper
from kracked.format import keyframe
from kracked.format.lazy_text import render
from kracked.format.session_info import PreviousInfo, SymbolInfo
from kracked.format.tables import ASSETS, EXECUTIONS, ORDERS, PAIRS, Flag
from kracked.instruments import Instrument, Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec
from kracked.protocol.events import OrderAction, OrderChange
from kracked.record.write.table_writer import TableRows
from tests.benchmarks.streams import stream

PRECISION = Precision(1, 8)
ORDER = OrderChange(OrderAction.ADD, "OAAAAA-BBBBB-CCCCCC", 630_000, 10**8, "")


def snapshot(now: int) -> events.L3Snapshot:
    return events.L3Snapshot(now, "BTC/USD", PRECISION, (ORDER,), (), 7, None)


def update(now: int) -> events.L3Update:
    return events.L3Update(now, "BTC/USD", PRECISION, (ORDER,), (), 7, None)


def gap(end: int, channel: str = "level3", *symbols: str) -> events.Gap:
    return events.Gap(end, channel, symbols, 20, end, "lost")


def running() -> TableRows:
    """Rows of a book that a snapshot at 10 has proven."""
    rows = TableRows({})
    rows.add_event(snapshot(10), 1)
    rows.add_event(events.Verified(10, "BTC/USD", "level3"), 1)
    rows.take()
    return rows


def is_suspect(rows: TableRows, event: events.Event) -> bool:
    """Whether the event's last row is flagged so."""
    rows.add_event(event, 2)
    last = render(rows.take()[ORDERS.name]).splitlines()[-1]
    names = [column.name for column in ORDERS.columns]
    return bool(int(last.split(",")[names.index("flags")]) & Flag.SUSPECT)


def test_rows_after_a_hole_are_suspect_until_a_snapshot() -> None:
    rows = running()
    rows.mark_gap(gap(30))
    assert is_suspect(rows, update(31))
    assert not is_suspect(rows, snapshot(40))
    assert not is_suspect(rows, update(41))


def test_a_gap_told_with_the_snapshot_that_ended_it_casts_no_doubt() -> None:
    rows = running()
    rows.mark_suspect("level3", ["BTC/USD"])
    assert is_suspect(rows, update(25))
    rows.add_event(snapshot(30), 3)
    rows.add_event(events.Verified(30, "BTC/USD", "level3"), 3)
    rows.mark_gap(gap(30, "level3", "BTC/USD"))
    assert not is_suspect(rows, update(31))


def test_a_snapshot_that_proved_nothing_ends_no_gap() -> None:
    rows = running()
    rows.add_event(snapshot(30), 3)
    rows.mark_gap(gap(30, "level3", "BTC/USD"))
    assert is_suspect(rows, update(31))


def test_a_gap_in_which_the_clock_was_set_back_casts_doubt_on_every_book_it_is_of() -> None:
    rows = running()
    rows.mark_gap(events.Gap(5, "level3", ("BTC/USD",), 20, 5, "lost"))
    assert is_suspect(rows, update(6))


def test_a_gap_of_another_symbol_or_channel_casts_no_doubt() -> None:
    rows = running()
    rows.mark_gap(gap(30, "level3", "ETH/USD"))
    rows.mark_gap(gap(30, "executions"))
    assert not is_suspect(rows, update(31))


def test_a_gap_of_everything_casts_doubt_on_every_book() -> None:
    rows = running()
    rows.mark_gap(gap(30, ""))
    assert is_suspect(rows, update(31))


def test_the_rows_of_a_book_joined_midway_are_those_of_a_snapshot_of_that_moment() -> None:
    keeper, joined, told = BookKeeper(), TableRows({}), TableRows({})
    snapshot, updates = stream("book", 25, 60)
    for number, message in enumerate([snapshot, *updates[:30]]):
        keeper.receive(message, number)
    [book] = keeper.l2.values()
    told.add_event(events.Subscribed(50, "book", "BTC/USD", 25), 30)
    told.add_event(keyframe.snapshot(book, 50), 30)

    joined.add_book_if_suspect(keyframe.lazy_snapshot(book, 50), 25, 30)
    for number, message in enumerate(updates[30:], 51):
        [update] = keeper.receive(message, number)
        for rows in (joined, told):
            rows.add_event(update, number)

    assert {name: render(texts) for name, texts in joined.take().items()} == {
        name: render(texts) for name, texts in told.take().items()
    }


def test_a_thousand_pairs_cost_the_event_loop_no_row() -> None:
    pairs = tuple(_pair(f"A{number}/USD") for number in range(1_000))
    rows = TableRows({})
    rows.add_event(events.Instruments(10, pairs, ()), 1)
    taken = rows.take()
    assert not any(isinstance(text, str) for text in taken[PAIRS.name])
    lines = render(taken[PAIRS.name]).splitlines()
    assert [text.split(",")[0] for text in lines] == [pair.symbol for pair in pairs]
    assert rows.count == len(pairs)
    assert ASSETS.name not in taken


def test_a_thousand_fills_of_a_snapshot_cost_it_none_either() -> None:
    fills = tuple({"exec_id": f"T{number}", "order_id": "O1"} for number in range(1_000))
    rows = TableRows({})
    rows.add_event(events.Executions(10, fills, snapshot=True), 1)
    [text] = rows.take()[EXECUTIONS.name]
    assert not isinstance(text, str)
    assert render([text]).count("\n") == rows.count == len(fills)


def _pair(symbol: str) -> Instrument:
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        precision=PRECISION,
        price_increment=1,
        qty_increment=1,
        qty_min=1,
    )


def test_the_decimals_of_a_book_are_not_those_a_ticker_happened_to_show() -> None:
    rows = TableRows({})
    ticker = (
        b'{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":1,"bid_qty":2}]}'
    )
    for event in Codec().decode(ticker, 5):
        rows.add_event(event, 1)
    rows.add_event(snapshot(10), 2)
    known = rows.symbols["BTC/USD"]
    assert (known.price_precision, known.qty_precision, known.was) == (1, 8, [])


def test_what_a_symbol_was_is_known_with_the_message_that_changed_it() -> None:
    subject = SymbolInfo()
    assert subject.update(3, price_precision=1, qty_precision=8)
    assert subject.update(4, level3=10)
    assert not subject.update(5, level3=10)
    assert subject.update(9, price_precision=2, qty_precision=8)
    assert subject.update(9, level3=100)
    assert subject.was == [PreviousInfo(until=9, price_precision=1, qty_precision=8, level3=10)]
    assert (subject.first_precision, subject.level3) == (Precision(1, 8), 100)
