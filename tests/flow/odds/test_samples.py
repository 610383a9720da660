"""Ghosts that are sampled: where they stand, and what becomes of them."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest

from kracked.flow import Ghost, Ledger, OrderFlow
from kracked.flow.odds.recent import RecentMarket
from kracked.flow.odds.samples import RANKS, GhostField, Sample
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event
from kracked.sim.realism import Realism
from kracked.times import NS_PER_S
from tests.benchmarks.queue_truth import Market

SYMBOL, DEPTH = "SOL/USD", 10


@cache
def events() -> tuple[list[Event], int]:
    market = Market(SYMBOL, 4, 12, [DEPTH], Realism())
    precision = market.listing.instrument.precision
    codec = Codec({SYMBOL: precision})
    feed = market.feed(DEPTH, 250_000_000, 0, 4)
    return [event for one in feed for event in codec.decode(one.raw, one.received)], precision.qty


class Watch:
    """A ledger, a field of ghosts, and each ghost once more by itself."""

    def __init__(self, decimals: int) -> None:
        self.flow = OrderFlow(DEPTH)
        self.flow.ledgers[SYMBOL] = Ledger(SYMBOL, DEPTH)
        self.recent = RecentMarket()
        self.field = GhostField(self.recent, decimals)
        self.samples: list[Sample] = []
        self.twins: list[tuple[int, int, Ghost]] = []
        self.known: set[int] = set()

    def apply(self, event: Event) -> None:
        outcomes = self.flow.apply(event)
        ledger = self.flow[SYMBOL]
        for _, _, twin in self.twins:
            for one in outcomes:
                twin.apply(one)
            twin.settle(ledger.decided)
        self.recent.follow(ledger, outcomes)
        self.samples += self.field.follow(ledger, outcomes)
        for placed in self.field._open:
            if placed.time not in self.known and len(self.known) < 6:
                ghost = placed.ghost
                twin = Ghost(ghost.side, ghost.price, 1, ghost.standing)
                self.twins.append((placed.time, id(placed), twin))
        self.known |= {placed.time for placed in self.field._open}


@cache
def watched() -> Watch:
    found, decimals = events()
    watch = Watch(decimals)
    for event in found:
        watch.apply(event)
    return watch


def test_both_sides_and_all_places_are_sampled_every_two_seconds() -> None:
    samples = watched().samples
    instants = sorted({one.placed for one in samples})
    assert all(later - earlier >= NS_PER_S for earlier, later in pairwise(instants))
    first = [one for one in samples if one.placed == instants[0]]
    assert len(first) == 2 * 2 * len(RANKS)
    for side in ("bid", "ask"):
        ranks = [one.situation.rank for one in first if one.side == side and one.back]
        assert all(low <= rank <= high for rank, (low, high) in zip(ranks, RANKS, strict=True))


def test_nothing_is_sampled_before_five_minutes_nor_told_before_five_more() -> None:
    found, _ = events()
    samples = watched().samples
    begun = watched().field.began
    assert min(one.placed for one in samples) - begun >= 300 * NS_PER_S
    assert max(one.placed for one in samples) + 300 * NS_PER_S <= found[-1].received


def test_a_sample_is_filled_when_a_ghost_of_its_own_would_be() -> None:
    watch = watched()
    times = {time for time, _, _ in watch.twins}
    ours = [one for one in watch.samples if one.placed in times]
    waits = []
    for time, _, twin in watch.twins:
        wait = max(0, twin.fills[0].instant - time) if twin.fills else None
        waits.append(None if wait is None or wait > 300 * NS_PER_S else wait)
    assert len(ours) == len(waits) > 50
    assert [one.wait_ns for one in ours] == waits
    assert 10 < sum(wait is not None for wait in waits) < len(waits)


def test_the_price_leaves_some_and_never_after_their_fill() -> None:
    samples = watched().samples
    left = [one for one in samples if one.left]
    assert 0 < len(left) < len(samples)
    assert all(one.wait_ns is None or one.wait_ns > 0 for one in left)


def test_within_a_queue_there_is_never_more_ahead_than_at_its_back() -> None:
    samples = watched().samples
    pairs = list(zip(samples[::2], samples[1::2], strict=True))
    assert all(back.back and not within.back for back, within in pairs)
    assert all(within.situation.ahead < back.situation.ahead for back, within in pairs)


def test_a_hole_forgets_the_ghosts_in_it() -> None:
    found, decimals = events()
    watch = Watch(decimals)
    cut = len(found) * 2 // 3
    for event in found[:cut]:
        watch.apply(event)
    assert watch.field._open
    ledger = watch.flow[SYMBOL]
    outcomes = ledger.lose(found[cut].received)
    watch.recent.follow(ledger, outcomes)
    known = watch.field.watched_ns
    assert watch.field.follow(ledger, outcomes) == []
    assert not watch.field._open
    for event in found[cut : cut + 2_000]:
        watch.apply(event)
    assert watch.field.watched_ns == known  # nothing is known before the next snapshot


def test_watched_time_is_that_of_the_books() -> None:
    field = watched().field
    assert field.watched_ns == field.now - field.began
    assert field.watched_ns / NS_PER_S == pytest.approx(12 * 60, abs=2)
