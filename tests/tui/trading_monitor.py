"""The monitor at a simulated exchange in the same loop: orders are real, money is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.sim.faults.order_faults import OrderFault
from kracked.sim.server import SimOptions, SimServer
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import picture
from kracked_tui.screens.order import OrderScreen
from kracked_tui.sources.live import LiveSource
from kracked_tui.trader import Trader
from kracked_tui.widgets.bindings import Presses
from tests.patience import until

SYMBOL = "BTC/USD"
QUIET = 0.001
"""Market agents a thousand times slower than life: prices stand still, however slow the test."""


@dataclass
class Trading:
    """A monitor with a key, and the exchange it trades at."""

    monitor: Monitor
    pilot: Pilot[None]
    server: SimServer

    @property
    def screen(self) -> OrderScreen:
        assert isinstance(self.monitor.trade, OrderScreen)
        return self.monitor.trade

    @property
    def trader(self) -> Trader:
        assert self.monitor.view_model.trader is not None
        return self.monitor.view_model.trader

    @property
    def _account(self) -> ClientAccount:
        return self.server.exchange.brokerage.accounts["main"]

    @property
    def received(self) -> list[OrderRecord]:
        """Return every order the exchange ever took, by its own books."""
        return list(self._account.orders.as_of(self.server.exchange.time))

    @property
    def open(self) -> list[OrderRecord]:
        """Return the orders that are open at the exchange."""
        return self._account.orders.open()

    @property
    def switch_at(self) -> int | None:
        """Return when the exchange would cancel everything."""
        return self._account.cancel_all_at

    def place(self) -> str:
        """Return the place of the first open order, as the screen has it."""
        return self.screen.frame_state().account.order_rows[0].place

    async def until(self, so: Callable[[], object], what: str = "") -> None:
        """Let the loop turn until the condition holds."""
        try:
            await until(so)
        except TimeoutError:
            raise AssertionError(f"{what}\n{self.text()}") from None

    def text(self) -> str:
        self.monitor.trade.draw()
        return picture(self.monitor, ".txt").decode()

    def written(self) -> str:
        """Return the text of the ticket in one line."""
        self.monitor.trade.draw()
        inside = [line.text[1:-1] for line in self.screen.ticket_keys.panel.lines]
        return " ".join(" ".join(inside).split())

    def log_text(self) -> str:
        """Return the texts of the log."""
        return "\n".join(each.text for each in self.monitor.store.log_entries)

    async def joined(self, *keys: str) -> None:
        """Join these sides in turn: such a key sends nothing while the last order is on its way."""
        for key in keys:
            open_before = len(self.open)
            self.screen.presses = Presses()  # the key has rested since its last press
            await self.pilot.press(key)
            await self.placed(open_before + 1)

    async def placed(self, count: int = 1) -> None:
        """Wait until this many are open, and none is on its way."""
        await self.until(lambda: len(self.open) == count and not self.trader._busy, self.log_text())

    async def armed(self) -> None:
        """Arm as a person does, and wait for the dead-man's switch."""
        await self.pilot.press("A", *"btc/usd", "enter")
        await self.until(lambda: not self.trader.why_not(SYMBOL), "never armed")

    def fails(self, mishap: OrderFault, method: str) -> None:
        """Set the fault of the next call of this method."""
        self.server.exchange.order_faults.expect(mishap, method)


@asynccontextmanager
async def trading(
    folder: Path,
    *,
    size: tuple[int, int] = (120, 40),
    settings: Settings | None = None,
    server: SimServer | None = None,
    read_only: bool = False,
    rate: float = QUIET,
    ready: bool = True,
) -> AsyncIterator[Trading]:
    """`folder` keeps the key's files: opening it again is a restart of the program.

    With `ready` it is entered once orders could be sent, else once they could be cancelled.
    """
    async with AsyncExitStack() as stack:
        options = SimOptions(seed=7, symbols=(SYMBOL,), rate=rate)
        server = server or await stack.enter_async_context(SimServer(options))
        opened = _opened(folder, size, settings, server, read_only, ready)
        yield await stack.enter_async_context(opened)


@asynccontextmanager
async def _opened(
    folder: Path,
    size: tuple[int, int],
    settings: Settings | None,
    server: SimServer,
    read_only: bool,
    ready: bool,
) -> AsyncIterator[Trading]:
    source = LiveSource(
        (SYMBOL,),
        Endpoints.at(server.endpoints.rest),
        Credentials(server.api_key, server.api_secret),
        state=folder,
        trades=not read_only,
    )
    monitor = Monitor(source, settings or Settings(), (SYMBOL,), read_only=read_only)
    async with monitor.run_test(size=size) as pilot:
        found = Trading(monitor, pilot, server)
        await found.until(lambda: source.feed.account.orders_known, "no account")
        await found.until(lambda: source.feed.l3.get(SYMBOL), "no level 3")
        if not read_only:
            await found.until(
                lambda: (
                    found.monitor.view_model.trader is not None
                    and (found.trader.ready if ready else found.trader.open)
                ),
                "no order manager",
            )
        monitor.trade.draw()
        yield found
