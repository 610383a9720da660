"""Whether maintenance, an incident or the engine's state keeps an order from being sent. Pure.

The effect is worked out in `kracked.protocol.maintenance.trading_effect`. Where it asks for a
confirmation a program without a person gets a refusal: it has to say
`MaintenanceConsent.CONFIRMED` itself.
"""

from __future__ import annotations

from kracked.orders.draft import Draft
from kracked.orders.rules.market_context import (
    Check,
    FailedCheck,
    Limits,
    MaintenanceConsent,
    MarketContext,
)
from kracked.protocol.maintenance.trading_effect import NewOrders
from kracked.protocol.order_terms import OrderType


def refusal(draft: Draft, now: MarketContext, limits: Limits) -> FailedCheck | None:
    """Check that the exchange takes new orders, and that no announcement speaks against them."""
    effect, consent = now.maintenance, limits.maintenance
    if effect is None:
        return None
    taken = draft.post_only if effect.only == "post_only" else draft.order_type is OrderType.LIMIT
    if effect.only and not taken:
        only = effect.only.replace("_", "-").removesuffix("-only")
        sentence = f"The exchange takes {only} orders only; wait, or change the order."
        return FailedCheck(Check.MAINTENANCE, sentence)
    if effect.new_orders is NewOrders.REFUSED:
        if consent == MaintenanceConsent.OVERRIDDEN and not effect.forced:
            return None
        return FailedCheck(Check.MAINTENANCE, effect.reason)
    if effect.new_orders is NewOrders.ASK and consent == MaintenanceConsent.NONE:
        sentence = f"{effect.reason} Confirm it to send all the same."
        return FailedCheck(Check.DISCOURAGED, sentence)
    return None
