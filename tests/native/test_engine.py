"""The choice of the engine, and what only a compiled one has to do."""

from __future__ import annotations

import gc
import pickle
import sys
import weakref
from collections.abc import Iterator
from random import Random
from zlib import crc32

import pytest

from kracked import _native
from kracked.book.keeper import BookKeeper
from kracked.errors import ConfigError
from kracked.instruments import Precision
from kracked.protocol.codec import Codec
from kracked.protocol.events import BookUpdate, L3Update, Resync
from tests.benchmarks.streams import stream
from tests.native.differential import PRECISIONS, SYMBOL, ToyMarket, contents, summary
from tests.native.engines import chosen
from tests.native.test_differential import built

__all__ = ["built"]


@pytest.fixture(autouse=True)
def native(built: None) -> Iterator[None]:
    with chosen("native"):
        yield


@pytest.mark.parametrize(("wish", "engine"), [("python", "python"), ("native", "native")])
def test_the_variable_chooses_the_engine(wish: str, engine: str) -> None:
    with chosen(wish):
        assert BookKeeper().engine == engine


def test_auto_takes_the_compiled_books_where_they_are_built() -> None:
    with chosen("auto"):
        assert BookKeeper().engine == "native"


def test_an_engine_that_there_is_not_is_refused_by_name() -> None:
    with chosen("rust"), pytest.raises(ConfigError, match=r"'rust'.*auto.*python or native"):
        BookKeeper()


def test_a_wish_for_the_compiled_books_where_there_are_none_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "kracked._native.engine", None)
    with pytest.raises(ConfigError, match="not built"):
        BookKeeper()
    with chosen("auto"):
        assert BookKeeper().engine == "python"


