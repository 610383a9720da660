"""Applies the account's reports to the working orders and to the outbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kracked.feed.account import Account
from kracked.orders import reconcile_rules
from kracked.orders.outbox.outbox import Outbox, OutboxEntry
from kracked.orders.reconciler import Reconciler
from kracked.protocol.events import Executions
from kracked.protocol.own_orders import OwnOrders
from kracked.rest.order_info import OrderInfo


class AccountReports:
    """Learns outcomes from the account's stream, and from look-ups what the stream has lost.

    Args:
        outbox: The actions that were sent.
        working: The orders as the stream shows them; changed here alone.
        reconciler: Looks up what the stream does not show.
        account: The account by its streams, as a screen shows it; None without one.
        clock: Returns ns since the Unix epoch.
    """

    def __init__(
        self,
        outbox: Outbox,
        working: OwnOrders,
        reconciler: Reconciler,
        account: Account | None,
        clock: Callable[[], int],
    ) -> None:
        self._outbox, self._working, self._reconciler = outbox, working, reconciler
        self._account, self._clock = account, clock
        self._shown = False
        """Whether the stream has shown which orders are open."""
        reconciler.on_ended = self._take_end

    def all_known(self) -> bool:
        """Whether every open order of the account is known, and the pair of each."""
        account = self._account
        if account is not None and not (
            account.orders_known and all(txid in self._working for txid in account.orders)
        ):
            return False
        return self._shown and all(order.symbol for order in self._working)

    def apply(self, event: Executions) -> None:
        """Take a message of the account's stream: the first and best evidence of every outcome."""
        self._working.apply(event)
        self._shown |= event.snapshot
        now = self._clock()
        for report in event.reports:
            self._learn(report, now, snapshot=event.snapshot)
        if event.snapshot:
            # Orders that it does not show may have ended while the stream was down.
            shown = {order.cl_ord_id for order in self._working}
            for entry in self._outbox.pending():
                if entry.id not in shown and entry.txid not in self._working:
                    self._reconciler.recheck(entry)

    def _take_end(self, txid: str, row: OrderInfo) -> None:
        """Take the end of an order from a look-up: the stream has lost the report of it."""
        report = reconcile_rules.end_report(txid, row)
        event = Executions(self._clock(), (report,))
        self.apply(event)
        if self._account is not None and txid in self._account.orders:
            self._account.apply(event)

    def _learn(self, report: Mapping[str, object], now: int, *, snapshot: bool) -> None:
        """Apply one report to the order it names, and to that order's amends."""
        txid, id_ = report.get("order_id"), report.get("cl_ord_id")
        entry = self._outbox.order(
            txid=txid if isinstance(txid, str) else None,
            cl_ord_id=id_ if isinstance(id_, str) else None,
        ) or self._by_userref(report)
        news = reconcile_rules.from_report(entry, report, now, snapshot=snapshot) if entry else None
        if entry and news:
            self._outbox.learn(news)
            self._reconciler.confirm(entry)
        for amend in self._outbox.pending():
            if amend.target is not None and amend.target == txid:
                news = reconcile_rules.amend_from_report(amend, report, now)
                if news:
                    self._outbox.learn(news)

    def _by_userref(self, report: Mapping[str, object]) -> OutboxEntry | None:
        """Return the order without a client id that a report with all its terms is about.

        The orders of its conditional close carry its number too, on the other side.
        """
        ref, side = report.get("order_userref"), report.get("side")
        if ref is None:
            return None
        found = (entry for entry in self._outbox.pending() if entry.userref == ref)
        return next((entry for entry in found if entry.request.get("type") == side), None)
