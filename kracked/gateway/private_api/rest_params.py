"""REST's parameters: text fields, and orders written in them.

A form sends everything as text; JSON may send numbers and booleans, and both are taken. A
conditional close is flat (`close[price]`) in AddOrder and nested in a batch.

Sources: docs.kraken.com/api/docs/rest-api/add-order, add-order-batch, amend-order,
edit-order
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from kracked.errors import ProtocolError
from kracked.gateway import order_words, refusals
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.accounts.order_request import OrderRequest
from kracked.gateway.private_api import numbers
from kracked.gateway.private_api.order_reader import (
    USERREFS,
    ArgumentNames,
    OrderContext,
    read_order,
)
from kracked.gateway.refusals import Refusal
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, TrailOffset
from kracked.times import NS_PER_S, parse_ns

_FLAGS = frozenset(("post", "fcib", "fciq", "viqc", "nompp"))
_DIGITS = 25
"""A number with more of them is no price, no quantity, no id: it stays as it was written."""
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_MOMENT = re.compile(r"\+?[0-9]{1,12}")
_EDIT_OTHERS = frozenset(("txid", "pair", "deadline", "cancel_response", "validate", "cl_ord_id"))
"""The parameters of EditOrder that are not terms of the order."""


class RestParams:
    """The parameters of one request, or an object within them."""

    def __init__(self, params: Mapping[str, object]) -> None:
        self.raw = params
        """By name, as they came in."""

    def text(self, name: str) -> str | None:
        """Return a parameter as text, whatever JSON made of it; None if missing or empty."""
        match self.raw.get(name):
            case None | "":
                return None
            case bool(value):
                return "true" if value else "false"
            case Decimal() as value if abs(value.adjusted()) <= _DIGITS:
                return format(value, "f")
            case value:
                return str(value)

    def required(self, name: str) -> str:
        """Return a parameter as text, or refuse a request without it."""
        text = self.text(name)
        if text is None:
            raise Refusal(refusals.argument(name))
        return text

    def flag(self, name: str) -> bool:
        """Return a flag: off when it is missing, `false` or `0`; on for any other text."""
        return self.text(name) not in (None, "false", "False", "0")

    def whole(self, name: str, default: int | None = None) -> int | None:
        """Return a whole number; `default` when it is missing."""
        text = self.text(name)
        if text is None:
            return default
        if not _WHOLE.fullmatch(text):
            raise Refusal(refusals.argument(name))
        return int(text)

    def texts(self, name: str) -> list[str]:
        """Return the members of a list, or of a text with commas."""
        value = self.raw.get(name)
        found = value if isinstance(value, list) else (self.text(name) or "").split(",")
        return [str(item) for item in found if item != ""]

    def deadline(self) -> int | None:
        """Return the request's deadline, ns since the Unix epoch."""
        text = self.text("deadline")
        try:
            return None if text is None else parse_ns(text)
        except ProtocolError:
            raise Refusal(refusals.argument("deadline")) from None

    def userref(self) -> int | None:
        """Return a number of the client's own for its orders."""
        userref = self.whole("userref")
        if userref is not None and userref not in USERREFS:
            raise Refusal(refusals.argument("userref"))
        return userref


