"""Amends of working orders: their review, the request, the place in the queue. Pure.

Sources: docs.kraken.com/api/docs/rest-api/amend-order, .../guides/spot-amends
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kracked.orders.draft import Draft, rounded
from kracked.orders.preview import preview
from kracked.orders.reviews import OrderReview
from kracked.orders.rules import funds, order_rules
from kracked.orders.rules.market_context import Check, FailedCheck, Limits, MarketContext
from kracked.orders.rules.order_checks import refusals
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.protocol.own_orders import OwnOrder
from kracked.rest.orders import AmendOrder


class AmendedTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of an open order, scaled by its instrument; None leaves a term as it is."""

    qty: int | None = None
    """The new total, not the remainder."""
    price: int | None = None
    """The limit; the trigger of an order without a limit."""
    trigger_price: int | None = None
    """The trigger of an order that has a limit too."""
    display_qty: int | None = None
    """The visible quantity of an iceberg."""


def review(
    order: OwnOrder, now: MarketContext, change: AmendedTerms, limits: Limits
) -> OrderReview:
    """Return the order as the change would leave it, with every reason against that."""
    problem = not_amendable(order, now.instrument.symbol)
    if any(entry.target == order.order_id for entry in now.pending):
        problem = "The last amend of this order is not settled; wait for it."
    if problem:
        nothing = Draft(symbol=order.symbol, side=order.side or Side.BID, qty=0)
        return OrderReview(nothing, "", (FailedCheck(Check.FORM, problem),))
    draft = rounded(amended(order, now, change), now.instrument)
    # It already counts as open and may equal its own entry, and its funds are its own.
    open_already = msgspec.structs.replace(
        now, available=None, open_room=None, amends=order.order_id
    )
    limits = msgspec.structs.replace(limits, allow_duplicate=True)
    found = refusals(draft, open_already, limits)
    against = [refusal for refusal in found if refusal.check is not Check.DISPLAY]
    left, owned = remaining(order, draft, now), with_its_own_funds(order, now)
    more = (
        leaves_some(order, draft, now),
        shows_enough(order, draft, now),
        funds.shortfall(left, owned),
    )
    against += [refusal for refusal in more if refusal]
    remarks = funds.unchecked(left, owned)
    return OrderReview(draft, preview(draft, now), tuple(against), remarks)


def not_amendable(order: OwnOrder, symbol: str) -> str | None:
    """Return why an order cannot be amended, as a sentence; None when it can be."""
    if order.symbol != symbol or not order.order_type or order.side is None:
        return "The stream has not described this order yet; wait for its snapshot."
    if order.order_type not in set(OrderType):
        return f"A {order.order_type} order is not known here; cancel it and place another."
    if OrderType(order.order_type).trails:
        return "A trailing order follows the market by itself; cancel it and place another."
    if order.contingent is not None:
        return "An order with a conditional close cannot be amended; cancel it and place another."
    return None


def amended(order: OwnOrder, now: MarketContext, change: AmendedTerms) -> Draft:
    """Return the order as it would be after the change."""
    precision = now.instrument.precision
    limit = _scaled(order.limit_price, precision.price)
    trigger = _scaled(order.trigger_price, precision.price)
    kind = OrderType(order.order_type)
    if order.triggers.status == "triggered" and limit is not None:
        kind, trigger = OrderType.LIMIT, None
    shown = change.display_qty
    if shown is None:
        showing = order.order_qty if order.display_qty is None else order.display_qty
        shown = _scaled(showing, precision.qty) or 0
    two = kind.waits and limit is not None
    moved = change.price if change.price is not None else (trigger if limit is None else limit)
    return Draft(
        symbol=order.symbol,
        side=order.side or Side.BID,
        qty=_scaled(order.order_qty, precision.qty) or 0 if change.qty is None else change.qty,
        order_type=kind,
        price=(trigger if change.trigger_price is None else change.trigger_price) if two else moved,
        price2=moved if two else None,
        post_only=order.post_only,
        display_qty=shown if kind is OrderType.ICEBERG else None,
    )


def _scaled(value: Decimal | None, decimals: int) -> int | None:
    return None if value is None else int(value.scaleb(decimals))


def shows_enough(order: OwnOrder, draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check an iceberg's visible quantity by what is left of the order, not by the whole."""
    return order_rules.display(remaining(order, draft, now), now)


def remaining(order: OwnOrder, draft: Draft, now: MarketContext) -> Draft:
    """Return what would be left to fill of the order after the change."""
    filled = _scaled(order.cum_qty, now.instrument.precision.qty) or 0
    return msgspec.structs.replace(draft, qty=max(0, draft.qty - filled))


def with_its_own_funds(order: OwnOrder, now: MarketContext) -> MarketContext:
    """Return the context with the funds that the order holds counted as free for its change."""
    if now.available is None:
        return now
    percent = now.fees.taker if now.fees is not None else funds.ZERO
    free = dict(now.available)
    for asset, amount in funds.held([order], percent).items():
        free[asset] = free.get(asset, funds.ZERO) + amount
    return msgspec.structs.replace(now, available=free)


def leaves_some(order: OwnOrder, draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that the order stays open: the exchange would accept less, and cancel the rest."""
    text, base = now.instrument.precision.qty_text, now.instrument.base
    filled = _scaled(order.cum_qty, now.instrument.precision.qty) or 0
    if draft.qty > filled:
        return None
    return FailedCheck(
        Check.QUANTITY,
        f"{text(filled)} {base} of it are filled; to end it there, cancel it instead.",
    )


def request(order: OwnOrder, draft: Draft, now: MarketContext, change: AmendedTerms) -> AmendOrder:
    """Return the request for the requested changes alone, rounded.

    A price that is named again without a change may lose the place in the queue.
    """
    precision = now.instrument.precision
    first, second = (
        None if price is None else precision.price_decimal(price)
        for price in (draft.price, draft.price2)
    )
    limited = order.limit_price is not None
    last = first if draft.price2 is None else second
    trigger = first if change.trigger_price is not None and draft.price2 is not None else None
    moved = last if change.price is not None else None
    shown = None if change.display_qty is None else draft.display_qty
    return AmendOrder(
        order_qty=None if change.qty is None else precision.qty_decimal(draft.qty),
        display_qty=None if shown is None else precision.qty_decimal(shown),
        limit_price=moved if limited else None,
        trigger_price=trigger if limited else moved,
        post_only=order.post_only and change.price is not None,
    )


def keeps_place(
    order: OwnOrder, *, qty: Decimal | None = None, price: Decimal | None = None
) -> bool:
    """Whether an amend leaves the order its place in the queue.

    Args:
        order: The order as it is.
        qty: The new total quantity; None leaves it.
        price: The new limit; None leaves it.
    """
    moves = price is not None and order.limit_price is not None and price != order.limit_price
    return not moves and (qty is None or qty <= order.order_qty)
