"""The part of the time for which a recording has everything, by symbol and channel. Pure.

Recorder and check count alike: a subscription is asked for from its acknowledgement, or from
the first that was recorded of it, to its end; each gap takes its time away. Gaps without a
length take messages away, so the part of the messages that were kept is a bound as well. Trades
are numbered: a gap across which the numbers go on, by themselves or healed, took none of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from kracked.format.trade_holes import TradeHoles

ACCOUNT = "account"
"""The symbol of channels that have none."""
_HUNDREDTHS = 10_000
"""A per cent in hundredths, of the whole."""

WHOLE = 100.0
TRADES = "trade"
"""The channel whose messages are numbered by symbol."""

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


Span = tuple[int, int]
"""Begin and end, ns since the Unix epoch."""


class Track(msgspec.Struct, omit_defaults=True):
    """One subscription's times: whatever order they were told in, they count the same."""

    since: int | None = None
    """When it was last asked for; None while it is not."""
    asked: list[Span] = msgspec.field(default_factory=list)
    """When it was asked for before."""
    gaps: list[Span] = msgspec.field(default_factory=list)
    """Of trades the numbers may prove that nothing is missing of one."""

    def add_gap(self, start: int, end: int) -> None:
        """Add a gap; of two in a row the one that is inside the other says nothing more."""
        if self.gaps:
            first, last = self.gaps[-1]
            if first <= start and end <= last:
                return
            if start <= first and last <= end:
                self.gaps.pop()
        self.gaps.append((start, end))

    def asked_until(self, end: int) -> list[Span]:
        """Return when it was asked for, up to `end`."""
        now = [] if self.since is None else [(self.since, max(end, self.since))]
        return [*self.asked, *now]


Tracks = dict[str, dict[str, Track]]
"""By symbol, then by channel."""


class Coverage:
    """Counts time asked for and time not covered; times are ns since the Unix epoch."""

    def __init__(self, trades: TradeHoles | None = None) -> None:
        """Begin with nothing asked for; `trades` knows which trades are missing."""
        self._tracks: dict[tuple[str, str], Track] = {}
        self.trades = trades or TradeHoles()
        self._trade_gaps: list[tuple[frozenset[str], int, int]] = []
        """Symbols, begin and end of each gap of trades alone."""

    @property
    def closed_gaps(self) -> int:
        """The number of gaps that cost no trade, or none that was not fetched since."""
        return sum(self.is_closed(TRADES, *gap) for gap in self._trade_gaps)

    def is_closed(self, channel: str, symbols: Iterable[str], start: int, end: int) -> bool:
        """Whether nothing is missing of a gap, by the numbers of the trades.

        The arguments are those of `add_gap`.
        """
        named = tuple(symbols) or tuple(symbol for each, symbol in self._tracks if each == TRADES)
        proves = self.trades.proves
        return channel == TRADES and all(proves(symbol, start, end) for symbol in named)

    @property
    def known(self) -> bool:
        """Whether any subscription was ever there."""
        return bool(self._tracks)

    def open(self, channel: str, symbol: str, at: int) -> None:
        """Note that a subscription is asked for from now on; again changes nothing."""
        track = self._tracks.setdefault((channel, symbol), Track())
        if track.since is None:
            track.since = at

    def open_all(self, channels: Mapping[str, Iterable[str]], at: int) -> None:
        """Note that the symbols of several channels are asked for from now on, if not before."""
        for channel, symbols in channels.items():
            for symbol in symbols:
                self.open(channel, symbol, at)

    def close(self, channel: str, symbol: str, at: int) -> None:
        """Note that a subscription is no longer asked for."""
        track = self._tracks.get((channel, symbol))
        if track is not None and track.since is not None:
            track.asked.append((track.since, max(at, track.since)))
            track.since = None

    def add_gap(self, channel: str, symbols: Iterable[str], start: int, end: int) -> None:
        """Take a gap's time from a channel's symbols: all of them if none are named.

        An empty channel is every channel.
        """
        named = frozenset(symbols)
        if channel == TRADES:
            self._trade_gaps.append((named, start, end))
        for (each, symbol), track in self._tracks.items():
            if channel in ("", each) and (not named or symbol in named):
                track.add_gap(start, end)

    @property
    def tracks(self) -> Tracks:
        """All that was told of each subscription: enough to go on with in a later recording."""
        found: Tracks = {}
        for (channel, symbol), track in self._tracks.items():
            found.setdefault(symbol or ACCOUNT, {})[channel] = track
        return found

    def resume(self, before: Mapping[str, Mapping[str, Track]]) -> None:
        """Go on from an earlier recording's tracks; the time since its end is a gap to come."""
        for symbol, channels in before.items():
            for channel, track in channels.items():
                self._tracks[channel, "" if symbol == ACCOUNT else symbol] = track

    def resume_percents(self, before: Percents, start: int, end: int) -> None:
        """Go on from the percents alone of a recording whose tracks are not known."""
        for symbol, channels in before.items():
            for channel, percent in channels.items():
                uncovered = round((end - start) * (1 - percent / 100))
                gaps = [(end - uncovered, end)] if percent < WHOLE else []
                symbol_of = "" if symbol == ACCOUNT else symbol
                self._tracks[channel, symbol_of] = Track(since=start, gaps=gaps)

    def percents(self, end: int, *, kept: float = 1.0) -> Percents:
        """Return the per cent covered until `end`; `kept` is the part of messages not lost."""
        found: Percents = {}
        for (channel, symbol), track in sorted(self._tracks.items()):
            asked, least = track.asked_until(end), kept
            begun = min((start for start, _ in asked), default=end)
            gaps = told = [gap for gap in track.gaps if gap[1] >= begun]
            if channel == TRADES:
                proves = self.trades.proves
                spans = [span for span in told if not proves(symbol, *span)]
                gaps = spans + [(hole.start, hole.end) for hole in self.trades.holes_of(symbol)]
                if told and not gaps:  # what is missing had no trade of it
                    least = 1.0
            total = _length(asked)
            uncovered = total + _length(gaps) - _length([*asked, *gaps])  # what is in both
            part = 1 - min(1.0, uncovered / total) if total else float(not gaps)
            hundredths = math.floor(min(part, least) * _HUNDREDTHS)
            if gaps or least < 1:
                hundredths = min(hundredths, _HUNDREDTHS - 1)
            found.setdefault(symbol or ACCOUNT, {})[channel] = hundredths / 100
        return found


def _length(spans: Iterable[Span]) -> int:
    """Return how much time some spans cover together."""
    total, until = 0, 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total
