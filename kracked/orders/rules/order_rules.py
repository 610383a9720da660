"""Checks of an order's own terms: whether they go together and fit its instrument. Pure.

The checks by the market, the account and the trader's bounds are in `order_checks`. Every
check returns None when it passes.

Sources: docs.kraken.com/api/docs/rest-api/add-order, .../get-tradable-asset-pairs
"""

from __future__ import annotations

from decimal import ROUND_DOWN

from kracked.orders.draft import PERCENT_DECIMALS, CloseDraft, Draft, to_order
from kracked.orders.rules.market_context import (
    Check,
    FailedCheck,
    Limits,
    MarketContext,
    amount_text,
    notional,
)
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce, Trigger
from kracked.rest.encoding import BadOrder
from kracked.times import NS_PER_S

SLICES = 15
"""An iceberg shows at least this fraction of itself: one part in fifteen."""
LEAST_LIFE_S, LONGEST_LIFE_S = 5, 30 * 86_400
"""The documentation says a month; 30 days are within any month it may mean."""
LEAST_DEADLINE_NS, LONGEST_DEADLINE_NS = 2 * NS_PER_S, 60 * NS_PER_S
_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)
_HUNDRED_PERCENT = 100 * 10**PERCENT_DECIMALS


def form(draft: Draft, now: MarketContext, limits: Limits) -> FailedCheck | None:
    """Check that the parts of the order go together."""
    kind, force = draft.order_type, draft.time_in_force
    parts = (draft,) if draft.close is None else (draft, draft.close)
    misfits = {
        "Margin positions are not traded here.": kind is OrderType.SETTLE_POSITION,
        "Post-only never trades at once; use GTC or GTD.": draft.post_only and force in _AT_ONCE,
        "An iceberg waits in the book; use GTC or GTD.": kind is OrderType.ICEBERG
        and force in _AT_ONCE,
        "A market order never waits; it takes no time in force.": kind is OrderType.MARKET
        and force is not TimeInForce.GTC,
        "Only the distance of a trailing order can be in percent.": any(
            it.in_percent and not it.order_type.trails for it in parts
        ),
        f"{draft.symbol} has no index price; trigger by the last trade.": (
            draft.trigger is Trigger.INDEX and not now.instrument.has_index
        ),
        "The deadline must be 2 to 60 s; change that limit.": (
            not LEAST_DEADLINE_NS <= limits.deadline_ns <= LONGEST_DEADLINE_NS
        ),
    }
    sentence = next((sentence for sentence, applies in misfits.items() if applies), None)
    if sentence is None:
        try:
            to_order(draft, now.instrument, None)
        except BadOrder as error:
            sentence = f"{error}."
    return None if sentence is None else FailedCheck(Check.FORM, sentence)


def price(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that every price is above zero and on a tick, and no distance wider than the price."""
    for part in (draft,) if draft.close is None else (draft, draft.close):
        for name in ("price", "price2"):
            if sentence := _price_problem(part, name, now):
                return FailedCheck(Check.PRICE, sentence)
    twice, wide = now.middle_twice, draft.order_type.trails and not draft.in_percent
    if not wide or draft.price is None or twice is None or 2 * draft.price < twice:
        return None
    sentence = "The distance is as wide as the price itself; make it smaller."
    return FailedCheck(Check.PRICE, sentence)


def _price_problem(part: Draft | CloseDraft, name: str, now: MarketContext) -> str | None:
    value: int | None = getattr(part, name)
    trails = part.order_type.trails
    if value is None or (trails and name == "price2" and value == 0):
        return None
    if value <= 0 and not (trails and name == "price2"):
        return f"The {'distance' if trails else 'price'} must be above zero."
    if trails and name == "price" and part.in_percent:
        return "The distance must be below 100 %." if value >= _HUNDRED_PERCENT else None
    tick, precision = now.instrument.price_increment, now.instrument.precision
    if value % tick:
        return (
            f"{precision.price_text(value)} is between ticks; "
            f"use a multiple of {precision.price_text(tick)}."
        )
    return None


def quantity(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that the quantity is whole lots, and enough of them."""
    step, precision = now.instrument.qty_increment, now.instrument.precision
    if draft.qty % step:
        return FailedCheck(
            Check.QUANTITY,
            f"{precision.qty_text(draft.qty)} is between lot steps; "
            f"use a multiple of {precision.qty_text(step)}.",
        )
    if draft.qty >= max(1, now.instrument.qty_min):
        return None
    least = precision.qty_text(max(1, now.instrument.qty_min))
    return FailedCheck(Check.MINIMUM, f"The least quantity is {least} {now.instrument.base}.")


def display(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that an iceberg shows enough of itself, and not more than there is."""
    shown, step = draft.display_qty, now.instrument.qty_increment
    if shown is None or draft.order_type is not OrderType.ICEBERG:
        return None
    least = -(-draft.qty // SLICES)
    least += -least % step
    if shown % step == 0 and least <= shown <= draft.qty:
        return None
    text = now.instrument.precision.qty_text
    return FailedCheck(
        Check.DISPLAY,
        f"An iceberg of {text(draft.qty)} shows {text(least)} to {text(draft.qty)}, "
        f"in steps of {text(step)}.",
    )


def expiry(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that the order expires neither too soon nor too late for the exchange."""
    left_s = draft.expires_in_s
    if draft.expires is not None and now.at is not None:
        # Sent in whole seconds.
        left_s = draft.expires // NS_PER_S - -(-now.at // NS_PER_S)
    if left_s is None or LEAST_LIFE_S <= left_s <= LONGEST_LIFE_S:
        return None
    return FailedCheck(
        Check.EXPIRY, "It must expire between 5 s and 30 days from now; change that."
    )


def cost(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that the order is worth enough."""
    worth, least, quote = notional(draft, now), now.instrument.cost_min, now.instrument.quote
    if worth is None or worth >= least:
        return None
    return FailedCheck(
        Check.COST,
        f"{amount_text(worth, quote, now.instrument, ROUND_DOWN)} {quote} is below the least cost "
        f"of {least:f}; raise quantity or price.",
    )


def crossing(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that a post-only order would not trade at once."""
    if not draft.post_only or draft.limit is None:
        return None
    buys = draft.side is Side.BID
    opposite = now.ask if buys else now.bid
    if opposite is None or (draft.limit < opposite if buys else draft.limit > opposite):
        return None
    best = now.instrument.precision.price_text(opposite)
    word = "below" if buys else "above"
    return FailedCheck(
        Check.CROSSING, f"Post-only would trade at once; choose a price {word} {best}."
    )


def trigger(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that a stop or profit would not be triggered at once."""
    at = draft.trigger_price
    if at is None:
        return None
    stops = draft.order_type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
    above = (draft.side is Side.BID) is stops
    beyond = now.bid if above else now.ask
    if beyond is None or (at > beyond if above else at < beyond):
        return None
    best = now.instrument.precision.price_text(beyond)
    kind = draft.order_type.replace("-", " ")
    word = "above" if above else "below"
    return FailedCheck(
        Check.TRIGGER, f"This {kind} would go off at once; trigger it {word} {best}."
    )