class RestOrderForm(RestParams):
    """One order in REST's fields: an `OrderForm`, and an `AmendForm`."""

    names = ArgumentNames(
        order_type="ordertype",
        side="type",
        display_qty="displayvol",
        time_in_force="timeinforce",
        expire_at="expiretm",
        close="close[ordertype]",
    )

    def __init__(self, params: Mapping[str, object], context: OrderContext) -> None:
        super().__init__(params)
        self.context = context

    # --- options ----------------------------------------------------------------------

    @property
    def _flags(self) -> frozenset[str]:
        return frozenset(self.texts("oflags"))

    def check_options(self, order_type: OrderType, side: Side) -> None:
        """Refuse flags that are unknown, or that do not go with each other or the order."""
        flags = self._flags
        if (
            flags - _FLAGS
            or ("post" in flags and order_type is not OrderType.LIMIT)
            or ("viqc" in flags and not (order_type is OrderType.MARKET and side is Side.BID))
            or {"fcib", "fciq"} <= flags
        ):
            raise Refusal(refusals.argument("oflags"))

    def check_margin(self) -> None:
        """Refuse a request for margin: none is lent here."""
        if self.flag("reduce_only"):
            raise Refusal(order_words.NO_POSITION)
        if self.text("leverage") not in (None, "none", "0"):
            raise Refusal(order_words.NO_MARGIN)

    def time_in_force(self) -> TimeInForce:
        """Return how long the order stays; until cancelled by default."""
        try:
            return TimeInForce((self.text("timeinforce") or "GTC").upper())
        except ValueError:
            raise Refusal(refusals.argument("timeinforce")) from None

    def by_index(self) -> bool:
        """Whether the trigger watches the index."""
        reference = self.text("trigger") or "last"
        if reference not in ("last", "index"):
            raise Refusal(refusals.argument("trigger"))
        return reference == "index"

    def start_at(self) -> int | None:
        """Return when to place the order, ns since the Unix epoch."""
        return self._moment("starttm")

    def expire_at(self) -> int | None:
        """Return when the order ends, ns since the Unix epoch."""
        return self._moment("expiretm")

    def _moment(self, name: str) -> int | None:
        """Read `<unix s>`, or `+<s>` from now; None for 0."""
        text = self.text(name) or "0"
        if not _MOMENT.fullmatch(text):
            raise Refusal(refusals.argument(name))
        seconds = int(text)
        if not seconds:
            return None
        return seconds * NS_PER_S + (self.context.now if text.startswith("+") else 0)

    def post_only(self) -> bool:
        """Whether the order may only rest."""
        return "post" in self._flags

    def fee_in_base(self) -> bool:
        """Whether the fee is taken in the base asset."""
        return "fcib" in self._flags

    def self_trade(self) -> SelfTrade:
        """Return which of two own orders is cancelled; the WebSocket's spelling is taken too."""
        text = self.text("stptype")
        if text is None:
            return SelfTrade.CANCEL_NEWEST
        try:
            return SelfTrade(text.lower().replace("_", "-"))
        except ValueError:
            raise Refusal(refusals.argument("stptype")) from None

    def close(self) -> RestOrderForm | None:
        """Return the conditional close, nested or flat."""
        nested = self.raw.get("close")
        members = nested if isinstance(nested, dict) else _flat_close(self.raw)
        return RestOrderForm(members, self.context) if members else None

    # --- quantities and prices --------------------------------------------------------

    def volume(self, _type: OrderType, _side: Side, /) -> tuple[int, int | None]:
        """Return the quantity, and the value it was requested in with the flag `viqc`."""
        text = self.required("volume")
        if "viqc" not in self._flags:
            return numbers.quantity(text, self.context.listing), None
        precision = self.context.listing.instrument.precision
        cash = numbers.amount(text, precision.price + precision.qty, "volume")
        return self.context.bought_for(cash), cash

    def display_qty(self) -> int | None:
        """Return the part of an iceberg that is shown."""
        return self.new_quantity("displayvol")

    def trigger_price(self, order_type: OrderType, side: Side) -> int | None:
        """Read `price`, which is the trigger of a type that waits for one."""
        if not order_type.waits:
            return None
        return self._price(self.required("price"), order_type, side, order_words.INVALID_PRICE)

    def limit_price(self, order_type: OrderType, side: Side) -> int | None:
        """Read `price2` of a type that waits for a trigger, else `price`."""
        if not order_type.limited:
            return None
        if not order_type.waits:
            return self._price(self.required("price"), order_type, side, order_words.INVALID_PRICE)
        text = self.text("price2")
        if text is None:
            raise Refusal(order_words.INVALID_PRICE2)
        return self._price(text, order_type, side, order_words.INVALID_PRICE2)

    def _price(self, text: str, order_type: OrderType, side: Side, malformed: str) -> int:
        listing = self.context.listing
        if numbers.is_relative(text):
            upward = numbers.waits_above(order_type, side)
            return numbers.relative(text, listing, self.context.last, upward=upward)
        return numbers.price(text, listing, malformed)

    def trail_distance(self) -> TrailOffset:
        """Read `price`: the distance from the best price seen."""
        text = self.required("price")
        distance = numbers.trailing(
            text, self.context.listing, order_words.INVALID_PRICE, signs="+"
        )
        if distance.by <= 0:
            raise Refusal(order_words.INVALID_PRICE)
        return distance

    def trail_limit(self, order_type: OrderType) -> TrailOffset | None:
        """Read `price2`: the distance from the trigger."""
        if not order_type.limited:
            return None
        text, listing = self.text("price2") or "", self.context.listing
        return numbers.trailing(text, listing, order_words.INVALID_PRICE2, signs="+-")

    # --- amending ---------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether a parameter is stated."""
        return self.text(name) is not None

    def price_type(self, _name: str, /) -> str:
        """Return `static`: REST writes a relative price in the price itself."""
        return "static"

    def new_quantity(self, name: str) -> int | None:
        """Return a quantity; None when it is missing."""
        text = self.text(name)
        return None if text is None else numbers.quantity(text, self.context.listing, name)

    def new_price(self, name: str, _price_type: str, order: OrderRecord, /) -> int | None:
        """Return a new price; None when it is missing."""
        text = self.text(name)
        if text is None:
            return None
        malformed = order_words.INVALID_LIMIT if name == "limit_price" else refusals.argument(name)
        return self._price(text, order.request.order_type, order.side, malformed)


