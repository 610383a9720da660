"""What a feed was asked for and does not get just now, in words for whoever stops listening."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kracked.feed.stats import FeedStats
from kracked.protocol.client.subscription_stages import SubscriptionStage
from kracked.protocol.events import Gap

_NAMED = 5
"""Symbols that a sentence about many of them names."""


def in_words(feed: FeedStats, gaps: Iterable[Gap]) -> Iterator[str]:
    """A sentence for each channel and reason; of what was refused its answer has told already.

    `gaps` are the holes that stand open, as `FeedManager.missing` gives them.
    """
    doubts = {(gap.channel, gap.symbols): gap.reason for gap in gaps}
    found: dict[tuple[str, str], list[str]] = {}
    for connection in feed.connections:
        for one in connection.subscriptions:
            if one.state in (SubscriptionStage.LIVE, SubscriptionStage.REFUSED):
                continue
            symbols = (one.symbol,) if one.symbol else ()
            why = one.error or doubts.get((one.channel, symbols), "it has not begun to come")
            if not connection.open:
                why = connection.reason or "not connected yet"
            found.setdefault((one.channel, why), []).extend(symbols)
    for (channel, why), named in found.items():
        yield f"{channel}{_of(list(dict.fromkeys(named)))}: {why}"  # candles: several of a symbol


def _of(symbols: Sequence[str]) -> str:
    if not symbols:
        return ""
    more = len(symbols) - _NAMED
    return f" of {', '.join(symbols[:_NAMED])}{f' and {more} more' if more > 0 else ''}"
