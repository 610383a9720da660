"""Checks of several orders of one pair in one request, taken together. Pure.

Each order is checked on its own as well; the exchange accepts or refuses them one by one once
the form of all is right.

Source: docs.kraken.com/api/docs/rest-api/add-order-batch
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kracked.orders.draft import Draft
from kracked.orders.rules import funds
from kracked.orders.rules.market_context import Check, FailedCheck, Limits, MarketContext
from kracked.protocol.limits import cost_of_batch_add

LEAST, MOST = 2, 15


def refusals(
    drafts: Sequence[Draft], now: MarketContext, limits: Limits
) -> tuple[FailedCheck, ...]:
    """Return the checks that fail for the orders together."""
    results = (
        _form(drafts),
        _duplicate(drafts, limits),
        funds.shortfall_together(drafts, now),
        _rate(drafts, now),
        _open_orders(drafts, now),
    )
    return tuple(refusal for refusal in results if refusal is not None)


def _form(drafts: Sequence[Draft]) -> FailedCheck | None:
    if not LEAST <= len(drafts) <= MOST:
        return FailedCheck(
            Check.FORM, f"A batch holds {LEAST} to {MOST} orders, not {len(drafts)}."
        )
    if len({draft.symbol for draft in drafts}) > 1:
        return FailedCheck(Check.FORM, "A batch holds orders of one pair; send one for each.")
    return None


def _duplicate(drafts: Sequence[Draft], limits: Limits) -> FailedCheck | None:
    twice = len({msgspec.json.encode(draft) for draft in drafts}) < len(drafts)
    if limits.allow_duplicate or not twice:
        return None
    return FailedCheck(Check.DUPLICATE, "The batch holds the same order twice; leave one out.")


def _rate(drafts: Sequence[Draft], now: MarketContext) -> FailedCheck | None:
    if now.rate_room is None or now.rate_room >= cost_of_batch_add(len(drafts)):
        return None
    return FailedCheck(Check.RATE, "The rate counter has no room for this batch. Wait a little.")


def _open_orders(drafts: Sequence[Draft], now: MarketContext) -> FailedCheck | None:
    if now.open_room is None or now.open_room >= len(drafts):
        return None
    return FailedCheck(
        Check.OPEN_ORDERS,
        f"The pair takes {max(0, now.open_room)} more open orders, not {len(drafts)}; "
        "cancel some first.",
    )
