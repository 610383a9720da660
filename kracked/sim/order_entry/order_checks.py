"""Everything an order is refused for before the engine sees it, in the exchange's words.

The order of the checks is not documented; it is market mode, form, minimums, client id,
then what depends on the account: rate, number of open orders, funds.

Source: docs.kraken.com/api/docs/guides/spot-errors
"""

from __future__ import annotations

import re

from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.instruments import Instrument
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked.sim import messages
from kracked.sim.accounts.order_records import OrderRecords
from kracked.sim.accounts.order_request import CloseTerms, OrderRequest
from kracked.times import NS_PER_S

REST_NOTICE_NS = 2 * NS_PER_S
SOCKET_NOTICE_NS = NS_PER_S // 2
"""How far ahead a deadline must lie at least."""
_DEADLINE_NS = 60 * NS_PER_S
_LEAST_LIFE_NS, _LONGEST_LIFE_NS = 5 * NS_PER_S, 31 * 86_400 * NS_PER_S
_CLIENT_ID = re.compile(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[!-~]{1,18}"
)
_SLICES = 15
"""An iceberg shows at least one part in so many."""


def mode(system: str, pair: str, request: OrderRequest | None) -> None:
    """Whether the market takes this order now; None asks for anything but a new one."""
    for found in (system, pair):
        match found:
            case "online":
                pass
            case "maintenance":
                raise Refusal(refusals.UNAVAILABLE)
            case "post_only" if request is None or request.post_only:
                pass
            case "limit_only" if request is None or request.order_type.limited:
                pass
            case _:
                raise Refusal(messages.market_mode(found))


def form(request: OrderRequest, instrument: Instrument, last: int, now: int) -> None:
    """Tick size, minimums, and whether the order's parts go together."""
    prices = (request.price, request.trigger_price, *_close_prices(request.close))
    tick(instrument, *prices)
    minimum(instrument, request.qty, request.price or request.trigger_price or last)
    if request.order_type is OrderType.ICEBERG:
        shown = request.display_qty or 0
        if not request.qty <= shown * _SLICES <= request.qty * _SLICES:
            raise Refusal(refusals.argument("displayvol"))
    if request.by_index and not instrument.has_index:
        raise Refusal(messages.NO_INDEX)
    begins = max(now, request.start_at or now)
    if begins - now > _LONGEST_LIFE_NS:
        raise Refusal(refusals.argument("starttm"))
    if request.tif is TimeInForce.GTD:
        life = (request.expire_at or 0) - begins
        if not _LEAST_LIFE_NS <= life <= _LONGEST_LIFE_NS:
            raise Refusal(refusals.argument("expiretm"))


def tick(instrument: Instrument, *prices: int | None) -> None:
    for price in prices:
        if price is not None and (price <= 0 or price % instrument.price_increment):
            raise Refusal(messages.TICK_SIZE if price > 0 else messages.INVALID_PRICE)


def minimum(instrument: Instrument, qty: int, price: int) -> None:
    """Least quantity and least cost, at the price the order is measured by."""
    if qty < instrument.qty_min:
        raise Refusal(messages.VOLUME_MINIMUM)
    if instrument.precision.cost_decimal(price, qty) < instrument.cost_min:
        raise Refusal(messages.COST_MINIMUM)


def client_id(cl_ord_id: str | None, userref: int | None, orders: OrderRecords) -> None:
    if cl_ord_id is None:
        return
    if userref is not None:
        raise Refusal(refusals.ARGUMENTS)
    if not _CLIENT_ID.fullmatch(cl_ord_id):
        raise Refusal(messages.CLIENT_ID)
    if orders.open_by(cl_ord_id=cl_ord_id):
        raise Refusal(messages.CLIENT_ID_IN_USE)


def deadline(until: int | None, now: int, notice_ns: int) -> None:
    """A request that is late, or whose deadline is out of bounds."""
    if until is None:
        return
    if until <= now:
        raise Refusal(messages.DEADLINE)
    if not notice_ns <= until - now <= _DEADLINE_NS:
        raise Refusal(refusals.argument("deadline"))


def _close_prices(close: CloseTerms | None) -> tuple[int | None, ...]:
    return () if close is None else (close.price, close.trigger_price)
