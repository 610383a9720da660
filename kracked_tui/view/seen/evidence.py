"""The card of a sighting: the events it rests on, what else it might be, how often it was right."""

from __future__ import annotations

from collections.abc import Mapping

from kracked.flow.detectors.numbers import HITS
from kracked.flow.detectors.sighting import FIRST_KEPT, LAST_KEPT, Evidence, Kind, Sighting
from kracked.instruments import Precision
from kracked.times import NS_PER_S
from kracked_tui.view import format as fmt
from kracked_tui.view.card import Card, CardFact, CardTable
from kracked_tui.view.queue.own_place import exact
from kracked_tui.view.seen.seen import CERTAINTY, NAMES, side_word

_ID = 6
"""Last characters of an order's id that are shown."""
ELSE: Mapping[Kind, tuple[str, ...]] = {
    Kind.HIDDEN: (
        "several owners who rest the same size at one price",
        "a maker who quotes this size again after each fill",
    ),
    Kind.PULLED: (
        "an order that expired, or that a program replaces as the price moves",
        "a cancel for a reason outside this book; why it went cannot be seen",
    ),
    Kind.PULLED_BACK: ("makers who quote anew after news, or before maintenance",),
    Kind.SAME_SIZE: ("several takers who chose this size; one owner cannot be told from many",),
    Kind.SWEEP: ("a stop or a market order larger than the best levels, without any plan",),
    Kind.ABSORBED: (
        "hidden size: an order that shows a part of itself",
        "many owners who put orders there one after the other",
    ),
    Kind.BURST: ("takers who answer the same news, or the same move elsewhere",),
}
"""Plain explanations that fit the same events."""


def evidence_card(one: Sighting, precision: Precision) -> Card:
    """Return the card of a sighting as far as it has grown."""
    price = precision.price_text(one.price)
    begun, ended = fmt.moment(one.first, 3), fmt.moment(one.last, 3)
    span = begun if begun == ended else f"{begun} to {ended}"
    arrival = "seen arriving" if one.arrival_seen else "not seen arriving: there before"
    facts = [
        CardFact("seen", one.words(precision), "word"),
        CardFact("certainty", f"{CERTAINTY[one.sureness]} ({one.sureness})"),
        CardFact("orders", arrival),
        *_after(one),
    ]
    told = len(one.evidence)
    kept = f"{told} events" if told < FIRST_KEPT + LAST_KEPT else f"first and last of over {told}"
    limits = "; ".join(_limit(name, value, precision) for name, value in one.numbers.items())
    heads = ("time", "event", "order", "price", "size", "from best")
    rows = [_event(each, precision) for each in one.evidence]
    parts: list[CardFact | CardTable] = [
        *facts,
        CardFact("rests on", kept),
        CardTable(heads, rows, frozenset((3, 4, 5))),
    ]
    other = "; ".join(ELSE[one.kind])
    if "yours" in one.detail:
        other = "nothing: your own order took it, as the account's reports say"
    parts += [
        CardFact("wrong if", one.would_be_wrong_if()),
        CardFact("might be", other),
        CardFact("was right", hit_text(one)),
    ]
    if limits:
        parts.append(CardFact("limits", limits))
    return Card(f"Evidence: {NAMES[one.kind]}", f"{side_word(one)} {price}  {span}", tuple(parts))


def hit_text(one: Sighting) -> str:
    """Say how often sightings of this kind and certainty were right where the truth is known."""
    hits = HITS.get((one.kind.value, one.sureness.value))
    if hits is None:
        return "not measured"
    return f"{hits.text}, in {hits.hours} hours of simulated markets: not a rate on the exchange"


def _after(one: Sighting) -> list[CardFact]:
    """Return what became of a sweep's prices."""
    told = []
    for seconds in (1, 10):
        if one.kind is Kind.SWEEP:
            percent = one.detail.get(f"came back % in {seconds} s")
            text = "pending" if percent is None else f"{percent} % of the way back"
            told.append(CardFact(f"after {seconds} s", text))
    return told


def _event(each: Evidence, precision: Precision) -> tuple[str, ...]:
    far = "" if each.distance is None else precision.price_text(each.distance)
    return (
        fmt.moment(each.time, 3),
        each.what,
        f"…{each.order_id[-_ID:]}" if each.order_id else "",
        precision.price_text(each.price),
        exact(each.qty, precision),
        far,
    )


def _limit(name: str, value: int, precision: Precision) -> str:
    """Write a limit that was in force with its unit: `large order 0.73`, `within 120 s`."""
    if name.endswith(" ns"):
        return f"{name.removesuffix(' ns')} {value / NS_PER_S:g} s"
    if name in ("large order", "large taker", "at least"):
        return f"{name} {exact(value, precision)}"
    if name.endswith(" bp"):
        return f"{name.removesuffix(' bp')} {value} bp"
    return f"{name} {value}"
