"""Bursts: several takers of one side who took far more in a second than usual."""

from __future__ import annotations

from kracked.flow.detectors.context import MarketContext, Sightings
from kracked.flow.detectors.numbers import DetectorNumbers
from kracked.flow.detectors.sighting import Kind, Sighting, Sureness
from kracked.flow.detectors.taker_runs import Bursts
from kracked.instruments import Precision
from kracked.protocol.events import Side, Trade
from kracked.times import NS_PER_S

BUY, SELL = Side.BID, Side.ASK


class Takers:
    """Takers of a market, told one by one."""

    def __init__(self, seconds: int = 600) -> None:
        """Let one taker of a unit buy in each of some seconds."""
        numbers = DetectorNumbers()
        self.sightings = Sightings("BTC/USD", numbers)
        self.bursts = Bursts(MarketContext(numbers), self.sightings)
        for second in range(seconds):
            self.take(BUY, second, 100)

    def take(self, side: Side, second: float, qty: int, price: int = 10_000) -> None:
        time = int(second * NS_PER_S)
        self.bursts.taker([Trade(side, price, qty, "market", 1, "")], time)

    @property
    def seen(self) -> list[Sighting]:
        return list(self.sightings.by_number.values())


def test_three_takers_who_take_far_more_than_usual_are_a_burst() -> None:
    market = Takers()
    for n in range(3):
        market.take(SELL, 700 + n / 10, 300, 10_000 - n)
    [one] = market.seen
    assert (one.kind, one.side, one.count, one.qty) == (Kind.BURST, SELL, 3, 900)
    assert one.sureness is Sureness.PATTERN
    assert one.words(Precision(1, 2)) == "sells of 9.00 by 3 takers in one second 1000.0▸999.8"


def test_a_burst_grows_with_each_further_taker_of_its_second() -> None:
    market = Takers()
    for n in range(5):
        market.take(BUY, 700 + n / 10, 300)
    [one] = market.seen
    assert (one.count, one.revision) == (5, 2)


def test_one_taker_however_large_is_none() -> None:
    market = Takers()
    market.take(BUY, 700, 100_000)
    assert market.seen == []


def test_takers_of_both_sides_are_not_summed() -> None:
    market = Takers()
    for n in range(4):
        market.take((BUY, SELL)[n % 2], 700 + n / 10, 300)
    assert market.seen == []


def test_takers_of_two_seconds_are_not_summed() -> None:
    market = Takers()
    for n in range(4):
        market.take(BUY, 699.8 + n / 10, 300)
    assert market.seen == []


def test_as_much_as_usual_is_none() -> None:
    market = Takers()
    for n in range(3):
        market.take(BUY, 700 + n / 10, 50)
    assert market.seen == []


def test_nothing_is_said_before_enough_seconds_were_seen() -> None:
    market = Takers(300)
    for n in range(3):
        market.take(BUY, 700 + n / 10, 10_000)
    assert market.seen == []


def test_missed_trades_end_a_second() -> None:
    market = Takers()
    for n in range(4):
        if n == 2:
            market.bursts.lose()
        market.take(BUY, 700 + n / 10, 300)
    assert market.seen == []
