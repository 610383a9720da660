"""Alerts on own orders: fills, cancels, and orders that are gone without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kracked.flow.alerts.memory import Alert, Armed
from kracked.flow.alerts.rule import AlertKind
from kracked.protocol.events import Executions
from kracked.protocol.own_orders import OwnOrders, text_of
from kracked.times import NS_PER_S, try_parse_ns

SETTLE_NS = 2 * NS_PER_S
"""How long after a snapshot an order may still be told as open: a snapshot may have parts."""


class OwnChecks:
    """The checks of all own orders that are watched."""

    def __init__(self) -> None:
        self._alerts: tuple[Armed, ...] = ()
        self._settle_at = 0
        self._gone: dict[str, set[str]] = {}
        """Orders that were open before a snapshot and are not in it, by the alert's name."""

    def use(self, alerts: Iterable[Armed]) -> None:
        """Evaluate those of the kind `own`."""
        self._alerts = tuple(one for one in alerts if one.rule.kind is AlertKind.OWN)

    def see(self, event: Executions, own: OwnOrders) -> list[Alert]:
        """Evaluate all on a message of the account.

        Args:
            event: The message.
            own: The orders after it.
        """
        if event.snapshot and event.sequence in (None, 1):
            self._settle_at = event.received + SETTLE_NS
            self._gone = {one.name: set(one.memory.open) for one in self._alerts}
        fired: list[Alert] = []
        for one in self._alerts:
            fired += _reports(one, event, own)
            gone = self._gone.get(one.name, set())
            now = {order.order_id for order in own.of(one.symbol)}
            gone -= now | own.closed.keys()
            one.memory.open = sorted(now | gone)
            one.memory.begun = True
        return fired

    def doubt(self) -> None:
        """Conclude nothing from the last snapshot: it may not be whole."""
        self._settle_at = 0

    def due(self, now: int) -> list[Alert]:
        """Return which orders are gone by now, and how they ended was never told."""
        if not self._settle_at or now < self._settle_at:
            return []
        time, self._settle_at, fired = self._settle_at, 0, []
        for one in self._alerts:
            for order_id in sorted(self._gone.pop(one.name, ())):
                one.memory.open.remove(order_id)
                key = f"{order_id} gone"
                if one.rule.what == "fill" or not one.memory.tell_once(key, time):
                    continue
                said = f"own order {order_id} is no longer open: filled or cancelled while "
                said += "nothing was told"
                fired.append(one.alert(time, said, late=True, key=key, order_id=order_id))
        return fired


def _reports(one: Armed, event: Executions, own: OwnOrders) -> list[Alert]:
    memory, fired = one.memory, []
    for report in event.reports:
        order_id = text_of(report, "order_id")
        known = own.open.get(order_id) or own.closed.get(order_id)
        symbol = text_of(report, "symbol") or (known.symbol if known else "")
        told = _own_words(report)
        if told is None or symbol != one.symbol:
            continue
        what, key, words, figures = told
        if one.rule.what not in ("order", what) or not memory.tell_once(key, event.received):
            continue
        if event.snapshot and not memory.begun:
            continue  # it is older than the watch
        time = try_parse_ns(text_of(report, "timestamp")) or event.received
        said = words + (", while nothing was watched" if event.snapshot else "")
        fired.append(one.alert(time, said, late=event.snapshot, key=key, **figures))
    return fired


def _own_words(report: Mapping[str, object]) -> tuple[str, str, str, dict[str, object]] | None:
    """Return kind, identity, words and figures of a report; None for one of no interest."""
    order_id, kind = text_of(report, "order_id"), text_of(report, "exec_type")
    figures: dict[str, object] = {"order_id": order_id}
    if kind == "trade":
        qty, price = report.get("last_qty"), report.get("last_price")
        side = text_of(report, "side") or "order"
        part = text_of(report, "order_status") == "partially_filled"
        said = f"own {side} {order_id} {'part ' if part else ''}filled: {qty} at {price}"
        figures |= {"qty": qty, "price": price, "side": side}
        return "fill", text_of(report, "exec_id") or f"{order_id} {qty} {price}", said, figures
    if kind in ("canceled", "expired"):
        reason = text_of(report, "reason")
        why = f": {reason}" if reason else ""
        figures["reason"] = reason
        word = "cancelled" if kind == "canceled" else kind
        return "cancel", f"{order_id} {word}", f"own order {order_id} {word}{why}", figures
    return None
