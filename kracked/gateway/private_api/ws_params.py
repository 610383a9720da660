"""WebSocket's parameters: JSON fields, and orders written in them.

Numbers must be JSON numbers. A price with too many decimals is refused; a quantity is
cut, as the documentation's own examples carry more digits than the pair takes.

Sources: docs.kraken.com/api/docs/websocket-v2/add_order, amend_order, edit_order
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from msgspec.structs import replace

from kracked import units
from kracked.errors import ProtocolError, TooPrecise
from kracked.gateway import order_words, refusals
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.accounts.order_request import OrderRequest, Pricing
from kracked.gateway.private_api import numbers
from kracked.gateway.private_api.order_reader import (
    USERREFS,
    ArgumentNames,
    OrderContext,
    OrderForm,
    read_pricing,
)
from kracked.gateway.refusals import Refusal
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, TrailOffset
from kracked.protocol.requests import must_be
from kracked.times import parse_ns

_DIGITS = 25
_DISTANCES = ("pct", "quote")
_NAMES = ArgumentNames(
    order_type="order_type",
    side="side",
    display_qty="display_qty",
    time_in_force="time_in_force",
    expire_at="expire_time",
    close="conditional",
)
_Choice = TypeVar("_Choice", TimeInForce, SelfTrade)


class WsParams:
    """The `params` of one request, or an object within them."""

    def __init__(self, params: Mapping[str, object]) -> None:
        self.raw = params
        """By name, as they came in."""

    def text(self, name: str) -> str | None:
        """Return a text; None when it is missing."""
        value = self.raw.get(name)
        if value is None or isinstance(value, str):
            return value
        raise Refusal(must_be(name, "string"))

    def required(self, name: str) -> str:
        """Return a text, or refuse a request without it."""
        text = self.text(name)
        if not text:
            raise Refusal(refusals.argument(name))
        return text

    def number(self, name: str) -> Decimal | None:
        """Return a number exactly, as its digits were sent; None when it is missing."""
        value = self.raw.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise Refusal(must_be(name, "number_float"))
        number = Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > _DIGITS:
            raise Refusal(refusals.argument(name))
        return number

    def flag(self, name: str) -> bool:
        """Return a flag; off when it is missing."""
        value = self.raw.get(name, False)
        if not isinstance(value, bool):
            raise Refusal(must_be(name, "boolean"))
        return value

    def whole(self, name: str) -> int | None:
        """Return a whole number; None when it is missing."""
        value = self.raw.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise Refusal(must_be(name, "number_integer"))

    def texts(self, name: str) -> list[str]:
        """Return a list of texts or whole numbers, as text; empty when it is missing."""
        value = self.raw.get(name, [])
        if not isinstance(value, list):
            raise Refusal(must_be(name, "array"))
        if any(isinstance(item, bool) or not isinstance(item, str | int) for item in value):
            raise Refusal(must_be(name, "array"))
        return [str(item) for item in value]

    def within(self, name: str) -> WsParams | None:
        """Return an object; None when it is missing."""
        value = self.raw.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Refusal(must_be(name, "object"))
        return WsParams(value)

    def time(self, name: str) -> int | None:
        """Return a time, ns since the Unix epoch; None when it is missing."""
        text = self.text(name)
        try:
            return None if text is None else parse_ns(text)
        except ProtocolError:
            raise Refusal(refusals.argument(name)) from None


class WsOrderForm(WsParams):
    """One order in WebSocket's fields: an `OrderForm`, and an `AmendForm`."""

    names = _NAMES

    def __init__(self, params: Mapping[str, object], context: OrderContext) -> None:
        super().__init__(params)
        self.context = context

    # --- options ----------------------------------------------------------------------

    def check_options(self, order_type: OrderType, _side: Side, /) -> None:
        """Refuse margin first, then `post_only` for anything but a limit order."""
        self.check_margin()
        if self.flag("post_only") and order_type is not OrderType.LIMIT:
            raise Refusal(refusals.argument("post_only"))

    def check_margin(self) -> None:
        """Refuse a request for margin: none is lent here."""
        if self.flag("reduce_only"):
            raise Refusal(order_words.NO_POSITION)
        if self.flag("margin"):
            raise Refusal(order_words.NO_MARGIN)

    def _choice(self, name: str, choices: type[_Choice], default: _Choice) -> _Choice:
        text = self.text(name)
        if text is None:
            return default
        by_name = {choice.ws_name: choice for choice in choices}
        if text not in by_name:
            raise Refusal(refusals.argument(name))
        return by_name[text]

    def time_in_force(self) -> TimeInForce:
        """Return how long the order stays; until cancelled by default."""
        return self._choice("time_in_force", TimeInForce, TimeInForce.GTC)

    def self_trade(self) -> SelfTrade:
        """Return which of two own orders is cancelled."""
        return self._choice("stp_type", SelfTrade, SelfTrade.CANCEL_NEWEST)

    def start_at(self) -> int | None:
        """Return when to place the order, ns since the Unix epoch."""
        return self.time("effective_time")

    def expire_at(self) -> int | None:
        """Return when the order ends, ns since the Unix epoch."""
        return self.time("expire_time")

    def post_only(self) -> bool:
        """Whether the order may only rest."""
        return self.flag("post_only")

    def userref(self) -> int | None:
        """Return a number of the client's own for the order."""
        userref = self.whole("order_userref")
        if userref is not None and userref not in USERREFS:
            raise Refusal(refusals.argument("order_userref"))
        return userref

    def fee_in_base(self) -> bool:
        """Whether the fee is taken in the base asset."""
        preference = self.text("fee_preference")
        if preference not in (None, "base", "quote"):
            raise Refusal(refusals.argument("fee_preference"))
        return preference == "base"

    def close(self) -> OrderForm | None:
        """Return the conditional close."""
        close = self.within("conditional")
        return None if close is None else _WsCloseForm(close.raw, self.context)

    # --- quantities -------------------------------------------------------------------

    def volume(self, order_type: OrderType, side: Side) -> tuple[int, int | None]:
        """Return the quantity, and the value it was requested in, if it was."""
        cash, qty = self.number("cash_order_qty"), self.number("order_qty")
        if cash is None:
            if qty is None:
                raise Refusal(refusals.argument("order_qty"))
            return self._quantity(qty), None
        if order_type is not OrderType.MARKET or side is not Side.BID or qty is not None:
            raise Refusal(refusals.argument("cash_order_qty"))
        precision = self.context.listing.instrument.precision
        scaled = _cut(cash, precision.price + precision.qty)
        return self.context.bought_for(scaled), scaled

    def display_qty(self) -> int | None:
        """Return the part of an iceberg that is shown."""
        return self.new_quantity("display_qty")

    def _quantity(self, qty: Decimal) -> int:
        return _cut(qty, self.context.listing.instrument.precision.qty)

    # --- prices -----------------------------------------------------------------------

    def limit_price(self, order_type: OrderType, _side: Side, /) -> int | None:
        """Return the limit price, which must be static."""
        price = self.number("limit_price")
        if (price is None) == order_type.limited:
            raise Refusal(refusals.argument("limit_price"))
        if self.text("limit_price_type") not in (None, "static"):
            raise Refusal(refusals.argument("limit_price_type"))  # a trailing stop's alone
        return None if price is None else self._static(price)

    def trigger_price(self, order_type: OrderType, _side: Side, /) -> int | None:
        """Return the trigger price, static or relative to the last trade."""
        triggers = self.within("triggers")
        if (triggers is None) == order_type.waits:
            raise Refusal(refusals.argument("triggers"))
        if triggers is None:
            return None
        price = triggers.number("price")
        _check_reference(triggers)
        if price is None:
            raise Refusal(refusals.argument("triggers"))
        return self._price(price, triggers.text("price_type") or "static")

    def by_index(self) -> bool:
        """Whether the trigger watches the index; what it watches was checked with its price."""
        triggers = self.within("triggers")
        return triggers is not None and triggers.text("reference") == "index"

    def trail_distance(self) -> TrailOffset:
        """Return the trigger's distance from the best price seen."""
        triggers = self.within("triggers") or WsParams({})
        _check_reference(triggers)
        return self._distance(triggers.number("price"), triggers.text("price_type"))

    def _distance(self, by: Decimal | None, price_type: str | None) -> TrailOffset:
        if by is None or by <= 0 or price_type not in _DISTANCES:
            raise Refusal(refusals.argument("triggers"))
        return numbers.offset(self.context.listing, by, percent=price_type == "pct")

    def trail_limit(self, order_type: OrderType) -> TrailOffset | None:
        """Return the limit's distance from the trigger."""
        by, price_type = self.number("limit_price"), self.text("limit_price_type") or "quote"
        if (by is None) == order_type.limited:
            raise Refusal(refusals.argument("limit_price"))
        if by is None:
            return None
        if price_type not in _DISTANCES:
            raise Refusal(refusals.argument("limit_price_type"))
        return numbers.offset(self.context.listing, by, percent=price_type == "pct")

    def _price(self, price: Decimal, price_type: str) -> int:
        """Return a price that is stated as its type says."""
        match price_type:
            case "static":
                return self._static(price)
            case "pct" | "quote":
                offset = numbers.offset(self.context.listing, price, percent=price_type == "pct")
                return offset.price_from(self.context.last)
        raise Refusal(refusals.argument("price_type"))

    def _static(self, price: Decimal) -> int:
        listing = self.context.listing
        decimals = listing.instrument.precision.price
        try:
            return units.scale(format(price, "f").encode(), decimals)
        except TooPrecise as error:
            raise Refusal(order_words.too_many_decimals(listing.rest_id, decimals)) from error

    # --- amending ---------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether a number is stated."""
        return self.number(name) is not None

    def price_type(self, name: str) -> str:
        """Return how a price is stated: `static`, `pct` or `quote`."""
        return self.text(f"{name}_type") or "static"

    def new_quantity(self, name: str) -> int | None:
        """Return a quantity; None when it is missing."""
        qty = self.number(name)
        return None if qty is None else self._quantity(qty)

    def new_price(self, name: str, price_type: str, _order: OrderRecord, /) -> int | None:
        """Return a new price; None when it is missing."""
        price = self.number(name)
        return None if price is None else self._price(price, price_type)


