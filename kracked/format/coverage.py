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


class _Track(msgspec.Struct):
    """One subscription's time so far, in ns."""

    since: int | None = None
    """When it was last asked for; None while it is not."""
    asked: int = 0
    uncovered: int = 0
    until: int = 0
    """End of its last gap: gaps may overlap."""
    gaps: int = 0
    spans: list[tuple[int, int]] = msgspec.field(default_factory=list)
    """Of trades: when each gap began and ended. The numbers may prove that nothing is missing."""

    def total(self, end: int) -> int:
        """Return how long it was asked for."""
        return self.asked + (max(0, end - self.since) if self.since is not None else 0)


class Coverage:
    """Counts time asked for and time not covered; times are ns since the Unix epoch."""

    def __init__(self, trades: TradeHoles | None = None) -> None:
        """Begin with nothing asked for; `trades` knows which trades are missing."""
        self._tracks: dict[tuple[str, str], _Track] = {}
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
        track = self._tracks.setdefault((channel, symbol), _Track())
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
            track.asked, track.since = track.total(at), None

    def add_gap(self, channel: str, symbols: Iterable[str], start: int, end: int) -> None:
        """Take a gap's time from a channel's symbols: all of them if none are named.

        An empty channel is every channel.
        """
        named = frozenset(symbols)
        if channel == TRADES:
            self._trade_gaps.append((named, start, end))
        for (each, symbol), track in self._tracks.items():
            if channel in ("", each) and (not named or symbol in named):
                since = track.since if track.since is not None else end
                if each == TRADES:
                    track.spans.append((max(start, since), end))
                    continue
                begin = max(start, track.until, since)
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
            total, gaps, least = track.total(end), track.gaps, kept
            uncovered = track.uncovered
            if channel == TRADES:
                missing = self._trades_missing(symbol, track)
                uncovered, gaps = uncovered + _length(missing), gaps + len(missing)
                if track.spans and not missing:  # what is missing had no trade of it
                    least = 1.0
            part = 1 - min(1.0, uncovered / total) if total else float(not gaps)
            hundredths = math.floor(min(part, least) * _HUNDREDTHS)
            if gaps or least < 1:
                hundredths = min(hundredths, _HUNDREDTHS - 1)
            found.setdefault(symbol or ACCOUNT, {})[channel] = hundredths / 100
        return found

    def _trades_missing(self, symbol: str, track: _Track) -> list[tuple[int, int]]:
        """Return the times for which trades of a symbol are missing, or may be."""
        proves = self.trades.proves
        spans = [span for span in track.spans if not proves(symbol, *span)]
        return spans + [(hole.start, hole.end) for hole in self.trades.holes_of(symbol)]


def _length(spans: Iterable[tuple[int, int]]) -> int:
    """Return how much time some spans cover together."""
    total, until = 0, 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total
