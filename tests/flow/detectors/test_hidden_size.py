"""Hidden size: the three proofs, by hand."""

from __future__ import annotations

import pytest

from kracked.flow.detectors.sighting import Kind, Sureness
from kracked.instruments import Precision
from kracked.protocol.events import Executions, Side
from tests.flow.detectors.watched_feed import Watched

PRECISION = Precision(1, 8)


def test_an_order_that_comes_back_after_a_full_fill_has_hidden_size() -> None:
    feed = Watched()
    feed.update(bids=["add I 1000.0 0.4 10.0"], time="10.0")
    for second in (11, 12, 13):
        feed.update(
            bids=[f"delete I 1000.0 0 {second}.0", f"add I 1000.0 0.4 {second}.0000001"],
            time=f"{second}.1",
        )
    [one] = feed.seen
    assert (one.kind, one.sureness, one.count) == (Kind.HIDDEN, Sureness.EXACT, 3)
    assert (one.qty, one.price, one.side) == (120_000_000, 10_000, Side.BID)
    assert one.words(PRECISION) == (
        "hidden size bid 1000.0: refilled 3 × 0.40000000, 1.20000000 traded, "
        "at most 6.00000000 by the 1/15 rule"
    )
    assert [fact.what for fact in one.evidence] == ["filled", "refilled"] * 3


def own_made(refills: int, size: str = "0.4321", gap: float = 0.2) -> Watched:
    """Return a feed where an order of one size comes again after each fill of the one before."""
    feed = Watched()
    feed.update(bids=[f"add N0 1000.0 {size} 10.0"], time="10.0")
    for n in range(refills):
        feed.update(bids=[f"delete N{n} 1000.0 0 {11 + n}.0"], time=f"{11 + n}.0")
        come = f"{11 + n + gap:.1f}"
        feed.update(bids=[f"add N{n + 1} 1000.0 {size} {come}"], time=come)
    return feed


def test_three_refills_by_new_orders_of_one_size_are_a_pattern() -> None:
    [one] = own_made(3).seen
    assert (one.sureness, one.count, one.qty) == (Sureness.PATTERN, 3, 3 * 43_210_000)
    assert one.would_be_wrong_if() == "several owners used this size at this price"


def test_a_fourth_refill_makes_the_same_sighting_grow() -> None:
    [one] = own_made(4).seen
    assert (one.count, one.revision) == (4, 1)


def test_two_refills_are_a_mark_and_no_sighting() -> None:
    feed = own_made(2)
    assert feed.seen == []
    assert feed.market.detectors.hidden.is_maybe(Side.BID, 10_000)


def test_a_refill_after_more_than_300_ms_is_none() -> None:
    assert own_made(5, gap=0.4).seen == []


def test_a_size_that_many_use_needs_four_refills() -> None:
    assert own_made(3, size="0.4").seen == []
    assert len(own_made(4, size="0.4").seen) == 1


def test_sizes_a_fifth_apart_are_a_mark_after_four_refills() -> None:
    feed = Watched()
    sizes = ["0.4321", "0.4001", "0.4619", "0.3813", "0.4127"]
    feed.update(bids=[f"add N0 1000.0 {sizes[0]} 10.0"], time="10.0")
    for n, size in enumerate(sizes[1:]):
        feed.update(bids=[f"delete N{n} 1000.0 0 {11 + n}.0"], time=f"{11 + n}.0")
        feed.update(bids=[f"add N{n + 1} 1000.0 {size} {11 + n}.1"], time=f"{11 + n}.1")
    assert feed.seen == []
    assert feed.market.detectors.hidden.is_maybe(Side.BID, 10_000)


def test_each_fill_has_one_refill_at_most() -> None:
    feed = Watched()
    feed.update(bids=["add N 1000.0 0.4321 10.0"], time="10.0")
    feed.update(bids=["delete N 1000.0 0 11.0"], time="11.0")
    for n in range(6):
        feed.update(bids=[f"add M{n} 1000.0 0.4321 11.{n + 1}"], time=f"11.{n + 1}")
    assert feed.seen == []


def test_volume_that_no_order_explains_was_not_shown() -> None:
    feed = Watched()
    feed.update(bids=["delete A 999.0 0 20.0"], time="20.0")
    feed.trades("1 sell 999.0 5 20.0", "2 sell 999.0 2 20.0")
    feed.wait()
    [one] = feed.seen
    assert (one.sureness, one.qty, one.count) == (Sureness.MATCHED, 2 * 10**8, 0)
    assert one.words(PRECISION) == "hidden size bid 999.0: 2.00000000 traded that was not shown"


def test_own_orders_never_count() -> None:
    feed = Watched()
    reports = tuple({"exec_type": "new", "order_id": f"N{n}"} for n in range(9))
    feed.flows.apply(Executions(0, reports))
    feed.update(bids=["add N0 1000.0 0.4321 10.0"], time="10.0")
    for n in range(5):
        feed.update(
            bids=[f"delete N{n} 1000.0 0 {11 + n}.0", f"add N{n + 1} 1000.0 0.4321 {11 + n}.1"],
            time=f"{11 + n}.2",
        )
    assert feed.seen == []


@pytest.mark.parametrize("ready", [False, True])
def test_nothing_is_told_of_a_pattern_before_the_book_is_known_for_a_minute(ready: bool) -> None:
    feed = Watched()
    if not ready:
        feed.market.detectors.context.ready_at = 1 << 62
    feed.update(bids=["add N0 1000.0 0.4321 10.0"], time="10.0")
    for n in range(3):
        feed.update(bids=[f"delete N{n} 1000.0 0 {11 + n}.0"], time=f"{11 + n}.0")
        feed.update(bids=[f"add N{n + 1} 1000.0 0.4321 {11 + n}.1"], time=f"{11 + n}.1")
    assert bool(feed.seen) is ready


def test_a_hole_ends_what_was_seen_to_begin() -> None:
    feed = Watched()
    feed.update(bids=["add N0 1000.0 0.4321 10.0"], time="10.0")
    for n in range(2):
        feed.update(bids=[f"delete N{n} 1000.0 0 {11 + n}.0"], time=f"{11 + n}.0")
        feed.update(bids=[f"add N{n + 1} 1000.0 0.4321 {11 + n}.1"], time=f"{11 + n}.1")
    feed.flows.lose(feed.now)
    feed.snapshot(bids=["N2 1000.0 0.4321 12.1"], asks=["Y 1001.0 5 01.0"], time="13.0")
    feed.market.detectors.context.ready_at = 0
    feed.update(bids=["delete N2 1000.0 0 14.0"], time="14.0")
    feed.update(bids=["add N3 1000.0 0.4321 14.1"], time="14.1")
    assert feed.seen == []
