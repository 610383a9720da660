"""PANIC: cancels at once, says so at once, and goes on until nothing of it is open any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kracked.feed.account import Account
from kracked.orders import ActionKind, CancelOutcome, OrderManager
from kracked_tui.error_boundary import Tell
from kracked_tui.trader import messages
from kracked_tui.trader.trading_life import TradingLife

_SILENT_S = (1, 2, 3, 5, 10, 20, 30, 45, 60)
"""Seconds without an answer that are told."""
_AGAIN_S = 5.0
"""Seconds until the cancel is repeated while an order may still be open."""


class Panic:
    """Cancels the orders of a pair or of the account. The latest panic ends an earlier one."""

    def __init__(self, life: TradingLife, account: Account, tell: Tell) -> None:
        """
        Args:
            life: Owner of the order manager and of arming.
            account: The account's state as its streams report it.
            tell: Writes to the log.
        """
        self._life, self._account, self._tell = life, account, tell
        self._number = 0

    def end(self) -> None:
        """Repeat no cancel any more: somebody else decides about the orders now."""
        self._number += 1

    async def cancel(self, symbol: str | None) -> None:
        """Cancel the orders of a pair, None for every order of the account, and disarm.

        It returns when none of them is open any more, or when a later act takes over.
        """
        manager, arming = self._life.manager, self._life.arming
        if manager is None or arming is None:
            self._tell("PANIC: nothing was sent, trading is not open yet. Press it again", "warn")
            return
        self._number += 1
        number, told = self._number, ""
        arming.stop()
        self._tell(messages.panicking(symbol), "warn")
        while number == self._number:
            async with self._counting(symbol):
                outcome = await (
                    manager.cancel_all() if symbol is None else manager.cancel_pair(symbol)
                )
            why = self._doubt(outcome)
            if not why:
                self._tell(*messages.panicked(symbol, outcome))
                await arming.disarm("panic")
                return
            if why != told and number == self._number:
                told = why
                self._tell(*messages.panic(why, arming.let_switch_run_out()))
            await self._until_over(manager, symbol, number)

    def _doubt(self, outcome: CancelOutcome) -> str:
        """Say why an order may still be open; empty when none is."""
        if outcome.failed:
            return f"not all confirmed: {outcome.error}".rstrip(": ")
        if not self._account.orders_known:
            return "own orders are not all known"
        return ""

    async def _until_over(self, manager: OrderManager, symbol: str | None, number: int) -> None:
        """Wait before the cancel is repeated; no longer than until no order is open any more."""
        for _ in range(10):
            await asyncio.sleep(_AGAIN_S / 10)
            if number != self._number or self._nothing_open(manager, symbol):
                return

    def _nothing_open(self, manager: OrderManager, symbol: str | None) -> bool:
        """Whether the account is known to have no such order, and none may still arrive."""
        symbols = {order.symbol for order in self._account.orders.values()}
        symbols |= {it.symbol for it in manager.outbox.pending() if it.kind is ActionKind.ADD}
        left = symbols if symbol is None else symbols & {symbol, ""}
        return self._account.orders_known and not left

    @asynccontextmanager
    async def _counting(self, symbol: str | None) -> AsyncIterator[None]:
        """Say how long there has been no answer, while the block lasts."""

        async def count() -> None:
            """Tell the seconds as they pass."""
            before = 0
            for silent_s in _SILENT_S:
                await asyncio.sleep(silent_s - before)
                before = silent_s
                self._tell(*messages.unanswered(symbol, silent_s))

        async with asyncio.TaskGroup() as tasks:
            counting = tasks.create_task(count(), name="panic without an answer")
            try:
                yield
            finally:
                counting.cancel()
