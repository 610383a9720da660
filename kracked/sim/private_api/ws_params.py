"""WebSocket's parameters of orders, read: JSON in, tickets out, refusals in the exchange's words.

Numbers must be JSON numbers. A price with too many decimals is refused; a quantity is
cut, as the documentation's own examples carry more digits than the pair takes.

Sources: docs.kraken.com/api/docs/websocket-v2/add_order, amend_order, edit_order
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from msgspec.structs import replace

from kracked import units
from kracked.errors import ProtocolError, TooPrecise
from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.protocol.events import Side
from kracked.protocol.order_terms import SPOT_ORDER_TYPES, OrderType, SelfTrade, TimeInForce
from kracked.protocol.requests import must_be
from kracked.sim import messages
from kracked.sim.accounts.order_records import OrderRecord
from kracked.sim.accounts.order_request import AmendRequest, CloseTerms, OrderRequest, Pricing
from kracked.sim.accounts.trailing_stops import Trail
from kracked.sim.listings import Listing
from kracked.sim.private_api import numbers
from kracked.times import parse_ns

_SIDES = {"buy": Side.BID, "sell": Side.ASK}
_INT32 = 2**31
_DIGITS = 25
_DISTANCES = ("pct", "quote")
_Choice = TypeVar("_Choice", TimeInForce, SelfTrade)


class WsParams:
    """One request's `params`, or an object within them."""

    def __init__(self, params: Mapping[str, object]) -> None:
        self.params = params

    def text(self, name: str) -> str | None:
        value = self.params.get(name)
        if value is None or isinstance(value, str):
            return value
        raise Refusal(must_be(name, "string"))

    def needed(self, name: str) -> str:
        text = self.text(name)
        if not text:
            raise Refusal(refusals.argument(name))
        return text

    def number(self, name: str) -> Decimal | None:
        """Exact, as the digits were sent."""
        value = self.params.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise Refusal(must_be(name, "number_float"))
        number = Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > _DIGITS:
            raise Refusal(refusals.argument(name))
        return number

    def flag(self, name: str) -> bool:
        value = self.params.get(name, False)
        if not isinstance(value, bool):
            raise Refusal(must_be(name, "boolean"))
        return value

    def whole(self, name: str) -> int | None:
        value = self.params.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise Refusal(must_be(name, "number_integer"))

    def texts(self, name: str) -> list[str]:
        """A list of texts or whole numbers; empty when it is missing."""
        value = self.params.get(name, [])
        if not isinstance(value, list):
            raise Refusal(must_be(name, "array"))
        if any(isinstance(one, bool) or not isinstance(one, str | int) for one in value):
            raise Refusal(must_be(name, "array"))
        return [str(one) for one in value]

    def within(self, name: str) -> WsParams | None:
        """The object of this name."""
        value = self.params.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Refusal(must_be(name, "object"))
        return WsParams(value)

    def choice(self, name: str, kind: type[_Choice], default: _Choice) -> _Choice:
        text = self.text(name)
        if text is None:
            return default
        by_name = {each.ws_name: each for each in kind}
        if text not in by_name:
            raise Refusal(refusals.argument(name))
        return by_name[text]

    def time(self, name: str) -> int | None:
        """ns since the Unix epoch."""
        text = self.text(name)
        try:
            return None if text is None else parse_ns(text)
        except ProtocolError:
            raise Refusal(refusals.argument(name)) from None

    def userref(self) -> int | None:
        userref = self.whole("order_userref")
        if userref is not None and not -_INT32 <= userref < _INT32:
            raise Refusal(refusals.argument("order_userref"))
        return userref


