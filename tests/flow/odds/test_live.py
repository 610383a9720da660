"""The odds of orders on a live market: what is said, and what is not."""

from __future__ import annotations

from functools import cache

import pytest

from kracked.flow import Fact, Ledger, OrderFlow, What
from kracked.flow.odds.fitting import fit_table
from kracked.flow.odds.live import LiveOdds
from kracked.flow.odds.scoring import OddsScore
from kracked.flow.odds.table import NoOdds, Odds
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event, Side
from kracked.sim.realism import Realism
from kracked.times import NS_PER_S
from tests.benchmarks.queue_truth import Market
from tests.flow.odds.markets import START, invented

SYMBOL, DEPTH = "BONK/USD", 10
TABLE = fit_table(SYMBOL, invented(2_000), fitted=START, watched_ns=1, recordings=1)


@cache
def events() -> tuple[list[Event], int]:
    market = Market(SYMBOL, 4, 16, [DEPTH], Realism())
    precision = market.listing.instrument.precision
    codec = Codec({SYMBOL: precision})
    feed = market.feed(DEPTH, 0, 0, 4)
    return [event for one in feed for event in codec.decode(one.raw, one.received)], precision.qty


class Watch:
    """A ledger with odds beside it."""

    def __init__(self, live: LiveOdds, seconds: float) -> None:
        found, _ = events()
        self.flow = OrderFlow(DEPTH)
        self.flow.ledgers[SYMBOL] = Ledger(SYMBOL, DEPTH)
        self.live = live
        self.end = found[0].received
        self.facts(seconds)

    def facts(self, seconds: float) -> list[Fact]:
        """Go on for some seconds; return what was told of orders."""
        begin, self.end = self.end, self.end + int(seconds * NS_PER_S)
        told: list[Fact] = []
        for event in events()[0]:
            if begin < event.received <= self.end or (not told and event.received == begin):
                outcomes = self.flow.apply(event)
                self.live.follow(self.ledger, outcomes)
                told += [one for one in outcomes if isinstance(one, Fact)]
        self.now = self.ledger.linker.level3_time
        return told

    @property
    def ledger(self) -> Ledger:
        return self.flow[SYMBOL]

    def price(self, side: Side, rank: int) -> int:
        queues = self.ledger.side(side)
        return queues.sign * queues.keys[-1 - rank]


def live(table: object = TABLE, **options: object) -> LiveOdds:
    return LiveOdds(table, events()[1], **options)  # type: ignore[arg-type]


@cache
def settled() -> Watch:
    return Watch(live(), 400)


def test_a_new_order_has_bands_at_three_horizons() -> None:
    watch = settled()
    found = watch.live.of_new(watch.ledger, Side.BID, watch.price(Side.BID, 1), 100, watch.now)
    assert isinstance(found, Odds)
    assert len(found.filled) == 3
    assert all(0 <= band.low < band.high <= 1 for band in (*found.filled, found.leaves))
    assert found.cases > 0


def test_an_order_further_ahead_is_likelier_filled() -> None:
    watch = settled()
    bids = watch.ledger.bids
    price = watch.price(Side.BID, 0)
    qty = bids.levels[price].qty
    front = watch.live.at(watch.ledger, Side.BID, price, 1, 0, watch.now)
    behind = watch.live.at(watch.ledger, Side.BID, price, 50 * qty, 0, watch.now)
    assert isinstance(front, Odds)
    assert isinstance(behind, Odds)
    assert front.rates[2] > behind.rates[2]


def test_a_resting_order_is_seen_from_where_it_stands() -> None:
    watch = settled()
    price = watch.price(Side.ASK, 0)
    last = list(watch.ledger.queue(Side.ASK, price))[-1]
    place = watch.ledger.place(last.order_id)
    assert place is not None
    found = watch.live.of_order(watch.ledger, place, watch.now)
    same = watch.live.at(
        watch.ledger, Side.ASK, price, place.level_qty, place.position - 1, watch.now
    )
    assert found == same
    assert isinstance(found, Odds)


def test_without_a_table_it_says_that_nothing_is_fitted() -> None:
    watch = Watch(live(NoOdds("not fitted: why")), 10)
    found = watch.live.of_new(watch.ledger, Side.BID, watch.price(Side.BID, 0), 1, watch.now)
    assert found == NoOdds("not fitted: why")
    assert watch.live.score is None


