"""Odds fitted to recordings: ghosts stand in the queues that were recorded, and are counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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


def fit_odds(
    recordings: Sequence[Source], *, now: int, symbols: Iterable[str] = ()
) -> dict[str, OddsTable | NoOdds]:
    """Fit the odds of resting orders to recordings of level 3 and trades.

    A stretch of time that two recordings have counts once.

    Args:
        recordings: The recordings, or their folders.
        now: The time of the fit, ns since the Unix epoch.
        symbols: The symbols; by default all whose level 3 was recorded.

    Returns:
        Each symbol's table, or why there is none: less than forty minutes were recorded.

    Raises:
        NoOrders: No level 3 was recorded in any of them.
        RecordError: A recording is damaged, or a symbol asked for is in none of them.
    """
    asked = sorted(set(symbols))
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
    for part in parts:
        samples += [one for one in part.samples if one.placed > end]
        seen = part.watched_ns
        if part.begin < end:  # the beginning was told by another recording
            seen = min(seen, max(0, part.end - end))
        watched += seen
        end = max(end, part.end)
    return SampledOrders(samples, watched, len(recordings))


def _fitted(symbol: str, found: SampledOrders, now: int) -> OddsTable | NoOdds:
    minutes = found.watched_ns // _MINUTE_NS
    if found.watched_ns < LEAST_NS:
        least = LEAST_NS // _MINUTE_NS
        return NoOdds(f"not fitted: {minutes} of {least} minutes were recorded")
    instants = len({one.placed for one in found.samples})
    if instants * EVERY_NS < LEAST_SAMPLED_NS:
        return NoOdds(
            f"not fitted: {instants * EVERY_NS // _MINUTE_NS} minutes are left where nothing is "
            f"missing five minutes before and after, {LEAST_SAMPLED_NS // _MINUTE_NS} are needed"
        )
    from kracked.flow.odds.fitting import fit_table  # noqa: PLC0415  loads numpy

    return fit_table(
        symbol,
        found.samples,
        fitted=now,
        watched_ns=found.watched_ns,
        recordings=found.recordings,
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
