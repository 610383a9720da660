"""The best ten levels as one row: of every message that changed them and is proven."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.book.checksum import checksum
from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.format import keyframe
from kracked.instruments import Precision
from kracked.protocol.events import BookEvent, BookSnapshot, BookUpdate
from kracked.record.write.books.wide_book import WideBook
from tests.benchmarks.streams import stream
from tests.record.seeded_market import START

SYMBOL = "BTC/USD"


def events(depth: int, count: int) -> list[BookEvent]:
    """A snapshot and updates of a market, all of which verify."""
    snapshot, updates = stream("book", depth, count)
    keeper = BookKeeper(depth=depth)
    told = [keeper.receive(data, START + n)[0] for n, data in enumerate([snapshot, *updates])]
    return [event for event in told if isinstance(event, BookSnapshot | BookUpdate)]


def best(book: L2Book) -> list[str]:
    """Ask, bid, next ask, next bid: as the row has them."""
    price, qty = book.precision.price_text, book.precision.qty_text
    pairs = zip(book.asks.top(10), book.bids.top(10), strict=True)
    return [f"{price(level.price)},{qty(level.qty)}" for pair in pairs for level in pair]


@pytest.mark.parametrize("depth", [10, 25, 100])
def test_rows_are_the_best_ten_of_the_kept_book_where_they_changed(depth: int) -> None:
    wide, kept = WideBook(SYMBOL), BookKeeper(depth=depth)
    wide.acknowledge(depth)
    rows, expected = list[str](), list[list[str]]()
    for seq, event in enumerate(events(depth, 400)):
        kept.apply(event)
        assert wide.apply(event)
        if row := wide.row(seq):
            rows.append(row)
        expected.append(best(kept.l2[SYMBOL]))
    changed = [expected[0], *(now for before, now in pairwise(expected) if now != before)]
    assert [",".join(row.split(",")[2:-1]) for row in rows] == [",".join(one) for one in changed]


@settings(max_examples=30, deadline=None)
@given(lost=st.sets(st.integers(1, 119), max_size=6), again=st.integers(60, 119))
def test_a_row_is_written_only_while_the_checksum_proves_it(lost: set[int], again: int) -> None:
    """Of a stream with messages lost, and a snapshot later."""
    told = events(10, 120)
    wide, kept, whole = WideBook(SYMBOL), BookKeeper(depth=10), BookKeeper(depth=10)
    for seq, event in enumerate(told):
        whole.apply(event)
        if seq in lost:
            continue
        now = event
        if seq == again:
            book = whole.l2[SYMBOL]
            now = keyframe.snapshot(book, event.received)  # type: ignore[assignment]
        kept.apply(now)
        assert wide.apply(now) == kept.l2[SYMBOL].verified
        if wide.verified and (row := wide.row(seq)):
            assert row.split(",", 2)[2] == f"{','.join(best(kept.l2[SYMBOL]))},{seq}\n"


def test_the_picture_of_a_kept_book_goes_on_as_its_snapshot_would() -> None:
    told = events(25, 200)
    kept, wide = BookKeeper(depth=25), WideBook(SYMBOL)
    wide.acknowledge(25)
    for event in told[:100]:
        kept.apply(event)
    assert wide.apply(keyframe.lazy_snapshot(kept.l2[SYMBOL], START))  # type: ignore[arg-type]
    for event in told[100:]:
        assert wide.apply(event)


def test_a_depth_told_late_cuts_what_is_held() -> None:
    told, wide = events(25, 200), WideBook(SYMBOL)
    wide.apply(told[0])
    wide.acknowledge(10)
    assert (len(wide.state().bids), len(wide.state().asks)) == (10, 10)
    wide.apply(told[0])  # deeper than acknowledged: another subscription's
    assert len(wide.state().bids) == 25


def test_a_book_without_levels_has_its_row() -> None:
    wide = WideBook(SYMBOL)
    assert wide.apply(BookSnapshot(START, SYMBOL, Precision(1, 8), (), (), 0, None))
    assert wide.row(1).split(",")[2:-1] == [""] * 40


def test_what_stands_is_told_as_it_was_whatever_comes_after() -> None:
    told, wide, kept = events(25, 200), WideBook(SYMBOL), BookKeeper(depth=25)
    wide.acknowledge(25)
    for event in told[:50]:
        wide.apply(event)
        kept.apply(event)
    standing, levels = wide.state(), [tuple(level) for level in kept.l2[SYMBOL].bids]
    for event in told[50:]:
        wide.apply(event)
    assert list(standing.bids) == levels


def test_decimals_that_grow_are_followed_and_fewer_end_the_rows() -> None:
    coarse, fine = Precision(1, 1), Precision(2, 2)
    bid, ask, better = (1005, 10), (1010, 10), (10075, 200)
    wide = WideBook(SYMBOL)
    first = checksum([ask], [bid])
    assert wide.apply(BookSnapshot(START, SYMBOL, coarse, (bid,), (ask,), first, None))
    then = checksum([(10100, 100)], [better, (10050, 100)])
    assert wide.apply(BookUpdate(START, SYMBOL, fine, (better,), (), then, None))
    assert "101.00,1.00,100.75,2.00,,,100.50,1.00," in wide.row(1)
    assert not wide.apply(BookUpdate(START, SYMBOL, coarse, (bid,), (), then, None))
