"""Pulling and stacking, against literal cases and against a plain sum of the same facts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.flow import Fact, What
from kracked.flow.facts import Settled
from kracked.flow.measures.level_changes import LevelChanges, Shortened, Span
from kracked.flow.measures.price_changes import PriceChanges
from kracked.protocol.codec import Codec
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from tests.benchmarks.queue_truth import Market
from tests.flow.scripted_feed import BTC, ScriptedFeed

BID, ASK = Side.BID, Side.ASK
S = NS_PER_S


def fact(what: What, time: int, qty: int, price: int = 100, order_id: str = "A", side: Side = BID):
    return Fact(BTC, what, time, side, price, qty, order_id, 1)


def changes(*facts: Fact, window_ns: int | None = 30 * S, most: int = 1_000) -> PriceChanges:
    made = PriceChanges(window_ns, most_facts=most)
    made.take(list(facts))
    return made


def test_each_reason_is_summed_by_itself() -> None:
    made = changes(
        *(fact(What.NEW, 1, 10) for _ in range(10)),
        *(fact(What.CANCELLED, 2, 10) for _ in range(4)),
        *(fact(What.FILLED, 3, 10) for _ in range(3)),
        fact(What.REFILLED, 4, 5),
        fact(What.RAISED, 5, 2),
    )
    assert made.at(BID, 100) == LevelChanges(102, 40, 30, 5, 0, 11, 4, 3, 1, 0)


@pytest.mark.parametrize(
    "what", [What.CAME, What.RETURNED, What.PRESENT, What.LEFT_VIEW, What.LOST]
)
def test_what_only_changes_view_is_neither_stacked_nor_pulled(what: What) -> None:
    assert changes(fact(what, 1, 10)).at(BID, 100) == LevelChanges()


def test_a_move_is_pulled_at_one_price_and_stacked_at_the_other() -> None:
    made = changes(fact(What.MOVED_AWAY, 1, 7, 100), fact(What.MOVED_IN, 1, 9, 103))
    assert made.at(BID, 100) == LevelChanges(pulled=7, pulled_count=1)
    assert made.at(BID, 103) == LevelChanges(stacked=9, stacked_count=1)


def test_a_move_within_one_row_is_only_its_difference() -> None:
    made = changes(fact(What.MOVED_AWAY, 1, 7, 101), fact(What.MOVED_IN, 1, 9, 103))
    assert made.rows(BID, 10) == {100: LevelChanges(stacked=2, stacked_count=1)}
    assert made.row(BID, 100, 10) == LevelChanges(stacked=2, stacked_count=1)


def test_a_raise_that_costs_the_place_is_stacked_by_what_was_added() -> None:
    made = changes(fact(What.MOVED_AWAY, 1, 3), fact(What.MOVED_IN, 1, 5))
    assert made.at(BID, 100) == LevelChanges(stacked=2, stacked_count=1)


def test_an_order_that_moved_out_of_view_is_pulled() -> None:
    made = changes(fact(What.MOVED_AWAY, 1, 3), fact(What.MOVED_OUT, 1, 0))
    assert made.at(BID, 100) == LevelChanges(pulled=3, pulled_count=1)


def test_a_remainder_of_a_taker_counts_once_it_rests() -> None:
    made = changes(fact(What.SHOWN, 1, 8), fact(What.TAKEN, 1, 3))
    assert made.at(BID, 100) == LevelChanges()
    made.take([fact(What.RESTED, 2, 0)])
    assert made.at(BID, 100).stacked == 5


def test_a_remainder_that_is_killed_never_counts() -> None:
    made = changes(fact(What.SHOWN, 1, 8), fact(What.TAKEN, 1, 8))
    assert made.at(BID, 100) == LevelChanges()


def test_a_reduction_is_pending_then_pulled_by_its_owner() -> None:
    made = changes(fact(What.REDUCED, 5, 4))
    assert made.at(BID, 100) == LevelChanges(pending=4, pending_count=1)
    made.take([Settled(BTC, "A", BID, 100, 4, 5)])
    assert made.at(BID, 100) == LevelChanges(pulled=4, pulled_count=1)


def scripted() -> PriceChanges:
    feed = ScriptedFeed()
    feed.snapshot(bids=["A 100.0 5 10.0"], asks=["Z 101.0 5 10.0"])
    feed.update(bids=["modify A 100.0 3 25.0"], time="25.0")
    made = PriceChanges(None)
    feed.trades("1 sell 100.0 2 25.0", now=feed.now)
    feed.wait()
    made.take(feed.outcomes)
    return made


def test_a_reduction_that_a_trade_explains_is_traded() -> None:
    assert scripted().at(BID, 1000).traded == 2 * 10**8


def test_a_trade_that_comes_late_makes_a_pulled_quantity_traded() -> None:
    feed = ScriptedFeed()
    feed.snapshot(bids=["A 100.0 5 10.0"], asks=["Z 101.0 5 10.0"])
    feed.update(bids=["modify A 100.0 3 25.0"], time="25.0")
    feed.wait()
    made = PriceChanges(None)
    made.take(feed.outcomes)
    assert made.at(BID, 1000).pulled == 2 * 10**8
    feed.outcomes.clear()
    feed.trades("1 sell 100.0 2 25.0", now=feed.now)
    feed.wait()
    made.take(feed.outcomes)
    assert made.at(BID, 1000) == LevelChanges(traded=2 * 10**8, traded_count=1)


def test_net_size_would_say_something_else_than_the_reasons() -> None:
    absorbed = changes(fact(What.FILLED, 1, 21), fact(What.REFILLED, 1, 21)).at(BID, 100)
    flickered = changes(fact(What.NEW, 1, 21), fact(What.CANCELLED, 1, 21)).at(BID, 100)
    eaten = changes(fact(What.FILLED, 1, 21), fact(What.NEW, 1, 21)).at(BID, 100)
    assert [one.net for one in (absorbed, flickered, eaten)] == [0, 0, 0]
    assert [one.difference for one in (absorbed, flickered, eaten)] == [0, 0, 21]
    assert [one.mark(30) for one in (absorbed, flickered, eaten)] == ["=", "", ""]
    assert flickered.mark(10) == "~"


def test_a_difference_below_the_noise_is_not_worth_showing() -> None:
    level = LevelChanges(stacked=60, pulled=40)
    assert level.above_noise(400, 20)
    assert not level.above_noise(401, 20)
    assert not level.above_noise(400, 21)


def test_what_is_older_than_the_window_leaves_the_sums() -> None:
    made = changes(fact(What.NEW, 1 * S, 10), fact(What.NEW, 2 * S, 20), window_ns=5 * S)
    made.advance(6 * S)
    assert made.at(BID, 100) == LevelChanges(stacked=20, stacked_count=1)
    made.advance(7 * S)
    assert made.rows(BID) == {}


def test_another_window_sums_the_same_facts() -> None:
    made = changes(fact(What.NEW, 1 * S, 10), fact(What.NEW, 20 * S, 20), window_ns=5 * S)
    made.advance(21 * S)
    made.set_window(30 * S, 21 * S)
    assert made.at(BID, 100).stacked == 30


def test_the_span_says_when_the_book_was_first_told_within_the_window() -> None:
    made = changes(fact(What.PRESENT, 10 * S, 1))
    assert made.span(BID, 20 * S) == Span(10 * S, Shortened.START)
    assert made.span(BID, 40 * S) == Span(10 * S, None)


def test_a_hole_begins_the_sums_anew_and_the_span_says_so() -> None:
    made = changes(fact(What.NEW, 10 * S, 1), Fact.hole(BTC, 11 * S))
    assert made.span(BID, 12 * S) is None
    made.take([fact(What.PRESENT, 14 * S, 9), fact(What.NEW, 15 * S, 2)])
    assert made.at(BID, 100).stacked == 2
    assert made.span(BID, 16 * S) == Span(14 * S, Shortened.HOLE)
    assert made.span(BID, 44 * S) == Span(14 * S, None)


def test_with_more_facts_than_are_kept_the_window_shrinks_and_says_so() -> None:
    made = changes(*(fact(What.NEW, n * S, 1) for n in range(1, 13)), most=10)
    assert made.at(BID, 100).stacked == 10
    assert made.span(BID, 12 * S) == Span(2 * S, Shortened.LIMIT)


def test_a_reset_of_one_side_leaves_the_other() -> None:
    made = changes(fact(What.NEW, 1 * S, 5), fact(What.NEW, 1 * S, 6, side=ASK), window_ns=None)
    made.reset(2 * S, ASK)
    assert (made.rows(BID), made.rows(ASK)) == ({100: LevelChanges(5, stacked_count=1)}, {})
    assert (made.span(BID, 3 * S), made.span(ASK, 3 * S)) == (Span(1 * S, None), Span(2 * S, None))


def test_quantities_beyond_64_bits_are_exact() -> None:
    assert (
        changes(fact(What.NEW, 1, 10**20), fact(What.NEW, 1, 1)).at(BID, 100).stacked == 10**20 + 1
    )


FACTS = st.lists(
    st.tuples(
        st.sampled_from([What.NEW, What.CANCELLED, What.FILLED, What.REFILLED, "move"]),
        st.integers(0, 12),
        st.integers(95, 105),
        st.integers(1, 9),
        st.integers(95, 105),
        st.sampled_from(Side),
    ),
    max_size=60,
)


@given(FACTS, st.integers(1, 10), st.integers(1, 4), st.integers(2, 40))
@settings(max_examples=300, deadline=None)
def test_the_sums_are_those_of_the_facts_within_the_window(
    steps: list, window_s: int, step: int, most: int
) -> None:
    made, now, told = PriceChanges(window_s * S, most_facts=most), 0, []
    for what, wait, price, qty, to, side in steps:
        now += wait * S // 4
        if what == "move":
            pair = [
                fact(What.MOVED_AWAY, now, qty, price, side=side),
                fact(What.MOVED_IN, now, to - 90, to, side=side),
            ]
            made.take(pair)
            told.append((now, pair))
        else:
            made.take([fact(what, now, qty, price, side=side)])
            told.append((now, [fact(what, now, qty, price, side=side)]))
        made.advance(now)
        for one in Side:
            span = made.span(one, now)
            if span is None:
                continue
            since = span.since if span.shortened is Shortened.LIMIT else now - window_s * S
            within = [each for time, each in told if time > since]
            at_limit = [each for time, each in told if time == since]
            if span.shortened is Shortened.LIMIT and at_limit:
                continue  # some of the facts of that instant are kept, others are not
            rows = made.rows(one, step)
            assert rows == brute(within, one, step)
            each = {row: made.row(one, row, step) for row in (*rows, 0, 50 * step)}
            assert {row: sums for row, sums in each.items() if any(sums)} == rows


def brute(groups: list, side: Side, step: int) -> dict[int, LevelChanges]:
    sums: Counter[tuple[int, int]] = Counter()
    counts: Counter[tuple[int, int]] = Counter()
    sign = 1 if side is BID else -1
    part_of = {What.NEW: 0, What.CANCELLED: 1, What.FILLED: 2, What.REFILLED: 3}

    def put(row: int, part: int, qty: int) -> None:
        sums[row, part] += qty
        counts[row, part] += 1

    for group in groups:
        if group[0].side is not side:
            continue
        rows = [sign * (sign * each.price // step * step) for each in group]
        if len(group) == 1:
            put(rows[0], part_of[group[0].what], group[0].qty)
        elif rows[0] != rows[1]:
            put(rows[0], 1, group[0].qty)
            put(rows[1], 0, group[1].qty)
        elif group[0].qty != group[1].qty:
            more = group[1].qty - group[0].qty
            put(rows[0], 0 if more > 0 else 1, abs(more))
    return {
        row: LevelChanges(*(sums[row, n] for n in range(5)), *(counts[row, n] for n in range(5)))
        for row, _ in counts
    }


@pytest.mark.parametrize("depth", [10, 100])
def test_sums_since_the_start_and_what_view_brought_make_up_the_book(depth: int) -> None:
    """Stacked + refilled - pulled - traded, and what came into and left view, is the level."""
    market = Market(BTC, 3, 1.0, [depth])
    feed = ScriptedFeed(depth)
    feed.codec = Codec({BTC: market.listing.instrument.precision})
    made, view = PriceChanges(None), Counter()
    signs = {What.PRESENT: 1, What.CAME: 1, What.RETURNED: 1, What.LEFT_VIEW: -1}
    stream = sorted([*market.level3[depth], *market.trades], key=lambda message: message.received)
    for message in stream:
        outcomes = feed.receive(message.raw.decode(), message.received)
        made.take(outcomes)
        for one in outcomes:
            if isinstance(one, Fact):
                view[one.side, one.price] += signs.get(one.what, 0) * one.qty
                if one.what in (What.SHOWN, What.TAKEN):
                    view[one.side, one.price] += one.qty if one.what is What.SHOWN else -one.qty
                if one.what is What.RESTED:
                    pytest.fail("not in this seed")
    feed.outcomes += feed.wait()
    ledger = feed.ledger
    for side in Side:
        for price, level in ledger.side(side).levels.items():
            assert made.at(side, price).net + view[side, price] == level.qty
