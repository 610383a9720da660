"""The grammar of alerts: one line of text, and the rule that it states."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from kracked.durations import NotADuration, parse_duration_ns
from kracked.errors import ConfigError, says
from kracked.flow.detectors.sighting import Sureness
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

__all__ = ["EXAMPLES", "AlertKind", "AlertRule", "NotAnAlert", "parse_alert"]


class AlertKind(StrEnum):
    """The occasion that an alert waits for."""

    PRICE = "price"
    SIZE = "size"
    ORDER = "order"
    SPREAD = "spread"
    IMBALANCE = "imbalance"
    TAKER = "taker"
    BURST = "volume burst"
    QUEUE = "queue"
    OWN = "own"
    SIGHTING = "sighting"
    DATA = "data"
    SILENCE = "silence"


EXAMPLES = (
    "price above 65000",
    "bid price below 64000 always",
    "price 64500",
    "size >= 5 at 64000",
    "order >= 2 within 10 bp",
    "spread > 5 bp for 1s",
    "imbalance >= 60 % for 3s",
    "taker >= 5",
    "volume burst",
    "queue first",
    "queue <= 3",
    "queue ahead <= 0.5",
    "own fill",
    "own cancel",
    "own order",
    "sweep >= 3 levels",
    "hidden size exact",
    "pulled within 10 bp",
    "side pulled back",
    "same size",
    "absorbed bid",
    "burst sell",
    "data",
    "silence 10s",
)
"""One alert of each kind, as it is written."""


@says("{text!r} is no alert{problem}; known are, each after a symbol or for all: {known}")
class NotAnAlert(ConfigError):
    """Text that states no alert."""

    text: str
    problem: str = ""
    """After a colon and a blank."""
    known: tuple[str, ...] = EXAMPLES


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as it was asked for. Amounts are in the currencies of the pair."""

    text: str
    """The line in its one spelling, without the symbol: two rules of the same text are one."""
    kind: AlertKind
    symbol: str = ""
    """Empty for every symbol watched."""
    what: str = ""
    """Which price, detector, report or state of the data; empty for any."""
    limit: Decimal | None = None
    """The price, quantity, percentage, place or distance that is looked for."""
    side: Side | None = None
    """For takers the side that they took."""
    rising: bool | None = None
    """Of a price: true for above, false for below, None for crossing from either side."""
    always: bool = False
    """Whether a price that was reached is waited for again."""
    at: Decimal | None = None
    within_bp: Decimal | None = None
    """The largest distance from the best price of the side."""
    levels: int = 0
    sureness: Sureness | None = None
    """The least certainty of a sighting."""
    hold_ns: int = 0
    """How long it must hold without a break."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The channels without which it cannot be evaluated; none for what watches all."""
        if self.kind is AlertKind.SIGHTING:
            return _SIGHTING_NEEDS.get(self.what, ("level3",))
        if self.kind is AlertKind.PRICE and self.what != "last":
            return ("book",)
        return _NEEDS[self.kind]


