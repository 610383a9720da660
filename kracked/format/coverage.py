"""The part of the time for which a recording has everything, by symbol and channel. Pure.

Recorder and check count alike: a subscription is asked for from its acknowledgement, or from
the first that was recorded of it, to its end; each gap takes its time away. Gaps without a
length take messages away, so the part of the messages that were kept is a bound as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

ACCOUNT = "account"
"""The symbol of channels that have none."""
_HUNDREDTHS = 10_000
"""A per cent in hundredths, of the whole."""

WHOLE = 100.0

Percents = dict[str, dict[str, float]]
"""Per cent by symbol, then by channel; 100 only if nothing is missing."""


class Verdict(StrEnum):
    """The worth of a recording. Of several that hold, the last in this order is told."""

    COMPLETE = "complete"
    GAPS = "gaps"
    """Messages are missing, or may be; or something asked for never came."""
    INCOMPLETE_END = "incomplete_end"
    """It did not end cleanly, or has not ended yet: how much came after it nobody knows."""
    TABLES_MISSING = "tables_missing"
    """The tables lack rows of messages that the raw log has; `kracked convert` makes them."""
    EMPTY = "empty"
    """Not one message of a channel is in it."""


class _Track(msgspec.Struct):
    """One subscription's time so far, in ns."""

    since: int | None = None
    """When it was last asked for; None while it is not."""
    asked: int = 0
    uncovered: int = 0
    until: int = 0
    """End of its last gap: gaps may overlap."""
    gaps: int = 0

    def total(self, end: int) -> int:
        """Return how long it was asked for."""
        return self.asked + (max(0, end - self.since) if self.since is not None else 0)


class Coverage:
    """Counts time asked for and time not covered; times are ns since the Unix epoch."""

    def __init__(self) -> None:
        self._tracks: dict[tuple[str, str], _Track] = {}

    @property
    def known(self) -> bool:
        """Whether any subscription was ever there."""
        return bool(self._tracks)

    def open(self, channel: str, symbol: str, at: int) -> None:
        """Note that a subscription is asked for from now on; again changes nothing."""
        track = self._tracks.setdefault((channel, symbol), _Track())
        if track.since is None:
            track.since = at

    def close(self, channel: str, symbol: str, at: int) -> None:
        """Note that a subscription is no longer asked for."""
        track = self._tracks.get((channel, symbol))
        if track is not None and track.since is not None:
            track.asked, track.since = track.total(at), None

    def add_gap(self, channel: str, symbols: Iterable[str], start: int, end: int) -> None:
        """Take a gap's time from a channel's symbols: all of them if none are named.

        An empty channel is every channel.
        """
        named = frozenset(symbols)
        for (each, symbol), track in self._tracks.items():
            if channel in ("", each) and (not named or symbol in named):
                begin = max(start, track.until, track.since if track.since is not None else end)
                track.uncovered += max(0, end - begin)
                track.until = max(track.until, end)
                track.gaps += 1

    def resume(self, before: Mapping[str, Mapping[str, float]], start: int, end: int) -> None:
        """Go on from an earlier recording's percents; the time since its end is a gap to come."""
        for symbol, channels in before.items():
            for channel, percent in channels.items():
                symbol_of = "" if symbol == ACCOUNT else symbol
                uncovered = round((end - start) * (1 - percent / 100))
                self._tracks[channel, symbol_of] = _Track(
                    since=start, uncovered=uncovered, until=end, gaps=int(percent < 100)
                )

    def percents(self, end: int, *, kept: float = 1.0) -> Percents:
        """Return the per cent covered until `end`; `kept` is the part of messages not lost."""
        found: Percents = {}
        for (channel, symbol), track in sorted(self._tracks.items()):
            total = track.total(end)
            part = 1 - min(1.0, track.uncovered / total) if total else float(not track.gaps)
            hundredths = math.floor(min(part, kept) * _HUNDREDTHS)
            if track.gaps or kept < 1:
                hundredths = min(hundredths, _HUNDREDTHS - 1)
            found.setdefault(symbol or ACCOUNT, {})[channel] = hundredths / 100
        return found
