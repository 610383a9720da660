"""The rows of recordings are the same from C and from Python, those of odd values included."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.book.checksum import checksum
from kracked.book.keeper import BookKeeper
from kracked.format import line
from kracked.format.lazy_text import render
from kracked.format.line import Message
from kracked.format.tables import wide
from kracked.instruments import Precision
from kracked.protocol.events import (
    BookSnapshot,
    BookUpdate,
    Event,
    Heartbeat,
    L3Snapshot,
    L3Update,
    OrderAction,
    OrderChange,
    Subscribed,
)
from kracked.record.write.books import native_rows
from kracked.record.write.books.native_rows import NativeOrderScope
from kracked.record.write.books.order_scope import OrderScope
from kracked.record.write.table_writer import TableRows
from tests.benchmarks.streams import START, stream
from tests.native.engines import chosen
from tests.native.test_differential import built

__all__ = ["built"]

SYMBOL = "BTC/USD"
DEPTH = 10
Levels = tuple[tuple[int, int], ...]

_SECOND = 10**9
times = st.one_of(
    st.integers(START, START + 10 * _SECOND),
    st.sampled_from(
        [0, 1, _SECOND - 1, -1, 2**62, 2**63 - 1, 2**63, 10**22, 951_782_400 * _SECOND]
    ),
)
stamps = st.sampled_from([
    None, "", "2026-09-21T14:13:20.123456789Z", "2026-09-21T14:13:20.123456Z",
    "2026-09-21T14:13:20.123456789+", "2026-09-21T14:13:20Z", "2026-09-21T14:13:20.1234567Z",
    "yesterday, at noon", "2026-09-21T14:13:20.123456é",
])  # fmt: skip
numbers = st.one_of(
    st.integers(0, 10**12), st.sampled_from([2**62, 2**62 + 1, 2**70, -1, -(10**9)])
)
precisions = st.sampled_from([Precision(1, 8), Precision(0, 0), Precision(5, 10), Precision(1, 20)])


# --- level 2 -------------------------------------------------------------------------------


class Market:
    """Messages of a level 2 book, nearly all with the checksum they should have."""

    def __init__(self, random: Random) -> None:
        self.random, self.precision = random, Precision(1, 4)
        self.sides: tuple[dict[int, int], dict[int, int]] = {}, {}

    def change(self) -> BookUpdate:
        """A message of one to four levels, sometimes with finer decimals or a wrong checksum."""
        random = self.random
        if random.random() < 0.03:
            self._refine()
        changes: tuple[list[tuple[int, int]], list[tuple[int, int]]] = [], []
        for _ in range(random.randint(0, 4)):
            side, offset = random.randrange(2), random.randint(1, 25)
            step = 10 ** (self.precision.price - 1)
            price = (1000 - offset if side == 0 else 1000 + offset) * step
            qty = 0 if random.random() < 0.4 else random.randint(1, 10**6)
            changes[side].append((price, qty))
            self.sides[side][price] = qty
        return BookUpdate(*self._message(tuple(changes[0]), tuple(changes[1])))

    def snapshot(self) -> BookSnapshot:
        """All that is held."""
        bids, asks = self._best()
        return BookSnapshot(*self._message(bids, asks))

    def _message(self, bids: Levels, asks: Levels) -> Any:
        best_bids, best_asks = self._best()
        for held, best in zip(self.sides, (best_bids, best_asks), strict=True):
            held.clear()
            held.update(best)
        crc = checksum(best_asks, best_bids) ^ (self.random.random() < 0.05)
        received = START + self.random.randrange(10**10)
        stamp = self.random.choice(["2026-09-21T14:13:20.123456Z", None, "odd"])
        return received, SYMBOL, self.precision, bids, asks, crc, stamp

    def _best(self) -> tuple[Levels, Levels]:
        bids, asks = (
            tuple(sorted(((p, q) for p, q in side.items() if q), reverse=down)[:DEPTH])
            for side, down in zip(self.sides, (True, False), strict=True)
        )
        return bids, asks

    def _refine(self) -> None:
        by_price, by_qty = self.random.randrange(2), self.random.randrange(3)
        self.precision = Precision(self.precision.price + by_price, self.precision.qty + by_qty)
        for side in self.sides:
            finer = {p * 10**by_price: q * 10**by_qty for p, q in side.items()}
            side.clear()
            side.update(finer)


def tables_of(engine: str, events: Sequence[Event], depth: int) -> dict[str, str]:
    """The text of every table, made by this engine, and how many rows it is said to be."""
    with chosen(engine):
        tables = TableRows({})
        tables.add_event(Subscribed(START, "book", SYMBOL, depth), 0)
        for seq, event in enumerate(events, 1):
            tables.bad_clock = 64 if seq % 50 == 0 else 0
            tables.add_event(event, seq)
        count, books = (
            tables.count,
            [
                (
                    book.symbol,
                    [tuple(level) for level in book.bids],
                    [tuple(level) for level in book.asks],
                )
                for book in tables.trusted_books()
            ],
        )
        made = {table: render(texts) for table, texts in tables.take().items()}
        return made | {"count": str(count), "books": str(books)}


@pytest.mark.parametrize("seed", range(8))
def test_a_market_with_doubts_and_finer_decimals_has_the_same_rows(seed: int) -> None:
    market = Market(Random(seed))
    events: list[Event] = [market.change() for _ in range(20)]
    events.append(market.snapshot())
    for _ in range(400):
        again = market.random.random() < 0.04
        events.append(market.snapshot() if again else market.change())
    python = tables_of("python", events, DEPTH)
    assert tables_of("native", events, DEPTH) == python
    assert python[wide(SYMBOL).name].count("\n") > 50


@pytest.mark.parametrize("depth", [10, 25, 100])
@pytest.mark.parametrize("channel", ["book", "level3"])
def test_the_messages_of_an_exchange_have_the_same_rows(channel: str, depth: int) -> None:
    snapshot, updates = stream(channel, depth, 500)
    keeper, events = BookKeeper(depth=depth), list[Event]()
    for seq, data in enumerate([snapshot, *updates]):
        if seq % 97 != 50:  # a message is lost now and then
            events += keeper.receive(data, START + seq)
    python = tables_of("python", events, depth)
    assert tables_of("native", events, depth) == python
    assert int(python["count"]) > 400


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_number_too_large_for_c_goes_on_in_python(data: st.DataObject) -> None:
    market = Market(Random(data.draw(st.integers(0, 99))))
    events: list[Event] = [market.change() for _ in range(30)]
    events.append(market.snapshot())
    at = data.draw(st.integers(0, 30))
    qty = data.draw(numbers)
    events += [market.change() for _ in range(at)]
    received, precision = data.draw(times), data.draw(precisions)
    odd = ((1003, qty),)
    events.append(BookUpdate(received, SYMBOL, precision, odd, (), 1, data.draw(stamps)))
    events += [market.change() for _ in range(5)]
    events.append(market.snapshot())
    events += [market.change() for _ in range(20)]
    assert tables_of("native", events, DEPTH) == tables_of("python", events, DEPTH)


# --- level 3 -------------------------------------------------------------------------------

orders = st.builds(
    OrderChange,
    action=st.sampled_from(OrderAction),
    order_id=st.sampled_from(
        ["OAAAAA-BBBBB-CCCCCC", "short", 'quo"ted, twice', "é" * 18, 'a"bcd' * 3 + "efg", ""]
    ),
    price=numbers,
    qty=numbers,
    timestamp=stamps.filter(lambda stamp: stamp is not None),
)
updates = st.builds(
    L3Update,
    received=times,
    symbol=st.sampled_from([SYMBOL, "ÉTÉ/USD"]),
    precision=precisions,
    bids=st.lists(orders, max_size=3).map(tuple),
    asks=st.lists(orders, max_size=3).map(tuple),
    checksum=st.integers(0, 2**32 - 1),
    timestamp=stamps,
)
snapshots = st.builds(
    L3Snapshot,
    received=times,
    symbol=st.just(SYMBOL),
    precision=precisions,
    bids=st.lists(orders, max_size=4).map(tuple),
    asks=st.lists(orders, max_size=4).map(tuple),
    checksum=st.integers(0, 2**32 - 1),
    timestamp=stamps,
)


@given(
    events=st.lists(st.one_of(updates, updates, updates, snapshots), max_size=12),
    seq=st.integers(0, 2**62),
    flags=st.integers(0, 255),
    depth=st.integers(0, 3),
)
@settings(max_examples=300, deadline=None)
def test_level_3_updates_have_the_same_rows_and_cut_orders(
    events: list[L3Update | L3Snapshot], seq: int, flags: int, depth: int
) -> None:
    with chosen("native"):
        compiled = NativeOrderScope(native_rows.load())
    reference = OrderScope()
    compiled.depth = reference.depth = depth
    for event in events:
        if isinstance(event, L3Snapshot):
            compiled.replace(event)
            reference.replace(event)
        elif event.bids or event.asks:
            assert compiled.rows(event, seq, flags) == reference.rows(event, seq, flags)


def test_orders_beyond_the_depth_are_cut_level_by_level() -> None:
    """The worst level first, and of each its orders in the order in which they last came."""
    random, held = Random(5), list[OrderChange]()
    with chosen("native"):
        compiled = NativeOrderScope(native_rows.load())
    reference, cut = OrderScope(), 0
    compiled.depth = reference.depth = 4
    empty = L3Snapshot(START, SYMBOL, Precision(1, 4), (), (), 0, None)
    compiled.replace(empty)
    reference.replace(empty)
    for seq in range(500):
        sides: tuple[list[OrderChange], list[OrderChange]] = [], []
        for _ in range(random.randint(1, 3)):
            action = random.choice([*OrderAction, OrderAction.ADD, OrderAction.ADD])
            name = f"O{random.randrange(60):017}"
            if action is not OrderAction.ADD and held:
                name = random.choice(held).order_id
            order = OrderChange(action, name, random.randint(1, 9), random.randint(1, 99), "odd")
            sides[random.randrange(2)].append(order)
            held.append(order)
        update = L3Update(START, SYMBOL, empty.precision, tuple(sides[0]), tuple(sides[1]), 7, None)
        text, made = compiled.rows(update, seq, 0)
        assert (text, made) == reference.rows(update, seq, 0)
        cut += made - len(sides[0]) - len(sides[1])
    assert cut > 100


def test_events_of_many_kinds_in_one_block_have_the_same_rows() -> None:
    book, book_updates = stream("book", 10, 300)
    level3, orders_updates = stream("level3", 10, 300)
    keeper, told = BookKeeper(depth=10), list[Event]()
    mixed = [book, level3, *chain(*zip(book_updates, orders_updates, strict=True))]
    for number, data in enumerate(mixed):
        told += keeper.receive(data, START + number)
        if number % 41 == 0:
            told.append(Heartbeat(START + number))
    made = {}
    for engine in ("python", "native"):
        with chosen(engine):
            tables, at = TableRows({}), 0
            for number, begin in enumerate(range(0, len(told), 50)):
                listed, at = told[begin : begin + 50], 0
                while (at := tables.add_market_events(listed, range(begin, begin + 50), at)) < len(
                    listed
                ):
                    at += 1
                if number == 3:
                    tables.mark_suspect("level3", [SYMBOL])
            made[engine] = tables.size, tables.count, {
                table: render(texts) for table, texts in tables.take().items()
            }  # fmt: skip
    assert made["native"] == made["python"]
    assert made["native"][1] > 600


# --- lines of the raw log ------------------------------------------------------------------

wire = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([
        b'{"channel":"book","data":[]}', b'{"channel":}', b'{"channel":\n}', b'{"channel":"x"\r}',
        b'{"method":"subscribe","params":{"token":"secret"}}', b'{"channel":"\xc3\xa9"}', b"",
    ]),
)  # fmt: skip


@given(
    messages=st.lists(
        st.tuples(
            st.sampled_from(["public", "level3-2", "100 %", "é"]),
            st.one_of(st.integers(0, 2**63), st.just(-5)),
            wire,
        ),
        max_size=5,
    ),
    seq=st.integers(0, 2**62),
)
@settings(max_examples=200, deadline=None)
def test_a_block_of_lines_is_the_lines(messages: list[Message], seq: int) -> None:
    with chosen("native"):
        packed = line.block_packer()(messages, seq)
    assert packed == b"".join(line.pack_all(messages, seq))
