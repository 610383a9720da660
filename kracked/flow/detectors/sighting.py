"""A sighting: what a detector saw, how sure it is, and the facts that it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

FIRST_KEPT, LAST_KEPT = 16, 48
"""Facts of a sighting that are kept: the first and the last ones."""


class Kind(StrEnum):
    """The kind of a sighting, in the words of the screen."""

    HIDDEN = "hidden size"
    PULLED = "pulled"
    PULLED_BACK = "side pulled back"
    SAME_SIZE = "same size"
    SWEEP = "sweep"
    ABSORBED = "absorbed"
    BURST = "burst"


class Sureness(StrEnum):
    """The certainty of a sighting."""

    EXACT = "exact"
    """It follows from the rules of the feed."""
    MATCHED = "matched"
    """Trades and orders agree, and one of several explanations was taken."""
    PATTERN = "pattern"
    """It could be chance."""


class Evidence(NamedTuple):
    """One fact that a sighting rests on."""

    time: int
    """The exchange's, ns since the Unix epoch: the instant to replay."""
    what: str
    order_id: str
    """Empty for a taker whose order was not shown."""
    price: int
    qty: int
    distance: int | None = None
    """From the best price of the side, in prices; None where it was not known."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a detector saw. With a higher revision it is the same one, grown.

    Prices and quantities are scaled integers; times are the exchange's.
    """

    number: int = 0
    """Counts the sightings of a market from 1."""
    revision: int = 0
    kind: Kind
    symbol: str = ""
    side: Side
    """The side of the book that it happened on; of takers, the side they took."""
    price: int
    last_price: int
    first: int
    last: int
    qty: int
    count: int
    """Refills, orders, takers or levels, by its kind."""
    sureness: Sureness
    evidence: tuple[Evidence, ...]
    detail: dict[str, int] = {}
    """Further figures, by name."""
    numbers: dict[str, int] = {}
    """The limits that were in force."""
    arrival_seen: bool = True
    """Whether the orders were seen to come; else they were there before."""

    def words(self, precision: Precision) -> str:
        """Say what was seen, and nothing about why."""
        price = precision.price_text(self.price)
        last = precision.price_text(self.last_price)
        qty = precision.qty_text(self.qty)
        took = "buy" if self.side is Side.BID else "sell"
        seconds = f"{(self.last - self.first) / NS_PER_S:.1f} s"
        match self.kind:
            case Kind.HIDDEN:
                said = f"hidden size {self.side} {price}: {self._hidden_words(precision)}"
            case Kind.PULLED if self.count > 1:
                said = f"PULLED {self.count} orders, {qty} together, {self.side} {price} to {last}"
                said += f", {self._stood_words()}"
            case Kind.PULLED:
                said = f"PULLED {qty} {self.side} {price}, {self._stood_words()}"
            case Kind.PULLED_BACK:
                share = self.detail["percent"]
                said = f"{self.side}s pulled back: {share} % of what was within 10 bp"
            case Kind.SAME_SIZE:
                each = precision.qty_text(self.detail["each"])
                said = f"{took}s of {each} × {self.count} in {seconds}"
            case Kind.SWEEP:
                whose = "your " if "yours" in self.detail else ""
                said = f"{whose}{took} {qty} through {self.count} levels {price}▸{last}"
            case Kind.ABSORBED:
                shown = precision.qty_text(self.detail["shown"])
                said = f"{self.side} {price}: {qty} traded in {seconds} by {self.count} takers"
                said += f", {shown} shown, held"
            case Kind.BURST:
                said = f"{took}s of {qty} by {self.count} takers in one second {price}▸{last}"
        return said

    def would_be_wrong_if(self) -> str:
        """Say what would refute it."""
        return _REFUTED[self.kind, self.sureness]

    def _hidden_words(self, precision: Precision) -> str:
        traded = precision.qty_text(self.qty)
        if not self.count:
            return f"{traded} traded that was not shown"
        shown = precision.qty_text(self.detail["shown"])
        refills = f"refilled {self.count} × {shown}, {traded} traded"
        if self.sureness is not Sureness.EXACT:
            return f"{refills}, each time a new order"
        return f"{refills}, at most {precision.qty_text(self.detail['at most'])} by the 1/15 rule"

    def _stood_words(self) -> str:
        stood = self.detail["stood ns"] / NS_PER_S
        came, near = (self.detail[name] / 100 for name in ("came at bp/100", "went at bp/100"))
        return f"stood {stood:.1f} s, touch came from {came:.1f} to {near:.1f} bp, none filled"


class Notes:
    """The facts of a sighting that is still growing: the first ones and the last ones."""

    __slots__ = ("_facts",)

    def __init__(self, facts: Iterable[Evidence] = ()) -> None:
        self._facts = list(facts)

    def add(self, fact: Evidence) -> None:
        """Add a fact; with too many, one of the middle goes."""
        facts = self._facts
        facts.append(fact)
        if len(facts) > FIRST_KEPT + LAST_KEPT:
            del facts[FIRST_KEPT]

    @property
    def facts(self) -> tuple[Evidence, ...]:
        """The facts kept, in order."""
        return tuple(self._facts)


_REFUTED = {
    (Kind.HIDDEN, Sureness.EXACT): "the exchange reused ids",
    (Kind.HIDDEN, Sureness.MATCHED): "level 3 left out orders that it should have told",
    (Kind.HIDDEN, Sureness.PATTERN): "several owners used this size at this price",
    (Kind.PULLED, Sureness.PATTERN): "the order expired, or moved under a new id",
    (Kind.PULLED_BACK, Sureness.PATTERN): "the orders moved under new ids",
    (Kind.SAME_SIZE, Sureness.PATTERN): "several owners took this size",
    (Kind.SWEEP, Sureness.EXACT): "the exchange told several takers in one message",
    (Kind.BURST, Sureness.PATTERN): "the takers had nothing to do with each other",
    (Kind.ABSORBED, Sureness.PATTERN): "many orders came there one after the other by chance",
}