class _WsCloseForm(WsOrderForm):
    """A conditional close, whose trigger is flat; its relative prices start from the last trade."""

    def limit_price(self, order_type: OrderType, _side: Side, /) -> int | None:
        """Return the limit price; the type decides which of both prices must be there."""
        limit, trigger = self.number("limit_price"), self.number("trigger_price")
        if (limit is None) == order_type.limited or (trigger is None) == order_type.waits:
            raise Refusal(refusals.argument("conditional"))
        return None if limit is None else self._price(limit, self.price_type("limit_price"))

    def trigger_price(self, order_type: OrderType, side: Side, /) -> int | None:
        """Return the trigger price."""
        self.limit_price(order_type, side)  # a bad limit is refused before a bad trigger
        trigger = self.number("trigger_price")
        return None if trigger is None else self._price(trigger, self.price_type("trigger_price"))

    def trail_distance(self) -> TrailOffset:
        """Return the trigger's distance from the best price seen."""
        triggers = WsParams({name: self.raw.get(f"trigger_{name}") for name in _TRIGGER})
        return self._distance(triggers.number("price"), triggers.text("price_type"))


_TRIGGER = ("price", "price_type")


def read_edit(params: WsParams, context: OrderContext, order: OrderRecord) -> OrderRequest:
    """Return the successor that edit_order requests: the order, with the terms that are named.

    Raises:
        Refusal: A term cannot be read, or is not for this type of order.
    """
    form, old = WsOrderForm(params.raw, context), order.request
    form.check_margin()
    qty, display_qty = form.new_quantity("order_qty"), form.new_quantity("display_qty")
    pricing, by_index = _edited_pricing(form, order)
    return replace(
        old,
        qty=order.qty if qty is None else qty,
        price=pricing.price,
        trigger_price=pricing.trigger_price,
        trail=pricing.trail,
        by_index=by_index,
        display_qty=order.display_qty if display_qty is None else display_qty,
        post_only=form.flag("post_only"),
        cl_ord_id=None,
        userref=form.userref(),
    )


