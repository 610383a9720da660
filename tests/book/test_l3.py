"""The level 3 book against a naive model and worked sequences: queue order, depth, places."""

from __future__ import annotations

import json
from pathlib import Path
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from kracked.book.keeper import BookKeeper
from kracked.book.l3 import L3Book
from kracked.book.queue import QueuePosition
from kracked.instruments import Precision
from kracked.protocol.events import L3Snapshot, L3Update, OrderAction, OrderChange, Side

PRECISION = Precision(1, 8)
NOW = "2024-05-19T18:59:46.541105556Z"


def order(name: str, price: int, qty: int, action: OrderAction = OrderAction.ADD) -> OrderChange:
    return OrderChange(action, name, price, qty, NOW)


def book_of(*bids: OrderChange, asks: tuple[OrderChange, ...] = (), depth: int = 10) -> L3Book:
    book = L3Book("BTC/USD", PRECISION, depth)
    book.apply(L3Snapshot(0, "BTC/USD", PRECISION, bids, asks, 0))
    return book


def update(book: L3Book, *bids: OrderChange, asks: tuple[OrderChange, ...] = ()) -> None:
    book.apply(L3Update(0, "BTC/USD", PRECISION, bids, asks, 0))


def queue(book: L3Book, side: Side, price: int) -> list[tuple[str, int]]:
    level = book.side(side).at(price)
    return [(order.order_id, order.qty) for order in level] if level else []


def test_a_book_prints_which_side_is_empty() -> None:
    book = book_of(order("A", 630050, 5))
    assert repr(book) == "<L3Book BTC/USD depth 10, 63005.0 / empty, not verified>"


def test_an_order_knows_its_place_and_what_is_ahead() -> None:
    book = book_of(order("A", 100, 5), order("B", 100, 7), order("C", 100, 1), order("D", 99, 9))
    assert book.place("C") == QueuePosition(3, of=3, qty_ahead=12, orders_ahead=2, level_qty=13)
    assert book.place("D") == QueuePosition(1, of=1, qty_ahead=0, orders_ahead=0, level_qty=9)
    assert book.place("nobody") is None


def test_a_partial_fill_keeps_the_place() -> None:
    book = book_of(order("A", 100, 5), order("B", 100, 7))
    update(book, order("A", 100, 2, OrderAction.MODIFY))
    assert queue(book, Side.BID, 100) == [("A", 2), ("B", 7)]


def test_a_new_price_loses_the_place() -> None:
    book = book_of(order("A", 100, 5), order("B", 99, 7))
    update(book, order("A", 99, 5, OrderAction.MODIFY))
    assert queue(book, Side.BID, 99) == [("B", 7), ("A", 5)]
    assert book.bids.at(100) is None


def test_an_id_that_returns_after_its_delete_joins_the_back() -> None:
    book = book_of(order("A", 100, 5), order("B", 100, 7))
    update(book, order("A", 100, 5, OrderAction.DELETE))
    update(book, order("A", 100, 5))
    assert queue(book, Side.BID, 100) == [("B", 7), ("A", 5)]


def test_a_level_pushed_out_of_scope_leaves_with_all_its_orders() -> None:
    book = book_of(order("A", 100, 1), order("B", 99, 1), order("C", 99, 1), depth=2)
    update(book, order("D", 101, 1))
    assert [level.price for level in book.bids] == [101, 100]
    assert book.order("B") is book.order("C") is None
    assert len(book) == 2


def test_an_event_about_an_unknown_order_changes_nothing() -> None:
    book = book_of(order("A", 100, 1))
    update(book, order("X", 100, 1, OrderAction.DELETE), order("Y", 99, 1, OrderAction.MODIFY))
    assert queue(book, Side.BID, 100) == [("A", 1)]


def test_an_add_of_an_order_on_the_other_side_moves_it_there() -> None:
    book = book_of(order("A", 100, 1))
    update(book, asks=(order("A", 105, 1),))
    assert book.side_of("A") is Side.ASK
    assert (len(book.bids), len(book.asks)) == (0, 1)


def test_a_snapshot_replaces_and_never_merges() -> None:
    book = book_of(order("A", 100, 1))
    book.apply(L3Snapshot(0, "BTC/USD", PRECISION, (order("B", 90, 1),), (), 0))
    assert [o.order_id for level in book.bids for o in level] == ["B"]
    assert book.order("A") is None


def test_the_orders_of_a_book_make_the_same_book_whatever_befell_them() -> None:
    book = book_of(order("A", 100, 5), order("B", 100, 7))
    update(book, order("A", 100, 2, OrderAction.MODIFY))
    again = book_of(*(resting for level in book.bids for resting in level))
    assert queue(again, Side.BID, 100) == queue(book, Side.BID, 100)
    assert (again.computed, again.contradiction) == (book.computed, "")