def test_a_market_watched_too_short_has_no_odds_yet() -> None:
    watch = Watch(live(), 100)
    found = watch.live.of_new(watch.ledger, Side.BID, watch.price(Side.BID, 0), 1, watch.now)
    assert isinstance(found, NoOdds)
    assert found.why.startswith("watched too short: in 2")


def test_a_price_across_the_spread_has_none() -> None:
    watch = settled()
    found = watch.live.of_new(watch.ledger, Side.BID, watch.price(Side.ASK, 0), 1, watch.now)
    assert found == NoOdds("it would meet the other side at once")


def test_a_price_beyond_the_sampled_levels_has_none() -> None:
    watch = settled()
    keys = watch.ledger.bids.keys
    found = watch.live.of_new(watch.ledger, Side.BID, keys[0] - 10_000, 1, watch.now)
    assert len(keys) == 10
    assert isinstance(found, Odds)  # the tenth level is the last that is sampled
    deep = Ledger(SYMBOL, 1000)
    rows = [("add", str(at), keys[0] - at, 5, watch.now) for at in range(30)]
    deep.snapshot(rows, [("add", "A", watch.price(Side.ASK, 0), 5, 1)], watch.now, watch.now)
    found = watch.live.of_new(deep, Side.BID, keys[0] - 20, 1, watch.now)
    assert found == NoOdds("not fitted: more than 10 levels from the touch")


def test_a_lost_book_has_none_and_begins_anew() -> None:
    watch = Watch(live(), 400)
    watch.live.follow(watch.ledger, watch.ledger.lose(watch.now))
    found = watch.live.of_new(watch.ledger, Side.BID, watch.price(Side.BID, 0), 1, watch.now)
    assert found == NoOdds("the book is not known just now")


def test_ghosts_keep_the_score_as_they_end() -> None:
    watch = Watch(live(observed_every_ns=20 * NS_PER_S), 16 * 60)
    assert watch.live.score is not None
    cases = [one.total for one in watch.live.score.observed]
    assert cases[0] > 150
    assert len(set(cases)) == 1


def test_a_hole_ends_the_cases_of_own_orders() -> None:
    watch = Watch(live(), 400)
    price = watch.price(Side.BID, 0)
    found = watch.live.of_new(watch.ledger, Side.BID, price, 1, watch.now)
    assert isinstance(found, Odds)
    assert watch.live.own is not None
    watch.live.own.joined("OWN", found, watch.now)
    watch.live.follow(watch.ledger, watch.ledger.lose(watch.now))
    assert len(watch.live.own) == 0


@cache
def ended(what: What) -> str:
    """Return an order that enters after 330 s and ends so within 30 s, at the touch."""
    watch, told = Watch(live(), 330), dict[str, list[Fact]]()
    for fact in watch.facts(600):
        told.setdefault(fact.order_id, []).append(fact)
    return next(
        order_id
        for order_id, (first, *_, last) in (
            (one, facts) for one, facts in told.items() if facts[1:]
        )
        if (len(told[order_id]), first.what, last.what) == (2, What.NEW, what)
        and NS_PER_S < last.time - first.time < 30 * NS_PER_S
    )


def test_an_own_order_that_is_filled_counts_at_every_horizon() -> None:
    watch = Watch(live(), 330)
    watch.live.own_order(watch.ledger, ended(What.FILLED))
    assert watch.live.own is not None
    assert len(watch.live.own) == 0  # it has not joined yet
    watch.facts(600)
    assert watch.live.score is not None
    assert [sum(one.happened) for one in watch.live.score.own] == [1, 1, 1]


def test_an_own_order_that_its_owner_cancels_counts_only_for_what_it_outlived() -> None:
    watch = Watch(live(), 330)
    watch.live.own_order(watch.ledger, ended(What.CANCELLED))
    watch.facts(600)
    assert watch.live.score is not None
    assert [one.total for one in watch.live.score.own] == [0, 0, 0]


def test_an_own_order_that_rests_already_is_scored_from_where_it_stands() -> None:
    watch = Watch(live(), 330)
    [resting, *_] = watch.ledger.queue(Side.BID, watch.price(Side.BID, 0))
    watch.live.own_order(watch.ledger, resting.order_id)
    assert watch.live.own is not None
    assert resting.order_id in watch.live.own


@pytest.mark.parametrize(("fitted", "kept"), [(START, True), (START + 1, False)])
def test_an_earlier_score_goes_on_if_it_is_the_table_s(fitted: int, kept: bool) -> None:
    score = OddsScore.of(TABLE)
    score.fitted = fitted
    assert (live(score=score).score is score) is kept
