"""Every reason not to send an order that can be known before sending it. Pure.

The exchange checks form, minimums and funds as well; it does not check whether a price
is far from the market, the book on the screen is true, or the same key was pressed
twice. A refusal is a value with a sentence that says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from kracked.actions.draft import TRAILING, TRIGGERED, Draft, to_order
from kracked.actions.fees import Fees, fee
from kracked.actions.outbox import Entry
from kracked.actions.states import State
from kracked.instruments import Instrument
from kracked.protocol.events import Side
from kracked.protocol.limits import cost_of_add
from kracked.rest.orders import BadOrder, OrderType, TimeInForce
from kracked.times import NS_PER_S


class Check(StrEnum):
    MARKET = "market"
    BOOK = "book"
    UNKNOWN = "unknown"
    FORM = "form"
    DUPLICATE = "duplicate"
    PRICE = "price"
    QUANTITY = "quantity"
    MINIMUM = "minimum"
    COST = "cost"
    CROSSING = "crossing"
    LIMIT = "limit"
    NOTIONAL = "notional"
    DISTANCE = "distance"
    FUNDS = "funds"
    RATE = "rate"


class Refusal(msgspec.Struct, frozen=True):
    """An order that was not sent, and what to do about it."""

    check: Check
    sentence: str


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The trader's own bounds; None is no bound."""

    max_qty: Decimal | None = None
    """In the base currency."""
    max_notional: Decimal | None = None
    """In the quote currency."""
    max_distance_percent: Decimal | None = Decimal(3)
    """From the middle of best bid and ask."""
    max_book_age_ns: int = 5 * NS_PER_S
    allow_duplicate: bool = False


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """The market and the account as they are known at this moment."""

    instrument: Instrument
    bid: int | None
    """Best price, scaled; None when that side is empty."""
    ask: int | None
    book_verified: bool
    """Its last checksum matched and it waits for no resync."""
    book_age_ns: int
    """Since anything was heard on the book's connection."""
    available: Mapping[str, Decimal] | None = None
    """Free funds by the feed's asset code (`BTC`, `USD`); None when not known."""
    fees: Fees | None = None
    rate_room: Decimal | None = None
    """What the engine's rate counter leaves for adding; None when not known."""
    pending: tuple[Entry, ...] = ()
    """All of the outbox that has not ended."""

    @property
    def middle_twice(self) -> int | None:
        """Best bid plus best ask, which keeps half ticks whole; None without both."""
        return None if self.bid is None or self.ask is None else self.bid + self.ask


def notional(draft: Draft, now: Situation) -> Decimal | None:
    """Price times quantity in the quote currency; at the market, by the opposite best price."""
    opposite = now.ask if draft.side is Side.BID else now.bid
    trigger = draft.price if draft.order_type not in TRAILING else None
    price = next((it for it in (draft.limit, trigger, opposite) if it is not None), None)
    return None if price is None else now.instrument.precision.cost_decimal(price, draft.qty)


def refusals(draft: Draft, now: Situation, limits: Limits) -> tuple[Refusal, ...]:
    """All reasons against sending, the weightiest first; empty when it may go."""
    results = (
        _unknown(now),
        _market(draft, now),
        _book(now, limits),
        _form(draft, now),
        _duplicate(draft, now, limits),
        _price(draft, now),
        _quantity(draft, now),
        _cost(draft, now),
        _crossing(draft, now),
        _own_limits(draft, now, limits),
        _notional(draft, now, limits),
        _distance(draft, now, limits),
        _funds(draft, now),
        _rate(now),
    )
    return tuple(refusal for refusal in results if refusal is not None)


def _unknown(now: Situation) -> Refusal | None:
    doubtful = [entry for entry in now.pending if entry.state is State.UNKNOWN]
    if not doubtful:
        return None
    return Refusal(
        Check.UNKNOWN,
        f"The outcome of {doubtful[0].symbol} {doubtful[0].kind} {doubtful[0].id} is not known; "
        "wait until it is settled, or cancel it.",
    )


def _market(draft: Draft, now: Situation) -> Refusal | None:
    status, refused = now.instrument.status, True
    if status == "online":
        refused = False
    elif status == "post_only":
        refused = not draft.post_only
    elif status == "limit_only":
        refused = draft.order_type is not OrderType.LIMIT
    if not refused:
        return None
    return Refusal(Check.MARKET, f"{draft.symbol} is {status}; wait until it takes this order.")


def _book(now: Situation, limits: Limits) -> Refusal | None:
    if not now.book_verified:
        return Refusal(Check.BOOK, "The book is not verified; wait for its snapshot.")
    if now.book_age_ns > limits.max_book_age_ns:
        age_s = now.book_age_ns / NS_PER_S
        return Refusal(Check.BOOK, f"The book is {age_s:.0f} s old; wait for the connection.")
    return None


def _duplicate(draft: Draft, now: Situation, limits: Limits) -> Refusal | None:
    if limits.allow_duplicate:
        return None
    same = next((entry for entry in now.pending if _same(draft, now.instrument, entry)), None)
    if same is None:
        return None
    return Refusal(
        Check.DUPLICATE,
        f"The same order is {same.state} already; change it, or confirm that you want two.",
    )


def _same(draft: Draft, instrument: Instrument, entry: Entry) -> bool:
    meant = {
        "ordertype": str(draft.order_type),
        "type": "buy" if draft.side is Side.BID else "sell",
        "volume": instrument.precision.qty_text(draft.qty),
    }
    price = None if draft.price is None else instrument.precision.price_text(draft.price)
    return (
        entry.symbol == draft.symbol
        and all(entry.request.get(name) == value for name, value in meant.items())
        and (draft.order_type in TRAILING or entry.request.get("price") == price)
    )


