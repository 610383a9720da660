"""Checks the account's funds: what open orders hold, what is free, what an order needs. Pure.

The account's stream gives totals; what is held follows from the open orders. A fee is counted as
held with a purchase, so free is rather too little than too much. An order that waits for its
trigger holds nothing before it is triggered, and is not checked.

By REST `XXBT` and `BTC` are one asset: the exchange's own table of names (`Assets`) says so, not
the letters. Its names still predate v2 in two cases, which are mapped here.

Source: docs.kraken.com/api/docs/rest-api/get-extended-balance
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal

import msgspec

from kracked.feed.account import Account
from kracked.orders.draft import Draft, FeeIn
from kracked.orders.rules.fees import Fees, fee
from kracked.orders.rules.market_context import (
    Check,
    FailedCheck,
    MarketContext,
    amount_text,
    notional,
)
from kracked.protocol.events import Side
from kracked.protocol.own_orders import OwnOrder
from kracked.rest.account import ExtendedBalance
from kracked.rest.market import AssetInfo

ZERO = Decimal(0)
NOT_BEFORE_TRIGGER = "Funds are not checked: it holds none before it is triggered."
NO_PRICE = "Funds were not checked: without a price on the other side its cost is not known."
NOT_CHECKED = "Funds were not checked: the account's balances are not known."
_RESTING = frozenset({"limit", "iceberg"})
_RENAMED = {"XBT": "BTC", "XDG": "DOGE"}


# --- what the account has -------------------------------------------------------------------


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Knowledge about the account that a manager uses; the mappings may be filled in later."""

    account: Account | None = None
    """The account by its streams: balances and open orders."""
    pairs: Mapping[str, str] = {}
    """REST's names of symbols."""
    fees: Mapping[str, Fees] = {}
    """What the account pays, by symbol."""

    def free_funds(self) -> dict[str, Decimal] | None:
        """Return what new orders may use, by asset; None while balances are not known."""
        account = self.account
        if account is None or not account.balances_known:
            return None
        return free_funds(account.balances, account.orders.values(), self.fees.values())


def held(orders: Iterable[OwnOrder], fee_percent: Decimal = ZERO) -> dict[str, Decimal]:
    """Return what the orders that rest in the book hold, by asset.

    Args:
        orders: Open orders of the account, on any pair.
        fee_percent: Percent of its cost that a purchase holds besides.
    """
    amounts: dict[str, Decimal] = {}
    for order in orders:
        base, _, quote = order.symbol.partition("/")
        resting = order.order_type in _RESTING or order.triggers.status == "triggered"
        if not quote or not resting or order.side is None:
            continue
        if order.side is Side.ASK:
            asset, amount = base, order.remaining
        else:
            asset = quote
            cost = order.remaining * (order.limit_price or ZERO)
            amount = cost * (100 + fee_percent) / 100
        amounts[asset] = amounts.get(asset, ZERO) + amount
    return amounts


def free(total: Decimal, held: Decimal) -> Decimal:
    """Return what new orders may use of an asset; never less than zero."""
    return max(ZERO, total - held)


def free_funds(
    totals: Mapping[str, Decimal], orders: Iterable[OwnOrder], fees: Iterable[Fees] = ()
) -> dict[str, Decimal]:
    """Return what new orders may use, by asset.

    Args:
        totals: Balances by the feed's asset codes (`BTC`, `USD`), with what orders hold.
        orders: Open orders of the account, on any pair.
        fees: The fees that are known, of any pairs: purchases are taken to hold the dearest.
    """
    holds = held(orders, dearest_taker(fees))
    return {asset: free(total, holds.get(asset, ZERO)) for asset, total in totals.items()}


def dearest_taker(fees: Iterable[Fees]) -> Decimal:
    """Return the highest taker fee in percent; 0 when none is known."""
    return max((each.taker for each in fees), default=ZERO)


