"""REST's parameters of orders, read: text in, tickets out, refusals in the exchange's words.

A form sends everything as text, JSON may send numbers and booleans; both are taken. A
conditional close comes flat (`close[price]`) from AddOrder and nested from a batch.

Sources: docs.kraken.com/api/docs/rest-api/add-order, add-order-batch, amend-order,
edit-order
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from msgspec.structs import replace

from kracked.errors import ProtocolError
from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.protocol.events import Side
from kracked.protocol.order_terms import SPOT_ORDER_TYPES, OrderType, SelfTrade, TimeInForce
from kracked.sim import messages
from kracked.sim.accounts.order_records import OrderRecord
from kracked.sim.accounts.order_request import AmendRequest, CloseTerms, OrderRequest, Pricing
from kracked.sim.accounts.trailing_stops import Trail
from kracked.sim.listings import Listing
from kracked.sim.private_api import numbers
from kracked.times import NS_PER_S, parse_ns

_SIDES = {"buy": Side.BID, "sell": Side.ASK}
_FLAGS = frozenset(("post", "fcib", "fciq", "viqc", "nompp"))
_INT32 = 2**31
_DIGITS = 25
"""A number with more of them is no price, no quantity, no id: it stays as it was written."""
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_MOMENT = re.compile(r"\+?[0-9]{1,12}")
_Choice = TypeVar("_Choice", bound=StrEnum)


class RestParams:
    """One request's parameters."""

    def __init__(self, params: Mapping[str, object]) -> None:
        self.params = params

    def text(self, name: str) -> str | None:
        """As text, whatever JSON made of it; None when it is missing or empty."""
        match self.params.get(name):
            case None | "":
                return None
            case bool(value):
                return "true" if value else "false"
            case Decimal() as value if abs(value.adjusted()) <= _DIGITS:
                return format(value, "f")
            case value:
                return str(value)

    def needed(self, name: str) -> str:
        text = self.text(name)
        if text is None:
            raise Refusal(refusals.argument(name))
        return text

    def flag(self, name: str) -> bool:
        """Off when it is missing; text other than `false` and `0` is on."""
        return self.text(name) not in (None, "false", "False", "0")

    def whole(self, name: str, default: int | None = None) -> int | None:
        text = self.text(name)
        if text is None:
            return default
        if not _WHOLE.fullmatch(text):
            raise Refusal(refusals.argument(name))
        return int(text)

    def choice(self, name: str, kind: type[_Choice], default: _Choice) -> _Choice:
        text = self.text(name)
        if text is None:
            return default
        try:
            return kind(text.lower().replace("_", "-") if kind is SelfTrade else text)
        except ValueError:
            raise Refusal(refusals.argument(name)) from None

    def names(self, name: str) -> list[str]:
        """A list, or text with commas."""
        value = self.params.get(name)
        found = value if isinstance(value, list) else (self.text(name) or "").split(",")
        return [str(item) for item in found if item != ""]

    def deadline(self) -> int | None:
        """ns since the Unix epoch."""
        text = self.text("deadline")
        try:
            return None if text is None else parse_ns(text)
        except ProtocolError:
            raise Refusal(refusals.argument("deadline")) from None

    def userref(self) -> int | None:
        userref = self.whole("userref")
        if userref is not None and not -_INT32 <= userref < _INT32:
            raise Refusal(refusals.argument("userref"))
        return userref


