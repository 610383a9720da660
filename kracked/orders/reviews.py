"""The results of reviewing an order: what would be sent, and what speaks against it."""

from __future__ import annotations

import msgspec

from kracked.orders.draft import Draft
from kracked.orders.rules.market_context import FailedCheck


class OrderReview(msgspec.Struct, frozen=True):
    """An order as it would be sent, in words, with everything that speaks against it."""

    draft: Draft
    """The order, rounded to tick and lot."""
    words: str
    """The order in sentences, with its cost and fee."""
    refusals: tuple[FailedCheck, ...]
    """The checks that failed, the weightiest first; empty when it may be sent."""
    remarks: tuple[str, ...] = ()
    """What could not be checked, in sentences; it does not block the order."""


class BatchReview(msgspec.Struct, frozen=True):
    """Several orders as they would be sent together."""

    reviews: tuple[OrderReview, ...]
    refusals: tuple[FailedCheck, ...]
    """The checks that failed for all together and for any of them."""


class OrderDeclined(msgspec.Struct, frozen=True):
    """An order or a batch that was not sent."""

    refusals: tuple[FailedCheck, ...]
    """The checks that failed, the weightiest first."""

    @property
    def sentence(self) -> str:
        """The weightiest reason, and what to do about it."""
        return self.refusals[0].sentence
