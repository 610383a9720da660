"""Odds fitted to recordings: ghosts stand in the queues that were recorded, and are counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from errno import ENOENT
from typing import NamedTuple

from kracked.errors import RecordError, says
from kracked.flow.ledger import Ledger
from kracked.flow.odds.recent import RecentMarket
from kracked.flow.odds.samples import EVERY_NS, GhostField, Sample
from kracked.flow.odds.table import LEAST_NS, NoOdds, OddsTable
from kracked.frames.books.order_rows import TooManyDigits
from kracked.frames.order_lives import ledger_steps, level3_symbols
from kracked.frames.read.table_files import Source, paths
from kracked.times import NS_PER_S

MOST_SAMPLES = 250_000
"""More than these are thinned out, evenly over time: they overlap, and say little more."""
LEAST_SAMPLED_NS = 20 * 60 * NS_PER_S
"""Ghosts must have been placed for so long: what is near a hole or an end counts for nothing."""
_MINUTE_NS = 60 * NS_PER_S


@says("no level 3 was recorded in {where}: odds need it, and trades")
class NoOrders(RecordError):
    """Odds cannot be fitted to recordings without orders."""

    where: str


class SampledOrders(NamedTuple):
    """The samples of one symbol's recordings."""

    samples: list[Sample]
    watched_ns: int
    """How long the book was known and told for the first time."""
    recordings: int
    """Those that had the symbol."""
    every_ns: int = EVERY_NS
    """The time between two instants, where nothing is missing."""


def fit_odds(
    recordings: Sequence[Source],
    *,
    now: int,
    symbols: Iterable[str] = (),
    told: Callable[[str], object] | None = None,
) -> dict[str, OddsTable | NoOdds]:
    """Fit the odds of resting orders to recordings of level 3 and trades.

    A stretch of time that two recordings have counts once.

    Args:
        recordings: The recordings, or their folders.
        now: The time of the fit, ns since the Unix epoch.
        symbols: The symbols; by default all whose level 3 was recorded.
        told: Takes a line of talk before each symbol is read, which may last minutes.

    Returns:
        Each symbol's table, or why there is none: less than forty minutes were recorded.

    Raises:
        NoOrders: No level 3 was recorded in any of them.
        RecordError: A recording is damaged, or a symbol asked for is in none of them.
        FileNotFoundError: A recording does not exist.
    """
    asked = sorted(set(symbols))
    for path in (path for recording in recordings for path in paths(recording)):
        if not path.exists():
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path))
    held = [set(level3_symbols(recording, None)) for recording in recordings]
    known = set().union(*held)
    where = ", ".join(str(path) for recording in recordings for path in paths(recording))
    if not known:
        raise NoOrders(where)
    if unknown := [symbol for symbol in asked if symbol not in known]:
        raise RecordError(
            f"no level 3 of {unknown[0]} was recorded in {where}; "
            f"there is that of {', '.join(sorted(known))}"
        )
    found: dict[str, OddsTable | NoOdds] = {}
    for symbol in asked or sorted(known):
        if told is not None:
            told(f"reading the orders and trades of {symbol}")
        mine = [one for one, has in zip(recordings, held, strict=True) if symbol in has]
        found[symbol] = _fitted(symbol, sampled(mine, symbol), now)
    return found


def sampled(recordings: Sequence[Source], symbol: str) -> SampledOrders:
    """Return the samples of a symbol, of each stretch of time once.

    Args:
        recordings: The recordings, or their folders.
        symbol: The symbol.

    Raises:
        RecordError: A recording is damaged, or lacks the symbol.
    """
    parts: list[_Part] = []
    for recording in recordings:
        try:
            parts += list(_read(recording, symbol, exact=False))
        except TooManyDigits:
            parts += _read(recording, symbol, exact=True)
    parts.sort(key=lambda part: part.begin)
    samples: list[Sample] = []
    watched = end = 0
    every = EVERY_NS
    for part in parts:
        samples += [one for one in part.samples if one.placed > end]
        while len(samples) > MOST_SAMPLES:
            every *= 2
            samples = _thinned(samples, every)
        seen = part.watched_ns
        if part.begin < end:  # the beginning was told by another recording
            seen = min(seen, max(0, part.end - end))
        watched += seen
        end = max(end, part.end)
    return SampledOrders(_thinned(samples, every), watched, len(recordings), every)


def _thinned(samples: list[Sample], every_ns: int) -> list[Sample]:
    """Return the samples of the first instant in each stretch of so long."""
    kept: list[Sample] = []
    stretch = instant = -1
    for one in samples:
        if one.placed // every_ns != stretch:
            stretch, instant = one.placed // every_ns, one.placed
        if one.placed == instant:
            kept.append(one)
    return kept


def _fitted(symbol: str, found: SampledOrders, now: int) -> OddsTable | NoOdds:
    minutes = found.watched_ns // _MINUTE_NS
    if found.watched_ns < LEAST_NS:
        least = LEAST_NS // _MINUTE_NS
        return NoOdds(f"not fitted: {minutes} of {least} minutes were recorded")
    sampled_ns = len({one.placed for one in found.samples}) * found.every_ns
    if sampled_ns < LEAST_SAMPLED_NS:
        return NoOdds(
            f"not fitted: {sampled_ns // _MINUTE_NS} minutes are left where nothing is "
            f"missing five minutes before and after, {LEAST_SAMPLED_NS // _MINUTE_NS} are needed"
        )
    from kracked.flow.odds.fitting import fit_table  # noqa: PLC0415  loads numpy

    return fit_table(
        symbol,
        found.samples,
        fitted=now,
        watched_ns=found.watched_ns,
        recordings=found.recordings,
        every_ns=found.every_ns,
    )


class _Part(NamedTuple):
    """The samples of a stretch with the same decimals, and the exchange's times it spans."""

    samples: list[Sample]
    begin: int
    end: int
    watched_ns: int


def _read(source: Source, symbol: str, *, exact: bool) -> Iterator[_Part]:
    ledger: Ledger | None = None
    recent, ghosts, samples = RecentMarket(), GhostField(RecentMarket(), 0), list[Sample]()
    for step in ledger_steps(source, symbol, exact=exact):
        if step.ledger is not ledger:
            if ledger is not None:
                yield _Part(samples, ghosts.began, ghosts.now, ghosts.watched_ns)
            ledger, recent, samples = step.ledger, RecentMarket(), []
            ghosts = GhostField(recent, step.precision.qty)
        recent.follow(ledger, step.outcomes)
        samples += ghosts.follow(ledger, step.outcomes)
        step.lives.clear()  # nobody asks for the orders' lives
    yield _Part(samples, ghosts.began, ghosts.now, ghosts.watched_ns)