class RestOrderReader:
    """Reads orders of one listing, with the last trade for relative prices."""

    def __init__(
        self, listing: Listing, last: int, now: int, bought_for: Callable[[int], int]
    ) -> None:
        """`bought_for`: how much a market buy of a value gets, both scaled."""
        self._listing, self._last, self._now = listing, last, now
        self._bought_for = bought_for

    def ticket(self, form: RestParams) -> OrderRequest:
        """Raises `Refusal`."""
        kind = _kind(form)
        side = _SIDES.get(form.needed("type"))
        if side is None:
            raise Refusal(refusals.argument("type"))
        flags = _flags(form, kind, side)
        qty, cash = self._volume(form, in_quote="viqc" in flags)
        pricing = self._prices(form, kind, side)
        tif = _time_in_force(form, kind)
        _spot_only(form)
        return OrderRequest(
            symbol=self._listing.symbol,
            side=side,
            kind=kind,
            qty=qty,
            price=pricing.price,
            trigger_price=pricing.trigger_price,
            trail=pricing.trail,
            by_index=_by_index(form),
            tif=tif,
            start_at=self._moment(form, "starttm"),
            expire_at=self._expiry(form, tif),
            post_only="post" in flags,
            display_qty=self._shown(form, kind),
            stp=form.choice("stptype", SelfTrade, SelfTrade.CANCEL_NEWEST),
            cl_ord_id=form.text("cl_ord_id"),
            userref=form.userref(),
            fee_in_base="fcib" in flags,
            cash_qty=cash,
            close=self._close(form, side),
        )

    def _volume(self, form: RestParams, *, in_quote: bool) -> tuple[int, int | None]:
        """The quantity, and the value it was asked for in, if it was."""
        text = form.needed("volume")
        if not in_quote:
            return numbers.quantity(text, self._listing), None
        digits = self._listing.instrument.precision
        cash = numbers.amount(text, digits.price + digits.qty, "volume")
        return self._bought_for(cash), cash

    def _prices(self, form: RestParams, kind: OrderType, side: Side) -> Pricing:
        """Limit and trigger: `price` is the trigger of a kind that waits, else the limit."""
        if kind is OrderType.MARKET:
            return Pricing()
        if kind.trails:
            return Pricing(trail=self._trail(form, kind))
        first = self._price(form.needed("price"), kind, side, messages.INVALID_PRICE)
        if not kind.waits:
            return Pricing(first)
        if not kind.limited:
            return Pricing(None, first)
        text = form.text("price2")
        if text is None:
            raise Refusal(messages.INVALID_PRICE2)
        return Pricing(self._price(text, kind, side, messages.INVALID_PRICE2), first)

    def _trail(self, form: RestParams, kind: OrderType) -> Trail:
        """Distances: `price` from the best price seen, `price2` from the trigger."""
        listing = self._listing
        text = form.needed("price")
        distance = numbers.trailing(text, listing, messages.INVALID_PRICE, signs="+")
        if distance.by <= 0:
            raise Refusal(messages.INVALID_PRICE)
        if not kind.limited:
            return Trail(distance)
        text = form.text("price2") or ""
        return Trail(distance, numbers.trailing(text, listing, messages.INVALID_PRICE2, signs="+-"))

    def _price(self, text: str, kind: OrderType, side: Side, malformed: str) -> int:
        if numbers.is_relative(text):
            points_up = numbers.upward(kind, side)
            return numbers.relative(text, self._listing, self._last, upward=points_up)
        return numbers.price(text, self._listing, malformed)

    def _shown(self, form: RestParams, kind: OrderType) -> int | None:
        text = form.text("displayvol")
        if (text is None) == (kind is OrderType.ICEBERG):
            raise Refusal(refusals.argument("displayvol"))
        return None if text is None else numbers.quantity(text, self._listing, "displayvol")

    def _expiry(self, form: RestParams, tif: TimeInForce) -> int | None:
        expires = self._moment(form, "expiretm")
        if (expires is None) == (tif is TimeInForce.GTD):
            raise Refusal(refusals.argument("expiretm"))
        return expires

    def _moment(self, form: RestParams, name: str) -> int | None:
        """`<unix s>`, or `+<s>` from now; None for 0."""
        text = form.text(name) or "0"
        if not _MOMENT.fullmatch(text):
            raise Refusal(refusals.argument(name))
        seconds = int(text)
        if not seconds:
            return None
        return seconds * NS_PER_S + (self._now if text.startswith("+") else 0)

    def _close(self, form: RestParams, side: Side) -> CloseTerms | None:
        """The conditional close; only plain prices are taken for it."""
        nested = form.params.get("close")
        members = nested if isinstance(nested, dict) else _flat_close(form)
        if not members:
            return None
        close, opposite = RestParams(members), Side.ASK if side is Side.BID else Side.BID
        kind = _kind(close)
        if kind in (OrderType.MARKET, OrderType.ICEBERG):
            raise Refusal(refusals.argument("close[ordertype]"))
        return CloseTerms(kind=kind, **self._prices(close, kind, opposite)._asdict())

    # --- changes ----------------------------------------------------------------------

    def change(self, form: RestParams, order: OrderRecord) -> AmendRequest:
        """What AmendOrder asks for. Raises `Refusal`."""
        qty, shown = form.text("order_qty"), form.text("display_qty")
        limit, trigger = form.text("limit_price"), form.text("trigger_price")
        if (qty, shown, limit, trigger) == (None, None, None, None):
            raise Refusal(refusals.ARGUMENTS)
        kind, side = order.ticket.kind, order.side
        return AmendRequest(
            qty=None if qty is None else numbers.quantity(qty, self._listing, "order_qty"),
            display_qty=None
            if shown is None
            else numbers.quantity(shown, self._listing, "display_qty"),
            price=None if limit is None else self._price(limit, kind, side, messages.INVALID_LIMIT),
            trigger_price=None
            if trigger is None
            else self._price(trigger, kind, side, refusals.argument("trigger_price")),
            post_only=form.flag("post_only"),
        )

    def edited(self, form: RestParams, order: OrderRecord) -> OrderRequest:
        """The successor EditOrder asks for: named terms are new, flags but `post` stay."""
        old = order.ticket
        members = {
            name: value
            for name, value in {
                "ordertype": old.kind.value,
                "type": "buy" if old.side is Side.BID else "sell",
                "volume": self._listing.instrument.precision.qty_text(order.qty),
                **self._priced(order),
                "displayvol": self._qty_text(order.display_qty),
            }.items()
            if value is not None
        }
        if form.text("oflags") not in (None, "post"):
            raise Refusal(refusals.argument("oflags"))
        asked = {name: value for name, value in form.params.items() if name not in _EDIT_OTHERS}
        ticket = self.ticket(RestParams({**members, **asked}))
        return _kept(ticket, old)

    def _priced(self, order: OrderRecord) -> dict[str, str | None]:
        """The prices an order was given, as AddOrder takes them."""
        trail, digits = order.ticket.trail, self._listing.instrument.precision.price
        if trail is not None:
            limit = None if trail.limit is None else trail.limit.text(digits)
            return {"price": trail.distance.text(digits), "price2": limit}
        if order.ticket.kind.waits:
            return {"price": self._text(order.trigger_price), "price2": self._text(order.price)}
        return {"price": self._text(order.price)}

    def _text(self, price: int | None) -> str | None:
        return None if price is None else self._listing.instrument.precision.price_text(price)

    def _qty_text(self, qty: int | None) -> str | None:
        return None if qty is None else self._listing.instrument.precision.qty_text(qty)


