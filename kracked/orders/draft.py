"""An order before it is sent: scaled integers of one instrument, without an id. Pure.

`rounded` makes it one that the exchange accepts, never at a worse price; `to_order` makes the
request of it.

Source: docs.kraken.com/api/docs/rest-api/add-order
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from kracked import units
from kracked.instruments import Instrument
from kracked.orders.outbox.client_ids import userref_of
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, Trigger
from kracked.rest.encoding import RelativePrice
from kracked.rest.orders import AddOrder, ConditionalClose, OrderFlag, Price

PERCENT_DECIMALS = 2
"""A distance in percent is scaled by two decimals: 150 is 1.50 %."""


class FeeIn(StrEnum):
    """The currency of an order's fee; by default quote when buying and base when selling."""

    BASE = "base"
    QUOTE = "quote"


class CloseDraft(msgspec.Struct, frozen=True, kw_only=True):
    """An opposite order for each fill of the first; its prices follow the rules of `Draft`."""

    order_type: OrderType
    price: int | None = None
    price2: int | None = None
    in_percent: bool = False


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An order to buy or sell, in scaled integers.

    Quantities are scaled by the instrument's quantity precision, prices by its price precision.
    """

    symbol: str
    side: Side
    qty: int
    """The quantity, in the base currency."""
    order_type: OrderType = OrderType.LIMIT
    price: int | None = None
    """The limit of `limit` and `iceberg`, the trigger of stops and profits, and the distance of
    trailing types from the best price seen."""
    price2: int | None = None
    """The limit of the types that end in ``-limit``; for the trailing one its distance from the
    trigger, negative below it."""
    in_percent: bool = False
    """Trailing types only: whether `price` is in percent, scaled by `PERCENT_DECIMALS`."""
    trigger: Trigger | None = None
    """The price that triggers it; the last trade by default."""
    post_only: bool = False
    """Whether it must not trade at once."""
    time_in_force: TimeInForce = TimeInForce.GTC
    expires: int | None = None
    """Good-till-date only; ns since the Unix epoch."""
    expires_in_s: int | None = None
    """Good-till-date only, in place of `expires`: 5 s to a month from the exchange's now."""
    display_qty: int | None = None
    """Icebergs only: the quantity that the book shows, at least a fifteenth of `qty`."""
    fee_in: FeeIn | None = None
    self_trade: SelfTrade | None = None
    """Which of two own orders that meet is cancelled; the newest by default."""
    close: CloseDraft | None = None
    """A conditional close: an opposite order for each fill."""

    @property
    def limit(self) -> int | None:
        """The worst price at which it can trade; None without one."""
        if self.order_type in (OrderType.LIMIT, OrderType.ICEBERG):
            return self.price
        if self.order_type in (OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT):
            return self.price2
        return None

    @property
    def trigger_price(self) -> int | None:
        """The trigger of a stop or profit; trailing types have no fixed one."""
        waits = self.order_type.waits and not self.order_type.trails
        return self.price if waits else None


def rounded(draft: Draft, instrument: Instrument) -> Draft:
    """Round quantities down to a lot step, prices to a tick: down when buying, up when selling."""
    step, tick = instrument.qty_increment, instrument.price_increment
    shown, close = draft.display_qty, draft.close
    if close is not None:
        side = draft.side.opposite
        close = msgspec.structs.replace(
            close,
            price=close.price if close.in_percent else _to_tick(close.price, side, tick),
            price2=_to_tick(close.price2, side, tick),
        )
    return msgspec.structs.replace(
        draft,
        qty=draft.qty - draft.qty % step,
        display_qty=None if shown is None else shown - shown % step,
        price=draft.price if draft.in_percent else _to_tick(draft.price, draft.side, tick),
        price2=_to_tick(draft.price2, draft.side, tick),
        close=close,
    )


def _to_tick(price: int | None, side: Side, tick: int) -> int | None:
    if price is None:
        return None
    below = price - price % tick
    return below if side is Side.BID or below == price else below + tick


def to_order(draft: Draft, instrument: Instrument, cl_ord_id: str | None) -> AddOrder:
    """Return the request of a draft.

    An order with a conditional close carries a userref in place of the client id: the exchange
    refuses both together.

    Raises:
        BadOrder: Its parts do not go together.
    """
    precision = instrument.precision
    default = draft.time_in_force is TimeInForce.GTC
    shown, close = draft.display_qty, draft.close
    flags = [OrderFlag.POST] if draft.post_only else []
    if draft.fee_in is not None:
        base = draft.fee_in is FeeIn.BASE
        flags.append(OrderFlag.FEE_IN_BASE if base else OrderFlag.FEE_IN_QUOTE)
    return AddOrder(
        order_type=draft.order_type,
        side=draft.side,
        volume=precision.qty_decimal(draft.qty),
        price=_sent_price(draft, draft.price, instrument, percent=draft.in_percent),
        price2=_sent_price(draft, draft.price2, instrument),
        trigger=draft.trigger,
        display_volume=None if shown is None else precision.qty_decimal(shown),
        flags=tuple(flags),
        self_trade=draft.self_trade,
        time_in_force=None if default else draft.time_in_force,
        expires=draft.expires,
        expires_in_s=draft.expires_in_s,
        close=None
        if close is None
        else ConditionalClose(
            order_type=close.order_type,
            price=_sent_price(close, close.price, instrument, percent=close.in_percent),
            price2=_sent_price(close, close.price2, instrument),
        ),
        userref=None if close is None or cl_ord_id is None else userref_of(cl_ord_id),
        cl_ord_id=cl_ord_id if close is None else None,
    )


def _sent_price(
    part: Draft | CloseDraft, price: int | None, instrument: Instrument, *, percent: bool = False
) -> Price | None:
    """Return a price as a number; a percentage, and what a trailing type takes, as a distance."""
    if price is None:
        return None
    decimals = PERCENT_DECIMALS if percent else instrument.precision.price
    value = units.to_decimal(price, decimals)
    if not percent and not part.order_type.trails:
        return value
    return RelativePrice("-" if value < 0 else "+", abs(value), percent)
