"""Order actions: checked, written down, sent once, and followed until they are settled."""

from kracked.actions.amends import Change
from kracked.actions.cancels import CancelOutcome
from kracked.actions.desk import BatchReview, Declined, Desk, Review
from kracked.actions.draft import CloseDraft, Draft, FeeIn
from kracked.actions.fees import Fees
from kracked.actions.opening import open_desk
from kracked.actions.outbox import Entry, Kind
from kracked.actions.situation import Check, Limits, Refusal, Situation
from kracked.actions.states import State
from kracked.actions.switch import Switch
from kracked.actions.working import WorkingOrder

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
