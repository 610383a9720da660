"""The trades that a recording lacks, by the numbers that the exchange gives them. Pure.

Trades of a symbol are numbered without holes, so the numbers prove what is missing, and also
that nothing is: a lost connection cost no trade if those before it and after it follow each
other. Recorder and census count alike.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from kracked import times
from kracked.protocol.client.trade_sequence import RECENT, counts_on

MOST_HOLES = 1_000
"""Holes kept of a symbol. Of more the oldest two become one: it takes in what is between them."""

Numbered = tuple[int, str]
"""A trade's number, and its time by the exchange, RFC 3339."""


class TradeHole(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Trades of one symbol that are missing, all of them in a row."""

    symbol: str
    first: int
    """Number of the first missing trade."""
    last: int
    """Number of the last one."""
    since: int
    """When the trade before them was made, by the exchange, ns since the Unix epoch."""
    start: int
    """When the trade before them was received, ns since the Unix epoch."""
    end: int
    """When the trade after them was received, ns since the Unix epoch."""
    reason: str = ""
    """Why they could not be fetched; empty while that was not tried."""
    earlier_count: bool = False
    """Whether the exchange has begun to count anew since: their numbers may mean other trades
    now, so they stay missing."""

    @property
    def count(self) -> int:
        """The number of missing trades."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        numbers = f"{self.first} to {self.last}" if self.count > 1 else f"{self.first}"
        why = f": {self.reason}" if self.reason else ""
        trades = "trade" if self.count == 1 else "trades"
        return f"{self.count} {trades} of {self.symbol}, {numbers}{why}"


class TradesKnown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of one symbol's trades: enough to go on with in a later recording."""

    newest: int
    """Number of the newest trade."""
    stamp: str
    """When it was made, by the exchange, RFC 3339."""
    received: int
    """When it was received, ns since the Unix epoch."""
    begun: int
    """When the first trade was received, ns since the Unix epoch."""
    holes: tuple[TradeHole, ...] = ()


class TradeHoles:
    """Follows the trades of every symbol; changes by its methods alone."""

    def __init__(self, known: Mapping[str, TradesKnown] | None = None) -> None:
        """Begin, or go on from what an earlier recording knew."""
        self._known = dict(known or {})
        self._recent = {
            symbol: deque([(each.newest, each.stamp)], RECENT)
            for symbol, each in self._known.items()
        }
        """The latest trades of each symbol: they tell one count from another."""
        self._committed: dict[str, TradesKnown | None] = {}
        """What was known before the changes that may still be lost."""
        self.healed = 0
        """Trades that were missing and were fetched since."""

    @property
    def known(self) -> dict[str, TradesKnown]:
        """The state of each symbol's trades."""
        return dict(self._known)

    @property
    def missing(self) -> int:
        """The number of missing trades."""
        return sum(hole.count for hole in self.open())

    def open(self) -> list[TradeHole]:
        """Return every hole, by symbol."""
        return [hole for known in self._known.values() for hole in known.holes]

    def fetchable(self, symbol: str = "") -> list[TradeHole]:
        """Return the holes, of one symbol or of all, whose numbers still mean what is missing."""
        holes = self.holes_of(symbol) if symbol else self.open()
        return [hole for hole in holes if not hole.earlier_count]

    def holes_of(self, symbol: str) -> tuple[TradeHole, ...]:
        """Return the holes of one symbol, oldest first."""
        known = self._known.get(symbol)
        return known.holes if known is not None else ()

    def proves(self, symbol: str, start: int, end: int) -> bool:
        """Whether no trade is missing of a time, because numbers go on across it.

        Args:
            symbol: Whose trades.
            start: The beginning of the time, ns since the Unix epoch.
            end: Its end.
        """
        known = self._known.get(symbol)
        return (
            known is not None
            and known.begun <= start
            and end <= known.received
            and not any(hole.start < end and start < hole.end for hole in known.holes)
        )

    # --- trades come -------------------------------------------------------------------

    def follow(
        self, symbol: str, trades: Sequence[Numbered], received: int, *, snapshot: bool = False
    ) -> None:
        """Take the numbers of trades that were recorded.

        Args:
            symbol: Whose trades.
            trades: Their numbers and times.
            received: When they came, ns since the Unix epoch.
            snapshot: Whether they are the market's last: then the count may begin anew. What
                was missing before stays missing.
        """
        if not trades:
            return
        known = self._known.get(symbol)
        if known is not None and len(trades) == 1 and trades[0][0] == known.newest + 1:
            newest, stamp = trades[0]  # as nearly always
            self._set(symbol, replace(known, newest=newest, stamp=stamp, received=received))
            self._recent[symbol].append(trades[0])
            return
        trades = sorted({*trades})
        recent = self._recent.setdefault(symbol, deque(maxlen=RECENT))
        holes: tuple[TradeHole, ...] = ()
        if known is not None and snapshot and not counts_on(dict(recent), dict(trades)):
            anew = "the exchange counts anew"
            holes = tuple(
                replace(hole, earlier_count=True, reason=hole.reason or anew)
                for hole in known.holes
            )
            known = None
        if known is None:
            recent.clear()
            first, stamp = trades[0]
            known = TradesKnown(
                newest=first, stamp=stamp, received=received, begun=received, holes=holes
            )
        recent.extend(trades)
        self._set(symbol, _followed(known, symbol, trades, received))

    def heal(self, symbol: str, numbers: Iterable[int]) -> None:
        """Take the numbers of trades that were fetched: they are missing no more."""
        known = self._known.get(symbol)
        if known is None:
            return
        holes = known.holes
        for number in numbers:
            filled = _without(holes, number)
            self.healed += filled is not holes
            holes = filled
        self._set(symbol, replace(known, holes=holes))

    def explain(self, hole: TradeHole, reason: str) -> None:
        """Note why the trades of a hole could not be fetched; what came meanwhile is left out."""
        known = self._known.get(hole.symbol)
        if known is not None:
            told = tuple(
                replace(each, reason=reason)
                if hole.first <= each.first <= hole.last and not each.earlier_count
                else each
                for each in known.holes
            )
            self._known[hole.symbol] = replace(known, holes=told)

    def _set(self, symbol: str, known: TradesKnown) -> None:
        self._committed.setdefault(symbol, self._known.get(symbol))
        self._known[symbol] = known

    # --- what came may be lost again -----------------------------------------------------

    def commit(self) -> None:
        """Note that everything so far is where it will be written."""
        self._committed.clear()

    def roll_back(self, now: int) -> None:
        """Note that everything since the last `commit` was lost: its trades are a hole.

        Args:
            now: The time, ns since the Unix epoch.
        """
        lost, self._committed = self._committed, {}
        for symbol, before in lost.items():
            newest = self._known[symbol].newest
            if before is not None:
                self._recent[symbol] = deque([(before.newest, before.stamp)], RECENT)
            if before is None:
                del self._known[symbol]  # nothing of it is recorded: it begins with what follows
            elif newest > before.newest:
                missing = _hole(before, symbol, newest, now)
                holes = _bounded((*before.holes, missing))
                stamp = self._known[symbol].stamp
                self._known[symbol] = replace(
                    before, newest=newest, stamp=stamp, received=now, holes=holes
                )
            else:
                self._known[symbol] = before


def _followed(
    known: TradesKnown, symbol: str, trades: Sequence[Numbered], received: int
) -> TradesKnown:
    """Return what is known after trades, in order of their numbers."""
    for number, stamp in trades:
        if number <= known.newest:
            if known.holes:
                known = replace(known, holes=_without(known.holes, number))
            continue
        holes = known.holes
        if number > known.newest + 1:
            holes = _bounded((*holes, _hole(known, symbol, number - 1, received)))
        known = replace(known, newest=number, stamp=stamp, received=received, holes=holes)
    if trades[-1][0] == known.newest:  # said once more, it is still the newest
        return replace(known, received=max(known.received, received))
    return known


def _hole(known: TradesKnown, symbol: str, last: int, received: int) -> TradeHole:
    """Return the hole from the newest trade up to number `last`, found at `received`."""
    return TradeHole(
        symbol=symbol,
        first=known.newest + 1,
        last=last,
        since=times.try_parse_ns(known.stamp) or known.received,
        start=known.received,
        end=received,
    )


def _without(holes: tuple[TradeHole, ...], number: int) -> tuple[TradeHole, ...]:
    """Return holes without a trade: one that lay in the middle of a hole makes it two."""
    for at, hole in enumerate(holes):
        if hole.first <= number <= hole.last and not hole.earlier_count:
            before = replace(hole, last=number - 1)
            after = replace(hole, first=number + 1)
            left = tuple(each for each in (before, after) if each.count > 0)
            return (*holes[:at], *left, *holes[at + 1 :])
    return holes


def _bounded(holes: tuple[TradeHole, ...]) -> tuple[TradeHole, ...]:
    if len(holes) <= MOST_HOLES:
        return holes
    for at, (older, newer) in enumerate(pairwise(holes)):
        if older.earlier_count == newer.earlier_count and older.last < newer.first:
            joined = replace(older, last=newer.last, end=newer.end)
            return (*holes[:at], joined, *holes[at + 2 :])
    return holes
