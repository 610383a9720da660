"""Describes a whole order in sentences, with the numbers that will be sent. Pure."""

from __future__ import annotations

from decimal import Decimal

from kracked import times, units
from kracked.orders.draft import PERCENT_DECIMALS, CloseDraft, Draft, FeeIn
from kracked.orders.rules.fees import fee, to_decimals
from kracked.orders.rules.market_context import (
    MarketContext,
    distance_percent,
    notional,
    walk,
)
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, Trigger

NO_DEPTH = "The levels of the book are not known: it may cost more than the best price says."
_LITTLE_PERCENT = Decimal("0.10")
_LEAST_POINTS = Decimal("0.1")

_IN_FORCE = {
    TimeInForce.GTC: "good till cancelled",
    TimeInForce.IOC: "immediate or cancel",
    TimeInForce.FOK: "fill or kill",
}


_SELF_TRADE = {
    SelfTrade.CANCEL_NEWEST: "",
    SelfTrade.CANCEL_OLDEST: "cancelling the older of two own orders that meet",
    SelfTrade.CANCEL_BOTH: "cancelling both of two own orders that meet",
}


def preview(draft: Draft, now: MarketContext) -> str:
    """Return a few sentences: side, quantity, price, terms, cost and fee."""
    buys = draft.side is Side.BID
    qty = now.instrument.precision.qty_text(draft.qty)
    price = _price(draft, now, draft.display_qty)
    terms = ", ".join(part for part in (price, *_terms(draft, now)) if part)
    close = ""
    if draft.close is not None:
        verb = "sells" if buys else "buys"
        close = f" Each fill then {verb} as much {_price(draft.close, now, None)}."
    return (
        f"{'Buy' if buys else 'Sell'} {qty} {now.instrument.base} {terms}.{close} "
        f"{_money(draft, now)}{_distance(draft, now)}{_walked(draft, now)}"
    )


def unwalked(draft: Draft, now: MarketContext) -> tuple[str, ...]:
    """Return a remark when a market order is judged by the best price alone."""
    side = now.asks if draft.side is Side.BID else now.bids
    blind = draft.order_type is OrderType.MARKET and side is None
    return (NO_DEPTH,) if blind else ()


def _walked(draft: Draft, now: MarketContext) -> str:
    """Say what a market order takes from the book: average, worst price, levels, slippage."""
    taken = walk(draft, now)
    if taken is None:
        return ""
    text = now.instrument.precision.price_text
    average = to_decimals(
        taken.average.scaleb(-now.instrument.precision.price), now.instrument.precision.price
    )
    noun = "level" if taken.levels == 1 else "levels"
    return (
        f" Average {average:f}, worst {text(taken.worst)}, {taken.levels} {noun}, "
        f"slippage {taken.slippage_percent:.2f} %."
    )


def _price(part: Draft | CloseDraft, now: MarketContext, display_qty: int | None) -> str:
    precision, quote = now.instrument.precision, now.instrument.quote
    first, second = (
        "" if price is None else precision.price_text(price) for price in (part.price, part.price2)
    )
    kind = part.order_type.replace("-", " ")
    match part.order_type:
        case OrderType.MARKET:
            return "at market"
        case OrderType.LIMIT:
            return f"at limit {first} {quote}"
        case OrderType.ICEBERG:
            showing = "" if display_qty is None else precision.qty_text(display_qty)
            return f"at limit {first} {quote}, iceberg showing {showing}"
        case _ if part.order_type.trails:
            distance = f"{first} {quote}"
            if part.in_percent:
                distance = f"{units.to_text(part.price or 0, PERCENT_DECIMALS)} %"
            limit = f", limit {second} from the trigger" if second else ""
            return f"by {kind}, {distance} behind the best price{limit}"
        case _:
            limit = f", then limit {second}" if second else ""
            return f"by {kind} at {first} {quote}{limit}"


def _terms(draft: Draft, now: MarketContext) -> tuple[str, ...]:
    """Return the terms in words, in the order of their weight; some are empty."""
    fee_in = {FeeIn.BASE: now.instrument.base, FeeIn.QUOTE: now.instrument.quote}
    return (
        "triggered by the index price" if draft.trigger is Trigger.INDEX else "",
        "post-only" if draft.post_only else "",
        _life(draft),
        "" if draft.fee_in is None else f"fee in {fee_in[draft.fee_in]}",
        "" if draft.self_trade is None else _SELF_TRADE[draft.self_trade],
    )


def _life(draft: Draft) -> str:
    if draft.order_type is OrderType.MARKET:
        return ""
    if draft.time_in_force is not TimeInForce.GTD:
        return _IN_FORCE[draft.time_in_force]
    seconds = draft.expires_in_s
    if seconds is None:
        return f"good until {times.to_rfc3339(draft.expires or 0, 0)}"
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:  # the largest unit without a fraction
            return f"good for {seconds // unit} {name}"
    return f"good for {seconds} s"


def _money(draft: Draft, now: MarketContext) -> str:
    cost, quote = notional(draft, now), now.instrument.quote
    if cost is None:
        return "Its cost is not known: nobody is on the other side."
    decimals = max(now.instrument.cost_precision, 2)
    about = "" if draft.limit is not None else "about "
    worth = f"Cost {about}{to_decimals(cost, decimals):f} {quote}"
    if now.fees is None:
        return f"{worth}, fee not known."
    kind, percent = ("maker", now.fees.maker) if draft.post_only else ("taker", now.fees.taker)
    most = "" if draft.post_only else "at most "
    rate = f"({percent.normalize():f} % {kind})"
    if draft.fee_in is FeeIn.BASE:
        charge = fee(now.instrument.precision.qty_decimal(draft.qty), percent)
        text = f"{to_decimals(charge, now.instrument.precision.qty):f} {now.instrument.base}"
        return f"{worth}, fee {most}{text} {rate}."
    charge = fee(cost, percent)
    word, total = ("total", cost + charge) if draft.side is Side.BID else ("net", cost - charge)
    return (
        f"{worth}, fee {most}{to_decimals(charge, decimals):f} {rate}, "
        f"{word} {to_decimals(total, decimals):f} {quote}."
    )


def _distance(draft: Draft, now: MarketContext) -> str:
    """Say how far the limit is from the middle; a small distance in basis points, never 0.00 %."""
    away = None if draft.limit is None else distance_percent(draft.limit, now)
    if away is None:
        return ""
    if not away:
        return " At the middle."
    points = abs(away) * 100
    if abs(away) >= _LITTLE_PERCENT:
        distance = f"{abs(away):.2f} %"
    elif points >= _LEAST_POINTS:
        distance = f"{points:.1f} bp"
    else:
        distance = f"less than {_LEAST_POINTS} bp"
    return f" {distance} {'above' if away > 0 else 'below'} the middle."
