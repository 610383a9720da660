"""What can go wrong between an order and its answer: scripted by tests, or by chance.

A mishap strikes one request. Some strike before the exchange acts, some after: the
client cannot tell them apart, which is the point. Entries of a specification are
``KIND[=DETAIL]:CHANCE[:METHOD]``, comma-separated: `reply-lost:0.1`,
`reply-late=2s:0.05:AddOrder`, `rest-lag=10s:1`.
"""

from __future__ import annotations

import re
from collections import deque
from enum import StrEnum
from random import Random

import msgspec

from kracked.errors import ConfigError
from kracked.times import NS_PER_S

LATE_NS, LAG_NS = 2 * NS_PER_S, 10 * NS_PER_S


class OrderFault(StrEnum):
    """What may befall a request; the REST view's lag befalls queries only."""

    REPLY_LOST = "reply-lost"
    REPLY_LATE = "reply-late"
    REQUEST_LOST = "request-lost"
    GATEWAY_BEFORE = "502-before"
    GATEWAY_AFTER = "502-after"
    NONCE = "nonce"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    REST_LAG = "rest-lag"

    @property
    def acts(self) -> bool:
        """Whether the exchange does what was asked all the same."""
        return self in (
            OrderFault.REPLY_LOST,
            OrderFault.REPLY_LATE,
            OrderFault.GATEWAY_AFTER,
            OrderFault.REST_LAG,
        )


MEANINGS = {
    OrderFault.REPLY_LOST: "the exchange acts, and the connection ends without its answer",
    OrderFault.REPLY_LATE: "the exchange acts, and answers late (DETAIL, 2s)",
    OrderFault.REQUEST_LOST: "the connection ends before the exchange has acted",
    OrderFault.GATEWAY_BEFORE: "a gateway's 502 page; the exchange has not acted",
    OrderFault.GATEWAY_AFTER: "a gateway's 502 page; the exchange has acted",
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
"""What mishaps strike unless a method is named."""
_QUERIES = frozenset(("OpenOrders", "ClosedOrders", "QueryOrders", "TradesHistory"))
_UNITS = {"ms": NS_PER_S // 1000, "s": NS_PER_S, "m": 60 * NS_PER_S}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_CHANCE = re.compile(r"0?\.\d+|[01](?:\.0+)?")


class BadOrderFaults(ConfigError):
    """A specification that cannot be read."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(text, problem)
        self.text, self.problem = text, problem

    def __str__(self) -> str:
        kinds = "".join(f"\n  {kind:14} {meaning}" for kind, meaning in MEANINGS.items())
        return (
            f"{self.text!r} is no fault of orders: {self.problem}. Write KIND[=DETAIL]:CHANCE"
            f"[:METHOD], such as reply-lost:0.1 or reply-late=2s:0.05:AddOrder. Kinds:{kinds}"
        )


class OrderFaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """One mishap and when it strikes."""

    kind: OrderFault
    chance: float = 1.0
    method: str = ""
    """A REST method or its WebSocket counterpart's REST name; empty is any that fits."""
    by_ns: int | None = None

    @property
    def length_ns(self) -> int:
        """How late, or how far behind."""
        return self.by_ns or (LAG_NS if self.kind is OrderFault.REST_LAG else LATE_NS)

    def fits(self, method: str) -> bool:
        if self.method:
            return method == self.method
        return method in (_QUERIES if self.kind is OrderFault.REST_LAG else _ORDER_METHODS)


class OrderFaults:
    """Says what befalls each request; the same seed and requests give the same mishaps."""

    def __init__(self, rules: tuple[OrderFaultRule, ...] = (), seed: object = 0) -> None:
        self.rules = rules
        self.struck: list[tuple[OrderFault, str]] = []
        """What has happened so far, and to which method."""
        self._expected: deque[OrderFaultRule] = deque()
        self._random = Random(f"{seed}/orders")

    def expect(
        self, kind: OrderFault, method: str = "", *, times: int = 1, by_ns: int | None = None
    ) -> None:
        """Let it befall the next requests that fit, before chance has a say."""
        rule = OrderFaultRule(kind=kind, method=method, by_ns=by_ns)
        self._expected.extend([rule] * times)

    def draw(self, method: str) -> OrderFaultRule | None:
        """What befalls this request, if anything does."""
        rule = self._scripted(method) or self._drawn(method)
        if rule is not None:
            self.struck.append((rule.kind, method))
        return rule

    def _scripted(self, method: str) -> OrderFaultRule | None:
        for rule in self._expected:
            if rule.fits(method):
                self._expected.remove(rule)
                return rule
        return None

    def _drawn(self, method: str) -> OrderFaultRule | None:
        for rule in self.rules:
            if rule.fits(method) and self._random.random() < rule.chance:
                return rule
        return None


def read(text: str) -> tuple[OrderFaultRule, ...]:
    """A specification's rules. Raises `BadOrderFaults`, which lists every kind."""
    return tuple(_rule(entry.strip()) for entry in text.split(",") if entry.strip())


def _rule(entry: str) -> OrderFaultRule:
    name, _, rest = entry.partition(":")
    chance, _, method = rest.partition(":")
    kind, _, detail = name.partition("=")
    if kind not in list(OrderFault):
        raise BadOrderFaults(entry, f"there is no kind {kind!r}")
    if not _CHANCE.fullmatch(chance):
        raise BadOrderFaults(entry, f"{chance!r} is no chance between 0 and 1")
    if method and method not in _ORDER_METHODS | _QUERIES:
        raise BadOrderFaults(entry, f"there is no method {method!r}")
    match = _DURATION.fullmatch(detail)
    if detail and match is None:
        raise BadOrderFaults(entry, f"{detail!r} is no time, like 2s or 500ms")
    by_ns = int(float(match[1]) * _UNITS[match[2]]) if match else None
    return OrderFaultRule(kind=OrderFault(kind), chance=float(chance), method=method, by_ns=by_ns)
