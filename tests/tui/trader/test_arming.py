"""Armed, the clocks are watched: after a gap nothing is sent, and the log says why."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kracked.times import NS_PER_S
from kracked_tui.trader.arming import ClockWatch
from tests.tui.trading_monitor import trading


@pytest.mark.parametrize(
    ("clock_s", "steady_s", "reason"),
    [
        (75, 75, "the program stood still for 75 s"),
        (100, 1, "the computer slept, or its clock jumped, by 99 s"),
        (-10, 1, "the clock jumped by -11 s"),
        (5, 5, "the program stood still for 5 s"),
        (5, 1, "the computer slept, or its clock jumped, by 4 s"),
        (4, 1, "the clock jumped by 3 s"),
        (-2, 1, "the clock jumped by -3 s"),
        (3, 1, ""),
        (-1, 1, ""),
        (4, 4, ""),
        (1, 1, ""),
    ],
)
def test_a_gap_of_the_clocks_is_described(clock_s: int, steady_s: int, reason: str) -> None:
    watch = ClockWatch()
    watch.start(1_000 * NS_PER_S, 5 * NS_PER_S)
    assert watch.look((1_000 + clock_s) * NS_PER_S, (5 + steady_s) * NS_PER_S) == reason


def test_each_look_at_the_clocks_counts_from_the_last_one() -> None:
    watch = ClockWatch()
    assert watch.look(1_000 * NS_PER_S, 5 * NS_PER_S) == ""  # not watching yet
    watch.start(1_000 * NS_PER_S, 5 * NS_PER_S)
    for second in range(1, 20):
        assert watch.look((1_000 + second) * NS_PER_S, (5 + second) * NS_PER_S) == ""
    assert watch.look(1_030 * NS_PER_S, 35 * NS_PER_S) == "the program stood still for 11 s"
    assert watch.look(1_031 * NS_PER_S, 36 * NS_PER_S) == ""


@pytest.mark.parametrize("clock", ["_steady", "_now"])
async def test_a_gap_while_armed_disarms_renews_no_switch_and_says_why(
    tmp_path: Path, clock: str
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        arming, set_at = found.trader.life.arming, found.switch_at
        assert arming is not None
        real = {"_steady": time.monotonic_ns, "_now": arming._now}[clock]
        setattr(arming, clock, lambda: real() + 75 * NS_PER_S)
        await found.pilot.press("B")
        await found.until(lambda: "DISARMED: the " in found.log_text(), found.log_text())
        await found.until(lambda: arming._renewal is None)
        assert not found.trader.armed
        assert not found.received
        assert found.switch_at in (None, set_at)
