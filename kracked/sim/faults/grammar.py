"""The grammar of faults: a comma-separated list of ``KIND[=DETAIL]:WHEN[:WHERE]``.

Lengths of time are those of `kracked.durations`; a DETAIL may leave out the unit and means
seconds then. What KIND, WHEN and WHERE may be is for each family of faults to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from kracked.durations import NotADuration, parse_duration_ns
from kracked.errors import ConfigError, says

ANY = "all"
_CHANCE = re.compile(r"0?\.\d+|[01](?:\.0+)?")


class FaultSyntax(msgspec.Struct, frozen=True, kw_only=True):
    """The form and the kinds of one family of faults, for its error to explain."""

    form: str
    """The form, with examples."""
    meanings: Mapping[str, str]
    """What each kind does."""
    any_kind: bool = False
    """Whether `ANY` stands for any kind."""
    noun: str = "fault"
    """What an entry is."""


@says("{text!r} is no {syntax.noun}: {problem}. Write {syntax.form}. Kinds:{kinds}")
class BadFaults(ConfigError):
    """A specification of faults that cannot be read."""

    text: str
    """The entry."""
    problem: str
    syntax: FaultSyntax

    @property
    def kinds(self) -> str:
        """A line for each kind."""
        meanings = self.syntax.meanings.items()
        return "".join(f"\n  {kind:14} {meaning}" for kind, meaning in meanings)


class FaultEntry(NamedTuple):
    """One entry of a specification, in its parts."""

    text: str
    kind: str
    detail: str
    when: str
    where: str
    syntax: FaultSyntax

    def bad(self, problem: str) -> BadFaults:
        """Return the error about this entry."""
        return BadFaults(self.text, problem, self.syntax)

    @property
    def chance(self) -> float | None:
        """WHEN as a chance; None if it is none."""
        return float(self.when) if _CHANCE.fullmatch(self.when) else None

    def detail_ns(self) -> int | None:
        """Return DETAIL as a length of time in ns; None if there is no DETAIL.

        Raises:
            BadFaults: DETAIL is no length of time.
        """
        return self.duration_ns(self.detail, bare_s=True) if self.detail else None

    def duration_ns(self, text: str, *, bare_s: bool = False) -> int:
        """Return a part of the entry as a length of time in ns.

        Args:
            text: The part.
            bare_s: Take a number without a unit for seconds.

        Raises:
            BadFaults: The part is no length of time.
        """
        try:
            return parse_duration_ns(text, bare_s=bare_s, zero=True)
        except NotADuration as error:
            raise self.bad(str(error)) from None


def parse(text: str, syntax: FaultSyntax) -> Iterator[FaultEntry]:
    """Iterate the entries of a specification, each with a known kind and a WHEN.

    Raises:
        BadFaults: An entry has not; the error lists every kind.
    """
    for part in text.split(","):
        if not (entry_text := part.strip()):
            continue
        name, _, rest = entry_text.partition(":")
        when, _, where = rest.partition(":")
        kind, _, detail = name.partition("=")
        entry = FaultEntry(entry_text, kind, detail, when, where, syntax)
        if kind not in syntax.meanings and not (syntax.any_kind and kind == ANY):
            raise entry.bad(f"there is no kind {kind!r}")
        if not when:
            raise entry.bad("it does not say when")
        yield entry
