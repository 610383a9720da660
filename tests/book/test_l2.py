"""The level 2 book against a model that is too simple to be wrong, and against recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.book.checksum import checksum
from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.side import BookSide
from kracked.instruments import Precision
from kracked.protocol.codec import Codec
from kracked.protocol.events import BookSnapshot, BookUpdate, Side
from tests.benchmarks.streams import stream

CHANGES = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=12)
MESSAGES = st.lists(CHANGES, max_size=12)
SIDES = st.sampled_from(Side)

# The worked example of docs.kraken.com/api/docs/guides/spot-ws-book-v2 (BTC/USD).
ASKS = [
    (452852, 100000), (452864, 154571953), (452866, 154571109), (452896, 154560911),
    (452902, 15890660), (452918, 154553491), (452947, 4454749), (452961, 35380000),
    (452975, 9945542), (452995, 18772827),
]  # fmt: skip
BIDS = [
    (452835, 10000000), (452834, 154582015), (452821, 10000000), (452810, 10000000),
    (452803, 154592586), (452790, 7990000), (452776, 3310103), (452775, 30000000),
    (452773, 154602737), (452766, 15445238),
]  # fmt: skip


def best_first(levels: dict[int, int], side: Side) -> list[tuple[int, int]]:
    return sorted(levels.items(), reverse=side is Side.BID)


def test_a_book_prints_what_it_is_its_best_prices_and_whether_it_is_proven() -> None:
    book = L2Book("BTC/USD", Precision(1, 8), 10)
    assert repr(book) == "<L2Book BTC/USD depth 10, empty / empty, not verified>"
    snapshot = BookSnapshot(0, "BTC/USD", Precision(1, 8), BIDS, ASKS, checksum(ASKS, BIDS))
    book.apply(snapshot)
    assert repr(book) == "<L2Book BTC/USD depth 10, 45283.5 / 45285.2, verified>"


@given(MESSAGES, SIDES, st.integers(1, 15))
def test_a_side_holds_the_last_quantity_of_each_price_best_first_cut_after_each_message(
    messages: list[list[tuple[int, int]]], kind: Side, depth: int
) -> None:
    side, model = BookSide(kind), dict[int, int]()
    for changes in messages:
        side.apply(changes, depth)
        for price, qty in changes:
            model[price] = qty
        model = dict(best_first({p: q for p, q in model.items() if q}, kind)[:depth])
        assert list(side) == best_first(model, kind)


@given(MESSAGES, SIDES, st.integers(1, 15))
def test_the_digits_kept_ready_are_those_of_the_best_ten(
    messages: list[list[tuple[int, int]]], kind: Side, depth: int
) -> None:
    side = BookSide(kind)
    for changes in messages:
        side.apply(changes, depth)
        assert side.digits.decode() == "".join(f"{p}{q}" for p, q in side.top(10))


@given(CHANGES, SIDES)
def test_a_side_answers_by_rank_and_by_price(changes: list[tuple[int, int]], kind: Side) -> None:
    side = BookSide(kind)
    side.apply(changes, 1000)
    assert [side[rank] for rank in range(len(side))] == list(side)
    assert all(side.qty_at(price) == qty for price, qty in side)
    assert side.qty_at(10**9) == 0


def test_a_rank_past_the_last_level_is_an_index_error() -> None:
    side = BookSide(Side.BID)
    for rank in (0, -1):
        with pytest.raises(IndexError):
            side[rank]


def test_the_documented_book_has_the_documented_checksum() -> None:
    assert checksum(ASKS, BIDS) == 3310070434


def test_an_empty_book_hashes_to_zero() -> None:
    assert checksum([], []) == 0


@given(CHANGES, CHANGES)
def test_a_book_computes_the_recipe_s_checksum(
    bids: list[tuple[int, int]], asks: list[tuple[int, int]]
) -> None:
    book = L2Book("BTC/USD", Precision(1, 8), 10)
    book.apply(BookUpdate(0, "BTC/USD", book.precision, tuple(bids), tuple(asks), 0))
    text = "".join(f"{p}{q}" for side in (book.asks, book.bids) for p, q in side.top(10))
    assert book.computed == checksum(book.asks, book.bids) == crc32(text.encode())


def documented_book() -> L2Book:
    book = L2Book("BTC/USD", Precision(1, 8), 10)
    assert book.apply(
        BookSnapshot(0, "BTC/USD", book.precision, tuple(BIDS), tuple(ASKS), 3310070434)
    )
    return book


def updated(book: L2Book, *, bids: tuple = (), asks: tuple = ()) -> None:
    book.apply(BookUpdate(0, "BTC/USD", book.precision, bids, asks, 0))


def test_a_book_crossed_half_way_through_a_message_is_whole_after_it() -> None:
    book = documented_book()
    taken = tuple((price, 0) for price, _ in ASKS[:2])
    updated(book, bids=((452864, 5),), asks=taken)
    assert not book.crossed
    assert (book.best_bid, book.best_ask) == ((452864, 5), ASKS[2])


def test_the_last_of_several_quantities_for_one_price_stands() -> None:
    book = documented_book()
    updated(book, asks=((452852, 3), (452852, 0), (452852, 2)))
    assert book.best_ask == (452852, 2)


def test_a_level_pushed_below_the_depth_leaves_without_a_word() -> None:
    book = documented_book()
    updated(book, bids=((452836, 1),))
    assert book.bids.qty_at(BIDS[-1][0]) == 0


def test_a_wider_precision_keeps_the_levels() -> None:
    book = documented_book()
    book.rescale(Precision(2, 9))
    assert book.best_bid == (4528350, 100000000)
    assert book.computed == checksum(book.asks, book.bids)


def test_every_step_of_the_worked_sequence_verifies(vectors: Path) -> None:
    case = json.loads((vectors / "book_sequence.json").read_text())
    keeper = BookKeeper(
        precisions={case["symbol"]: Precision(case["price_precision"], case["qty_precision"])},
        depth=case["depth"],
    )
    keeper.receive(case["snapshot_frame"].encode())
    book = keeper.l2[case["symbol"]]
    for step in case["steps"]:
        keeper.receive(step["frame"].encode())
        assert book.verified, step["name"]
        for side, levels in ((book.bids, step["bids"]), (book.asks, step["asks"])):
            shown = [
                [book.precision.price_text(p), book.precision.qty_text(q)] for p, q in side.top(10)
            ]
            assert shown == levels[:10], step["name"]


def test_every_worked_checksum_comes_out(vectors: Path) -> None:
    for case in json.loads((vectors / "book_checksum.json").read_text())["cases"]:
        sides = [
            [tuple(int(text.replace(".", "")) for text in level) for level in case[name]]
            for name in ("asks", "bids")
        ]
        assert checksum(*sides) == case["checksum"], case["name"]


# --- what catches which mistake: figures of the recordings' own page -----------------------

RESYNC = "crossbook_book_btcusd_d10_resync.jsonl"
LOSSY = "pythonkrakensdk_book_btcusd_d10_floatlossy.jsonl"


def matches(
    lines: Iterable[bytes], *, depth: int = 10, reverse: bool = False, floats: bool = False
) -> int:
    """Return how many checksums match when the book is kept with a deliberate mistake."""
    codec, matched = Codec(), 0
    book = L2Book("BTC/USD", Precision(1, 8), depth)
    for line in lines:
        for event in codec.decode(line):
            if isinstance(event, BookSnapshot | BookUpdate):
                book.apply(planted(event, reverse=reverse, unscaled=floats))
                matched += book.computed == event.checksum
    return matched


def planted(event: BookSnapshot | BookUpdate, *, reverse: bool, unscaled: bool):
    """Return the event as a careless client would apply it."""

    def mangled(levels):
        if unscaled:  # digits printed from floats: no trailing zeros
            texts = [
                (
                    repr(float(event.precision.price_text(p))),
                    repr(float(event.precision.qty_text(q))),
                )
                for p, q in levels
            ]
            levels = [
                (int(p.replace(".", "")), int(q.replace(".", "").replace("e-", "")))
                for p, q in texts
            ]
        return tuple(levels[::-1] if reverse else levels)

    return type(event)(
        0, event.symbol, event.precision, mangled(event.bids), mangled(event.asks), event.checksum
    )


@pytest.mark.parametrize(
    ("name", "mistake", "expected"),
    [
        (RESYNC, {}, 301),
        (LOSSY, {}, 510),
        (RESYNC, {"floats": True}, 0),
        (RESYNC, {"depth": 10**6}, 294),
        (LOSSY, {"depth": 10**6}, 60),
        (RESYNC, {"reverse": True}, 288),
        (LOSSY, {"reverse": True}, 509),
    ],
)
def test_each_planted_mistake_shows_as_often_as_it_should(
    captures: Path, name: str, mistake: dict, expected: int
) -> None:
    lines = (captures / name).read_bytes().splitlines()
    assert matches(lines, **mistake) == expected


@pytest.mark.parametrize("mistake", [{"floats": True}, {"depth": 10**6}, {"reverse": True}])
def test_each_planted_mistake_shows_on_a_simulated_market_too(mistake: dict) -> None:
    snapshot, updates = stream("book", 10, 3000)
    lines = [snapshot, *updates]
    assert matches(lines) == len(lines)
    assert matches(lines, **mistake) < len(lines)
