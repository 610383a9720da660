"""Memory of the compiled books: what happens when it runs out, and that all of it comes back."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from kracked import _native
from kracked.book.keeper import BookKeeper
from kracked.protocol.events import BookUpdate, L3Update, OrderAction, OrderChange
from tests.benchmarks.streams import stream
from tests.native.differential import PRECISIONS, SYMBOL, ToyMarket, contents, log_of
from tests.native.engines import chosen
from tests.native.test_differential import built

__all__ = ["built"]

CHANNELS = ("book", "level3")
STATM = Path("/proc/self/statm")
ROUNDS, SPANS = 20, 15
ALLOCATIONS = 120


@pytest.fixture(autouse=True)
def native(built: None) -> Iterator[None]:
    with chosen("native"):
        yield


def book_of(keeper: BookKeeper):
    return (keeper.l2 or keeper.l3)[SYMBOL]


@contextmanager
def failing(allocation: int, in_a_row: int = 1) -> Iterator[None]:
    """Let allocations of Python, or of the core, fail, from this one on: the first is 1."""
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no failing allocator")
    gc.disable()
    testcapi.set_nomemory(allocation - 1, allocation - 1 + in_a_row)
    try:
        yield
    finally:
        testcapi.remove_mem_hooks()
        gc.enable()


def test_the_core_s_own_allocations_can_fail() -> None:
    engine = _native.load()
    assert engine is not None
    BookKeeper()  # tells the engine of the events
    orders = (OrderChange(OrderAction.ADD, "O1", 1, 2, ""),)
    for book, rows in ((engine.LevelBook(), ((1, 2),)), (engine.OrderBook(), orders)):
        book.depth, book.verified = 10, True
        with pytest.raises(MemoryError), failing(1, 4):
            book.apply(rows, ())
        assert (book.count(0), book.verified) == (0, False)
        book.apply(rows, ())
        assert book.count(0) == 1


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_message_without_memory_is_taken_or_the_book_is_as_it_was_or_not_verified(
    channel: str, whole: bool
) -> None:
    market = ToyMarket(channel, 10, Random(5))
    first, between, message = (market.message(snapshot=one) for one in (True, False, whole))
    calm = BookKeeper(precisions=PRECISIONS)
    for raw in (first, between):
        calm.receive(raw)
    before = contents(book_of(calm))
    calm.receive(message)
    after = contents(book_of(calm))
    failures = 0
    for allocation in range(1, ALLOCATIONS):
        for in_a_row in (1, 4):
            keeper = BookKeeper(precisions=PRECISIONS)
            for raw in (first, between):
                keeper.receive(raw)
            try:
                with failing(allocation, in_a_row):
                    keeper.receive(message)
            except MemoryError:
                failures += 1
            book = book_of(keeper)
            assert contents(book) == after or not book.verified, allocation
            assert contents(book) in (before, after), allocation
            keeper.receive(first)
            assert book_of(keeper).verified
    assert failures


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_block_of_a_log_without_memory_is_taken_as_far_as_it_went(channel: str) -> None:
    snapshot, updates = stream(channel, 10, 6)
    block = b"\n".join(updates)
    for allocation in range(1, 60):
        keeper, calm = (BookKeeper(precisions=PRECISIONS) for _ in range(2))
        for one in (keeper, calm):
            one.receive(snapshot)
        with suppress(MemoryError), failing(allocation):
            keeper.run(block)
        looks = [contents(book_of(calm))]
        for raw in updates:
            calm.receive(raw)
            looks.append(contents(book_of(calm)))
        assert contents(book_of(keeper)) in looks


def work(channel: str, seed: int) -> None:
    """Take a keeper through everything that it can do, and let it go."""
    keeper = BookKeeper(precisions=PRECISIONS)
    random = Random(seed)
    market = ToyMarket(channel, 10, random)
    for number in range(60):
        raw = market.message(snapshot=number % 20 == 0)
        if number % 7 == 3:
            at = random.randrange(len(raw))
            raw = raw[:at] + bytes([random.randrange(256)]) + raw[at + 1 :]
        for event in keeper.receive(raw):
            assert event is not None
    keeper.run(b"".join(log_of(channel, 10, seed, 20, 0.3)))
    for book in (*keeper.l2.values(), *keeper.l3.values()):
        contents(book)
        assert book.last is None or isinstance(book.last, BookUpdate | L3Update) or book.last


def least_growth(count: Callable[[], int], channel: str) -> int:
    """Return by how much a count grows in `ROUNDS` rounds, the least of many times.

    The interpreter's caches fill more and more slowly, over some ten times; what is lost in
    every round is lost each time.
    """
    growths = []
    for _ in range(SPANS):
        gc.collect()
        before = count()
        for seed in range(ROUNDS):
            work(channel, seed % 10)
        gc.collect()
        growths.append(count() - before)
    return min(growths)


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_block_is_lost_in_many_rounds(channel: str) -> None:
    assert least_growth(sys.getallocatedblocks, channel) < ROUNDS  # one a round would show


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_object_is_left_after_many_rounds(channel: str) -> None:
    work(channel, 1)
    before = gc_counts()
    for seed in range(ROUNDS):
        work(channel, seed)
    assert gc_counts() == before


def gc_counts() -> dict[str, int]:
    gc.collect()
    counted = dict.fromkeys(("BookKeeper", "LevelBook", "OrderBook", "Reader"), 0)
    for thing in gc.get_objects():
        name = type(thing).__name__
        if name in counted:
            counted[name] += 1
    return counted


@pytest.mark.parametrize("channel", CHANNELS)
def test_shared_objects_keep_their_counts(channel: str) -> None:
    shared = (None, OrderChange, BookUpdate, L3Update, PRECISIONS[SYMBOL], SYMBOL)
    growth = least_growth(lambda: sum(map(sys.getrefcount, shared)), channel)
    assert abs(growth) < ROUNDS  # one of one of them a round would show


@pytest.mark.skipif(not hasattr(sys, "gettotalrefcount"), reason="not a debug build of Python")
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_debug_build_counts_no_lost_reference(channel: str) -> None:
    assert least_growth(sys.gettotalrefcount, channel) < ROUNDS


@pytest.mark.skipif(not STATM.exists(), reason="no /proc")
@pytest.mark.parametrize("channel", CHANNELS)
def test_the_process_does_not_grow_with_rounds(channel: str) -> None:
    def resident_kb() -> int:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

    for seed in range(10):
        work(channel, seed)
    before = resident_kb()
    for seed in range(4 * ROUNDS):
        work(channel, seed % 10)
    assert resident_kb() - before < 4_000