def _edited_pricing(form: WsOrderForm, order: OrderRecord) -> tuple[Pricing, bool]:
    """Return the successor's prices, and whether its trigger watches the index."""
    old, order_type = order.request, order.request.order_type
    triggered = form.raw.get("triggers") is not None
    if order_type.trails:
        if triggered:
            return read_pricing(form, order_type, old.side), form.by_index()
        return Pricing(trail=old.trail), old.by_index
    pricing, by_index = Pricing(order.price, order.trigger_price, old.trail), old.by_index
    if form.raw.get("limit_price") is not None:
        pricing = pricing._replace(price=form.limit_price(order_type, old.side))
    if triggered:
        pricing = pricing._replace(trigger_price=form.trigger_price(order_type, old.side))
        by_index = form.by_index()
    return pricing, by_index


def _check_reference(triggers: WsParams) -> None:
    """Refuse a trigger that watches neither the last trade nor the index."""
    if (triggers.text("reference") or "last") not in ("last", "index"):
        raise Refusal(refusals.argument("triggers"))


def _cut(number: Decimal, decimals: int) -> int:
    """Return a number scaled, with the digits past the last decimal dropped."""
    whole, _, fraction = format(number, "f").partition(".")
    return int(whole + fraction[:decimals].ljust(decimals, "0"))
