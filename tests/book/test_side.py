"""What a change of one side says: whether a checksum must be computed, and what cannot be."""

from __future__ import annotations

import pytest

from kracked.book.side import NEGATIVE, NOT_HELD, BookSide
from kracked.protocol.events import Level, Side


def held(count: int, *, limit: int = 0, side: Side = Side.BID) -> BookSide:
    """Return a side with this many levels, the best at 1000, each ten worse than the last."""
    found = BookSide(side)
    step = -10 if side is Side.BID else 10
    found.replace([(1000 + step * rank, 5) for rank in range(count)], count)
    found.limit = limit
    return found


def price(rank: int) -> int:
    """Return the price of a bid's level."""
    return 1000 - 10 * rank


@pytest.mark.parametrize(("rank", "hashed"), [(0, True), (9, True), (10, False), (11, False)])
@pytest.mark.parametrize("qty", [7, 0])
def test_a_change_counts_for_the_checksum_among_the_best_ten_alone(
    rank: int, hashed: bool, qty: int
) -> None:
    side = held(12, limit=25)
    assert side.apply([(price(rank), qty)], 25) is hashed
    assert side.contradiction is None


@pytest.mark.parametrize(("between", "hashed"), [(905, True), (895, False)])
def test_a_new_level_counts_for_the_checksum_if_it_comes_among_the_best_ten(
    between: int, hashed: bool
) -> None:
    assert held(12, limit=25).apply([(between, 7)], 25) is hashed


@pytest.mark.parametrize("change", [price(10), 895, 1], ids=["held", "between", "beyond"])
def test_a_quantity_below_zero_contradicts_however_deep_it_is(change: int) -> None:
    side = held(12, limit=25)
    assert side.apply([(change, -1)], 25) is True
    assert side.contradiction == (NEGATIVE, change)


def test_a_negative_quantity_removes_its_level_and_leaves_the_others_in_their_places() -> None:
    side = held(12, limit=25)
    side.apply([(price(10), -1), (price(11), 8)], 25)
    assert [level.price for level in side] == [price(rank) for rank in range(12) if rank != 10]
    assert side.qty_at(price(11)) == 8


def test_a_removal_among_levels_that_should_be_held_contradicts_and_names_its_price() -> None:
    side = held(12, limit=25)
    assert side.apply([(895, 0)], 25) is True
    assert side.contradiction == (NOT_HELD, 895)


@pytest.mark.parametrize(
    ("count", "limit", "told"),
    [(25, 25, True), (24, 25, False), (11, 11, True), (10, 10, False), (12, 0, False)],
    ids=["full", "one short", "full at eleven", "ten deep", "depth not known"],
)
def test_a_new_level_below_a_full_side_is_too_far_away(count: int, limit: int, told: bool) -> None:
    side = held(count, limit=limit)
    touched = side.apply([(price(count - 1) - 1, 7)], limit or 25)
    assert (side.contradiction is not None) is told
    assert touched is (told or count == 10)
    assert len(side) == min(count + 1, limit or 25)


def test_the_digits_follow_a_cut_to_less_than_ten() -> None:
    side = held(12)
    side.cut(3)
    assert side.digits == b"100059905" + b"9805"
    assert [level.price for level in side] == [1000, 990, 980]


def test_a_cut_that_removes_nothing_leaves_the_digits() -> None:
    side = held(12)
    before = side.digits
    side.cut(12)
    assert side.digits == before
    side.cut(25)
    assert (side.digits, len(side)) == (before, 12)


def test_a_replaced_side_knows_a_negative_quantity_and_forgets_it_with_the_next() -> None:
    side = BookSide(Side.ASK)
    side.replace([(1, 5), (2, -3), (3, 0)], 10)
    assert (side.contradiction, list(side)) == ((NEGATIVE, 2), [Level(1, 5)])
    side.replace([(1, 5)], 10)
    assert side.contradiction is None


@pytest.mark.parametrize("kind", Side)
def test_a_copy_has_levels_and_digits_of_its_own(kind: Side) -> None:
    side = held(12, side=kind)
    copied = side.copy()
    side.apply([(1000, 0)], 25)
    assert (len(copied), len(side), copied.side) == (12, 11, kind)
    assert copied.best == Level(1000, 5)
    assert copied.digits.startswith(b"10005")


@pytest.mark.parametrize("kind", Side)
def test_a_side_is_filled_from_another_one_to_its_own_depth(kind: Side) -> None:
    taken = BookSide(kind)
    taken.replace(held(12, side=kind), 11)
    assert list(taken) == list(held(11, side=kind))
    assert taken.digits == held(11, side=kind).digits


def test_an_empty_side_has_no_best_level_and_nothing_at_any_price() -> None:
    side = BookSide(Side.BID)
    assert (side.best, side.qty_at(1000), side.top(3), side.digits) == (None, 0, [], b"")


def test_a_price_between_two_levels_holds_nothing() -> None:
    side = held(3)
    assert [side.qty_at(at) for at in (1001, 1000, 995, 980, 979)] == [0, 5, 0, 5, 0]
