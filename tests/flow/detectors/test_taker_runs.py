"""Sweeps, takers of one size, absorption: by hand."""

from __future__ import annotations

import pytest

from kracked.flow.detectors.sighting import FIRST_KEPT, LAST_KEPT, Kind, Sighting, Sureness
from kracked.instruments import Precision
from kracked.protocol.events import Executions, Side
from tests.flow.detectors.watched_feed import Watched
from tests.flow.scripted_feed import BTC

PRECISION = Precision(1, 8)


def kinds(feed: Watched) -> list[Kind]:
    return [one.kind for one in feed.seen]


# --- same size ---------------------------------------------------------------------------


def taken(count: int, qty: str = "0.11733", seconds: float = 4, side: str = "buy") -> Watched:
    feed = Watched()
    for n in range(count):
        feed.trades(f"{n + 1} {side} 1001.0 {qty} {4 + n * seconds:04.1f}")
    return feed


def runs(feed: Watched) -> list[Sighting]:
    return [one for one in feed.seen if one.kind is Kind.SAME_SIZE]


def test_five_takers_of_one_uneven_size_are_a_pattern() -> None:
    [one] = runs(taken(5))
    assert (one.kind, one.sureness, one.count, one.side) == (
        Kind.SAME_SIZE,
        Sureness.PATTERN,
        5,
        Side.BID,
    )
    assert one.words(PRECISION) == "buys of 0.11733000 × 5 in 16.0 s"


def test_four_of_them_are_none() -> None:
    assert runs(taken(4)) == []


def test_a_sixth_makes_the_same_sighting_grow() -> None:
    [one] = runs(taken(6))
    assert (one.count, one.qty, one.revision) == (6, 6 * 11_733_000, 1)


def test_a_size_of_three_digits_is_that_of_many() -> None:
    assert runs(taken(8, "0.117")) == []


def test_dust_is_not_looked_at() -> None:
    feed = Watched()
    feed.market.detectors.context.least_qty = 5_000
    for n in range(8):
        feed.trades(f"{n + 1} buy 1001.0 0.00005034 {4 + n:04.1f}")
    assert runs(feed) == []


def test_buys_and_sales_of_one_size_are_two_runs() -> None:
    feed = Watched()
    for n in range(8):
        feed.trades(f"{n + 1} {'sell' if n % 2 else 'buy'} 1001.0 0.11733 {4 + n:04.1f}")
    assert runs(feed) == []


def test_a_long_run_keeps_its_first_and_last_facts() -> None:
    [one] = runs(taken(90, seconds=0.5))
    assert one.count == 90
    assert len(one.evidence) == FIRST_KEPT + LAST_KEPT
    first, last = one.evidence[0], one.evidence[-1]
    assert (first.time, last.time) == (one.first, one.last)


# --- sweeps ------------------------------------------------------------------------------


def swept(*prices: str, qty: str = "0.3") -> Watched:
    feed = Watched()
    rows = [f"{n + 1} buy {price} {qty} 10.0" for n, price in enumerate(prices)]
    feed.trades(*rows)
    return feed


def test_a_large_taker_through_three_levels_is_a_sweep() -> None:
    [one] = swept("1001.0", "1001.5", "1002.0").seen
    assert (one.kind, one.sureness, one.count, one.qty) == (
        Kind.SWEEP,
        Sureness.EXACT,
        3,
        90_000_000,
    )
    assert one.words(PRECISION) == "buy 0.90000000 through 3 levels 1001.0▸1002.0"


def test_a_large_taker_through_two_levels_is_none() -> None:
    assert swept("1001.0", "1001.5", qty="9").seen == []


def test_a_small_taker_is_none_until_it_empties_five_levels() -> None:
    feed = swept("1001.0", "1001.1", "1001.2", qty="0.01")
    assert feed.seen == []
    few = swept(*(f"1001.{n}" for n in range(5)), qty="0.01")
    assert few.seen == []
    assert kinds(swept(*(f"1001.{n}" for n in range(6)), qty="0.01")) == [Kind.SWEEP]


def test_many_fills_at_one_price_are_no_sweep() -> None:
    assert swept(*["1001.0"] * 9, qty="1").seen == []


def test_trades_of_a_snapshot_are_no_sweep() -> None:
    feed = Watched()
    rows = [f"{n + 1} buy {price} 3 10.0" for n, price in enumerate(("1001.0", "1002.0", "1003.0"))]
    feed.trades(*rows, kind="snapshot")
    assert feed.seen == []


