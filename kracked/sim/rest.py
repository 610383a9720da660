"""The simulated exchange's REST: public and private methods, and the faults of trading calls.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

from kracked.gateway import order_words, refusals
from kracked.gateway.auth import Call, body_fields
from kracked.gateway.refusals import Refusal
from kracked.gateway.rest import HttpAnswer, Params, answer, method_of, reply
from kracked.sim.exchange import Exchange
from kracked.sim.faults.order_faults import OrderFault, OrderFaultRule
from kracked.sim.order_entry.endpoints import private_rest
from kracked.sim.public_api.rest_endpoints import PublicRest

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head></html>"


class RestApi:
    """Answers REST calls about one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._order_faults = exchange.order_faults
        self._public = PublicRest(exchange)
        self._private = private_rest(exchange, exchange.brokerage, exchange.keys, exchange.names)

    def call(self, http_method: str, call: Call, query: Params, now: int) -> HttpAnswer:
        """Answer a call, after what a fault may do to it."""
        visibility, name = method_of(call.path)
        fault = self._order_faults.draw(name) if visibility == "private" else None
        if fault is None:
            return HttpAnswer(self.answer(http_method, call, query, now))
        if not fault.kind.acts:
            return _answer_before_acting(fault, now)
        lag_ns = fault.length_ns if fault.kind is OrderFault.REST_LAG else 0
        if fault.kind is OrderFault.TWICE:
            self.answer(http_method, call, query, now)
        return _answer_after_acting(
            fault, self.answer(http_method, call, query, now, lag_ns=lag_ns)
        )

    def answer(
        self, http_method: str, call: Call, query: Params, now: int, *, lag_ns: int = 0
    ) -> bytes:
        """Return a reply's body. Queries show accounts as they were `lag_ns` ago."""
        return answer(lambda: self._result(http_method, call, query, now, lag_ns))

    def _result(self, http_method: str, call: Call, query: Params, now: int, lag_ns: int) -> object:
        visibility, name = method_of(call.path)
        if visibility == "public" and name in self._public.methods:
            fields = body_fields(call) if call.body else {}
            params = {**query, **{name: str(value) for name, value in fields.items()}}
            return self._public.methods[name](params, now)
        if visibility == "private" and http_method == "POST" and self._private.knows(name):
            return self._private.answer(name, call, now, lag_ns=lag_ns)
        raise Refusal(refusals.UNKNOWN_METHOD)


def _answer_before_acting(fault: OrderFaultRule, now: int) -> HttpAnswer:
    """Return the answer of a fault that keeps the exchange from acting."""
    match fault.kind:
        case OrderFault.NONCE:
            return HttpAnswer(reply([refusals.INVALID_NONCE]))
        case OrderFault.DOMAIN_RATE:
            return HttpAnswer(reply([order_words.DOMAIN_RATE]))
        case OrderFault.THROTTLED:
            return HttpAnswer(reply([order_words.throttled(now + fault.length_ns)]))
        case OrderFault.UNAVAILABLE:
            return HttpAnswer(reply([refusals.UNAVAILABLE]))
        case OrderFault.GATEWAY_BEFORE:
            return HttpAnswer(_GATEWAY_PAGE, 502, "text/html")
    return HttpAnswer(b"", dropped=True)


def _answer_after_acting(fault: OrderFaultRule, body: bytes) -> HttpAnswer:
    """Return what a fault makes of the reply to a call that was acted on."""
    match fault.kind:
        case OrderFault.REPLY_LATE:
            return HttpAnswer(body, delay_ns=fault.length_ns)
        case OrderFault.GATEWAY_AFTER:
            return HttpAnswer(_GATEWAY_PAGE, 502, "text/html")
        case OrderFault.REPLY_LOST:
            return HttpAnswer(body, dropped=True)
        case OrderFault.REPLY_CUT:
            return HttpAnswer(body[: len(body) // 2])
    return HttpAnswer(body)
