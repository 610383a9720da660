"""Which faults there are, how they are asked for, and when each is due.

Pure: the time is an argument and chance comes from a seed. What a fault does to
connections, messages and the market is in `kracked.sim.faults`.

A specification is a comma-separated list of ``KIND[=DETAIL]:WHEN[:WHERE]``:

- WHEN is `30s` (at random, that long apart in the mean), `@30s` (once, so long after
  the start) or a chance such as `0.001` (of each book update, for the kinds that spoil
  single messages).
- WHERE is a symbol or one of `public`, `level3`, `private`; left out, chance picks.
- `all:5s` is any kind at all, every five seconds in the mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from random import Random

import msgspec

from kracked.errors import ConfigError
from kracked.sim.faults.refusals import REASONS
from kracked.times import NS_PER_S


class FaultKind(StrEnum):
    """What can go wrong."""

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


MEANINGS = {
    FaultKind.DROP: "a connection ends without a word, or with a proxy's",
    FaultKind.HALF_OPEN: "a connection stays open and nothing flows any more",
    FaultKind.REFUSE: "a connection ends, and new ones are refused for 3 s (DETAIL: seconds)",
    FaultKind.SLOW_ACCEPT: "a connection ends, and the next ones take 2 s to be accepted",
    FaultKind.GARBAGE: "a connection ends, and the next handshake is answered with noise",
    FaultKind.LOST: "an update of a book or an account is never sent",
    FaultKind.DUPLICATE: "an update of a book or an account is sent twice",
    FaultKind.REORDER: "two successive updates of a book or an account change places",
    FaultKind.CHECKSUM: "a book update states a wrong checksum",
    FaultKind.JSON: "a message is no valid JSON",
    FaultKind.TRUNCATE: "a connection ends in the middle of a frame",
    FaultKind.HUGE: "a frame of 4 MiB",
    FaultKind.LATE_SNAPSHOT: "the next snapshot comes 3 s late (DETAIL: seconds)",
    FaultKind.REFUSAL: "the next subscription is refused (DETAIL: the reason)",
    FaultKind.TOKEN: "every token used on a connection is refused from now on",
    FaultKind.HEARTBEAT: "a connection's heartbeats stop for 8 s (DETAIL: seconds)",
    FaultKind.BURST: "1,000 further messages about one book within 100 ms",
    FaultKind.CLOCK: "what a connection is told carries times an hour off, for 5 s",
    FaultKind.MAINTENANCE: "maintenance for 3 s (DETAIL: seconds), and return",
}
SPOILING = (
    FaultKind.LOST,
    FaultKind.DUPLICATE,
    FaultKind.REORDER,
    FaultKind.CHECKSUM,
    FaultKind.JSON,
)
"""The kinds that strike single messages, and so may be given as a chance."""
LASTING = (FaultKind.REFUSE, FaultKind.LATE_SNAPSHOT, FaultKind.HEARTBEAT, FaultKind.MAINTENANCE)
"""The kinds whose detail is how many seconds they last."""
ROLES = ("public", "level3", "private")
ANY = "all"

_UNITS = {"ms": NS_PER_S // 1000, "s": NS_PER_S, "m": 60 * NS_PER_S, "h": 3600 * NS_PER_S}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = re.compile(r"\d+(?:\.\d+)?")
_CHANCE = re.compile(r"0?\.\d+|[01]")


class BadFaults(ConfigError):
    """A specification of faults that cannot be read."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(text, problem)
        self.text, self.problem = text, problem

    def __str__(self) -> str:
        kinds = "".join(f"\n  {kind:14} {meaning}" for kind, meaning in MEANINGS.items())
        return (
            f"{self.text!r} is no fault: {self.problem}. Write KIND[=DETAIL]:WHEN[:WHERE], such "
            f"as drop:30s, lost:0.001, checksum:@10s:BTC/USD or all:5s. Kinds:{kinds}"
        )


class Fault(msgspec.Struct, frozen=True):
    """One fault to bring about now."""

    kind: FaultKind
    where: str = ""
    """A symbol, or one of `ROLES`; empty lets chance pick."""
    detail: str = ""

    @property
    def length_ns(self) -> int | None:
        """How long it lasts, of the kinds in `LASTING`; None leaves that to the kind."""
        return int(float(self.detail) * NS_PER_S) if self.detail else None


class FaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a specification. Exactly one of the three times is set."""

    kind: FaultKind | None
    """None is any of them."""
    where: str = ""
    detail: str = ""
    mean_ns: int | None = None
    at_ns: int | None = None
    """After the start."""
    chance: float | None = None


class FaultSchedule:
    """When the faults of a specification are due; the same seed gives the same ones."""

    def __init__(self, rules: Sequence[FaultRule], seed: object, now: int) -> None:
        self._random = Random(f"{seed}/faults")
        self._next: list[tuple[int, int, FaultRule]] = []
        for place, rule in enumerate(rules):
            if rule.at_ns is not None:
                self._next.append((now + rule.at_ns, place, rule))
            elif rule.mean_ns is not None:
                self._next.append((self._later(rule.mean_ns, now), place, rule))

    def due(self, now: int) -> list[Fault]:
        """The faults whose time has come since the last call, oldest first."""
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
    """A specification's rules. Raises `BadFaults`, which lists every kind."""
    return tuple(_rule(entry.strip()) for entry in text.split(",") if entry.strip())


def _rule(entry: str) -> FaultRule:
    name, _, rest = entry.partition(":")
    when, _, where = rest.partition(":")
    kind_name, _, detail = name.partition("=")
    kind = _kind(kind_name, entry)
    if not when:
        raise BadFaults(entry, "it does not say when")
    if detail:
        _check_detail(kind, detail, entry)
    if where and where not in ROLES and "/" not in where:
        raise BadFaults(entry, f"{where!r} is neither a symbol nor one of {', '.join(ROLES)}")
    if when.startswith("@"):
        return FaultRule(kind=kind, where=where, detail=detail, at_ns=_duration(when[1:], entry))
    if _CHANCE.fullmatch(when):
        if kind not in SPOILING:
            raise BadFaults(entry, f"a chance is for {', '.join(SPOILING)}; give a time")
        return FaultRule(kind=kind, where=where, detail=detail, chance=float(when))
    mean_ns = _duration(when, entry)
    if mean_ns == 0:
        raise BadFaults(entry, "the mean time between two is zero")
    return FaultRule(kind=kind, where=where, detail=detail, mean_ns=mean_ns)


def _kind(name: str, entry: str) -> FaultKind | None:
    if name == ANY:
        return None
    try:
        return FaultKind(name)
    except ValueError:
        raise BadFaults(entry, f"there is no kind {name!r}") from None


def _check_detail(kind: FaultKind | None, detail: str, entry: str) -> None:
    if kind is FaultKind.REFUSAL:
        if detail not in REASONS:
            raise BadFaults(entry, f"{detail!r} is none of the reasons {', '.join(REASONS)}")
    elif kind not in LASTING:
        raise BadFaults(entry, f"only {', '.join((FaultKind.REFUSAL, *LASTING))} take a detail")
    elif not _SECONDS.fullmatch(detail):
        raise BadFaults(entry, f"{detail!r} is no number of seconds")


def _duration(text: str, entry: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise BadFaults(entry, f"{text!r} is no time, like 30s or 500ms")
    return int(float(match[1]) * _UNITS[match[2]])
