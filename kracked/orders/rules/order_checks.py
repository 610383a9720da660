"""All checks of an order, or of a batch, before it is sent. Pure.

The exchange checks form, minimums and funds as well; it does not check whether a price is far
from the market, whether the book on the screen is true, or whether the same key was pressed
twice. A failed check is a value with a sentence that names the remedy.

Source of the batch's limits: docs.kraken.com/api/docs/rest-api/add-order-batch
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from kracked.orders.draft import Draft, to_order
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, OutboxEntry
from kracked.orders.rules import funds, maintenance, order_rules
from kracked.orders.rules.market_context import (
    Check,
    FailedCheck,
    Limits,
    MarketContext,
    amount_text,
    distance_percent,
    notional,
    walk,
)
from kracked.protocol.events import Side
from kracked.protocol.limits import cost_of_add, cost_of_batch_add
from kracked.protocol.order_terms import OrderType
from kracked.rest.encoding import BadOrder, fields
from kracked.times import NS_PER_S

LEAST_BATCH, MOST_BATCH = 2, 15
"""Orders of a batch."""


def refusals(draft: Draft, now: MarketContext, limits: Limits) -> tuple[FailedCheck, ...]:
    """Return the checks that fail, the weightiest first; none when the order may be sent."""
    results = (
        maintenance.refusal(draft, now, limits),
        _unknown(now),
        _market(draft, now),
        _book(now, limits),
        order_rules.form(draft, now, limits),
        _duplicate(draft, now, limits),
        order_rules.price(draft, now),
        order_rules.quantity(draft, now),
        order_rules.cost(draft, now),
        order_rules.display(draft, now),
        order_rules.expiry(draft, now),
        _depth(draft, now),
        order_rules.crossing(draft, now),
        order_rules.trigger(draft, now),
        _own_limits(draft, now, limits),
        _notional(draft, now, limits),
        _open_notional((draft,), now, limits),
        _distance(draft, now, limits),
        funds.shortfall(draft, now),
        _rate(now),
        _open_orders(now),
    )
    return tuple(refusal for refusal in results if refusal is not None)


def batch_refusals(
    drafts: Sequence[Draft], now: MarketContext, limits: Limits
) -> tuple[FailedCheck, ...]:
    """Return the checks that fail for several orders of one pair together.

    Each order is checked on its own as well; the exchange accepts or refuses them one by one
    once the form of all is right.
    """
    count, found = len(drafts), list[FailedCheck | None]()
    if not LEAST_BATCH <= count <= MOST_BATCH:
        sentence = f"A batch holds {LEAST_BATCH} to {MOST_BATCH} orders, not {count}."
        found.append(FailedCheck(Check.FORM, sentence))
    elif len({draft.symbol for draft in drafts}) > 1:
        sentence = "A batch holds orders of one pair; send one for each."
        found.append(FailedCheck(Check.FORM, sentence))
    if not limits.allow_duplicate and len({msgspec.json.encode(it) for it in drafts}) < count:
        sentence = "The batch holds the same order twice; leave one out."
        found.append(FailedCheck(Check.DUPLICATE, sentence))
    found.append(_open_notional(drafts, now, limits))
    found.append(funds.shortfall_together(drafts, now))
    if now.rate_room is not None and now.rate_room < cost_of_batch_add(count):
        sentence = "The rate counter has no room for this batch. Wait a little."
        found.append(FailedCheck(Check.RATE, sentence))
    if now.open_room is not None and now.open_room < count:
        sentence = (
            f"The pair takes {max(0, now.open_room)} more open orders, not {count}; "
            "cancel some first."
        )
        found.append(FailedCheck(Check.OPEN_ORDERS, sentence))
    return tuple(refusal for refusal in found if refusal is not None)


def _unknown(now: MarketContext) -> FailedCheck | None:
    doubtful = [entry for entry in now.pending if entry.state is OrderState.UNKNOWN]
    if not doubtful:
        return None
    return FailedCheck(
        Check.UNKNOWN,
        f"The outcome of {doubtful[0].symbol} {doubtful[0].kind} {doubtful[0].id} is not known; "
        "wait until it is settled, or cancel it.",
    )


def _market(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that the pair takes the order in its state; in an unknown state it takes none."""
    status = now.instrument.status
    if (
        status == "online"
        or (status == "post_only" and draft.post_only)
        or (status == "limit_only" and draft.order_type is OrderType.LIMIT)
    ):
        return None
    return FailedCheck(Check.MARKET, f"{draft.symbol} is {status}; wait until it takes this order.")


