"""Keeps trading open for as long as the program runs: the order manager, arming, the account.

Keys that cancel work from the first moment to the last. What an order needs besides (a checked
key, an outbox file that can be written) may come late, fail or go, and blocks orders alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import ExitStack

from kracked.errors import KrackedError
from kracked.orders import (
    DeadManSwitch,
    Limits,
    OrderManager,
    OutboxEntry,
    cancelling_manager,
    open_order_manager,
)
from kracked.protocol import events
from kracked.protocol.limits import tier_of
from kracked.rest.request_executor import RequestTiming
from kracked_tui.config import Trading
from kracked_tui.error_boundary import Tell, error_text, report_error, reporting_errors
from kracked_tui.sources.base import Access
from kracked_tui.trader import messages
from kracked_tui.trader.account_terms import AccountTerms
from kracked_tui.trader.arming import Arming
from kracked_tui.trader.monitor_log import monitor_log

_STOPPED = "TRADING HAS STOPPED"
_ONLY_CANCELS = "Cancels and PANIC work; to send orders start the monitor again."
_CANCELS_WORK = "Cancels and PANIC work."
_NOT_LOOKED_UP = "orders are not looked up any more, start the monitor again"


class TradingLife:
    """Owner of the order manager and of arming. `run` it once.

    Attributes:
        manager: The order manager; None before and after `run`. It may be one that only cancels.
        arming: Whether keys send orders; None before and after `run`.
        unchecked: Why no order can be sent yet; empty once the key and the pairs are known.
        broken: Why no order can be sent any more in this session; empty while one can.
    """

    def __init__(
        self,
        access: Access,
        settings: Trading,
        terms: AccountTerms,
        *,
        timing: RequestTiming,
        tell: Tell,
    ) -> None:
        """
        Args:
            access: What the API key opens.
            settings: The user's limits.
            terms: What is fetched once about key, pairs and fees.
            timing: Clocks and sleep.
            tell: Writes to the log on the screen and to the log file.
        """
        self._access, self._settings, self._terms = access, settings, terms
        self._timing, self._tell = timing, tell
        self.manager: OrderManager | None = None
        self.arming: Arming | None = None
        self.unchecked = f"Asking the exchange what the key may do. {_CANCELS_WORK}"
        self.broken = ""
        self._entries: tuple[OutboxEntry, ...] = ()
        """The orders of the last manager."""

    async def run(self) -> None:
        """Trade until cancelled: cancels from the first moment, orders once the key is known.

        `status` says why no order can be sent. Whatever fails, keys that cancel go on working.
        """
        access, settings = self._access, self._settings
        limits = Limits(
            max_qty=settings.max_qty,
            max_notional=settings.max_notional,
            max_open_notional=settings.max_open_notional,
            max_distance_percent=settings.max_distance_percent,
        )
        with ExitStack() as stack:
            try:
                stack.enter_context(monitor_log(access.outbox.parent))
            except OSError as error:
                self._tell(f"nothing is written to the log file: {error}", "warn")
            try:
                with open_order_manager(
                    access.client,
                    access.outbox,
                    limits=limits,
                    account=access.account,
                    pairs=self._terms.pairs,
                    fees=self._terms.fees,
                    timing=self._timing,
                ) as manager:
                    await self._trade(manager)
            except (KrackedError, OSError) as error:
                self.broken = f"{error}. {_ONLY_CANCELS}"
                self._tell(self.broken, "warn")
            except Exception as error:  # the screen stays, and says what does not work any more
                report_error(error, self._tell, _STOPPED)
                self.broken = f"{_STOPPED}: {error_text(error)}. {_ONLY_CANCELS}"
            await self._only_cancel()

    async def _only_cancel(self) -> None:
        """Cancel without an outbox file until cancelled: no order is sent."""
        access = self._access
        manager = cancelling_manager(
            access.client,
            self.broken,
            entries=self._entries,
            account=access.account,
            timing=self._timing,
        )
        await self._trade(manager)

    async def _trade(self, manager: OrderManager) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:

                def run(work: Awaitable[object], name: str, consequence: str) -> None:
                    """Run work whose failure ends nothing else: cancels must go on."""
                    reported = reporting_errors(work, self._tell, consequence)
                    tasks.create_task(reported, name=name)

                manager.reconciler.on_clock = lambda ns: self._tell(*messages.clock(ns))
                # Where it fails, orders of unknown outcome block new ones.
                run(manager.reconciler.run(), "unknown orders", _NOT_LOOKED_UP)
                run(self._follow(manager), "own reports", _STOPPED)
                self.arming = Arming(
                    DeadManSwitch(
                        self._access.client,
                        timing=self._timing,
                        maintenance=self._access.maintenance,
                    ),
                    tasks,
                    minutes=self._settings.armed_min,
                    tell=self._tell,
                    now=self._timing.clock,
                )
                manager.maintenance = self._access.maintenance
                self.manager = manager
                run(asyncio.Event().wait(), "open until cancelled", "")
                if not self.broken:
                    run(self._learn_terms(), "account terms", "the key was not checked")
                manager.outbox.on_settled = lambda entry: self._tell(*messages.resolved(entry))
                if count := len(manager.outbox.unknown()):
                    noun = "order" if count == 1 else "orders"
                    text = f"{count} {noun} of the last run: looking up what became of them"
                    self._tell(text, "warn")
        finally:
            self._entries = tuple(manager.outbox)
            self.manager, self.arming = None, None

    async def _learn_terms(self) -> None:
        """Ask what the key may do, until it is known; say each reason why it is not, once."""
        told = ""

        def waiting(reason: str) -> None:
            """Show why no order can be sent yet."""
            nonlocal told
            self.unchecked = f"{reason} {_CANCELS_WORK}"
            words = reason.rpartition(" Asked again")[0]
            if words != told:
                told = words
                self._tell(f"no order is sent yet: {reason} {_CANCELS_WORK}", "warn")

        await self._terms.learn(waiting)
        self.unchecked = ""
        if self._terms.caution:
            self._tell(self._terms.caution, "warn")
        if told:
            self._tell("the key is known now: orders can be sent once armed", "good")

    async def _follow(self, manager: OrderManager) -> None:
        """Follow own reports until cancelled; where that fails no order is sent any more."""
        try:
            await self._listen(manager)
        except Exception as error:
            self.broken = f"{_STOPPED}: {error_text(error)}. {_ONLY_CANCELS}"
            if self.arming is not None:
                self.arming.stop()
            raise

    async def _listen(self, manager: OrderManager) -> None:
        """Hand every report of the account to the manager, in order and none left out."""
        assert self._access.reports is not None
        with self._access.reports as reports:
            while batch := await reports.batch():
                for event in batch:
                    try:
                        self._apply_report(manager, event)
                    except Exception as error:  # the next report is applied all the same
                        report_error(error, self._tell, "own orders may be shown wrong")

    def _apply_report(self, manager: OrderManager, event: events.Event) -> None:
        match event:
            case events.Executions():
                manager.apply(event)
                for report in () if event.snapshot else event.reports:
                    if report.get("exec_type") == "trade":
                        self._tell(*messages.fill(report))
            case events.Subscribed(channel="executions", max_rate_count=int(maximum)):
                manager.engine.tier = tier_of(maximum)
            case events.Overflow():
                for entry in manager.outbox.pending():
                    manager.reconciler.recheck(entry)