_EDIT_OTHERS = frozenset(("txid", "pair", "deadline", "cancel_response", "validate", "cl_ord_id"))


def _kept(ticket: OrderRequest, old: OrderRequest) -> OrderRequest:
    """What an edit keeps of the order it replaces."""
    return replace(
        ticket,
        tif=old.tif,
        start_at=old.start_at,
        expire_at=old.expire_at,
        stp=old.stp,
        fee_in_base=old.fee_in_base,
        by_index=old.by_index,
    )


def _kind(form: RestParams) -> OrderType:
    name = form.needed("ordertype")
    if name not in SPOT_ORDER_TYPES:
        raise Refusal(refusals.argument("ordertype"))
    return OrderType(name)


def _flags(form: RestParams, kind: OrderType, side: Side) -> frozenset[str]:
    flags = frozenset(form.names("oflags"))
    wrong = (
        flags - _FLAGS
        or ("post" in flags and kind is not OrderType.LIMIT)
        or ("viqc" in flags and not (kind is OrderType.MARKET and side is Side.BID))
        or {"fcib", "fciq"} <= flags
    )
    if wrong:
        raise Refusal(refusals.argument("oflags"))
    return flags


def _time_in_force(form: RestParams, kind: OrderType) -> TimeInForce:
    text = (form.text("timeinforce") or "GTC").upper()
    try:
        tif = TimeInForce(text)
    except ValueError:
        raise Refusal(refusals.argument("timeinforce")) from None
    return TimeInForce.IOC if kind is OrderType.MARKET and tif is not TimeInForce.FOK else tif


def _by_index(form: RestParams) -> bool:
    reference = form.text("trigger") or "last"
    if reference not in ("last", "index"):
        raise Refusal(refusals.argument("trigger"))
    return reference == "index"


def _spot_only(form: RestParams) -> None:
    """No margin is lent here."""
    if form.flag("reduce_only"):
        raise Refusal(messages.NO_POSITION)
    if form.text("leverage") not in (None, "none", "0"):
        raise Refusal(messages.NO_MARGIN)


def _flat_close(form: RestParams) -> dict[str, object]:
    return {
        name[len("close[") : -1]: value
        for name, value in form.params.items()
        if name.startswith("close[") and name.endswith("]")
    }
