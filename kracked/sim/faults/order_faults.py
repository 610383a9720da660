"""Faults of trading requests and their answers: scripted by tests, or by chance.

A fault strikes one request. Some strike before the exchange acts, some after: the client
cannot tell them apart, which is the point.

A specification is a list of ``KIND[=DETAIL]:CHANCE[:METHOD]`` (`kracked.sim.faults.grammar`):
`reply-lost:0.1`, `reply-late=2s:0.05:AddOrder`, `rest-lag=10s:1`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from random import Random

import msgspec

from kracked.sim.faults.grammar import FaultEntry, FaultSyntax, parse
from kracked.times import NS_PER_S

LATE_NS, LAG_NS = 2 * NS_PER_S, 10 * NS_PER_S


class OrderFault(StrEnum):
    """A kind of fault of one request; the REST view's lag is of queries only."""

    REPLY_LOST = "reply-lost"
    REPLY_LATE = "reply-late"
    REQUEST_LOST = "request-lost"
    GATEWAY_BEFORE = "502-before"
    GATEWAY_AFTER = "502-after"
    REPLY_CUT = "reply-cut"
    TWICE = "twice"
    NONCE = "nonce"
    DOMAIN_RATE = "domain-rate"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    REST_LAG = "rest-lag"

    @property
    def acts(self) -> bool:
        """Whether the exchange acts on the request all the same."""
        return self in (
            OrderFault.REPLY_LOST,
            OrderFault.REPLY_LATE,
            OrderFault.GATEWAY_AFTER,
            OrderFault.REPLY_CUT,
            OrderFault.TWICE,
            OrderFault.REST_LAG,
        )


MEANINGS: Mapping[str, str] = {
    OrderFault.REPLY_LOST: "the exchange acts, and the connection ends without its answer",
    OrderFault.REPLY_LATE: "the exchange acts, and answers late (DETAIL, 2s)",
    OrderFault.REQUEST_LOST: "the connection ends before the exchange has acted",
    OrderFault.GATEWAY_BEFORE: "a gateway's 502 page; the exchange has not acted",
    OrderFault.GATEWAY_AFTER: "a gateway's 502 page; the exchange has acted",
    OrderFault.REPLY_CUT: "the exchange acts, and half of its answer arrives",
    OrderFault.TWICE: "a gateway delivers the request twice, and passes the second answer on",
    OrderFault.DOMAIN_RATE: "EOrder:Domain rate limit exceeded; the exchange has not acted",
    OrderFault.NONCE: "EAPI:Invalid nonce, whatever the nonce",
    OrderFault.THROTTLED: "EService: Throttled for DETAIL (2s)",
    OrderFault.UNAVAILABLE: "EService:Unavailable; the exchange has not acted",
    OrderFault.REST_LAG: "orders and trades are shown as they were DETAIL (10s) ago, 60s at most",
}
_ORDER_METHODS = frozenset(
    (
        "AddOrder",
        "AddOrderBatch",
        "AmendOrder",
        "EditOrder",
        "CancelOrder",
        "CancelOrderBatch",
        "CancelAll",
        "CancelAllOrdersAfter",
    )
)
"""The methods a fault strikes unless one is named."""
_QUERIES = frozenset(("OpenOrders", "ClosedOrders", "QueryOrders", "TradesHistory"))
_SYNTAX = FaultSyntax(
    form="KIND[=DETAIL]:CHANCE[:METHOD], such as reply-lost:0.1 or reply-late=2s:0.05:AddOrder",
    meanings=MEANINGS,
)


class OrderFaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """One fault and when it strikes."""

    kind: OrderFault
    chance: float = 1.0
    method: str = ""
    """A REST method, also for its WebSocket counterpart; empty is any that fits."""
    by_ns: int | None = None
    """How late, or how far behind; None leaves that to the kind."""

    @property
    def length_ns(self) -> int:
        """The length of the delay or the lag."""
        return self.by_ns or (LAG_NS if self.kind is OrderFault.REST_LAG else LATE_NS)

    def fits(self, method: str) -> bool:
        """Whether it may strike a request of this method."""
        if self.method:
            return method == self.method
        return method in (_QUERIES if self.kind is OrderFault.REST_LAG else _ORDER_METHODS)


class OrderFaults:
    """Decides what happens to each request; the same seed and requests give the same faults."""

    def __init__(self, rules: tuple[OrderFaultRule, ...] = (), seed: object = 0) -> None:
        self.rules = rules
        self.injected: list[tuple[OrderFault, str]] = []
        """What has happened so far, and to which method."""
        self._expected: deque[OrderFaultRule] = deque()
        self._random = Random(f"{seed}/orders")

    def expect(
        self, kind: OrderFault, method: str = "", *, times: int = 1, by_ns: int | None = None
    ) -> None:
        """Let a fault strike the next requests that fit, before chance is asked.

        Args:
            kind: The fault.
            method: A REST method; empty is any that fits.
            times: How many requests.
            by_ns: How late, or how far behind; None leaves that to the kind.
        """
        rule = OrderFaultRule(kind=kind, method=method, by_ns=by_ns)
        self._expected.extend([rule] * times)

    def draw(self, method: str) -> OrderFaultRule | None:
        """Return the fault that strikes a request, if any."""
        for rule in self._expected:
            if rule.fits(method):
                self._expected.remove(rule)
                break
        else:
            for rule in self.rules:
                if rule.fits(method) and self._random.random() < rule.chance:
                    break
            else:
                return None
        self.injected.append((rule.kind, method))
        return rule


def read(text: str) -> tuple[OrderFaultRule, ...]:
    """Return the rules of a specification.

    Raises:
        BadFaults: It cannot be read; the error lists every kind.
    """
    return tuple(_rule(entry) for entry in parse(text, _SYNTAX))


def _rule(entry: FaultEntry) -> OrderFaultRule:
    if entry.chance is None:
        raise entry.bad(f"{entry.when!r} is no chance between 0 and 1")
    if entry.where and entry.where not in _ORDER_METHODS | _QUERIES:
        raise entry.bad(f"there is no method {entry.where!r}")
    return OrderFaultRule(
        kind=OrderFault(entry.kind),
        chance=entry.chance,
        method=entry.where,
        by_ns=entry.detail_ns(),
    )