def read_edit(params: RestParams, context: OrderContext, order: OrderRecord) -> OrderRequest:
    """Return the successor that EditOrder requests for an order.

    Terms that are named are new; the others stay, but for the flag `post`.

    Raises:
        Refusal: A term cannot be read, or a flag is not `post`.
    """
    old = order.request
    if params.text("oflags") not in (None, "post"):
        raise Refusal(refusals.argument("oflags"))
    named = {name: value for name, value in params.raw.items() if name not in _EDIT_OTHERS}
    successor = read_order(RestOrderForm({**_terms(order, context), **named}, context))
    return replace(
        successor,
        tif=old.tif,
        start_at=old.start_at,
        expire_at=old.expire_at,
        stp=old.stp,
        fee_in_base=old.fee_in_base,
        by_index=old.by_index,
    )


def _terms(order: OrderRecord, context: OrderContext) -> dict[str, object]:
    """Return an order's terms as AddOrder takes them."""
    request, precision = order.request, context.listing.instrument.precision

    def price_text(price: int | None) -> str | None:
        """Return a price as text."""
        return None if price is None else precision.price_text(price)

    first, second = price_text(order.price), None
    if request.trail is not None:
        limit = request.trail.limit
        first = request.trail.distance.text(precision.price)
        second = None if limit is None else limit.text(precision.price)
    elif request.order_type.waits:
        first, second = price_text(order.trigger_price), first
    display_qty = order.display_qty
    terms = {
        "ordertype": request.order_type.value,
        "type": "buy" if request.side is Side.BID else "sell",
        "volume": precision.qty_text(order.qty),
        "price": first,
        "price2": second,
        "displayvol": None if display_qty is None else precision.qty_text(display_qty),
    }
    return {name: value for name, value in terms.items() if value is not None}


def _flat_close(params: Mapping[str, object]) -> dict[str, object]:
    """Return the members of a close that is written as `close[price]`."""
    return {
        name[len("close[") : -1]: value
        for name, value in params.items()
        if name.startswith("close[") and name.endswith("]")
    }
