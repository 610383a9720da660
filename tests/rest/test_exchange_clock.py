"""The exchange's clock: what its answers prove, and where this computer's is believed."""

from __future__ import annotations

import pytest

from kracked.rest.client import RestClient
from kracked.rest.public_calls import ExchangeClock
from kracked.times import NS_PER_S
from tests.rest.conftest import FrozenTime
from tests.rest.scripted_http import Exchange

START = 1_754_000_000 * NS_PER_S


class Clocks:
    """This computer's clock, its ticks, and the exchange's clock as it is learnt."""

    def __init__(self) -> None:
        self.own, self.ticks = START, 0
        self.exchange = ExchangeClock(lambda: self.own, lambda: self.ticks)


def test_before_the_exchange_has_told_its_time_this_computers_counts() -> None:
    clocks = Clocks()
    assert (clocks.exchange.now(), clocks.exchange.known) == (START, False)


@pytest.mark.parametrize("told_s", [0, -1])
def test_a_clock_that_may_be_right_is_believed(told_s: int) -> None:
    clocks = Clocks()
    clocks.ticks = NS_PER_S
    clocks.exchange.learn(START // NS_PER_S + told_s, sent=0, received=NS_PER_S)
    assert clocks.exchange.ahead_ns == 0


@pytest.mark.parametrize(("told_s", "ahead_s"), [(10, 10), (-71, -70)])
def test_a_clock_that_is_wrong_is_corrected_by_what_is_proven(told_s: int, ahead_s: int) -> None:
    clocks = Clocks()
    clocks.exchange.learn(START // NS_PER_S + told_s, sent=0, received=0)
    assert clocks.exchange.ahead_ns == ahead_s * NS_PER_S


def test_later_answers_narrow_what_is_known() -> None:
    clocks = Clocks()
    clocks.exchange.learn(START // NS_PER_S + 10, sent=0, received=0)
    clocks.exchange.learn(START // NS_PER_S + 11, sent=NS_PER_S // 4, received=NS_PER_S // 4)
    assert clocks.exchange.ahead_ns == 10 * NS_PER_S + 3 * NS_PER_S // 4


def test_a_clock_that_is_set_in_between_changes_nothing() -> None:
    clocks = Clocks()
    clocks.exchange.learn(START // NS_PER_S, sent=0, received=0)
    clocks.own -= 3600 * NS_PER_S
    assert clocks.exchange.now() == START


def test_an_answer_that_contradicts_the_earlier_ones_counts_alone() -> None:
    clocks = Clocks()
    clocks.exchange.learn(START // NS_PER_S, sent=0, received=0)
    clocks.exchange.learn(START // NS_PER_S + 60, sent=0, received=0)
    assert clocks.exchange.ahead_ns == 60 * NS_PER_S


async def test_the_client_learns_the_time_whenever_it_asks_for_it(
    exchange: Exchange, client: RestClient, frozen: FrozenTime
) -> None:
    exchange.always["Time"] = {"unixtime": frozen.now // NS_PER_S + 10}
    await client.server_time()
    assert client.exchange_clock.ahead_ns == 10 * NS_PER_S