def available(
    balances: Mapping[str, ExtendedBalance], assets: Mapping[str, AssetInfo]
) -> dict[str, Decimal]:
    """Return what new orders may use, by the feed's asset codes, from balances asked for by REST.

    Earning and staked variants (``XBT.F``) are not counted.
    """
    return {
        feed_code(old, assets): balance.available
        for old, balance in balances.items()
        if "." not in old
    }


def feed_code(old: str, assets: Mapping[str, AssetInfo]) -> str:
    """Return the feed's code of an asset that REST calls `old`.

    >>> feed_code("XXBT", {"XXBT": AssetInfo(altname="XBT")})
    'BTC'
    """
    name = assets[old].altname if old in assets else old
    return _RENAMED.get(name, name)


def rest_names(symbol: str) -> frozenset[str]:
    """Return the names that REST may give a pair in the description of an order, without a slash.

    They are told without the exchange's table, which may not have come yet.

    >>> sorted(rest_names("BTC/USD"))
    ['BTCUSD', 'XBTUSD']
    """
    old = {new: name for name, new in _RENAMED.items()}
    base, _, quote = symbol.partition("/")
    bases, quotes = {base, old.get(base, base)}, {quote, old.get(quote, quote)}
    return frozenset(first + second for first in bases for second in quotes)


# --- whether that is enough -----------------------------------------------------------------


def needs(draft: Draft, now: MarketContext) -> tuple[str, Decimal | None]:
    """Return the asset and amount an order takes, fee included; None without a price."""
    percent = ZERO
    if now.fees is not None:
        percent = now.fees.maker if draft.post_only else now.fees.taker
    if draft.side is Side.ASK:
        qty = now.instrument.precision.qty_decimal(draft.qty)
        extra = fee(qty, percent) if draft.fee_in is FeeIn.BASE else ZERO
        return now.instrument.base, qty + extra
    cost = notional(draft, now)
    if cost is None or draft.fee_in is FeeIn.BASE:
        return now.instrument.quote, cost
    return now.instrument.quote, cost + fee(cost, percent)


def shortfall(draft: Draft, now: MarketContext) -> FailedCheck | None:
    """Return the check that fails when an order needs more than is free; None while unknown."""
    if now.available is None or draft.order_type.waits:
        return None
    asset, needed = needs(draft, now)
    have = now.available.get(asset, ZERO)
    if needed is None or needed <= have:
        return None
    texts = _needed_and_free(asset, needed, have, now)
    return FailedCheck(Check.FUNDS, f"It needs {texts}; lower the quantity.")


def shortfall_together(drafts: Sequence[Draft], now: MarketContext) -> FailedCheck | None:
    """Return the check that fails when orders together need more than is free.

    Each alone may be covered, and all together not.
    """
    if now.available is None:
        return None
    sums: dict[str, Decimal] = {}
    for draft in drafts:
        asset, needed = needs(draft, now)
        if not draft.order_type.waits and needed is not None:
            sums[asset] = sums.get(asset, ZERO) + needed
    for asset, needed in sums.items():
        have = now.available.get(asset, ZERO)
        if needed > have:
            return FailedCheck(
                Check.FUNDS,
                f"Together they need {_needed_and_free(asset, needed, have, now)}; "
                "lower the quantities.",
            )
    return None


def _needed_and_free(asset: str, needed: Decimal, have: Decimal, now: MarketContext) -> str:
    much = amount_text(needed, asset, now.instrument)
    return f"{much} {asset}, {amount_text(have, asset, now.instrument, ROUND_DOWN)} are free"


def unchecked(draft: Draft, now: MarketContext) -> tuple[str, ...]:
    """Return a remark when funds are not checked; it does not block the order."""
    if draft.order_type.waits:
        return (NOT_BEFORE_TRIGGER,)
    if now.available is None:
        return (NOT_CHECKED,)
    return (NO_PRICE,) if needs(draft, now)[1] is None else ()