def test_a_sweep_learns_later_how_far_the_price_came_back() -> None:
    feed = Watched()
    feed.update(
        asks=["add X 1001.5 1 04.0", "add W 1002.0 1 04.0", "add V 1003.0 1 04.0"], time="04.0"
    )
    feed.trades("1 buy 1001.0 5 10.0", "2 buy 1001.5 1 10.0", "3 buy 1002.0 1 10.0")
    feed.update(
        asks=["delete Y 1001.0 0 10.0", "delete X 1001.5 0 10.0", "delete W 1002.0 0 10.0"],
        time="10.0",
    )
    feed.update(asks=["add U 1001.6 1 10.5"], time="10.5")
    feed.update(bids=["add T 990.0 1 11.2"], time="11.2")
    feed.update(bids=["add S 990.0 1 21.0"], time="21.0")
    [one] = feed.seen
    assert one.detail == {"came back % in 1 s": 40, "came back % in 10 s": 40}


def own_fill(trade_id: int, **more: object) -> Executions:
    report = {"order_id": "OWN", "exec_type": "trade", "trade_id": trade_id, "liquidity_ind": "t"}
    return Executions(0, ({"symbol": BTC, **report, **more},))


def test_a_sweep_of_an_own_order_is_called_yours_when_its_fill_is_told_later() -> None:
    feed = swept("1001.0", "1001.5", "1002.0")
    feed.flows.apply(own_fill(2))
    [one] = feed.seen
    assert (one.detail["yours"], one.revision) == (1, 1)
    assert one.words(PRECISION) == "your buy 0.90000000 through 3 levels 1001.0▸1002.0"
    feed.flows.apply(own_fill(3))
    assert feed.seen == [one]


def test_a_sweep_of_an_own_order_is_called_yours_when_its_fill_was_told_first() -> None:
    feed = Watched()
    feed.flows.apply(own_fill(1))
    feed.trades(*(f"{n + 1} buy {1001 + n}.0 0.3 10.0" for n in range(3)))
    [one] = feed.seen
    assert (one.detail["yours"], one.revision) == (1, 0)


def test_a_later_report_without_its_symbol_is_of_the_order_s_pair() -> None:
    feed = swept("1001.0", "1001.5", "1002.0")
    feed.flows.apply(Executions(0, ({"order_id": "OWN", "symbol": BTC, "exec_type": "new"},)))
    feed.flows.apply(own_fill(2, symbol=None))
    assert feed.seen[0].detail["yours"] == 1


@pytest.mark.parametrize("more", [{"liquidity_ind": "m"}, {"symbol": "ETH/USD"}])
def test_a_sweep_that_filled_an_own_order_or_of_another_pair_is_not_yours(more: dict) -> None:
    feed = swept("1001.0", "1001.5", "1002.0")
    feed.flows.apply(own_fill(2, **more))
    assert "yours" not in feed.seen[0].detail


# --- absorption --------------------------------------------------------------------------


def absorbed(takers: int = 5, qty: str = "0.4", gap: float = 1.0, *, holds: bool = True) -> Watched:
    """Return a feed where takers sell into an iceberg at the best bid that shows 0.4."""
    feed = Watched()
    feed.update(bids=["add I 1000.0 0.4 05.0"], time="05.0")
    for n in range(takers):
        time = f"{10 + n * gap:04.1f}"
        last = n == takers - 1 and not holds
        again = [] if last else [f"add I 1000.0 0.4 {time}000002"]
        feed.update(bids=[f"delete I 1000.0 0 {time}000001", *again], time=f"{time}1")
        feed.trades(f"{n + 1} sell 1000.0 {qty} {time}", now=feed.now)
        feed.wait()
    return feed


def test_much_traded_against_a_price_that_held_was_absorbed() -> None:
    one = next(each for each in absorbed().seen if each.kind is Kind.ABSORBED)
    assert (one.side, one.price, one.qty, one.count) == (Side.BID, 10_000, 200_000_000, 5)
    assert one.detail == {"shown": 40_000_000}
    assert one.words(PRECISION) == (
        "bid 1000.0: 2.00000000 traded in 4.0 s by 5 takers, 0.40000000 shown, held"
    )


@pytest.mark.parametrize(
    "terms",
    [
        {"takers": 3},  # too few
        {"gap": 0.4},  # too fast
        {"qty": "0.2"},  # not much
        {"takers": 4, "holds": False},  # the price broke
        {"gap": 5.0},  # too slow
    ],
)
def test_less_than_that_was_not_absorbed(terms: dict) -> None:
    assert Kind.ABSORBED not in kinds(absorbed(**terms))


def test_more_takers_make_the_same_sighting_grow() -> None:
    found = [one for one in absorbed(9).seen if one.kind is Kind.ABSORBED]
    assert [one.count for one in found] == [9]
