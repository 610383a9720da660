"""Order actions: checked, recorded, sent once, and followed until their outcome is known."""

from kracked.orders.amends import AmendedTerms, keeps_place
from kracked.orders.cancels import CancelOutcome
from kracked.orders.dead_man_switch import DeadManSwitch, SwitchNotSet
from kracked.orders.draft import CloseDraft, Draft, FeeIn
from kracked.orders.open import NotRecorded, cancelling_manager, open_order_manager
from kracked.orders.order_manager import OrderManager
from kracked.orders.outbox.journal import DamagedJournal, JournalFull, JournalInUse
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, OutboxEntry
from kracked.orders.reviews import BatchReview, OrderDeclined, OrderReview
from kracked.orders.rules.fees import Fees
from kracked.orders.rules.market_context import (
    Check,
    FailedCheck,
    Limits,
    MaintenanceConsent,
    MarketContext,
)
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, Trigger
from kracked.protocol.own_orders import OwnOrder

__all__ = [
    "ActionKind",
    "AmendedTerms",
    "BatchReview",
    "CancelOutcome",
    "Check",
    "CloseDraft",
    "DamagedJournal",
    "DeadManSwitch",
    "Draft",
    "FailedCheck",
    "FeeIn",
    "Fees",
    "JournalFull",
    "JournalInUse",
    "Limits",
    "MaintenanceConsent",
    "MarketContext",
    "NotRecorded",
    "OrderDeclined",
    "OrderManager",
    "OrderReview",
    "OrderState",
    "OrderType",
    "OutboxEntry",
    "OwnOrder",
    "SelfTrade",
    "SwitchNotSet",
    "TimeInForce",
    "Trigger",
    "cancelling_manager",
    "keeps_place",
    "open_order_manager",
]