def test_a_wider_precision_keeps_orders_and_queue() -> None:
    book = book_of(order("A", 100, 5), order("B", 100, 7))
    book.rescale(Precision(2, 9))
    assert queue(book, Side.BID, 1000) == [("A", 50), ("B", 70)]
    assert book.precision == Precision(2, 9)


class NaiveBook:
    """A naive model: orders in one list per side, sorted on demand; slow and obviously right."""

    def __init__(self) -> None:
        self.sides: dict[Side, list[OrderChange]] = {Side.BID: [], Side.ASK: []}

    def apply(self, side: Side, change: OrderChange) -> None:
        known = next(
            ((s, o) for s, held in self.sides.items() for o in held
             if o.order_id == change.order_id), None,
        )  # fmt: skip
        if change.action is OrderAction.ADD:
            if known:
                self.sides[known[0]].remove(known[1])
            self.sides[side].append(change)
        elif known and change.action is OrderAction.DELETE:
            self.sides[known[0]].remove(known[1])
        elif known:
            held = self.sides[known[0]]
            if known[0] is side and known[1].price == change.price:
                held[held.index(known[1])] = change
            else:
                held.remove(known[1])
                self.sides[side].append(change)

    def cut(self, depth: int) -> None:
        for side, held in self.sides.items():
            prices = sorted({o.price for o in held}, reverse=side is Side.BID)[:depth]
            self.sides[side] = [o for o in held if o.price in prices]

    def levels(self, side: Side) -> list[tuple[int, list[tuple[str, int]]]]:
        held = self.sides[side]
        return [
            (price, [(o.order_id, o.qty) for o in held if o.price == price])
            for price in sorted({o.price for o in held}, reverse=side is Side.BID)
        ]


def changes_of(side: Side, names: str) -> st.SearchStrategy:
    """Events of one side; no order of a real exchange changes sides."""
    change = st.builds(
        order,
        st.sampled_from(names),
        st.integers(1, 6),
        st.integers(1, 9),
        st.sampled_from(OrderAction),
    )
    return st.tuples(st.just(side), change)


EVENTS = st.lists(changes_of(Side.BID, "ABCDE") | changes_of(Side.ASK, "VWXYZ"), max_size=8)


@given(st.lists(EVENTS, max_size=15), st.integers(1, 4))
def test_any_sequence_of_events_gives_the_queues_of_a_naive_book(messages, depth: int) -> None:
    book, naive = L3Book("BTC/USD", PRECISION, depth), NaiveBook()
    for message in messages:
        # bids first, as the message's own order is
        for side in Side:
            for kind, change in message:
                if kind is side:
                    naive.apply(side, change)
        naive.cut(depth)
        update(
            book,
            *(change for kind, change in message if kind is Side.BID),
            asks=tuple(change for kind, change in message if kind is Side.ASK),
        )
        for side in Side:
            shown = [
                (level.price, [(o.order_id, o.qty) for o in level]) for level in book.side(side)
            ]
            assert shown == naive.levels(side)
        hashed = "".join(
            f"{price}{qty}"
            for side in (Side.ASK, Side.BID)
            for price, held in naive.levels(side)[:10]
            for _, qty in held
        )
        assert book.computed == crc32(hashed.encode())


def test_every_step_of_the_worked_sequence_verifies(vectors: Path) -> None:
    case = json.loads((vectors / "level3_sequence.json").read_text())
    keeper = BookKeeper(
        precisions={case["symbol"]: Precision(case["price_precision"], case["qty_precision"])},
        depth=case["depth"],
    )
    keeper.receive(case["snapshot_frame"].encode())
    book = keeper.l3[case["symbol"]]
    assert book.checksum == case["snapshot_checksum"] == 1063832831
    for step in case["steps"]:
        keeper.receive(step["frame"].encode())
        assert book.verified, step["name"]
        for side, orders in ((book.bids, step["bids"]), (book.asks, step["asks"])):
            shown = [
                [o.order_id, PRECISION.price_text(o.price), PRECISION.qty_text(o.qty)]
                for level in side
                for o in level
            ]
            assert shown == orders, step["name"]


def test_every_worked_checksum_comes_out(vectors: Path) -> None:
    for case in json.loads((vectors / "level3_checksum.json").read_text())["cases"]:
        book = L3Book(case["name"], PRECISION, 1000)
        sides = [
            tuple(
                order(
                    str((side, rank)),
                    *(
                        int(text.replace(".", ""))
                        for text in (row["limit_price"], row["order_qty"])
                    ),
                )
                for rank, row in enumerate(case[side])
            )
            for side in ("bids", "asks")
        ]
        book.apply(L3Snapshot(0, "X", PRECISION, *sides, case["checksum"]))
        assert book.verified, case["name"]
