"""Faults of connections, messages and the market: which there are, and when each is due.

Pure: the time is an argument and chance comes from a seed. What a fault does is in
`kracked.sim.injection`.

A specification is a list of ``KIND[=DETAIL]:WHEN[:WHERE]`` (`kracked.sim.faults.grammar`):

- WHEN is `30s` (at random, that long apart in the mean), `@30s` (once, that long after
  the start) or a chance such as `0.001` (of each book update, for the kinds that spoil
  single messages).
- WHERE is a symbol or one of `public`, `level3`, `private`; without it, chance picks.
- `all:5s` is any kind at all, every five seconds in the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from random import Random

import msgspec
from msgspec.structs import replace

from kracked.durations import parse_duration_ns
from kracked.sim.faults.grammar import ANY, FaultEntry, FaultSyntax, parse
from kracked.sim.faults.refusals import REASONS


class FaultKind(StrEnum):
    """A kind of fault of connections, messages or the market."""

    DROP = "drop"
    HALF_OPEN = "half-open"
    REFUSE = "refuse"
    SLOW_ACCEPT = "slow-accept"
    GARBAGE = "garbage"
    LOST = "lost"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    CHECKSUM = "checksum"
    JSON = "json"
    TRUNCATE = "truncate"
    HUGE = "huge"
    LATE_SNAPSHOT = "late-snapshot"
    REFUSAL = "refusal"
    TOKEN = "token"  # noqa: S105 - a kind of fault
    HEARTBEAT = "heartbeat"
    BURST = "burst"
    CLOCK = "clock"
    MAINTENANCE = "maintenance"
    SILENT = "silent"


MEANINGS: Mapping[str, str] = {
    FaultKind.DROP: "a connection ends without a word, or with a proxy's farewell",
    FaultKind.HALF_OPEN: "a connection stays open and nothing flows any more",
    FaultKind.REFUSE: "a connection ends, and new ones are refused for 3 s (DETAIL)",
    FaultKind.SLOW_ACCEPT: "a connection ends, and the next ones take 2 s to be accepted",
    FaultKind.GARBAGE: "a connection ends, and the next handshake is answered with noise",
    FaultKind.LOST: "an update of a book or an account is never sent",
    FaultKind.DUPLICATE: "an update of a book or an account is sent twice",
    FaultKind.REORDER: "two successive updates of a book or an account change places",
    FaultKind.CHECKSUM: "a book update states a wrong checksum",
    FaultKind.JSON: "a message is no valid JSON",
    FaultKind.TRUNCATE: "a connection ends in the middle of a frame",
    FaultKind.HUGE: "a frame of 4 MiB",
    FaultKind.LATE_SNAPSHOT: "the next snapshot comes 3 s late (DETAIL)",
    FaultKind.REFUSAL: "the next subscription is refused (DETAIL: the reason)",
    FaultKind.TOKEN: "every token used on a connection is refused from now on, orders' too",
    FaultKind.HEARTBEAT: "a connection's heartbeats stop for 8 s (DETAIL)",
    FaultKind.BURST: "1,000 further messages about one book within 100 ms",
    FaultKind.CLOCK: "a connection's messages carry times an hour off, for 5 s",
    FaultKind.MAINTENANCE: "maintenance for 3 s (DETAIL), and return",
    FaultKind.SILENT: "a connection's frames of one channel stop for 20 s (DETAIL: book, book/5s)",
}
SPOILING = (
    FaultKind.LOST,
    FaultKind.DUPLICATE,
    FaultKind.REORDER,
    FaultKind.CHECKSUM,
    FaultKind.JSON,
)
"""The kinds that spoil single messages, and so may be given as a chance."""
LASTING = (FaultKind.REFUSE, FaultKind.LATE_SNAPSHOT, FaultKind.HEARTBEAT, FaultKind.MAINTENANCE)
"""The kinds whose detail is how long they last."""
DATA_CHANNELS = ("book", "level3", "ticker", "trade", "ohlc")
"""The channels that can fall silent."""
ROLES = ("public", "level3", "private")
_SYNTAX = FaultSyntax(
    form="KIND[=DETAIL]:WHEN[:WHERE], such as drop:30s, lost:0.001, checksum:@10s:BTC/USD "
    "or all:5s",
    meanings=MEANINGS,
    any_kind=True,
)


class Fault(msgspec.Struct, frozen=True):
    """One fault to inject now."""

    kind: FaultKind
    where: str = ""
    """A symbol, or one of `ROLES`; empty lets chance pick."""
    detail: str = ""

    @property
    def length_ns(self) -> int | None:
        """The length of a fault of the kinds in `LASTING`; None leaves it to the kind."""
        text = self.detail.partition("/")[2] if self.kind is FaultKind.SILENT else self.detail
        return parse_duration_ns(text, bare_s=True, zero=True) if text else None

    @property
    def channel(self) -> str:
        """The channel that falls silent; empty lets chance pick."""
        return self.detail.partition("/")[0]


class FaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a specification. Exactly one of the three times is set."""

    kind: FaultKind | None
    """None is any kind."""
    where: str = ""
    detail: str = ""
    mean_ns: int | None = None
    """Mean time between two."""
    at_ns: int | None = None
    """Time after the start."""
    chance: float | None = None
    """Of each book update."""


