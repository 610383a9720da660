"""What an own order's place is worth: how it came there, how sure that is, and its odds. Pure."""

from __future__ import annotations

from typing import NamedTuple

from kracked.flow import Moves, Place, PlaceKnown
from kracked.flow.odds.reliability import Band, Reliability
from kracked.flow.odds.table import NoOdds, Odds
from kracked.instruments import Precision
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.queue.own_place import OwnPlace, exact, ordinal
from kracked_tui.view.words import wrapped

_HEAD = 7
"""Cells of the words before each fact."""
_SURE = {
    PlaceKnown.OBSERVED: "observed: seen to join, as all ahead",
    PlaceKnown.SNAPSHOT: "from a snapshot of the queue",
    PlaceKnown.REENTRY: "from the message that brought its level back",
    PlaceKnown.UNKNOWN: "unknown: between the front and here",
}
_BOUNDED = (
    "bounds by level 2: cancels stood ahead of it at best, behind it at worst; "
    "it fills as from the worst"
)
_HORIZONS = ("30 s", "1 min", "5 min")
A_MINUTE = 1
"""The outcome whose hit rate is told: a fill within a minute."""
LEAST_CASES = 100
"""Below so many cases odds and frequency are apart by chance."""


class OrderOdds(NamedTuple):
    """The odds of an order, and how often such odds were right."""

    odds: Odds | NoOdds
    proof: Reliability | None = None
    """Of the table's odds in recordings that were left out of the fit."""
    live: Reliability | None = None
    """Of the odds given live since the fit, by ghosts in the same queues."""
    own: Reliability | None = None
    """Of the odds given live of own orders."""


def own_facts(
    place: OwnPlace, told: Place | None, odds: OrderOdds, precision: Precision
) -> list[tuple[str, str]]:
    """Return the facts of an own order, a word for each and a sentence, the weightiest first.

    Args:
        place: Its place, as every pane tells it.
        told: The ledger's story of it; None where it was not followed.
        odds: Its odds.
        precision: The decimals of the pair.
    """
    facts = [("you", place.words(precision))]
    if place.bounded:
        facts.append(("sure", _BOUNDED))
    elif told is None or told.price != place.price:
        facts.append(("sure", "not known how it came there: level 3 was not followed then"))
    else:
        facts.append(("sure", _SURE[told.known]))
        seen = "joined" if told.known is PlaceKnown.OBSERVED else "first seen"
        joined = f"{seen} as {ordinal(told.joined_position)}"
        if told.joined_qty_ahead:
            joined += f" behind {exact(told.joined_qty_ahead, precision)}"
        facts.append(("moved", joined + _moved(told.moves, precision)))
        if told.hidden_ahead:
            facts.append(("ahead", "an iceberg: more than it shows"))
    return [*facts, *odds_facts(odds)]


def _moved(moves: Moves, precision: Precision) -> str:
    parts = [
        f"{exact(qty, precision)} {name}"
        for qty, name in (
            (moves.filled, "filled"),
            (moves.cancelled, "cancelled"),
            (moves.amended, "amended away"),
            (moves.pending, "lowered, not known why"),
            (moves.earlier, "gone, the cause forgotten"),
        )
        if qty
    ]
    return f"; ahead since: {', '.join(parts)}" if parts else "; nothing ahead has gone"


def odds_facts(told: OrderOdds) -> list[tuple[str, str]]:
    """Return the odds as bands, called an estimate, with how often they were right."""
    odds = told.odds
    if isinstance(odds, NoOdds):
        return [("odds", odds.why)]
    facts = [
        ("odds", f"estimate, all filled within {'  '.join(_filled(odds))}"),
        ("", f"price leaves first {_percent(odds.leaves)}"),
    ]
    proofs = ((told.proof, "left-out cases"), (told.live, "watched since"), (told.own, "of yours"))
    rates = [_proven(each, of) for each, of in proofs if each is not None and each.total]
    if rates:
        facts.append(("right", f"{', '.join(rates)}; fitted {fmt.age(odds.age_ns)} ago"))
    return facts


def _proven(proof: Reliability, of: str) -> str:
    """Say how often the likelier came true, and how far the odds were off, where that is known."""
    said = f"{round(100 * proof.hit_rate)} % of {proof.total} {of}"
    if proof.total >= LEAST_CASES:
        said += f" (odds off by {100 * proof.error:.1f})"
    return said


def joining_odds(odds: Odds | NoOdds) -> str:
    """Write the odds of an order that joins the queue now, or why there are none."""
    if isinstance(odds, NoOdds):
        return f"odds if it joins now: {odds.why}"
    return f"if it joins now, all filled within {', '.join(_filled(odds))}: an estimate"


def _filled(odds: Odds) -> list[str]:
    """Write each horizon with the band of the odds that all is filled within it."""
    bands = zip(_HORIZONS, odds.filled, strict=True)
    return [f"{name} {_percent(band)}" for name, band in bands]


def _percent(band: Band) -> str:
    low, high = round(100 * band.low), round(100 * band.high)
    return f"{low} to {high} %"


def fact_lines(facts: list[tuple[str, str]], width: int, height: int) -> list[Line]:
    """Draw the facts that fit whole, the weightiest first; the first one always."""
    lines: list[Line] = []
    for word, sentence in facts:
        rows = wrapped(sentence, max(8, width - _HEAD - 1))
        if lines and len(lines) + len(rows) > height:
            break
        role = "mine" if word == "you" else "dim"
        heads = [Span(f" {word:<{_HEAD - 1}}", role), *[Span(" " * _HEAD)] * len(rows)]
        text = "" if word == "you" else "dim"
        for head, row in zip(heads, rows, strict=False):
            lines.append(Line(fit([head, Span(row, text)], width)))
    return lines
