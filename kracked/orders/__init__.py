"""Order actions: checked, written down, sent once, and followed until they are settled."""

from kracked.orders.amends import AmendedTerms
from kracked.orders.cancels import CancelOutcome
from kracked.orders.dead_man_switch import DeadManSwitch
from kracked.orders.draft import CloseDraft, Draft, FeeIn
from kracked.orders.open import open_order_manager
from kracked.orders.order_manager import BatchReview, OrderDeclined, OrderManager, OrderReview
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, OutboxEntry
from kracked.orders.rules.fees import Fees
from kracked.orders.rules.market_context import Check, FailedCheck, Limits, MarketContext
from kracked.orders.rules.queue_priority import WorkingOrder

__all__ = [
    "ActionKind",
    "AmendedTerms",
    "BatchReview",
    "CancelOutcome",
    "Check",
    "CloseDraft",
    "DeadManSwitch",
    "Draft",
    "FailedCheck",
    "FeeIn",
    "Fees",
    "Limits",
    "MarketContext",
    "OrderDeclined",
    "OrderManager",
    "OrderReview",
    "OrderState",
    "OutboxEntry",
    "WorkingOrder",
    "open_order_manager",
]
