"""The messages about a book, compared with the engine's own state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.book.keeper import BookKeeper
from kracked.instruments import Instrument, Precision
from kracked.protocol.events import Resync, Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import AmendTerms, EngineBatch, NewOrder
from kracked.sim.market_data.book_publisher import BOOK, LEVEL3, BookPublisher
from kracked.sim.market_data.public_book import VisibleBook
from kracked.times import parse_ns

SYMBOL = "BTC/USD"
INSTRUMENT = Instrument(
    symbol=SYMBOL,
    base="BTC",
    quote="USD",
    precision=Precision(1, 8),
    price_increment=1,
    qty_increment=1,
    qty_min=5000,
)
START = 1_790_000_000_000_000_000
MID = 630_000
ACK = '{{"method":"subscribe","result":{{"channel":"{}","depth":{},"symbol":"{}"}},"success":true}}'


class Desk:
    """A market with a publisher, and one client per channel and depth."""

    def __init__(self, levels: int) -> None:
        self.matcher = Matcher()
        self.now = START
        self.ids = (f"O{number:05d}-AAAAA-BBBBBB" for number in count())
        self.live: list[str] = []
        for rank in range(levels):
            self.rest(Side.BID, MID - 1 - rank)
            self.rest(Side.ASK, MID + 1 + rank)
        self.publisher = BookPublisher(INSTRUMENT, seen(self.matcher), self.now)
        self.clients: dict[tuple[str, int], BookKeeper] = {}
        self.told: list[tuple[str, int, dict[str, Any]]] = []

    def rest(self, side: Side, price: int, qty: int = 100_000, **extra: Any) -> EngineBatch:
        order_id = next(self.ids)
        self.live.append(order_id)
        return self.request(NewOrder(order_id, side, qty, price, **extra))

    def take(self, side: Side, qty: int) -> EngineBatch:
        return self.request(NewOrder(next(self.ids), side, qty, tif=TimeInForce.IOC))

    def request(self, request: NewOrder | AmendTerms | str) -> EngineBatch:
        self.now += 1_700
        match request:
            case NewOrder():
                return self.matcher.submit(request, self.now)
            case AmendTerms():
                return self.matcher.amend(request, self.now)
            case _:
                return self.matcher.cancel(request, self.now)

    def join(self, channel: str, depth: int) -> BookKeeper:
        keeper = BookKeeper(precisions={SYMBOL: INSTRUMENT.precision})
        keeper.receive(ACK.format(channel, depth, SYMBOL).encode())
        self.publisher.watch(channel, depth)
        keeper.receive(self.publisher.snapshot(channel, depth, self.now).encode())
        self.clients[channel, depth] = keeper
        return keeper

    def tell(self, batch: EngineBatch) -> list[tuple[str, int, dict[str, Any]]]:
        """Publish a batch to every client; return the messages as (channel, depth, data)."""
        said = []
        for cutting in self.publisher.apply(batch):
            events = self.clients[cutting.channel, cutting.depth].receive(cutting.text.encode())
            assert not [event for event in events if isinstance(event, Resync)], events
            (data,) = json.loads(cutting.text)["data"]
            said.append((cutting.channel, cutting.depth, data))
        self.told += said
        return said

    def truth(self, side: Side, depth: int) -> list[tuple[int, int]]:
        return [tuple(level) for level in islice(self.matcher.levels(side), depth)]

    def queues(self, side: Side, depth: int) -> list[list[tuple[str, int, int, int]]]:
        return [
            [tuple(order) for order in self.matcher.queue(side, level.price)]
            for level in islice(self.matcher.levels(side), depth)
        ]

    def assert_clients_hold_the_truth(self) -> None:
        for (channel, depth), keeper in self.clients.items():
            for side in Side:
                if channel == BOOK:
                    book = keeper.l2[SYMBOL]
                    assert book.verified
                    assert [tuple(level) for level in book.side(side)] == self.truth(side, depth)
                else:
                    orders = keeper.l3[SYMBOL]
                    assert orders.verified
                    assert held(orders.side(side)) == self.queues(side, depth)


def seen(matcher: Matcher) -> VisibleBook:
    book = VisibleBook(INSTRUMENT.precision)
    for side in Side:
        for level in matcher.levels(side):
            book.fill(side, matcher.queue(side, level.price))
    return book


def held(side: Any) -> Iterator[list[tuple[str, int, int, int]]]:
    return [
        [(order.order_id, order.price, order.qty, parse_ns(order.timestamp)) for order in queue]
        for queue in side
    ]


def entries(data: dict[str, Any], side: str = "bids") -> list[tuple[Any, ...]]:
    names = ("event", "order_id", "limit_price", "price", "order_qty", "qty")
    return [tuple(entry[name] for name in names if name in entry) for entry in data[side]]


# --- random histories -------------------------------------------------------------------

actions = st.one_of(
    st.tuples(
        st.just("rest"),
        st.sampled_from(Side),
        st.integers(-14, 14),
        st.integers(1, 9),
        st.sampled_from([None, None, 1, 2]),
    ),
    st.tuples(st.just("take"), st.sampled_from(Side), st.integers(1, 40)),
    st.tuples(st.just("cancel"), st.integers(0, 200)),
    st.tuples(
        st.just("amend"),
        st.integers(0, 200),
        st.none() | st.integers(1, 12),
        st.none() | st.integers(-14, 14),
    ),
)


def act(publisher: Desk, action: tuple[Any, ...]) -> EngineBatch:
    match action:
        case ("rest", side, offset, lots, display):
            shown = None if display is None else display * 50_000
            return publisher.rest(side, MID + offset, lots * 50_000, display_qty=shown)
        case ("take", side, lots):
            return publisher.take(side, lots * 50_000)
        case ("cancel", at):
            return publisher.request(publisher.live[at % len(publisher.live)])
        case (_, at, lots, offset):
            order_id = publisher.live[at % len(publisher.live)]
            qty = None if lots is None else lots * 50_000
            price = None if offset is None else MID + offset
            return publisher.request(AmendTerms(order_id, qty, price))


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 30), st.lists(actions, max_size=60))
def test_every_depth_holds_the_engines_truth_after_every_batch(levels, history) -> None:
    publisher = Desk(levels)
    for depth in (10, 25, 100):
        publisher.join(BOOK, depth)
    for depth in (10, 100):
        publisher.join(LEVEL3, depth)
    for action in history:
        publisher.tell(act(publisher, action))
        publisher.assert_clients_hold_the_truth()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.lists(actions, max_size=60))
def test_no_message_is_empty_and_times_rise_strictly(levels, history) -> None:
    publisher = Desk(levels)
    publisher.join(BOOK, 10)
    publisher.join(LEVEL3, 10)
    for action in history:
        publisher.tell(act(publisher, action))
    assert all(data["bids"] or data["asks"] for _, _, data in publisher.told)
    for channel in (BOOK, LEVEL3):
        stamps = [data["timestamp"] for said, _, data in publisher.told if said == channel]
        assert stamps == sorted(set(stamps))


@settings(max_examples=60, deadline=None)
@given(st.lists(actions, max_size=60))
def test_both_channels_agree_at_every_timestamp(history) -> None:
    publisher = Desk(20)
    book, orders = publisher.join(BOOK, 100), publisher.join(LEVEL3, 100)
    stamps = {BOOK: "", LEVEL3: ""}
    for action in history:
        for cutting in publisher.publisher.apply(act(publisher, action)):
            publisher.clients[cutting.channel, cutting.depth].receive(cutting.text.encode())
            (data,) = json.loads(cutting.text)["data"]
            stamps[cutting.channel] = data["timestamp"][:26]
            agreed = stamps[BOOK] == stamps[LEVEL3]
            for side in Side:
                l2, l3 = book.l2[SYMBOL].side(side), orders.l3[SYMBOL].side(side)
                totals = [(queue.price, queue.qty) for queue in l3]
                assert not agreed or totals == [tuple(level) for level in l2]


# --- the rules one by one -----------------------------------------------------------------


def test_a_level_that_goes_lets_the_next_one_in_with_the_same_message() -> None:
    publisher = Desk(12)
    publisher.join(BOOK, 10)
    best = publisher.matcher.queue(Side.BID, MID - 1)
    ((_, _, data),) = publisher.tell(publisher.request(next(iter(best)).order_id))
    assert entries(data) == [(62999.9, 0.0), (62998.9, 0.001)]


def test_a_level_pushed_out_leaves_without_a_word() -> None:
    publisher = Desk(12)
    publisher.join(BOOK, 10)
    ((_, _, data),) = publisher.tell(publisher.rest(Side.BID, MID))
    assert entries(data) == [(63000.0, 0.001)]


def test_changes_below_the_window_are_not_sent() -> None:
    publisher = Desk(12)
    publisher.join(BOOK, 10)
    assert publisher.tell(publisher.rest(Side.BID, MID - 11)) == []


def test_a_thin_side_has_no_next_level() -> None:
    publisher = Desk(1)
    publisher.join(BOOK, 10)
    ((_, _, data),) = publisher.tell(publisher.take(Side.ASK, 100_000))
    assert entries(data) == [(62999.9, 0.0)]


def test_a_taker_repeats_the_price_once_per_fill() -> None:
    publisher = Desk(1)
    for _ in range(2):
        publisher.rest(Side.ASK, MID + 1, 50_000)
    publisher.publisher = BookPublisher(INSTRUMENT, seen(publisher.matcher), publisher.now)
    publisher.join(BOOK, 10)
    ((_, _, data),) = publisher.tell(publisher.take(Side.BID, 175_000))
    assert entries(data, "asks") == [(63000.1, 0.001), (63000.1, 0.0005), (63000.1, 0.00025)]


def test_a_taker_that_rests_changes_both_sides_in_one_message() -> None:
    publisher = Desk(2)
    publisher.join(BOOK, 10)
    ((_, _, data),) = publisher.tell(publisher.rest(Side.BID, MID + 1, 150_000))
    assert entries(data, "asks") == [(63000.1, 0.0)]
    assert entries(data, "bids") == [(63000.1, 0.0005)]


def test_a_fill_deletes_with_quantity_zero_and_a_partial_one_modifies() -> None:
    publisher = Desk(2)
    publisher.join(LEVEL3, 10)
    first, second = (
        next(iter(publisher.matcher.queue(Side.ASK, price))).order_id
        for price in (MID + 1, MID + 2)
    )
    ((_, _, data),) = publisher.tell(publisher.take(Side.BID, 130_000))
    assert entries(data, "asks") == [
        ("delete", first, 63000.1, 0.0),
        ("modify", second, 63000.2, 0.0007),
    ]


def test_a_cancel_deletes_with_what_was_left_at_the_time_of_the_event() -> None:
    publisher = Desk(2)
    publisher.join(LEVEL3, 10)
    order = next(iter(publisher.matcher.queue(Side.BID, MID - 1)))
    batch = publisher.request(order.order_id)
    ((_, _, data),) = publisher.tell(batch)
    assert entries(data) == [("delete", order.order_id, 62999.9, 0.001)]
    assert parse_ns(data["bids"][0]["timestamp"]) == batch.time


def test_a_price_amend_is_a_delete_and_in_a_later_message_an_add_of_the_same_id() -> None:
    publisher = Desk(2)
    publisher.join(LEVEL3, 10)
    order = next(iter(publisher.matcher.queue(Side.BID, MID - 1)))
    batch = publisher.request(AmendTerms(order.order_id, price=MID))
    (_, _, gone), (_, _, back) = publisher.tell(batch)
    assert entries(gone) == [("delete", order.order_id, 62999.9, 0.001)]
    assert parse_ns(gone["bids"][0]["timestamp"]) == order.entered
    assert entries(back) == [("add", order.order_id, 63000.0, 0.001)]
    assert parse_ns(back["bids"][0]["timestamp"]) == batch.time


def test_a_price_amend_is_one_message_of_the_book() -> None:
    publisher = Desk(12)
    publisher.join(BOOK, 10)
    order = next(iter(publisher.matcher.queue(Side.BID, MID - 1)))
    batch = publisher.request(AmendTerms(order.order_id, price=MID))
    ((_, _, data),) = publisher.tell(batch)
    assert entries(data) == [(62999.9, 0.0), (62998.9, 0.001), (63000.0, 0.001)]


def test_less_quantity_modifies_in_place() -> None:
    publisher = Desk(2)
    publisher.join(LEVEL3, 10)
    order = next(iter(publisher.matcher.queue(Side.BID, MID - 1)))
    ((_, _, data),) = publisher.tell(publisher.request(AmendTerms(order.order_id, qty=60_000)))
    assert entries(data) == [("modify", order.order_id, 62999.9, 0.0006)]


def test_a_level_entering_scope_adds_all_its_orders_with_their_own_times() -> None:
    publisher = Desk(11)
    publisher.rest(Side.BID, MID - 11)
    publisher.publisher = BookPublisher(INSTRUMENT, seen(publisher.matcher), publisher.now)
    publisher.join(LEVEL3, 10)
    entering = list(publisher.matcher.queue(Side.BID, MID - 11))
    best = next(iter(publisher.matcher.queue(Side.BID, MID - 1))).order_id
    ((_, _, data),) = publisher.tell(publisher.request(best))
    assert [entry[:2] for entry in entries(data)] == [
        ("delete", best),
        *(("add", order.order_id) for order in entering),
    ]
    assert [parse_ns(entry["timestamp"]) for entry in data["bids"][1:]] == [
        order.entered for order in entering
    ]


def test_a_depth_nobody_watches_any_more_is_not_cut() -> None:
    publisher = Desk(2)
    publisher.join(BOOK, 10)
    publisher.publisher.unwatch(BOOK, 10)
    assert publisher.tell(publisher.rest(Side.BID, MID)) == []


@pytest.mark.parametrize("channel", [BOOK, LEVEL3])
def test_one_change_is_worded_once_for_all_depths(channel: str) -> None:
    publisher = Desk(2)
    publisher.join(channel, 10)
    publisher.join(channel, 100)
    (_, _, at_10), (_, _, at_100) = publisher.tell(publisher.rest(Side.BID, MID))
    assert at_10 == at_100
