"""The whole order in words, with the numbers that will be sent. Pure."""

from __future__ import annotations

from kracked import times
from kracked.actions.checks import Situation, distance_percent, notional
from kracked.actions.draft import TRAILING, Draft
from kracked.actions.fees import fee, shown
from kracked.protocol.events import Side
from kracked.rest.orders import OrderType, TimeInForce

_IN_FORCE = {
    TimeInForce.GTC: "good till cancelled",
    TimeInForce.IOC: "immediate or cancel",
    TimeInForce.FOK: "fill or kill",
}


def preview(draft: Draft, now: Situation) -> str:
    """One or two sentences: what, how many, at what price, on which terms, for how much."""
    terms = ", ".join(part for part in (_price(draft, now), *_terms(draft)) if part)
    return f"{_what(draft, now)} {terms}. {_money(draft, now)}{_distance(draft, now)}"


def _what(draft: Draft, now: Situation) -> str:
    verb = "Buy" if draft.side is Side.BID else "Sell"
    qty = now.instrument.precision.qty_text(draft.qty)
    return f"{verb} {qty} {now.instrument.base}"


def _price(draft: Draft, now: Situation) -> str:
    first, second = (
        None if price is None else now.instrument.precision.price_text(price)
        for price in (draft.price, draft.price2)
    )
    quote = now.instrument.quote
    kind = draft.order_type.replace("-", " ")
    match draft.order_type:
        case OrderType.MARKET:
            return "at market"
        case OrderType.LIMIT:
            return f"at limit {first} {quote}"
        case OrderType.ICEBERG:
            part = now.instrument.precision.qty_text(draft.display_qty or 0)
            return f"at limit {first} {quote}, iceberg showing {part}"
        case _ if draft.order_type in TRAILING:
            limit = "" if second is None else f", limit {second} from the trigger"
            return f"by {kind}, {first} {quote} behind the best price{limit}"
        case _:
            limit = "" if second is None else f", then limit {second}"
            return f"by {kind} at {first} {quote}{limit}"


def _terms(draft: Draft) -> tuple[str, ...]:
    post = ("post-only",) if draft.post_only else ()
    if draft.order_type is OrderType.MARKET:
        return post
    if draft.time_in_force is TimeInForce.GTD:
        return (*post, f"good until {times.to_rfc3339(draft.expires or 0, 0)}")
    return (*post, _IN_FORCE[draft.time_in_force])


def _money(draft: Draft, now: Situation) -> str:
    cost, quote = notional(draft, now), now.instrument.quote
    if cost is None:
        return "Its cost is not known: nobody is on the other side."
    decimals = max(now.instrument.cost_precision, 2)
    about = "" if draft.limit is not None else "about "
    if now.fees is None:
        return f"Cost {about}{shown(cost, decimals):f} {quote}, fee not known."
    kind, percent = ("maker", now.fees.maker) if draft.post_only else ("taker", now.fees.taker)
    charge = fee(cost, percent)
    word, total = ("total", cost + charge) if draft.side is Side.BID else ("net", cost - charge)
    most = "" if draft.post_only else "at most "
    return (
        f"Cost {about}{shown(cost, decimals):f} {quote}, "
        f"fee {most}{shown(charge, decimals):f} ({percent.normalize():f} % {kind}), "
        f"{word} {shown(total, decimals):f} {quote}."
    )


def _distance(draft: Draft, now: Situation) -> str:
    away = None if draft.limit is None else distance_percent(draft.limit, now)
    if away is None:
        return ""
    return f" {abs(away):.2f} % {'above' if away > 0 else 'below'} the middle."
