"""Order actions: checked, written down, sent once, and followed until they are settled."""

from kracked.orders.amends import Change
from kracked.orders.cancels import CancelOutcome
from kracked.orders.dead_man_switch import Switch
from kracked.orders.draft import CloseDraft, Draft, FeeIn
from kracked.orders.open import open_desk
from kracked.orders.order_manager import BatchReview, Declined, Desk, Review
from kracked.orders.outbox.order_states import State
from kracked.orders.outbox.outbox import Entry, Kind
from kracked.orders.rules.fees import Fees
from kracked.orders.rules.market_context import Check, Limits, Refusal, Situation
from kracked.orders.rules.queue_priority import WorkingOrder

__all__ = [
    "BatchReview",
    "CancelOutcome",
    "Change",
    "Check",
    "CloseDraft",
    "Declined",
    "Desk",
    "Draft",
    "Entry",
    "FeeIn",
    "Fees",
    "Kind",
    "Limits",
    "Refusal",
    "Review",
    "Situation",
    "State",
    "Switch",
    "WorkingOrder",
    "open_desk",
]
