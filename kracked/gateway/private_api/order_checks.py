"""Everything an order is refused for before the engine sees it, in the exchange's words.

The order of the checks is not documented. Here it is: market mode, terms, minimums, client
id, then what depends on the account: rate, number of open orders, funds.

Source: docs.kraken.com/api/docs/guides/spot-errors
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from kracked.gateway import order_words, refusals
from kracked.gateway.accounts.order_records import OrderRecord, OrderRecords
from kracked.gateway.accounts.order_request import AmendRequest, OrderRequest
from kracked.gateway.refusals import Refusal
from kracked.instruments import Instrument
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked.times import NS_PER_S

REST_NOTICE_NS = 2 * NS_PER_S
SOCKET_NOTICE_NS = NS_PER_S // 2
"""How far ahead a deadline must lie at least."""
_DEADLINE_NS = 60 * NS_PER_S
_LEAST_LIFE_NS, _LONGEST_LIFE_NS = 5 * NS_PER_S, 31 * 86_400 * NS_PER_S
_CLIENT_ID = re.compile(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[!-~]{1,18}"
)
ICEBERG_PARTS = 15
"""An iceberg shows at least one part in so many."""


def mode(system: str, pair_status: str, request: OrderRequest) -> None:
    """Check an order against the exchange's mode and the pair's.

    Raises:
        Refusal: One of the modes does not take it.
    """
    for found in (system, pair_status):
        match found:
            case "online":
                pass
            case "maintenance":
                raise Refusal(refusals.UNAVAILABLE)
            case "post_only" if request.post_only:
                pass
            case "limit_only" if request.order_type.limited:
                pass
            case _:
                raise Refusal(order_words.market_mode(found))


def terms(request: OrderRequest, instrument: Instrument, last: int, now: int) -> None:
    """Check tick size and minimums, and whether an order's parts go together.

    Args:
        request: The order.
        instrument: Its pair's rules.
        last: Price of the last trade, which measures an order without a price.
        now: Time, ns since the Unix epoch.

    Raises:
        Refusal: A part is out of bounds.
    """
    close = request.close
    close_prices = () if close is None else (close.price, close.trigger_price)
    tick_size(instrument, request.price, request.trigger_price, *close_prices)
    if request.trail is not None and last and request.trail.trigger(request.side, last) <= 0:
        raise Refusal(order_words.INVALID_PRICE)
    minimums(instrument, request.qty, request.price or request.trigger_price or last)
    if request.order_type is OrderType.ICEBERG:
        shown = request.display_qty or 0
        if not request.qty <= shown * ICEBERG_PARTS <= request.qty * ICEBERG_PARTS:
            raise Refusal(refusals.argument("displayvol"))
    if request.by_index and not instrument.has_index:
        raise Refusal(order_words.NO_INDEX)
    begins = max(now, request.start_at or now)
    if begins - now > _LONGEST_LIFE_NS:
        raise Refusal(refusals.argument("starttm"))
    if request.tif is TimeInForce.GTD:
        life = (request.expire_at or 0) - begins
        if not _LEAST_LIFE_NS <= life <= _LONGEST_LIFE_NS:
            raise Refusal(refusals.argument("expiretm"))


def tick_size(instrument: Instrument, *prices: int | None) -> None:
    """Check that prices are positive and whole ticks.

    Raises:
        Refusal: One is not.
    """
    for price in prices:
        if price is not None and (price <= 0 or price % instrument.price_increment):
            raise Refusal(order_words.TICK_SIZE if price > 0 else order_words.INVALID_PRICE)


def minimums(instrument: Instrument, qty: int, price: int) -> None:
    """Check the least quantity and the least cost, at the price an order is measured by.

    Raises:
        Refusal: The order is too small.
    """
    if qty < instrument.qty_min:
        raise Refusal(order_words.VOLUME_MINIMUM)
    if instrument.precision.cost_decimal(price, qty) < instrument.cost_min:
        raise Refusal(order_words.COST_MINIMUM)


def amend(order: OrderRecord, amend: AmendRequest, system: str, instrument: Instrument) -> None:
    """Check that an order has what is to change, and that its new terms are allowed.

    Args:
        order: The open order.
        amend: The new terms.
        system: The exchange's mode.
        instrument: The pair's rules.

    Raises:
        Refusal: It stays as it is.
    """
    mode(system, instrument.status, replace(order.request, post_only=amend.post_only))
    order_type = order.request.order_type
    if order.request.close is not None:
        raise Refusal(refusals.ARGUMENTS)
    if amend.price is not None and (
        not order_type.limited or (order_type.trails and order.waiting)
    ):
        raise Refusal(order_words.INVALID_LIMIT)
    if amend.trigger_price is not None and (
        not (order_type.waits and order.waiting) or order_type.trails
    ):
        raise Refusal(refusals.argument("trigger_price"))
    if amend.display_qty is not None and order_type is not OrderType.ICEBERG:
        raise Refusal(refusals.argument("display_qty"))
    tick_size(instrument, amend.price, amend.trigger_price)
    qty = order.qty if amend.qty is None else amend.qty
    price = amend.price or order.price or amend.trigger_price or order.trigger_price or 0
    if qty > order.filled:
        minimums(instrument, qty, price)
        shown = amend.display_qty
        if shown is not None and not (
            qty - order.filled <= ICEBERG_PARTS * shown <= ICEBERG_PARTS * qty
        ):
            raise Refusal(refusals.argument("display_qty"))


def edit(order: OrderRecord, request: OrderRequest) -> None:
    """Check that an order can be replaced by its successor.

    Raises:
        Refusal: It was triggered, has a conditional close, or is filled further than that.
    """
    if order.triggered or order.request.close is not None or order.filled > request.qty:
        raise Refusal(order_words.INVALID_ORDER)


def client_id(cl_ord_id: str | None, userref: int | None, orders: OrderRecords) -> None:
    """Check a client id: its form, that there is no userref too, and that no open order has it.

    Raises:
        Refusal: It may not be used.
    """
    if cl_ord_id is None:
        return
    if userref is not None:
        raise Refusal(refusals.ARGUMENTS)
    if not _CLIENT_ID.fullmatch(cl_ord_id):
        raise Refusal(order_words.CLIENT_ID)
    if orders.open_by(cl_ord_id=cl_ord_id):
        raise Refusal(order_words.CLIENT_ID_IN_USE)


def deadline(until: int | None, now: int, notice_ns: int) -> None:
    """Check a request's deadline.

    Args:
        until: The deadline, ns since the Unix epoch; None for none.
        now: Time, ns since the Unix epoch.
        notice_ns: How far ahead it must lie at least.

    Raises:
        Refusal: It has passed, or is out of bounds.
    """
    if until is None:
        return
    if until <= now:
        raise Refusal(order_words.DEADLINE)
    if not notice_ns <= until - now <= _DEADLINE_NS:
        raise Refusal(refusals.argument("deadline"))
