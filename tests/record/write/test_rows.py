"""The rows of the tables against the wire's own text, put together in the plainest way."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from zlib import crc32

import pytest

from kracked.book.keeper import BookKeeper
from kracked.format.lazy_text import render
from kracked.format.tables import WIDE_LEVELS, Flag
from kracked.record.write.ingest import Ingest
from tests.benchmarks.recording_cost import tickers
from tests.benchmarks.streams import START, stream
from tests.record.seeded_market import Level3Market

RECEIVED = "2026-09-21T14:13:20.{:09}Z"
LETTERS = {"add": "A", "delete": "C", "modify": "M"}


class Gathering:
    """In a writer's place: keeps the rows it is given."""

    free_bytes, segment_bytes, tables_queued_bytes = 1 << 62, 0, 0
    tables_failure, wants_live_books = None, True

    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = {}

    def hand_over(self, batch: Any) -> bool:
        for table, texts in batch.rows.items():
            self.rows.setdefault(table, []).extend(render(texts).splitlines())
        return True


def recorded(connection: str, messages: list[bytes], *, at_once: int) -> dict[str, list[str]]:
    """The rows of messages that arrive a nanosecond after one another, in slices of so many."""
    keeper, gathering = BookKeeper(), Gathering()
    ingest = Ingest(gathering, segment_exists=lambda _: False)  # type: ignore[arg-type]
    arrived = [(connection, START + n, data) for n, data in enumerate(messages)]
    for first in range(0, len(arrived), at_once):
        frames = arrived[first : first + at_once]
        happened = [keeper.receive(data, received) for _, received, data in frames]
        ingest.take(frames, [event for events in happened for event in events])
        ingest.hand_over(frames[-1][1])
    return gathering.rows


def said(message: bytes) -> dict[str, Any]:
    """The data of a message, its numbers as the text they came as."""
    data: dict[str, Any] = json.loads(message, parse_float=str)["data"][0]
    return data


def nine(stamp: str) -> str:
    return stamp if len(stamp) == 30 else f"{stamp[:-1]}000Z"


def marked(rows: list[str], data: dict[str, Any], *, flags: int) -> list[str]:
    """The rows of a message, the last of them with the checksum."""
    return [f"{row},{flags}," for row in rows[:-1]] + [
        f"{rows[-1]},{flags | 128},{data['checksum']}"
    ]


def order_rows(number: int, message: bytes) -> list[str]:
    data, received = said(message), RECEIVED.format(number)
    kinds = [("b", order) for order in data["bids"]] + [("a", order) for order in data["asks"]]
    rows = [
        f"{side},{order['timestamp']},{received},{order['limit_price']},{order['order_qty']},"
        f"{LETTERS[order.get('event', 'add')]},{order['order_id']}"
        for side, order in kinds
    ]
    if number == 0:
        rows.insert(0, f"n,{data['timestamp']},{received},,,R,")
    rest = f"{data['symbol']},{number + 1},{data['timestamp']}"
    return marked([f"{row},{rest}" for row in rows], data, flags=0 if number else 32)


def level_rows(number: int, message: bytes) -> list[str]:
    data = said(message)
    start = f"{data['symbol']},{nine(data['timestamp'])},{RECEIVED.format(number)}"
    rows = [
        f"{start},{side},{level['price']},{level['qty']}"
        for side, levels in (("b", data["bids"]), ("a", data["asks"]))
        for level in levels
    ]
    if number == 0:
        rows.insert(0, f"{start},n,,")
    return marked([f"{row},{number + 1}" for row in rows], data, flags=0 if number else 32)


def of_the_exchange(rows: list[str]) -> list[str]:
    """The rows without those of what the depth cut: their message ends in its own last row."""
    own: list[str] = []
    for row in rows:
        _, flags, checksum = row.rsplit(",", 2)
        if not int(flags) & Flag.CUT:
            own.append(row)
        elif int(flags) & Flag.LAST:
            last, before_flags, _ = own[-1].rsplit(",", 2)
            own[-1] = f"{last},{int(before_flags) | Flag.LAST},{checksum}"
    return own