_NEEDS: dict[AlertKind, tuple[str, ...]] = {
    AlertKind.PRICE: ("trade",),
    AlertKind.SIZE: ("book",),
    AlertKind.ORDER: ("level3",),
    AlertKind.SPREAD: ("book",),
    AlertKind.IMBALANCE: ("book",),
    AlertKind.TAKER: ("trade",),
    AlertKind.BURST: ("trade",),
    AlertKind.QUEUE: ("level3", "executions"),
    AlertKind.OWN: ("executions",),
    AlertKind.DATA: (),
    AlertKind.SILENCE: (),
}
_SIGHTING_NEEDS = {"sweep": ("trade", "book"), "same size": ("trade",), "burst": ("trade",)}
_N = r"[0-9]{1,15}(?:\.[0-9]{1,15})?"
_SIDE = r"(?: (?P<side>bid|ask|buy|sell))?"
_WITHIN = rf"(?: within (?P<within>{_N}) ?bp)?"
_FOR = r"(?: for (?P<hold>[0-9a-z.]+))?"
_RISING = r"(?:(?P<rising>above|below|>=|<=) ?)?"
_LEVELS = r"(?: >= ?(?P<levels>[1-9][0-9]{0,3}) levels)?"
_SURE = r"(?: (?P<sureness>exact|matched|pattern))?"
_KINDS = "sweep|hidden size|pulled|side pulled back|same size|absorbed|burst"
_FORMS = tuple(
    (kind, re.compile(form))
    for kind, form in (
        (
            AlertKind.PRICE,
            rf"(?:(?P<what>last|bid|ask|mid) )?price {_RISING}(?P<limit>{_N})(?P<always> always)?",
        ),
        (AlertKind.SIZE, rf"size >= ?(?P<limit>{_N}){_SIDE}(?: at (?P<at>{_N}))?{_WITHIN}"),
        (AlertKind.ORDER, rf"order >= ?(?P<limit>{_N}){_SIDE}(?: at (?P<at>{_N}))?{_WITHIN}"),
        (AlertKind.SPREAD, rf"spread > ?(?P<limit>{_N}) ?bp{_FOR}"),
        (AlertKind.IMBALANCE, rf"imbalance(?: >= ?(?P<limit>{_N}) ?%)?{_FOR}"),
        (AlertKind.TAKER, rf"taker{_SIDE}(?: >= ?(?P<limit>{_N}))?"),
        (AlertKind.BURST, r"volume burst"),
        (AlertKind.QUEUE, r"queue (?P<what>first)"),
        (AlertKind.QUEUE, rf"queue (?P<what>ahead) <= ?(?P<limit>{_N})"),
        (AlertKind.QUEUE, r"queue <= ?(?P<limit>[1-9][0-9]{0,5})"),
        (AlertKind.OWN, r"own (?P<what>fill|cancel|order)"),
        (
            AlertKind.SIGHTING,
            rf"(?P<what>{_KINDS}){_SIDE}{_LEVELS}(?: >= ?(?P<limit>{_N}))?{_WITHIN}{_SURE}",
        ),
        (AlertKind.DATA, r"data(?: (?P<what>stale|checksum|gap|reconnect))?"),
        (AlertKind.SILENCE, r"silence (?P<hold>[0-9a-z.]+)"),
    )
)
_SHORT = (
    (re.compile(rf"({_N})"), r"price \1"),
    (re.compile(rf"(size|order|taker) ({_N})"), r"\1 >= \2"),
    (re.compile(rf"(queue|queue ahead) ({_N})"), r"\1 <= \2"),
)
"""Short spellings, and how each is written in full."""
_SIDES = {"bid": Side.BID, "buy": Side.BID, "ask": Side.ASK, "sell": Side.ASK}
_HOLD_S = {AlertKind.SPREAD: 1, AlertKind.IMBALANCE: 3}
_IMBALANCE_PERCENT = Decimal(60)


def parse_alert(text: str) -> AlertRule:
    """Read an alert.

    Args:
        text: A line such as ``BTC/USD price above 65000``; without a symbol it is for every
            one watched. Capitals count as small letters, blanks once. ``64250`` is a price,
            ``taker 5`` and ``queue 1`` are at least and at most so much.

    Raises:
        NotAnAlert: It is none; the message lists what is known.

    >>> parse_alert("BTC/USD  Price above 65000.0").text
    'price above 65000.0'
    """
    words = text.split()
    symbol = words.pop(0).upper() if words and "/" in words[0] else ""
    phrase = " ".join(words).lower()
    for short, whole in _SHORT:
        if found := short.fullmatch(phrase):
            phrase = found.expand(whole)
    for kind, form in _FORMS:
        found = form.fullmatch(phrase)
        if found is not None:
            given = {name: value for name, value in found.groupdict().items() if value}
            try:
                return _rule(kind, symbol, phrase, given)
            except NotADuration as error:
                raise NotAnAlert(text, f": {error}") from None
    first = phrase.partition(" ")[0]
    alike = [one for one in EXAMPLES if first and first in one.split()]
    hint = f": it is written like {' or '.join(map(repr, alike))}" if alike else ""
    raise NotAnAlert(text, hint)


def _rule(kind: AlertKind, symbol: str, phrase: str, given: dict[str, str]) -> AlertRule:
    hold_ns = _HOLD_S.get(kind, 0) * NS_PER_S
    if "hold" in given:
        hold_ns = parse_duration_ns(given["hold"])
    read: dict[str, Callable[[str], Any]] = {
        "limit": Decimal,
        "at": Decimal,
        "within": Decimal,
        "levels": int,
        "side": _SIDES.__getitem__,
        "sureness": Sureness,
    }
    values = {name: read[name](given[name]) for name in read if name in given}
    values["within_bp"] = values.pop("within", None)
    if kind is AlertKind.IMBALANCE:
        values.setdefault("limit", _IMBALANCE_PERCENT)
    rising = given.get("rising")
    return AlertRule(
        text=phrase,
        kind=kind,
        symbol=symbol,
        what=given.get("what", "last" if kind is AlertKind.PRICE else ""),
        rising=None if rising is None else rising in ("above", ">="),
        always="always" in given,
        hold_ns=hold_ns,
        **values,
    )
