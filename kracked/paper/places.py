"""What is known of the place of a resting order: where it stands at best, and at worst."""

from __future__ import annotations

import msgspec


class PlaceBounds(msgspec.Struct, frozen=True):
    """The quantity that stands ahead of a resting order; price and quantities are scaled."""

    price: int
    """The price at which it rests."""
    least: int
    """At best this much is ahead: what was cancelled since had stood there."""
    most: int | None
    """At worst this much is ahead; None while its level has not been told."""

    @property
    def exact(self) -> bool:
        """Whether the place is known, as by level 3."""
        return self.least == self.most
