"""The account by its two streams: open orders, fills and balances in one state.

The rules of merging reports are in `kracked.protocol.own_orders`. While a stream is down or has
a gap, its half of the account is not known, and must not be traded on. Pure: no clock, no I/O.

Sources: docs.kraken.com/api/docs/websocket-v2/executions and .../balances
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

from kracked.protocol.events import Balances, Executions
from kracked.protocol.own_orders import (
    MAX_CLOSED,
    Fee,
    Fill,
    OwnOrder,
    OwnOrders,
    fill_report,
    is_amount,
    open_report,
    read,
    side_of,
    text_of,
)
from kracked.protocol.replies import UNREADABLE
from kracked.times import parse_ns

__all__ = ["MAX_CLOSED", "MAX_FILLS", "Account", "Fee", "Fill", "OwnOrder"]

MAX_FILLS = 1_000
"""Fills that are retained."""


class Account:
    """Owner of the account's state. Changes by `apply` and `distrust` alone.

    Attributes:
        fills: The latest fills, oldest first.
        balances: Totals by asset (`BTC`, `USD`), including what open orders hold.
        orders_known: Whether `orders`, `closed` and `fills` are complete and current.
        balances_known: Whether `balances` are current.
        fills_told: Fills in all, those that are not retained any more too.
        begun: Snapshots of orders: between two of them the exchange may have told nobody a fill.
    """

    def __init__(self) -> None:
        self.fills: deque[Fill] = deque(maxlen=MAX_FILLS)
        self.balances: dict[str, Decimal] = {}
        self.orders_known = False
        self.balances_known = False
        self.fills_told = 0
        self.begun = 0
        self._orders = OwnOrders()
        self._unreadable = 0
        self._executions: set[str] = set()
        """The ids of `fills`."""

    @property
    def orders(self) -> Mapping[str, OwnOrder]:
        """Open orders by order id, including those placed elsewhere."""
        return self._orders.open

    @property
    def closed(self) -> Mapping[str, OwnOrder]:
        """The latest closed orders by order id, oldest first."""
        return self._orders.closed

    @property
    def unreadable(self) -> int:
        """Reports and balances that were not what the documentation promises."""
        return self._unreadable + self._orders.unreadable

    @property
    def undescribed(self) -> list[str]:
        """Ids of open orders whose terms the stream never gave: look them up by REST."""
        return [order.order_id for order in self._orders if not order.symbol]

    def distrust(self, channel: str | None = None) -> None:
        """Mark a stream's half of the account as not known until its next snapshot.

        Args:
            channel: `executions` or `balances`; None for both.
        """
        if channel in (None, "executions"):
            self.orders_known = False
        if channel in (None, "balances"):
            self.balances_known = False

    def apply(self, event: Executions | Balances) -> None:
        """Apply a message of either stream; one that cannot be read leaves its half unknown."""
        before = self.unreadable
        if isinstance(event, Executions):
            self.orders_known |= event.snapshot
            self.begun += event.snapshot and event.sequence in (None, 1)
            self._orders.apply(event)
            for report in event.reports:
                if report.get("exec_type") == "trade":
                    self._add_fill(report)
            if self.unreadable > before:
                self.orders_known = False
            return
        self.balances_known |= event.snapshot
        if event.snapshot and event.sequence in (None, 1):  # a later one continues the first
            self.balances.clear()
        for entry in event.entries:
            asset, balance = entry.get("asset"), entry.get("balance")
            if isinstance(asset, str) and isinstance(balance, Decimal | int) and is_amount(balance):
                self.balances[asset] = Decimal(balance)
            else:
                self._unreadable += 1
        if self.unreadable > before:
            self.balances_known = False

    def snapshots(self, now: int) -> list[Executions | Balances]:
        """Return the account as the snapshots that a new subscriber would get.

        First the retained fills and the open orders, then the balances; a half that is not
        known is left out.

        Args:
            now: The time of the snapshots, ns since the Unix epoch.
        """
        found: list[Executions | Balances] = []
        if self.orders_known:
            reports = (*map(fill_report, self.fills), *map(open_report, self._orders))
            found.append(Executions(now, reports, snapshot=True))
        if self.balances_known:
            totals = self.balances.items()
            entries = tuple({"asset": asset, "balance": total} for asset, total in totals)
            found.append(Balances(now, entries, snapshot=True))
        return found

    def _add_fill(self, report: Mapping[str, object]) -> None:
        exec_id = text_of(report, "exec_id")
        if exec_id in self._executions:
            return
        order_id = text_of(report, "order_id")
        known = self.orders.get(order_id) or self.closed.get(order_id)
        terms = {"symbol": known.symbol, "cl_ord_id": known.cl_ord_id} if known else {}
        try:
            fill = read({**terms, **report, **side_of(report, known)}, Fill)
            parse_ns(fill.timestamp)  # raises for text that is no time
        except UNREADABLE:
            self._unreadable += 1
            return
        if len(self.fills) == MAX_FILLS:
            self._executions.discard(self.fills[0].exec_id)
        self._executions.add(fill.exec_id)
        self.fills.append(fill)
        self.fills_told += 1
