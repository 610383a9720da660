"""An order as a person means it, before it has an id: scaled integers of one instrument.

`rounded` makes it one the exchange can take, never at a worse price than meant; `to_order`
turns it into the request.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kracked.instruments import Instrument
from kracked.protocol.events import Side
from kracked.rest.bodies import Offset
from kracked.rest.orders import AddOrder, OrderFlag, OrderType, Price, TimeInForce

TRAILING = (OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT)
TRIGGERED = (
    OrderType.STOP_LOSS,
    OrderType.TAKE_PROFIT,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT_LIMIT,
    *TRAILING,
)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What to buy or sell. `price` and `price2` as in `AddOrder`; distances of trailing types."""

    symbol: str
    side: Side
    qty: int
    """Scaled by the instrument's quantity precision."""
    order_type: OrderType = OrderType.LIMIT
    price: int | None = None
    """Scaled by the instrument's price precision, like `price2`."""
    price2: int | None = None
    post_only: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    expires: int | None = None
    """Good-till-date only; ns since the Unix epoch."""
    display_qty: int | None = None
    """Icebergs only."""

    @property
    def limit(self) -> int | None:
        """The worst price it can trade at, if it has one."""
        if self.order_type in (OrderType.LIMIT, OrderType.ICEBERG):
            return self.price
        if self.order_type in (OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT):
            return self.price2
        return None


def rounded(draft: Draft, instrument: Instrument) -> Draft:
    """Quantity down to a step, prices to a tick: down when buying, up when selling."""
    return msgspec.structs.replace(
        draft,
        qty=draft.qty - draft.qty % instrument.qty_increment,
        price=_to_tick(draft.price, draft.side, instrument.price_increment),
        price2=_to_tick(draft.price2, draft.side, instrument.price_increment),
    )


def _to_tick(price: int | None, side: Side, tick: int) -> int | None:
    if price is None:
        return None
    below = price - price % tick
    return below if side is Side.BID or below == price else below + tick


def to_order(draft: Draft, instrument: Instrument, cl_ord_id: str | None) -> AddOrder:
    """The request. Raises `BadOrder` when its parts do not go together."""
    precision = instrument.precision
    default = draft.time_in_force is TimeInForce.GTC
    shown = draft.display_qty
    return AddOrder(
        order_type=draft.order_type,
        side=draft.side,
        volume=precision.qty_decimal(draft.qty),
        price=_price(draft, draft.price, instrument),
        price2=_price(draft, draft.price2, instrument),
        display_volume=None if shown is None else precision.qty_decimal(shown),
        flags=(OrderFlag.POST,) if draft.post_only else (),
        time_in_force=None if default else draft.time_in_force,
        expires=draft.expires,
        cl_ord_id=cl_ord_id,
    )


def _price(draft: Draft, price: int | None, instrument: Instrument) -> Price | None:
    if price is None:
        return None
    value: Decimal = instrument.precision.price_decimal(price)
    if draft.order_type not in TRAILING:
        return value
    return Offset("-" if value < 0 else "+", abs(value))
