"""Reads orders as clients write them: one reader for REST's text and WebSocket's JSON.

The two forms differ in names, types and ways to write a price. An `OrderForm` returns their
values, scaled, and refuses what its own form rules out. The parts of an order, and the rules
between them, are defined here, once. The order in which the parts are read decides which of
several mistakes is refused.

Sources: docs.kraken.com/api/docs/rest-api/add-order, .../websocket-v2/add_order
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from kracked.gateway import refusals
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.accounts.order_request import AmendRequest, OrderRequest, Pricing
from kracked.gateway.listing import ListedPair
from kracked.gateway.private_api.ports import Broker, Market
from kracked.gateway.refusals import Refusal
from kracked.protocol.events import Side
from kracked.protocol.order_terms import (
    SPOT_ORDER_TYPES,
    CloseTerms,
    OrderType,
    SelfTrade,
    TimeInForce,
    Trail,
    TrailOffset,
)

_SIDES = {"buy": Side.BID, "sell": Side.ASK}
_AMENDABLE = ("order_qty", "display_qty", "limit_price", "trigger_price")
"""The terms an amend may change, by the names that both forms have for them."""
USERREFS = range(-(2**31), 2**31)


class OrderContext(NamedTuple):
    """The market and the account that an order is read for."""

    listing: ListedPair
    last: int
    """Price of the last trade: relative prices start from it."""
    now: int
    bought_for: Callable[[int], int]
    """Returns the quantity that a market buy of a value gets; both are scaled."""

    @classmethod
    def of(
        cls,
        market: Market,
        broker: Broker,
        account: ClientAccount,
        listing: ListedPair,
        now: int,
    ) -> OrderContext:
        """Return the context of an account's order in a listing at `now`."""

        def bought_for(cash: int) -> int:
            """Return the quantity that a market buy of a value gets."""
            return broker.bought_for(account, listing.symbol, cash)

        return cls(listing, market.last_price(listing.symbol), now, bought_for)


class ArgumentNames(NamedTuple):
    """The names that one form has for the parts of an order; refusals state them."""

    order_type: str
    side: str
    display_qty: str
    time_in_force: str
    expire_at: str
    close: str
    """Stated when a conditional close is of a type it cannot be."""


class OrderForm(Protocol):
    """One order as a client wrote it.

    Every method reads one part, scaled by the listing's precision, and raises `Refusal` for
    a part that cannot be read. None is a part that is missing.
    """

    @property
    def names(self) -> ArgumentNames:
        """The names of this form."""

    @property
    def context(self) -> OrderContext:
        """The market and the account the order is read for."""

    def required(self, name: str) -> str:
        """Return a text that must not be missing."""

    def text(self, name: str) -> str | None:
        """Return a text."""

    def flag(self, name: str) -> bool:
        """Return a flag; off when it is missing."""

    def check_options(self, order_type: OrderType, side: Side, /) -> None:
        """Refuse options that cannot be had, or not together. Called before numbers are read."""

    def check_margin(self) -> None:
        """Refuse a request for margin: none is lent here."""

    def volume(self, order_type: OrderType, side: Side, /) -> tuple[int, int | None]:
        """Return the quantity, and the value it was requested in, if it was."""

    def trigger_price(self, order_type: OrderType, side: Side, /) -> int | None:
        """Return the trigger price of a type that waits for one and does not trail."""

    def limit_price(self, order_type: OrderType, side: Side, /) -> int | None:
        """Return the limit price of a type that has one and does not trail."""

    def trail_distance(self) -> TrailOffset:
        """Return how far a trailing order's trigger keeps from the best price seen."""

    def trail_limit(self, order_type: OrderType) -> TrailOffset | None:
        """Return how far a trailing order's limit lies from its trigger, if it has a limit."""

    def time_in_force(self) -> TimeInForce:
        """Return how long the order stays."""

    def by_index(self) -> bool:
        """Whether the trigger watches the index."""

    def start_at(self) -> int | None:
        """Return when to place the order, ns since the Unix epoch."""

    def expire_at(self) -> int | None:
        """Return when the order ends, ns since the Unix epoch."""

    def post_only(self) -> bool:
        """Whether the order may only rest."""

    def display_qty(self) -> int | None:
        """Return the part of an iceberg that is shown."""

    def self_trade(self) -> SelfTrade:
        """Return which of two own orders is cancelled."""

    def userref(self) -> int | None:
        """Return the client's number for the order."""

    def fee_in_base(self) -> bool:
        """Whether the fee is taken in the base asset."""

    def close(self) -> OrderForm | None:
        """Return the conditional close, which has a type and prices alone."""


