"""PANIC says at once that it was sent, counts the seconds, and ends with what became of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.sim.faults.order_faults import OrderFault
from kracked_tui.trader import messages, panic
from tests.tui.trading_monitor import SYMBOL, Trading, trading

FOREVER = 1_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is told by the second be told by the hundredth."""
    monkeypatch.setattr(panic, "_SILENT_S", (0.01, 0.02))
    monkeypatch.setattr(panic, "_AGAIN_S", 0.1)


async def order_open(found: Trading) -> None:
    await found.armed()
    await found.joined("B")
    await found.until(lambda: not found.trader.unknown)


async def test_a_panic_says_at_once_what_is_being_cancelled(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await order_open(found)
        found.fails(OrderFault.REPLY_LATE, "CancelOrder")
        await found.pilot.press("K")
        assert f"PANIC sent: every order of {SYMBOL} is being cancelled" in found.log_text()
        assert "ctrl+k cancels ALL PAIRS" in found.log_text()
        await found.until(lambda: f"PANIC sent for {SYMBOL}, no answer for" in found.log_text())


async def test_a_panic_that_was_refused_is_repeated_and_ends_with_what_became_of_it(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await order_open(found)
        found.server.exchange.order_faults.expect(OrderFault.THROTTLED, "CancelOrder", times=3)
        await found.pilot.press("K")
        await found.until(lambda: "cancels everything in" in found.log_text())
        await found.until(lambda: f"PANIC is over: no order of {SYMBOL}" in found.log_text())
        assert not found.open
        await found.until(lambda: found.switch_at is None, "the switch stayed on")


async def test_a_panic_ends_when_the_switch_has_cancelled_the_orders(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await order_open(found)
        faults = found.server.exchange.order_faults
        faults.expect(OrderFault.THROTTLED, "CancelOrder", times=FOREVER)
        await found.pilot.press("K")
        await found.until(lambda: "cancels everything in" in found.log_text())
        account = found.server.exchange.brokerage.accounts["main"]
        account.cancel_all_at = found.server.exchange.time
        await found.until(lambda: "PANIC is over" in found.log_text(), found.log_text())


async def test_arming_again_ends_a_panic_that_is_not_over(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await order_open(found)
        faults = found.server.exchange.order_faults
        faults.expect(OrderFault.THROTTLED, "CancelOrder", times=FOREVER)
        await found.pilot.press("K")
        await found.until(lambda: "cancels everything in" in found.log_text())
        await found.pilot.press("A", "y")
        workers = found.monitor.workers
        await found.until(lambda: not [one for one in workers if one.group == "orders"])
        assert (found.trader.armed, len(found.open)) == (True, 1)


async def test_the_foot_of_the_screen_says_which_pair_a_panic_cancels(tmp_path: Path) -> None:
    async with trading(tmp_path, size=(200, 60)) as found:
        assert f"K PANIC {SYMBOL}" in found.text()


@pytest.mark.parametrize(("symbol", "named"), [(SYMBOL, SYMBOL), (None, "ALL PAIRS")])
def test_every_word_of_a_panic_names_what_it_cancels(symbol: str | None, named: str) -> None:
    assert named in messages.panicking(symbol)
    assert named in messages.unanswered(symbol, 3)[0]