def wide_rows(messages: list[bytes], *, depth: int) -> list[str]:
    """A row for each message that changed the best ten, of books kept as text."""
    sides: dict[str, dict[Decimal, str]] = {"asks": {}, "bids": {}}
    rows: list[str] = []
    before = ""
    for number, message in enumerate(messages):
        data = said(message)
        for name, side in sides.items():
            for level in data[name]:
                price = Decimal(level["price"])
                side[price] = f"{level['price']},{level['qty']}"
                if not Decimal(level["qty"]):
                    del side[price]
            for price in sorted(side, reverse=name == "bids")[depth:]:
                del side[price]
        asks, bids = sorted(sides["asks"])[:WIDE_LEVELS], sorted(sides["bids"])[:-11:-1]
        cells = [sides["asks"][price] for price in asks], [sides["bids"][price] for price in bids]
        padded = [side + [","] * (WIDE_LEVELS - len(side)) for side in cells]
        levels = ",".join(cell for pair in zip(*padded, strict=True) for cell in pair)
        if levels != before:
            stamps = f"{nine(data['timestamp'])},{RECEIVED.format(number)}"
            rows.append(f"{stamps},{levels},{number + 1}")
        before = levels
    return rows


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_the_rows_of_orders_are_the_words_of_the_wire(at_once: int) -> None:
    market = Level3Market(seed=3)
    messages = [market.snapshot(), *(market.update() for _ in range(300))]

    rows = recorded("level3", messages, at_once=at_once)

    expected = [order_rows(number, message) for number, message in enumerate(messages)]
    assert of_the_exchange(rows["L3_ticks"]) == [row for rows in expected for row in rows]


@pytest.mark.parametrize("at_once", [1, 7, 1000])
@pytest.mark.parametrize("depth", [10, 25])
def test_the_rows_of_levels_are_the_words_of_the_wire(depth: int, at_once: int) -> None:
    snapshot, updates = stream("book", depth, 300)
    messages = [snapshot, *updates]

    rows = recorded("public", messages, at_once=at_once)

    expected = [level_rows(number, message) for number, message in enumerate(messages)]
    assert of_the_exchange(rows["L2_updates"]) == [row for rows in expected for row in rows]
    assert rows["L2_BTC_USD_orderbook"] == wide_rows(messages, depth=depth)


def book_messages(*told: dict[str, list[tuple[str, str]]]) -> list[bytes]:
    """A snapshot and updates of these levels, with the checksums that are theirs."""
    held: dict[str, dict[int, int]] = {"asks": {}, "bids": {}}
    messages: list[bytes] = []
    for changes in told:
        for name, levels in changes.items():
            for price, qty in levels:
                held[name][int(price.replace(".", ""))] = int(qty.replace(".", ""))
        best = [
            level
            for name, side in held.items()
            for level in sorted(filter(all, side.items()), reverse=name == "bids")[:10]
        ]
        lists = ",".join(
            f'"{name}":['
            + ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in changes.get(name, []))
            + "]"
            for name in held
        )
        digits = "".join(f"{price}{qty}" for price, qty in best)
        messages.append(
            f'{{"channel":"book","type":"{"update" if messages else "snapshot"}","data":[{{'
            f'"symbol":"BTC/USD",{lists},"checksum":{crc32(digits.encode())},'
            '"timestamp":"2026-09-21T14:13:20.000001Z"}]}'.encode()
        )
    return messages


def test_levels_with_the_same_digits_at_prices_of_other_lengths_are_told_apart() -> None:
    messages = book_messages(
        {
            "bids": [("9.1", "12.34"), ("8.0", "1.00")],
            "asks": [("99.9", "1.11"), ("100.1", "1.11")],
        },
        {"bids": [("9.1", "0.00"), ("91.1", "2.34"), ("90.0", "1.00"), ("8.0", "0.00")]},
        {"asks": [("99.9", "0.00"), ("100.0", "0.02")]},
        {"bids": [("91.1", "0.00"), ("90.0", "0.00"), ("9.1", "12.34"), ("8.0", "2.00")]},
    )

    rows = recorded("public", messages, at_once=1)

    assert rows["L2_BTC_USD_orderbook"] == wide_rows(messages, depth=10)


def test_an_event_told_after_the_hand_over_bears_the_number_of_its_message() -> None:
    market, keeper, gathering = Level3Market(seed=3), BookKeeper(), Gathering()
    ingest = Ingest(gathering, segment_exists=lambda _: False)  # type: ignore[arg-type]
    frames = [("level3", START, market.snapshot()), ("level3", START + 1, market.update())]
    happened = [keeper.receive(data, received) for _, received, data in frames]

    ingest.take(frames, [])
    ingest.hand_over(START + 2)
    ingest.take([("level3", START + 3, b'{"channel":"heartbeat"}')], happened[1])
    ingest.hand_over(START + 4)

    assert {row.split(",")[8] for row in gathering.rows["L3_ticks"]} == {"2"}


def test_the_rows_counted_are_those_handed_over() -> None:
    keeper, gathering = BookKeeper(), Gathering()
    ingest = Ingest(gathering, segment_exists=lambda _: False)  # type: ignore[arg-type]
    market = Level3Market(seed=5)
    snapshot, updates = stream("book", 25, 50)
    messages = [snapshot, *updates, *tickers(20), *(data for _, data in market.stream(50))]
    for number, data in enumerate(messages):
        frame = ("public", START + number, data)
        ingest.take([frame], keeper.receive(data, START + number))

    ingest.hand_over(START + len(messages))

    assert ingest.tables.count == sum(map(len, gathering.rows.values()))