class AmendForm(Protocol):
    """New terms of an open order as a client wrote them. Both forms have the same names."""

    def has(self, name: str) -> bool:
        """Whether a term is stated. Raises `Refusal` for one of the wrong type."""

    def price_type(self, name: str, /) -> str:
        """Return how a price is stated: `static`, or relative in one of several ways."""

    def new_quantity(self, name: str) -> int | None:
        """Return a new quantity, scaled."""

    def new_price(self, name: str, price_type: str, order: OrderRecord, /) -> int | None:
        """Return a new price, scaled."""

    def flag(self, name: str) -> bool:
        """Return a flag; off when it is missing."""


def read_order(form: OrderForm) -> OrderRequest:
    """Return the order that a form requests.

    Raises:
        Refusal: A part cannot be read, is missing, or does not go with another.
    """
    order_type = _order_type(form)
    side = _SIDES.get(form.required(form.names.side))
    if side is None:
        raise Refusal(refusals.argument(form.names.side))
    form.check_options(order_type, side)
    qty, cash_qty = form.volume(order_type, side)
    pricing = read_pricing(form, order_type, side)
    tif = form.time_in_force()
    if tif is TimeInForce.FOK and not order_type.limited:
        raise Refusal(refusals.argument(form.names.time_in_force))
    if order_type is OrderType.MARKET:
        tif = TimeInForce.IOC
    form.check_margin()
    close, cl_ord_id = _close(form, side), form.text("cl_ord_id")
    if close is not None and cl_ord_id is not None:
        # That both are refused together is known, the wording is not.
        raise Refusal(refusals.ARGUMENTS)
    return OrderRequest(
        symbol=form.context.listing.symbol,
        side=side,
        order_type=order_type,
        qty=qty,
        price=pricing.price,
        trigger_price=pricing.trigger_price,
        trail=pricing.trail,
        by_index=form.by_index(),
        tif=tif,
        start_at=form.start_at(),
        expire_at=_expire_at(form, tif),
        post_only=form.post_only(),
        display_qty=_display_qty(form, order_type),
        stp=form.self_trade(),
        cl_ord_id=cl_ord_id,
        userref=form.userref(),
        fee_in_base=form.fee_in_base(),
        cash_qty=cash_qty,
        close=close,
    )


def read_amend(form: AmendForm, order: OrderRecord) -> AmendRequest:
    """Return the new terms that a form requests for an open order.

    Raises:
        Refusal: A term cannot be read, or none is stated.
    """
    stated = [form.has(name) for name in _AMENDABLE]  # every type is checked, whatever is stated
    if not any(stated):
        raise Refusal(refusals.ARGUMENTS)
    limit_type, trigger_type = form.price_type("limit_price"), form.price_type("trigger_price")
    return AmendRequest(
        qty=form.new_quantity("order_qty"),
        display_qty=form.new_quantity("display_qty"),
        price=form.new_price("limit_price", limit_type, order),
        trigger_price=form.new_price("trigger_price", trigger_type, order),
        post_only=form.flag("post_only"),
    )


def read_pricing(form: OrderForm, order_type: OrderType, side: Side) -> Pricing:
    """Return the prices, or the distances, of an order of this type.

    Raises:
        Refusal: One is missing, cannot be read, or is not for this type.
    """
    if order_type.trails:
        distance = form.trail_distance()
        return Pricing(trail=Trail(distance, form.trail_limit(order_type)))
    trigger_price = form.trigger_price(order_type, side)
    return Pricing(form.limit_price(order_type, side), trigger_price)


def _order_type(form: OrderForm) -> OrderType:
    name = form.required(form.names.order_type)
    if name not in SPOT_ORDER_TYPES:
        raise Refusal(refusals.argument(form.names.order_type))
    return OrderType(name)


def _expire_at(form: OrderForm, tif: TimeInForce) -> int | None:
    expire_at = form.expire_at()
    if (expire_at is None) == (tif is TimeInForce.GTD):
        raise Refusal(refusals.argument(form.names.expire_at))
    return expire_at


def _display_qty(form: OrderForm, order_type: OrderType) -> int | None:
    display_qty = form.display_qty()
    if (display_qty is None) == (order_type is OrderType.ICEBERG):
        raise Refusal(refusals.argument(form.names.display_qty))
    return display_qty


def _close(form: OrderForm, side: Side) -> CloseTerms | None:
    close = form.close()
    if close is None:
        return None
    order_type = _order_type(close)
    if order_type in (OrderType.MARKET, OrderType.ICEBERG):
        raise Refusal(refusals.argument(form.names.close))
    pricing = read_pricing(close, order_type, side.opposite)
    return CloseTerms(order_type=order_type, **pricing._asdict())
