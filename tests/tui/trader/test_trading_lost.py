"""The terminal is gone while orders are open and armed: what the settings say is done."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import stat
import struct
import subprocess
import sys
import termios
from decimal import Decimal
from pathlib import Path

import pytest

from kracked.orders import CancelOutcome
from kracked.sim.faults.order_faults import OrderFault
from kracked.sim.server import SimOptions, SimServer
from kracked_tui.config import Lost, Settings, Trading
from kracked_tui.trader import messages
from tests.patience import PATIENCE_S
from tests.tui.trading_monitor import QUIET, SYMBOL, trading
from tests.tui.trading_monitor import Trading as Session


class OnTerminal:
    """`kracked-tui` on a pseudo terminal, 80 by 24."""

    def __init__(self, server: SimServer, folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.set_blocking(self._ours, False)
        self._shown = b""
        environment = os.environ | {
            "KRAKEN_API_KEY": server.api_key,
            "KRAKEN_API_SECRET": server.api_secret,
            "XDG_STATE_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "TERM": "xterm-256color",
        }
        command = ["-m", "kracked_tui", "--endpoint", server.endpoints.rest, SYMBOL]
        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    async def until(self, words: str) -> None:
        """Read what is drawn until it is there."""
        async with asyncio.timeout(PATIENCE_S):
            while words.encode() not in self._shown:
                await asyncio.sleep(0.05)
                self._read()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._shown += os.read(self._ours, 1 << 20)

    def hang_up(self) -> None:
        """As when a window is closed or a connection lost."""
        os.close(self._ours)
        self._ours = -1
        self._process.send_signal(signal.SIGHUP)

    async def ended(self) -> None:
        await asyncio.to_thread(self._process.wait, PATIENCE_S)

    def close(self) -> None:
        if self._ours >= 0:
            os.close(self._ours)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


async def lost(found: Session) -> None:
    """An order rests, it is armed, and then the terminal goes."""
    await found.armed()
    await found.pilot.press("b", *["pagedown"] * 9, "enter", "y")
    await found.placed()
    await found.until(found.trader.own, found.log_text())
    await found.trader.abandon()


def settings(choice: Lost) -> Settings:
    return Settings(trading=Trading(when_lost=choice, max_notional=Decimal(10_000)))


async def test_by_default_the_dead_mans_switch_is_left_to_cancel(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await lost(found)
        assert found.open
        assert found.switch_at is not None
        assert not found.trader.armed
        assert "left to the dead-man's switch: the exchange cancels" in found.log_text()


async def test_it_may_cancel_at_once_and_turn_the_switch_off(tmp_path: Path) -> None:
    async with trading(tmp_path, settings=settings(Lost.CANCEL)) as found:
        await lost(found)
        assert not found.open
        assert found.switch_at is None


async def test_the_switch_is_left_on_while_an_order_may_still_arrive(tmp_path: Path) -> None:
    async with trading(tmp_path, settings=settings(Lost.CANCEL)) as found:
        await found.armed()
        found.fails(OrderFault.REQUEST_LOST, "AddOrder")
        await found.pilot.press("b", *["pagedown"] * 9, "enter", "y")
        await found.until(lambda: found.trader.unknown, found.log_text())
        await found.trader.abandon()
        assert found.switch_at is not None
        assert "left to the dead-man's switch" in found.log_text()


async def test_own_orders_are_marked_while_the_account_is_silent(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        await found.until(lambda: "live" in found.text())
        await found.until(lambda: "live" in found.text())
        assert "STALE" not in found.text()
        access = found.monitor.source.access
        assert access is not None
        access.account.distrust("executions")
        await found.until(lambda: "STALE" in found.text())
        assert "STALE" in found.screen.orders.lines[0].text
        assert "MINE" in found.screen.ladder.lines[1].text


async def test_it_may_leave_the_orders_and_turn_the_switch_off(tmp_path: Path) -> None:
    async with trading(tmp_path, settings=settings(Lost.LEAVE)) as found:
        await lost(found)
        assert found.open
        assert found.switch_at is None


@pytest.mark.parametrize(("switch_s", "text"), [(47, "in 47 s"), (None, "2 orders stay working")])
def test_the_fate_of_the_orders_is_logged_with_and_without_the_switch(
    switch_s: int | None, text: str
) -> None:
    assert text in messages.abandoned(2, switch_s)[0]


def test_a_panic_promises_nothing_of_a_switch_that_has_run_out() -> None:
    text = messages.panic("not all confirmed", 0)[0]
    assert "LOOK AT YOUR ORDERS AT THE EXCHANGE" in text
    assert "cancels" not in text + messages.abandoned(2, 0)[0]


def test_a_narrow_screen_shows_when_the_switch_cancels_everything() -> None:
    assert "everything in 47 s" in messages.panic("own orders are not all known", 47)[0][:70]


@pytest.mark.parametrize(
    ("outcome", "text", "style"),
    [
        (CancelOutcome(count=2), "2 cancelled", "good"),
        (CancelOutcome(error="EOrder:Unknown order", gone=True), "gone already", "good"),
        (CancelOutcome(error="EOrder:Unknown order", gone=True, failed=True), "may still", "warn"),
        (CancelOutcome(count=1, failed=True), "may still arrive", "warn"),
        (CancelOutcome(error="EOrder:Rate limit", failed=True), "EOrder:Rate limit", "warn"),
    ],
)
def test_a_cancel_is_never_reported_better_than_it_went(
    outcome: CancelOutcome, text: str, style: str
) -> None:
    sentence, tone = messages.cancelled("cancel", outcome)
    assert (text in sentence, tone) == (True, style)


async def test_all_of_it_is_in_a_log_file_only_its_owner_can_read(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await lost(found)
        log = tmp_path / "monitor.log"
        text = await asyncio.to_thread(log.read_text)
        assert "left to the dead-man's switch" in text
        assert "ARMED for 15 minutes" in text
        assert stat.S_IMODE((await asyncio.to_thread(log.stat)).st_mode) == 0o600
        assert found.server.api_secret not in text
        assert found.server.api_key not in text


async def test_a_hang_up_of_the_terminal_reaches_the_trader(tmp_path: Path) -> None:
    """The real program on a terminal of its own, which then goes away."""
    async with SimServer(SimOptions(seed=7, symbols=(SYMBOL,), rate=QUIET)) as server:
        process = await asyncio.to_thread(OnTerminal, server, tmp_path)
        try:
            log = tmp_path / "kracked" / "monitor.log"
            await process.until("No order of yours")
            process.type("A")
            await process.until("Type BTC/USD")
            process.type("btc/usd\r")
            await process.until("ARMED 1")
            await process.until("switch ")  # the exchange has confirmed the switch
            process.hang_up()
            await process.ended()
            text = await asyncio.to_thread(log.read_text)
            assert "left to the dead-man's switch" in text
            assert server.exchange.brokerage.accounts["main"].cancel_all_at is not None
        finally:
            process.close()