class WsOrderReader:
    """Reads orders of one listing, with the last trade for relative prices."""

    def __init__(self, listing: Listing, last: int, bought_for: Callable[[int], int]) -> None:
        """`bought_for`: how much a market buy of a value gets, both scaled."""
        self._listing, self._last, self._bought_for = listing, last, bought_for

    def ticket(self, fields: WsParams) -> OrderRequest:
        """Raises `Refusal`."""
        kind = _kind(fields)
        side = _SIDES.get(fields.needed("side"))
        if side is None:
            raise Refusal(refusals.argument("side"))
        _spot_only(fields)
        if fields.flag("post_only") and kind is not OrderType.LIMIT:
            raise Refusal(refusals.argument("post_only"))
        qty, cash = self._qty(fields, kind, side)
        pricing, by_index = self._pricing(fields, kind)
        tif = fields.choice("time_in_force", TimeInForce, TimeInForce.GTC)
        if kind is OrderType.MARKET and tif is not TimeInForce.FOK:
            tif = TimeInForce.IOC
        return OrderRequest(
            symbol=self._listing.symbol,
            side=side,
            kind=kind,
            qty=qty,
            price=pricing.price,
            trigger_price=pricing.trigger_price,
            trail=pricing.trail,
            by_index=by_index,
            tif=tif,
            start_at=fields.time("effective_time"),
            expire_at=_expiry(fields, tif),
            post_only=fields.flag("post_only"),
            display_qty=self._shown(fields, kind),
            stp=fields.choice("stp_type", SelfTrade, SelfTrade.CANCEL_NEWEST),
            cl_ord_id=fields.text("cl_ord_id"),
            userref=fields.userref(),
            fee_in_base=_fee_in_base(fields),
            cash_qty=cash,
            close=self._close(fields),
        )

    def _qty(self, fields: WsParams, kind: OrderType, side: Side) -> tuple[int, int | None]:
        """The quantity, and the value it was asked for in, if it was."""
        cash, qty = fields.number("cash_order_qty"), fields.number("order_qty")
        if cash is None:
            if qty is None:
                raise Refusal(refusals.argument("order_qty"))
            return self._lots(qty), None
        if kind is not OrderType.MARKET or side is not Side.BID or qty is not None:
            raise Refusal(refusals.argument("cash_order_qty"))
        digits = self._listing.instrument.precision
        scaled = _cut(cash, digits.price + digits.qty)
        return self._bought_for(scaled), scaled

    def _lots(self, qty: Decimal) -> int:
        return _cut(qty, self._listing.instrument.precision.qty)

    def _pricing(self, fields: WsParams, kind: OrderType) -> tuple[Pricing, bool]:
        """The prices, and whether the trigger watches the index."""
        if not kind.trails:
            trigger, by_index = self._trigger(fields, kind)
            return Pricing(self._limit(fields, kind), trigger), by_index
        triggers = fields.within("triggers") or WsParams({})
        by_index = _reference(triggers) == "index"
        return Pricing(trail=self._trail(fields, triggers, kind)), by_index

    def _trail(self, fields: WsParams, triggers: WsParams, kind: OrderType) -> Trail:
        """Distances: the trigger's from the best price seen, the limit's from the trigger."""
        distance = triggers.number("price")
        price_type = triggers.text("price_type") or "static"
        if distance is None or distance <= 0 or price_type not in _DISTANCES:
            raise Refusal(refusals.argument("triggers"))
        behind = numbers.offset(self._listing, distance, percent=price_type == "pct")
        limit = fields.number("limit_price")
        limit_type = fields.text("limit_price_type") or "quote"
        if (limit is None) == kind.limited:
            raise Refusal(refusals.argument("limit_price"))
        if limit is None:
            return Trail(behind)
        if limit_type not in _DISTANCES:
            raise Refusal(refusals.argument("limit_price_type"))
        return Trail(behind, numbers.offset(self._listing, limit, percent=limit_type == "pct"))

    def _limit(self, fields: WsParams, kind: OrderType) -> int | None:
        price = fields.number("limit_price")
        if (price is None) == kind.limited:
            raise Refusal(refusals.argument("limit_price"))
        if fields.text("limit_price_type") not in (None, "static"):
            raise Refusal(refusals.argument("limit_price_type"))  # a trailing stop's alone
        return None if price is None else self._price(price)

    def _trigger(self, fields: WsParams, kind: OrderType) -> tuple[int | None, bool]:
        """The trigger price, and whether it watches the index."""
        triggers = fields.within("triggers")
        if (triggers is None) == kind.waits:
            raise Refusal(refusals.argument("triggers"))
        if triggers is None:
            return None, False
        price, reference = triggers.number("price"), _reference(triggers)
        if price is None:
            raise Refusal(refusals.argument("triggers"))
        moved = self._priced(price, triggers.text("price_type") or "static")
        return moved, reference == "index"

    def _typed(self, price: Decimal | None, fields: WsParams, name: str) -> int | None:
        return None if price is None else self._priced(price, fields.text(name) or "static")

    def _priced(self, price: Decimal, price_type: str) -> int:
        match price_type:
            case "static":
                return self._price(price)
            case "pct" | "quote":
                by = numbers.offset(self._listing, price, percent=price_type == "pct")
                return by.of(self._last)
        raise Refusal(refusals.argument("price_type"))

    def _price(self, price: Decimal) -> int:
        decimals = self._listing.instrument.precision.price
        try:
            return units.scale(format(price, "f").encode(), decimals)
        except TooPrecise as error:
            raise Refusal(messages.too_many_decimals(self._listing.rest_id, decimals)) from error

    def _shown(self, fields: WsParams, kind: OrderType) -> int | None:
        shown = fields.number("display_qty")
        if (shown is None) == (kind is OrderType.ICEBERG):
            raise Refusal(refusals.argument("display_qty"))
        return None if shown is None else self._lots(shown)

    def _close(self, fields: WsParams) -> CloseTerms | None:
        """The conditional close; its prices are known when the parent is placed."""
        close = fields.within("conditional")
        if close is None:
            return None
        kind = _kind(close)
        if kind in (OrderType.MARKET, OrderType.ICEBERG):
            raise Refusal(refusals.argument("conditional"))
        if kind.trails:
            triggers = WsParams(
                {
                    "price": close.params.get("trigger_price"),
                    "price_type": close.params.get("trigger_price_type"),
                }
            )
            return CloseTerms(kind=kind, trail=self._trail(close, triggers, kind))
        price, trigger = close.number("limit_price"), close.number("trigger_price")
        if (price is None) == kind.limited or (trigger is None) == kind.waits:
            raise Refusal(refusals.argument("conditional"))
        return CloseTerms(
            kind=kind,
            price=self._typed(price, close, "limit_price_type"),
            trigger_price=self._typed(trigger, close, "trigger_price_type"),
        )

    # --- changes ----------------------------------------------------------------------

    def change(self, fields: WsParams) -> AmendRequest:
        """What amend_order asks for. Raises `Refusal`."""
        qty, shown = fields.number("order_qty"), fields.number("display_qty")
        limit, trigger = fields.number("limit_price"), fields.number("trigger_price")
        if (qty, shown, limit, trigger) == (None, None, None, None):
            raise Refusal(refusals.ARGUMENTS)
        limit_type = fields.text("limit_price_type") or "static"
        trigger_type = fields.text("trigger_price_type") or "static"
        return AmendRequest(
            qty=None if qty is None else self._lots(qty),
            display_qty=None if shown is None else self._lots(shown),
            price=None if limit is None else self._priced(limit, limit_type),
            trigger_price=None if trigger is None else self._priced(trigger, trigger_type),
            post_only=fields.flag("post_only"),
        )

    def edited(self, fields: WsParams, order: OrderRecord) -> OrderRequest:
        """The successor edit_order asks for: the old order, with what is named anew."""
        _spot_only(fields)
        old, kind = order.ticket, order.ticket.kind
        qty, shown = fields.number("order_qty"), fields.number("display_qty")
        limited = fields.params.get("limit_price") is not None
        triggered = fields.params.get("triggers") is not None
        pricing, by_index = Pricing(order.price, order.trigger_price, old.trail), old.by_index
        if kind.trails and triggered:
            pricing, by_index = self._pricing(fields, kind)
        elif kind.trails:
            pricing = Pricing(trail=old.trail)
        else:
            if limited:
                pricing = pricing._replace(price=self._limit(fields, kind))
            if triggered:
                trigger, by_index = self._trigger(fields, kind)
                pricing = pricing._replace(trigger_price=trigger)
        return replace(
            old,
            qty=order.qty if qty is None else self._lots(qty),
            price=pricing.price,
            trigger_price=pricing.trigger_price,
            trail=pricing.trail,
            by_index=by_index,
            display_qty=order.display_qty if shown is None else self._lots(shown),
            post_only=fields.flag("post_only"),
            cl_ord_id=None,
            userref=fields.userref(),
        )


