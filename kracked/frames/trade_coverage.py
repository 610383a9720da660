"""The time for which recordings have a symbol's trades, and for which nobody knows them.

Recorder and check count alike: a subscription was asked for, gaps take time away from it, and a
gap across which the trades' numbers go on took none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from kracked import times
from kracked.format import layout
from kracked.format.coverage import TRADES, Span, Track
from kracked.format.session_info import CoverageInfo, read_coverage_info
from kracked.format.trade_holes import TradeHoles
from kracked.frames.read.raw_coverage import gaps_in
from kracked.protocol.events import Gap

RECORDINGS = "recordings"
"""Name of the attribute of a frame of trades that has the paths they were read from."""
FOREVER = (1 << 63) - 1
"""The end of a recording that is not known: it was killed, or goes on."""
_NS_PER_MS = 1_000_000


class TradeCoverage(NamedTuple):
    """The time for which one symbol's trades were recorded, ns by the exchange's clock."""

    begin: int
    end: int | None
    """None if it is not known: nothing after the last trade is certain."""
    gaps: Sequence[Span]
    """Times in between for which they were not, in order; the numbers prove nothing of them."""

    def known_from(self, first: int) -> int:
        """Return since when all is known up to the first trade, made at `first`."""
        return max((end for start, end in self.gaps if start < first), default=self.begin)

    def known_until(self, last: int) -> int:
        """Return up to when all is known after the last trade, made at `last`."""
        end = last if self.end is None else self.end
        return min((start for start, until in self.gaps if until > last), default=end)


def trade_coverage(paths: Iterable[Path]) -> Mapping[str, TradeCoverage]:
    """Return the coverage of each symbol's trades by recordings together.

    Nothing is returned of files apart from their recording, or beside one of which nothing is
    known: they tell of no gap. Raises `UnreadableInfo`.
    """
    covered: dict[str, list[Span]] = {}
    for path in paths:
        info = read_coverage_info(path) if path.is_dir() else None
        if info is None:
            return {}
        for symbol, spans in _covered(path, info).items():
            covered.setdefault(symbol, []).extend(spans)
    found: dict[str, TradeCoverage] = {}
    for symbol, parts in covered.items():
        spans = _joined(parts) or [(FOREVER, 0)]  # gaps alone
        end = spans[-1][1]
        known_end = None if end == FOREVER else end
        found[symbol] = TradeCoverage(spans[0][0], known_end, _between(spans))
    return found


def _covered(path: Path, info: CoverageInfo) -> Mapping[str, list[Span]]:
    """Return when each symbol's trades were recorded, by the exchange's clock."""
    end = times.try_parse_ns(info.end) or FOREVER
    tracks = info.tracks
    if not tracks and (start := times.try_parse_ns(info.start)):  # of an older recorder
        tracks = {symbol: {TRADES: Track(since=start)} for symbol in info.symbols}
    # A recorder that was killed has not stated its last gaps: they are in its log.
    logged: list[Gap] = []
    if end == FOREVER or not info.tracks:
        noted = (gap for log in layout.logs(path) for gap in gaps_in(log))
        logged = [gap for gap in noted if gap.channel in ("", TRADES)]
    offset = round((info.clock_offset_ms or 0) * _NS_PER_MS)
    holes, found = TradeHoles(info.trades), dict[str, list[Span]]()
    for symbol, channels in tracks.items():
        if (track := channels.get(TRADES)) is None:
            continue
        mine = [gap for gap in logged if not gap.symbols or symbol in gap.symbols]
        asked = _joined(track.asked_until(end))
        gaps = [*track.gaps, *((gap.start, gap.end) for gap in mine), *_between(asked)]
        unproven = _joined(gap for gap in gaps if not holes.proves(symbol, *gap))
        if asked:
            spans = _without([(asked[0][0], asked[-1][1])], unproven)
            found[symbol] = [
                (start - offset, until if until == FOREVER else until - offset)
                for start, until in spans
            ]
    return found


def _between(spans: Sequence[Span]) -> list[Span]:
    """Return what lies between spans in order."""
    return [(before[1], after[0]) for before, after in pairwise(spans)]


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _without(spans: Sequence[Span], gaps: Iterable[Span]) -> list[Span]:
    """Return spans less gaps, both in order."""
    left = [*spans]
    for begin, until in gaps:
        parts = [
            part
            for start, end in left
            for part in ((start, min(end, begin)), (max(start, until), end))
        ]
        left = [(start, end) for start, end in parts if start < end]
    return left