@pytest.mark.parametrize("length", [0, 1, 7, 8, 15, 16, 17, 300, 5000])
def test_the_crc_is_that_of_zlib_in_any_parts(length: int) -> None:
    engine = _native.load()
    assert engine is not None
    text = bytes(n * 37 % 251 for n in range(length))
    assert engine.crc32(text) == crc32(text)
    assert engine.crc32(text[length // 3 :], engine.crc32(text[: length // 3])) == crc32(text)


@pytest.mark.parametrize("channel", ["book", "level3"])
def test_updates_are_read_by_the_compiled_reader(
    channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, updates = stream(channel, 10, 50)
    keeper = BookKeeper(precisions=PRECISIONS)
    keeper.receive(snapshot)
    keeper.receive(updates[0])
    monkeypatch.setattr(keeper.codec, "decode", None)
    kinds = {type(event) for raw in updates[1:] for event in keeper.receive(raw)}
    assert kinds == {BookUpdate if channel == "book" else L3Update}


@pytest.mark.parametrize("channel", ["book", "level3"])
def test_numbers_of_more_than_62_bits_take_the_python_book(channel: str) -> None:
    snapshot, updates = stream(channel, 10, 3)
    wide = {SYMBOL: Precision(1, 20)}
    keeper = BookKeeper(precisions=wide)
    with chosen("python"):
        python = BookKeeper(precisions=wide)
    for raw in (snapshot, *updates):
        assert keeper.receive(raw) == python.receive(raw)
    books = keeper.l2 if channel == "book" else keeper.l3
    assert type(books[SYMBOL]).__name__ in ("L2Book", "L3Book")


def test_whoever_holds_a_book_that_was_replaced_sees_it_as_not_verified() -> None:
    snapshot, updates = stream("book", 10, 3)
    keeper = BookKeeper(precisions=PRECISIONS)
    keeper.receive(snapshot)
    before = keeper.l2[SYMBOL]
    huge = updates[0].replace(b'"qty":', b'"qty":9999999999999', 1)
    keeper.receive(huge)
    assert not before.verified
    assert keeper.l2[SYMBOL] is not before


@pytest.mark.parametrize("channel", ["book", "level3"])
def test_a_pickled_keeper_comes_back_compiled_and_goes_on(channel: str) -> None:
    snapshot, updates = stream(channel, 10, 200)
    keeper = BookKeeper(precisions=PRECISIONS)
    for raw in (snapshot, *updates[:100]):
        keeper.receive(raw)
    again = pickle.loads(pickle.dumps(keeper))
    books, copies = (keeper.l2, again.l2) if channel == "book" else (keeper.l3, again.l3)
    assert type(copies[SYMBOL]) is type(books[SYMBOL])
    assert contents(copies[SYMBOL]) == contents(books[SYMBOL])
    for raw in updates[100:]:
        assert again.receive(raw) == keeper.receive(raw)
    assert summary(copies[SYMBOL]) == summary(books[SYMBOL])
    assert again.stats == keeper.stats


def test_a_keeper_that_nobody_holds_is_freed() -> None:
    keeper = BookKeeper()
    gone = weakref.ref(keeper)
    del keeper
    gc.collect()
    assert gone() is None


def test_a_precision_that_another_keeper_of_the_codec_learns_is_seen_by_both() -> None:
    happened = []
    for name in ("python", "native"):
        with chosen(name):
            keeper = BookKeeper(codec=Codec(dict(PRECISIONS)))
        market = ToyMarket("book", 10, Random(1))
        for whole in (True, False, False):
            keeper.receive(market.message(snapshot=whole))
        BookKeeper(codec=keeper.codec).codec.restate(SYMBOL, Precision(1, 5))
        happened.append(keeper.receive(market.message(snapshot=False)))
    assert happened[0] == happened[1]
    assert type(happened[0][-1]) is Resync


@pytest.mark.parametrize("channel", ["book", "level3"])
def test_the_sides_answer_what_nobody_should_ask_as_python_s_do(channel: str) -> None:
    snapshot, _ = stream(channel, 10, 1)
    sides = []
    for name in ("python", "native"):
        with chosen(name):
            keeper = BookKeeper(precisions=PRECISIONS)
        keeper.receive(snapshot)
        sides.append((keeper.l2 if channel == "book" else keeper.l3)[SYMBOL].bids)
    for side in sides:
        with pytest.raises(IndexError):
            side[10**30]
        with pytest.raises(IndexError):
            side[-1]
        if channel == "book":
            assert side.qty_at(10**30) == 0
            with pytest.raises(ValueError, match=r"levels|islice"):
                side.top(-1)
        else:
            assert side.at(10**30) is None
    python, native = (pickle.loads(pickle.dumps(side)) for side in sides)
    assert [tuple(level) for level in native] == [tuple(level) for level in python]


def test_orders_are_counted_by_price_as_in_python() -> None:
    snapshot, _ = stream("level3", 10, 1)
    books = []
    for name in ("python", "native"):
        with chosen(name):
            keeper = BookKeeper(precisions=PRECISIONS)
        keeper.receive(snapshot)
        books.append(keeper.l3[SYMBOL])
    for python, native in zip(*((book.bids, book.asks) for book in books), strict=True):
        edges = [queue.price for queue in python]
        assert len(edges) > 3
        for edge in (0, 10**30, *edges):
            assert python.counts(edge) == native.counts(edge)


def test_a_block_of_blank_lines_is_read_in_time_that_grows_with_it() -> None:
    with chosen("native"):
        keeper = BookKeeper()
    assert keeper.run(b"\n" * 1_000_000) == (0, 0, [])


def test_a_byte_outside_ascii_is_left_to_the_codec() -> None:
    snapshot, updates = stream("level3", 10, 40)
    raw = next(raw for raw in updates if b'"order_id":"' in raw)
    damaged = raw.replace(b'"order_id":"', b'"order_id":"\xff', 1)
    keeper = BookKeeper(precisions=PRECISIONS)
    keeper.receive(snapshot)
    assert type(keeper.receive(damaged)[0]).__name__ == "Malformed"