def _price(draft: Draft, now: Situation) -> Refusal | None:
    tick, precision = now.instrument.price_increment, now.instrument.precision
    for price in (draft.price, draft.price2):
        if price is None:
            continue
        if price <= 0 and draft.order_type not in TRAILING:
            return Refusal(Check.PRICE, "The price must be above zero.")
        if price % tick:
            return Refusal(
                Check.PRICE,
                f"{precision.price_text(price)} is between ticks; "
                f"use a multiple of {precision.price_text(tick)}.",
            )
    return None


def _quantity(draft: Draft, now: Situation) -> Refusal | None:
    step, precision = now.instrument.qty_increment, now.instrument.precision
    if draft.qty % step:
        return Refusal(
            Check.QUANTITY,
            f"{precision.qty_text(draft.qty)} is between lot steps; "
            f"use a multiple of {precision.qty_text(step)}.",
        )
    if draft.qty >= max(1, now.instrument.qty_min):
        return None
    least = precision.qty_text(max(1, now.instrument.qty_min))
    return Refusal(Check.MINIMUM, f"The least quantity is {least} {now.instrument.base}.")


def _cost(draft: Draft, now: Situation) -> Refusal | None:
    cost, least = notional(draft, now), now.instrument.cost_min
    if cost is None or cost >= least:
        return None
    return Refusal(
        Check.COST,
        f"{cost:f} {now.instrument.quote} is below the least cost of {least:f}; "
        "raise quantity or price.",
    )


def _crossing(draft: Draft, now: Situation) -> Refusal | None:
    if not draft.post_only or draft.limit is None:
        return None
    buys = draft.side is Side.BID
    opposite = now.ask if buys else now.bid
    if opposite is None or (draft.limit < opposite if buys else draft.limit > opposite):
        return None
    best = now.instrument.precision.price_text(opposite)
    word = "below" if buys else "above"
    return Refusal(Check.CROSSING, f"Post-only would trade at once; choose a price {word} {best}.")


def _own_limits(draft: Draft, now: Situation, limits: Limits) -> Refusal | None:
    qty = now.instrument.precision.qty_decimal(draft.qty)
    if limits.max_qty is not None and qty > limits.max_qty:
        return Refusal(
            Check.LIMIT,
            f"{qty:f} {now.instrument.base} is above your limit of {limits.max_qty:f}; "
            "lower it or change the limit.",
        )
    return None


def _notional(draft: Draft, now: Situation, limits: Limits) -> Refusal | None:
    if limits.max_notional is None:
        return None
    cost, most = notional(draft, now), limits.max_notional
    if cost is None:
        return Refusal(Check.NOTIONAL, "Without a price on the other side its cost is unknown.")
    if cost <= most:
        return None
    return Refusal(
        Check.NOTIONAL,
        f"{cost:f} {now.instrument.quote} is above your limit of {most:f}; "
        "lower the quantity or change the limit.",
    )


def _distance(draft: Draft, now: Situation, limits: Limits) -> Refusal | None:
    most = limits.max_distance_percent
    if most is None or draft.order_type in TRAILING:
        return None
    for price in (draft.price, draft.price2):
        if price is None:
            continue
        away = distance_percent(price, now)
        if away is None:
            return Refusal(Check.DISTANCE, "Without both sides of the book there is no middle.")
        if abs(away) > most:
            return Refusal(
                Check.DISTANCE,
                f"{now.instrument.precision.price_text(price)} is {abs(away):.1f} % from the "
                f"middle, your limit is {most:f} %; check the price or change the limit.",
            )
    return None


def distance_percent(price: int, now: Situation) -> Decimal | None:
    """How far above (below: negative) the middle a price is; None without a middle."""
    twice = now.middle_twice
    return None if not twice else Decimal(200 * price - 100 * twice) / twice


def _funds(draft: Draft, now: Situation) -> Refusal | None:
    # Triggered orders hold nothing until they trigger.
    if now.available is None or draft.order_type in TRIGGERED:
        return None
    asset, needed = needs(draft, now)
    have = now.available.get(asset, Decimal(0))
    if needed is None or needed <= have:
        return None
    return Refusal(
        Check.FUNDS, f"It needs {needed:f} {asset}, {have:f} are free; lower the quantity."
    )


def needs(draft: Draft, now: Situation) -> tuple[str, Decimal | None]:
    """The asset and amount an order takes, fee included; None when the price is unknown."""
    if draft.side is Side.ASK:
        return now.instrument.base, now.instrument.precision.qty_decimal(draft.qty)
    cost = notional(draft, now)
    if cost is None or now.fees is None:
        return now.instrument.quote, cost
    percent = now.fees.maker if draft.post_only else now.fees.taker
    return now.instrument.quote, cost + fee(cost, percent)


def _rate(now: Situation) -> Refusal | None:
    if now.rate_room is None or now.rate_room >= cost_of_add():
        return None
    return Refusal(
        Check.RATE, "The rate counter is nearly full; the rest is kept for cancels. Wait a little."
    )


def _form(draft: Draft, now: Situation) -> Refusal | None:
    if draft.post_only and draft.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        return Refusal(Check.FORM, "Post-only never trades at once; use GTC or GTD.")
    try:
        to_order(draft, now.instrument, None)
    except BadOrder as error:
        return Refusal(Check.FORM, f"{error}.")
    return None
