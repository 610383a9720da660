"""Which habits of the live exchange the simulator shows, beside its rules."""

from __future__ import annotations

import msgspec


class Realism(msgspec.Struct, frozen=True, kw_only=True):
    """Habits seen in recordings of the live exchange; each can be left out.

    Without them a seed makes the market and the messages that it made before they existed.
    """

    shown_takers: bool = True
    """`level3` shows the remainder of a limited taker for some nanoseconds before it is killed."""
    split_sweeps: bool = True
    """`level3` tells two in five takers of several levels in several messages."""
    changing_owners: bool = True
    """The market's owners raise quantities too, let orders expire, and limit more of what they
    take."""
    feeds_apart_ns: int = 0
    """How late a message may be, by chance: level 3 and all else, each in its own order."""


PLAIN = Realism(shown_takers=False, split_sweeps=False, changing_owners=False)
"""None of the habits."""