def _kind(fields: WsParams) -> OrderType:
    name = fields.needed("order_type")
    if name not in SPOT_ORDER_TYPES:
        raise Refusal(refusals.argument("order_type"))
    return OrderType(name)


def _reference(triggers: WsParams) -> str:
    """What a trigger watches."""
    reference = triggers.text("reference") or "last"
    if reference not in ("last", "index"):
        raise Refusal(refusals.argument("triggers"))
    return reference


def _fee_in_base(fields: WsParams) -> bool:
    preference = fields.text("fee_preference")
    if preference not in (None, "base", "quote"):
        raise Refusal(refusals.argument("fee_preference"))
    return preference == "base"


def _expiry(fields: WsParams, tif: TimeInForce) -> int | None:
    expires = fields.time("expire_time")
    if (expires is None) == (tif is TimeInForce.GTD):
        raise Refusal(refusals.argument("expire_time"))
    return expires


def _spot_only(fields: WsParams) -> None:
    """No margin is lent here."""
    if fields.flag("reduce_only"):
        raise Refusal(messages.NO_POSITION)
    if fields.flag("margin"):
        raise Refusal(messages.NO_MARGIN)


def _cut(number: Decimal, decimals: int) -> int:
    """Scaled, digits past the last decimal dropped."""
    whole, _, fraction = format(number, "f").partition(".")
    return int(whole + fraction[:decimals].ljust(decimals, "0"))