def _depth(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Check that the known levels hold the whole of a market order."""
    side = now.asks if draft.side is Side.BID else now.bids
    if draft.order_type is not OrderType.MARKET or side is None:
        return None
    taken = walk(draft, now)
    qty = taken.qty if taken is not None else 0
    if qty >= draft.qty:
        return None
    text, base = now.instrument.precision.qty_text, now.instrument.base
    return FailedCheck(
        Check.DEPTH,
        f"The {len(side)} known levels hold {text(qty)} {base} of the {text(draft.qty)}: its price "
        "is not known. Lower the quantity, or use a limit order.",
    )


def _book(now: MarketContext, limits: Limits) -> FailedCheck | None:
    if now.book_stale:
        return FailedCheck(Check.BOOK, f"The book is not current ({now.book_stale}); wait for it.")
    if not now.book_verified:
        return FailedCheck(Check.BOOK, "The book is not verified; wait for its snapshot.")
    if now.book_age_ns > limits.max_book_age_ns:
        age_s = now.book_age_ns / NS_PER_S
        return FailedCheck(Check.BOOK, f"The book is {age_s:.0f} s old; wait for the connection.")
    return None


def _duplicate(draft: Draft, now: MarketContext, limits: Limits) -> FailedCheck | None:
    if limits.allow_duplicate or not now.pending:
        return None
    try:
        request = fields(to_order(draft, now.instrument, None))
    except BadOrder:
        return None
    members = {name: str(value) for name, value in request.items() if name in _IDENTIFYING}
    for same in now.pending:
        sent = {name: value for name, value in same.request.items() if name in _IDENTIFYING}
        if same.symbol == draft.symbol and members == sent:
            break
    else:
        return None
    return FailedCheck(
        Check.DUPLICATE,
        f"The same order is {same.state} already; change it, or confirm that you want two.",
    )


_IDENTIFYING = frozenset(("ordertype", "type", "volume", "price", "price2"))
"""The members that make two orders the same for a person who pressed the key twice."""


def _own_limits(draft: Draft, now: MarketContext, limits: Limits) -> FailedCheck | None:
    qty = now.instrument.precision.qty_decimal(draft.qty)
    if limits.max_qty is not None and qty > limits.max_qty:
        return FailedCheck(
            Check.LIMIT,
            f"{qty:f} {now.instrument.base} is above your limit of {limits.max_qty:f}; "
            "lower it or change the limit.",
        )
    return None


def _notional(draft: Draft, now: MarketContext, limits: Limits) -> FailedCheck | None:
    if limits.max_notional is None:
        return None
    cost, most, quote = notional(draft, now), limits.max_notional, now.instrument.quote
    if cost is None:
        return FailedCheck(Check.NOTIONAL, "Without a price on the other side its cost is unknown.")
    if cost <= most:
        return None
    return FailedCheck(
        Check.NOTIONAL,
        f"{amount_text(cost, quote, now.instrument)} {quote} is above your limit of {most:f}; "
        "lower the quantity or change the limit.",
    )


def _open_notional(
    drafts: Sequence[Draft], now: MarketContext, limits: Limits
) -> FailedCheck | None:
    """Bound the cost of everything together: one order after another stays below each limit."""
    most = limits.max_open_notional
    if most is None:
        return None
    new = [notional(draft, now) for draft in drafts]
    if None in new:
        return FailedCheck(
            Check.OPEN_NOTIONAL, "Without a price on the other side its cost is unknown."
        )
    quote = now.instrument.quote
    waiting = [
        _cost_of(entry, now, limits)
        for entry in now.pending
        if entry.kind is ActionKind.ADD
        and entry.symbol.rpartition("/")[2] == quote
        and (now.amends is None or entry.txid != now.amends)
    ]
    both = sum(filter(None, new), Decimal(0)) + sum(waiting, Decimal(0))
    if both <= most:
        return None
    return FailedCheck(
        Check.OPEN_NOTIONAL,
        f"With your open orders it is {amount_text(both, quote, now.instrument)} {quote}, above "
        f"your limit of {most:f} for all together; cancel some first or change the limit.",
    )


def _cost_of(entry: OutboxEntry, now: MarketContext, limits: Limits) -> Decimal:
    """Return what is left of an order at its price; one without a number as price at the most."""
    left = Decimal(entry.request.get("volume", "0")) - entry.filled
    for name in ("price2", "price"):
        try:
            return Decimal(entry.request[name]) * left
        except (KeyError, ArithmeticError):
            continue  # an order at market, or a distance
    best = now.ask if now.ask is not None else now.bid
    if entry.symbol == now.instrument.symbol and best is not None:
        return now.instrument.precision.price_decimal(best) * left
    return limits.max_notional or Decimal(0)


def _distance(draft: Draft, now: MarketContext, limits: Limits) -> FailedCheck | None:
    most = limits.max_distance_percent
    if most is None or draft.order_type.trails:
        return None
    taken = walk(draft, now)
    for price in (draft.price, draft.price2, taken.worst if taken else None):
        if price is None:
            continue
        away = distance_percent(price, now)
        if away is None:
            return FailedCheck(Check.DISTANCE, "Without both sides of the book there is no middle.")
        if abs(away) > most:
            return FailedCheck(
                Check.DISTANCE,
                f"{now.instrument.precision.price_text(price)} is {abs(away):.1f} % from the "
                f"middle, your limit is {most:f} %; check the price or change the limit.",
            )
    return None


def _rate(now: MarketContext) -> FailedCheck | None:
    if now.rate_room is None or now.rate_room >= cost_of_add():
        return None
    return FailedCheck(
        Check.RATE, "The rate counter is nearly full; the rest is kept for cancels. Wait a little."
    )


def _open_orders(now: MarketContext) -> FailedCheck | None:
    if now.open_room is None or now.open_room > 0:
        return None
    return FailedCheck(Check.OPEN_ORDERS, "The pair takes no more open orders; cancel one first.")