class FaultSchedule:
    """The times at which a specification's faults are due; a seed gives the same ones again."""

    def __init__(self, rules: Sequence[FaultRule], seed: object, now: int) -> None:
        self._random = Random(f"{seed}/faults")
        self._next: list[tuple[int, int, FaultRule]] = []
        """Time, place in the specification, rule."""
        for place, rule in enumerate(rules):
            if rule.at_ns is not None:
                self._next.append((now + rule.at_ns, place, rule))
            elif rule.mean_ns is not None:
                self._next.append((self._later(rule.mean_ns, now), place, rule))

    def due(self, now: int) -> list[Fault]:
        """Return the faults whose time has come since the last call, oldest first."""
        faults: list[Fault] = []
        for time, place, rule in sorted(entry for entry in self._next if entry[0] <= now):
            self._next.remove((time, place, rule))
            kind = self._random.choice(tuple(FaultKind)) if rule.kind is None else rule.kind
            faults.append(Fault(kind, rule.where, rule.detail))
            if rule.mean_ns is not None:
                self._next.append((self._later(rule.mean_ns, now), place, rule))
        return faults

    def _later(self, mean_ns: int, now: int) -> int:
        return now + int(self._random.expovariate(1 / mean_ns))


def read(text: str) -> tuple[FaultRule, ...]:
    """Return the rules of a specification.

    Raises:
        BadFaults: It cannot be read; the error lists every kind.
    """
    return tuple(_rule(entry) for entry in parse(text, _SYNTAX))


def _rule(entry: FaultEntry) -> FaultRule:
    kind = None if entry.kind == ANY else FaultKind(entry.kind)
    if entry.detail:
        _check_detail(kind, entry)
    if entry.where and entry.where not in ROLES and "/" not in entry.where:
        raise entry.bad(f"{entry.where!r} is neither a symbol nor one of {', '.join(ROLES)}")
    rule = FaultRule(kind=kind, where=entry.where, detail=entry.detail)
    if entry.when.startswith("@"):
        return replace(rule, at_ns=entry.duration_ns(entry.when[1:]))
    if entry.chance is not None:
        if kind not in SPOILING:
            raise entry.bad(f"a chance is for {', '.join(SPOILING)}; give a time")
        return replace(rule, chance=entry.chance)
    mean_ns = entry.duration_ns(entry.when)
    if mean_ns == 0:
        raise entry.bad("the mean time between two is zero")
    return replace(rule, mean_ns=mean_ns)


def _check_detail(kind: FaultKind | None, entry: FaultEntry) -> None:
    if kind is FaultKind.REFUSAL:
        if entry.detail not in REASONS:
            raise entry.bad(f"{entry.detail!r} is none of the reasons {', '.join(REASONS)}")
    elif kind is FaultKind.SILENT:
        channel, _, length = entry.detail.partition("/")
        if channel not in DATA_CHANNELS:
            raise entry.bad(f"{channel!r} is none of the channels {', '.join(DATA_CHANNELS)}")
        if length:
            entry.duration_ns(length, bare_s=True)
    elif kind not in LASTING:
        takes = (FaultKind.REFUSAL, *LASTING, FaultKind.SILENT)
        raise entry.bad(f"only {', '.join(takes)} take a detail")
    else:
        entry.detail_ns()
