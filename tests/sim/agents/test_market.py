"""The market: repeatable, deep, as busy as the recordings, and never growing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import (
    EngineBatch,
    LeaveCause,
    LeftLevel,
    NewOrder,
    OrderFilled,
    Rested,
)
from kracked.sim.listings import LISTED, listings
from kracked.sim.market_data.book_publisher import BOOK, BookPublisher
from kracked.sim.market_data.trade_history import (
    INTERVALS,
    MOST_CANDLES,
    MOST_TRADES,
    NS_PER_MINUTE,
)
from kracked.sim.market_data.warmup import MarketWarmup
from kracked.times import NS_PER_S
from tests.benchmarks.streams import public_book

OPENING = 1_790_000_000_123_456_789
SECOND = 10**9
PAIR = "BTC/USD"


def market(*symbols: str, seed: int = 7, rate: float = 1.0) -> SimulatedMarket:
    return SimulatedMarket(listings(symbols or (PAIR,)), seed=seed, rate=rate).opened(OPENING)


def run(opened: SimulatedMarket, seconds: float) -> list[tuple[str, EngineBatch]]:
    return list(opened.advance(OPENING + int(seconds * SECOND)))


@pytest.fixture(scope="module")
def minute() -> list[EngineBatch]:
    """Two minutes of BTC/USD at natural speed."""
    return [batch for _, batch in run(market(seed=3), 120)]


# --- repeatable ---------------------------------------------------------------------


def test_the_same_seed_gives_the_same_batches() -> None:
    assert run(market(PAIR, "BONK/USD"), 5) == run(market(PAIR, "BONK/USD"), 5)


def test_another_seed_gives_others() -> None:
    assert run(market(seed=1), 1) != run(market(seed=2), 1)


WHOLE = run(market("BONK/USD"), 6)


@given(st.lists(st.integers(0, 6 * SECOND), max_size=30))
@settings(max_examples=20, deadline=None)
def test_how_finely_time_is_cut_changes_nothing(cuts: list[int]) -> None:
    cut = market("BONK/USD")
    pieces: list[tuple[str, EngineBatch]] = []
    for to in (*sorted(cuts), 6 * SECOND):
        pieces.extend(cut.advance(OPENING + to))
    assert pieces == WHOLE


def test_rate_runs_the_same_market_faster() -> None:
    natural, fast = run(market(), 10), run(market(rate=10), 1)
    assert [len(batch.steps) for _, batch in natural] == [len(batch.steps) for _, batch in fast]


def test_times_rise_strictly_over_all_instruments() -> None:
    times = [batch.time for _, batch in run(market(PAIR, "ETH/USD", "SOL/USD", rate=50), 1)]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert times[0] > OPENING
    assert times[-1] <= OPENING + SECOND


# --- consistent ---------------------------------------------------------------------


def shown(matcher: Matcher) -> dict[tuple[Side, int], int]:
    return {(side, level.price): level.qty for side in Side for level in matcher.levels(side)}


def test_a_batch_is_yielded_with_the_engine_as_the_batch_left_it() -> None:
    opened = market("DOGE/USD", rate=5)
    matcher = opened.matcher("DOGE/USD")
    orders = {
        queued.order_id: (side, queued.price, queued.visible_qty)
        for side in Side
        for level in matcher.levels(side)
        for queued in matcher.queue(side, level.price)
    }
    for _, batch in opened.advance(OPENING + SECOND):
        for step in batch.steps:
            match step:
                case Rested(order_id=order_id, side=side, price=price, visible_qty=qty):
                    orders[order_id] = (side, price, qty)
                case LeftLevel(order_id=order_id):
                    del orders[order_id]
                case OrderFilled(maker_order_id=order_id, qty=qty):
                    side, price, visible = orders[order_id]
                    orders[order_id] = (side, price, visible - qty)
                case _ if hasattr(step, "visible_qty"):
                    orders[step.order_id] = (*orders[step.order_id][:2], step.visible_qty)
        best = matcher.best_bid, matcher.best_ask
        assert best[0] is not None
        assert best[1] is not None
        assert best[0].price < best[1].price
    totals: Counter[tuple[Side, int]] = Counter()
    for side, price, qty in orders.values():
        totals[side, price] += qty
    assert dict(totals) == shown(matcher)


def test_no_batch_is_empty_or_a_refusal(minute: list[EngineBatch]) -> None:
    assert all(batch.steps and batch.refusal is None for batch in minute)


def test_quantities_are_at_least_the_minimum_when_an_order_enters(
    minute: list[EngineBatch],
) -> None:
    least = LISTED[0].instrument.qty_min
    first: dict[str, int] = {}
    for batch in minute:
        match batch.steps:
            case (Rested(order_id=order_id, visible_qty=qty),):
                first.setdefault(order_id, qty)
    assert min(first.values()) >= least


# --- clients ------------------------------------------------------------------------


def test_the_market_trades_with_clients() -> None:
    opened = market(seed=3)
    matcher = opened.matcher(PAIR)
    bid, ask = matcher.best_bid, matcher.best_ask
    assert bid is not None
    assert ask is not None
    matcher.submit(NewOrder("buy", Side.BID, 5_000, bid.price, owner="me"), OPENING)
    matcher.submit(NewOrder("sell", Side.ASK, 5_000, ask.price, owner="me"), OPENING)
    makers = {
        step.maker_order_id
        for _, batch in opened.advance(OPENING + 120 * SECOND)
        for step in batch.steps
        if isinstance(step, OrderFilled)
    }
    assert makers & {"buy", "sell"}


def test_a_clients_dated_order_expires_within_the_stretch_it_ends_in() -> None:
    opened = market()
    ends = OPENING + 2 * SECOND
    opened.matcher(PAIR).submit(
        NewOrder("mine", Side.BID, 5_000, 10_000, TimeInForce.GTD, ends, owner="me"), OPENING
    )
    (expired,) = (
        batch
        for _, batch in run(opened, 3)
        for step in batch.steps
        if isinstance(step, LeftLevel) and step.cause is LeaveCause.EXPIRED
    )
    assert ends <= expired.time < ends + 1000


# --- as deep as the real one --------------------------------------------------------


@pytest.mark.parametrize("symbol", [listing.symbol for listing in LISTED[:5]])
def test_a_busy_book_opens_with_a_thousand_levels_a_side(symbol: str) -> None:
    matcher = market(symbol).matcher(symbol)
    assert min(matcher.depth(side) for side in Side) >= 1000


def test_books_stay_deep_and_nothing_grows_over_an_hour_of_model_time() -> None:
    opened = market("XRP/USD", rate=1000)
    matcher = opened.matcher("XRP/USD")
    sizes = []
    for quarter in range(1, 5):
        for _ in opened.advance(OPENING + quarter * SECOND * 9 // 10):
            pass
        sizes.append((len(matcher), len(opened._agenda)))
        assert min(matcher.depth(side) for side in Side) >= 1000
    assert max(orders for orders, _ in sizes) < 2 * 3500
    assert max(appointments for _, appointments in sizes) < 1000


# --- as busy as the real one --------------------------------------------------------


def rate_of(batches: Iterable[EngineBatch], seconds: float) -> float:
    return sum(1 for _ in batches) / seconds


def test_engine_events_come_about_a_hundred_a_second(minute: list[EngineBatch]) -> None:
    assert 60 < rate_of(minute, 120) < 160


def test_the_busiest_second_has_several_times_the_mean(minute: list[EngineBatch]) -> None:
    seconds = Counter((batch.time - OPENING) // SECOND for batch in minute)
    assert 150 < max(seconds.values()) < 800


def test_trades_come_clustered_one_to_six_a_second(minute: list[EngineBatch]) -> None:
    takers = Counter(
        (batch.time - OPENING) // SECOND
        for batch in minute
        if any(isinstance(step, OrderFilled) for step in batch.steps)
    )
    fills = sum(isinstance(step, OrderFilled) for batch in minute for step in batch.steps)
    assert 0.5 < fills / 120 < 6
    # A Poisson stream's counts per second vary as much as their mean; these far more.
    counts = [takers[second] for second in range(120)]
    mean = sum(counts) / 120
    assert sum((count - mean) ** 2 for count in counts) / 120 > 1.5 * mean


def test_takers_are_market_and_limit_orders_of_many_sizes(minute: list[EngineBatch]) -> None:
    fills = [step for batch in minute for step in batch.steps if isinstance(step, OrderFilled)]
    assert {fill.taker_type for fill in fills} == {"market", "limit"}
    sizes = sorted(fill.qty for fill in fills)
    assert sizes[-1] > 20 * sizes[len(sizes) // 2]


def test_a_sweep_takes_several_levels_at_once(minute: list[EngineBatch]) -> None:
    assert any(
        len({step.price for step in batch.steps if isinstance(step, OrderFilled)}) >= 3
        for batch in minute
    )


def test_the_touch_is_tight() -> None:
    opened = market(seed=3)
    matcher = opened.matcher(PAIR)
    spreads = []
    for _ in opened.advance(OPENING + 60 * SECOND):
        bid, ask = matcher.best_bid, matcher.best_ask
        assert bid is not None
        assert ask is not None
        spreads.append(ask.price - bid.price)
    assert sorted(spreads)[len(spreads) // 2] <= 10


def depth_25(symbol: str, seed: int, seconds: int) -> list[dict[str, Any]]:
    """Return the messages of the book channel at depth 25."""
    opened = market(symbol, seed=seed)
    (listing,) = opened.listings
    book = public_book(opened.matcher(symbol), listing.instrument.precision)
    publisher = BookPublisher(listing.instrument, book, OPENING)
    publisher.watch(BOOK, 25)
    cuttings = (cut for _, batch in run(opened, seconds) for cut in publisher.apply(batch))
    return [json.loads(cutting.text)["data"][0] for cutting in cuttings]


@pytest.mark.parametrize(("symbol", "recorded"), [(PAIR, 40), ("ETH/USD", 29), ("XRP/USD", 27)])
def test_the_best_25_levels_change_about_as_often_as_recorded(symbol: str, recorded: int) -> None:
    told = [data for seed in (1, 2, 3) for data in depth_25(symbol, seed, 300)]
    assert 0.7 * recorded < len(told) / 900 < 1.3 * recorded


def test_a_quarter_of_the_entries_take_a_level_away() -> None:
    told = depth_25("ETH/USD", 3, 300)
    entries = [entry for data in told for entry in (*data["bids"], *data["asks"])]
    removed = sum(not entry["qty"] for entry in entries)
    assert 0.18 < removed / len(entries) < 0.30
    assert 1.3 < len(entries) / len(told) < 2.0


def test_a_thin_pair_is_quiet() -> None:
    (last,) = listings(count=60)[-1:]
    opened = SimulatedMarket((last,), seed=7).opened(OPENING)
    assert rate_of((batch for _, batch in run(opened, 60)), 60) < 2


# --- a past -------------------------------------------------------------------------


def test_the_tape_opens_with_a_past() -> None:
    tape = market().histories[PAIR]
    assert len(tape.trades) == MOST_TRADES
    for minutes in INTERVALS[:7]:
        assert len(tape.candles(minutes, OPENING)) == MOST_CANDLES
    assert 0 < tape.day.low <= tape.day.vwap <= tape.day.high
    assert tape.day.trades > 10_000


@pytest.mark.parametrize("seconds", [1, 10, 59])
def test_the_past_leads_up_to_where_the_market_opens(seconds: int) -> None:
    """Trade by trade in small steps, wherever in the minute it opens."""
    minute = OPENING - OPENING % NS_PER_MINUTE
    (listing,) = (each for each in LISTED if each.instrument.symbol == PAIR)
    past = MarketWarmup(listing, minute + seconds * NS_PER_S, 1000, "seed").history()
    prices = [trade.price for trade in past.trades] + [listing.opening_price]
    steps = [abs(later / price - 1) for price, later in pairwise(prices[-100:])]
    assert max(steps) < 0.0005
    assert steps[-1] < 0.0001


def test_the_first_trade_follows_the_last_of_the_past() -> None:
    opened = market()
    last = opened.histories[PAIR].last
    assert last is not None
    (first, *_) = (
        step
        for _, batch in run(opened, 60)
        for step in batch.steps
        if isinstance(step, OrderFilled)
    )
    assert first.trade_id == last.trade_id + 1


def test_charts_of_different_intervals_agree() -> None:
    tape = market().histories[PAIR]
    (hour, *_) = (c for c in tape.candles(60, OPENING)[-3:-2])
    minutes = [
        c
        for c in tape.candles(1, OPENING)
        if hour.begin <= c.begin < hour.begin + 60 * NS_PER_MINUTE
    ]
    assert (hour.open, hour.close) == (minutes[0].open, minutes[-1].close)
    assert (hour.high, hour.low) == (max(c.high for c in minutes), min(c.low for c in minutes))
    assert hour.volume == sum(c.volume for c in minutes)


def test_candles_looked_at_late_hold_what_was_traded_meanwhile() -> None:
    early, late = market(), market()
    early.histories[PAIR].candles(15, OPENING)
    for opened in (early, late):
        for symbol, batch in opened.advance(OPENING + 30 * SECOND):
            opened.histories[symbol].apply(batch)
    until = OPENING + 30 * SECOND
    assert early.histories[PAIR].candles(15, until) == late.histories[PAIR].candles(15, until)
