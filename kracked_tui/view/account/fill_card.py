"""The card of one own fill: how it came about, what followed, what all of them were worth. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from kracked.feed.account import Fill
from kracked.flow import PlaceKnown
from kracked.flow.review import HORIZONS_S, FillSummary, MarkState, ReviewedFill
from kracked.instruments import Precision
from kracked.times import NS_PER_S
from kracked_tui.view import format as fmt
from kracked_tui.view.account.balances import amount_text
from kracked_tui.view.account.position import money
from kracked_tui.view.card import Card, CardFact, CardTable
from kracked_tui.view.queue.own_place import OwnPlace, exact, ordinal
from kracked_tui.view.tape.tape import Print
from kracked_tui.view.words import verb

_AROUND_NS = 5 * NS_PER_S
_MOST_PRINTS = 12
_KNOWN = {
    PlaceKnown.OBSERVED: "seen to join, as all ahead",
    PlaceKnown.SNAPSHOT: "from a snapshot of the queue",
    PlaceKnown.REENTRY: "from the message that brought its level back",
    PlaceKnown.UNKNOWN: "not certain",
}


class FillStory(NamedTuple):
    """Everything that is known of one fill."""

    fill: Fill
    review: ReviewedFill | None
    """None where the fill is older than the review."""
    summary: FillSummary | None
    """Of all own fills of the pair."""
    paper: tuple[OwnPlace, OwnPlace] | None = None
    """The first and the last place of an order on paper."""
    precision: Precision | None = None
    now: int = 0
    """On the exchange's clock."""


def fill_card(story: FillStory, prints: Iterable[Print]) -> Card:
    """Return the card of a fill; `prints` are those of its pair, newest first."""
    fill, review = story.fill, story.review
    kind = {"m": "as a maker", "t": "as a taker"}.get(fill.liquidity_ind, "")
    said = f"{verb(fill.side)} {amount_text(fill.last_qty)} {fill.symbol} at {fill.last_price:f}"
    fees = " ".join(f"{amount_text(fee.qty)} {fee.asset}" for fee in fill.fees) or "none told"
    parts: list[CardFact | CardTable] = [
        CardFact("fill", f"{said} {kind}".rstrip(), "word"),
        CardFact("time", fmt.moment(fill.exchange_time, 3)),
        CardFact("waited", waited_text(review)),
        *_places(story),
        CardFact("fee", fees),
    ]
    if review is not None:
        parts += _marks(review, story.now)
    else:
        parts.append(CardFact("after", "not reviewed: it was before this session"))
    parts += _together(story.summary)
    if (table := _tape(fill, prints, story.precision)) is not None:
        parts.append(table)
    return Card("Fill", f"{fill.symbol} {fmt.moment(fill.exchange_time)}", tuple(parts))


def waited_text(review: ReviewedFill | None) -> str:
    """Say how long the order had waited."""
    if review is None or review.wait_ns is None:
        return "not known: its order was there before, or was not told"
    if review.wait_ns < NS_PER_S:
        return f"{fmt.milliseconds(review.wait_ns)} since the exchange took the order"
    return f"{fmt.age(review.wait_ns)} since the exchange took the order"


def _places(story: FillStory) -> list[CardFact]:
    review, precision = story.review, story.precision
    if story.fill.liquidity_ind == "t":
        return [CardFact("place", "none: it took what rested")]
    passage = review.passage if review is not None else None
    if passage is not None:
        joined = f"{ordinal(passage.joined_position)}"
        if passage.joined_qty_ahead:
            joined += f" behind {amount_text(passage.joined_qty_ahead)}"
        gone = "what was ahead is not told any more"
        if passage.ahead_filled is not None and passage.ahead_left is not None:
            gone = (
                f"ahead of it {amount_text(passage.ahead_filled)} was filled and "
                f"{amount_text(passage.ahead_left)} cancelled or moved"
            )
        facts = [
            CardFact("at entry", f"{joined}; {_KNOWN[passage.known]}"),
            CardFact("at fill", f"{ordinal(passage.position)}; {gone}"),
        ]
    elif story.paper is not None and precision is not None:
        first, last = story.paper
        facts = [
            CardFact("at entry", f"{_paper_place(first, precision)}; by the paper account"),
            CardFact("at fill", f"{_paper_place(last, precision)} when last seen"),
        ]
    else:
        facts = [CardFact("place", "not known: level 3 did not show the order")]
    if review is not None and review.taker_qty is not None:
        levels = review.taker_levels or 1
        through = f"through {levels} levels" if levels > 1 else "at one price"
        facts.append(CardFact("filled by", f"a taker of {amount_text(review.taker_qty)} {through}"))
    return facts


def _paper_place(place: OwnPlace, precision: Precision) -> str:
    behind = f" behind {exact(place.qty_ahead, precision)}" if place.qty_ahead else ""
    return f"{ordinal(place.position)} of {place.of}{behind}"


def _marks(review: ReviewedFill, now: int) -> list[CardFact]:
    """Return what was earned at the fill, and what drifted at each horizon; positive is good."""
    if review.mid is None:
        earned = "pending" if review.marks[0].state is MarkState.PENDING else _NOT_WATCHED
        facts = [CardFact("earned", earned)]
    else:
        facts = [CardFact("earned", f"{bp_text(review.bp(review.earned))} bp against the mid")]
    for at, seconds in enumerate(HORIZONS_S):
        facts.append(CardFact(f"after {seconds} s", mark_text(review, at, now, whole=True)))
    return facts


_NOT_WATCHED = "not known: the book was not watched, or was lost in between"


def mark_text(review: ReviewedFill, at: int, now: int, *, whole: bool = False) -> str:
    """Write the mark-out at a horizon in basis points, or why there is none.

    Args:
        review: The fill.
        at: Which of the horizons.
        now: On the exchange's clock.
        whole: Tell its parts and reasons; else it is for a narrow column.
    """
    state = review.marks[at].state
    if state is MarkState.PENDING:
        left = max(0, -(-(review.time + HORIZONS_S[at] * NS_PER_S - now) // NS_PER_S))
        return f"pending, due in {left} s" if whole else "pending"
    markout = review.bp(review.markout(at))
    if markout is None:
        return _NOT_WATCHED if whole else "–"
    if not whole:
        return bp_text(markout)
    drift, quote = review.drift(at), review.symbol.partition("/")[2]
    worth = money(None if drift is None else Fraction(drift), 4)
    return (
        f"mark-out {bp_text(markout)} bp; the mid drifted {bp_text(review.bp(drift))} bp "
        f"({worth} {quote})"
    )


def bp_text(value: Fraction | None) -> str:
    """Write basis points with their sign and one decimal; a dash where they are not known.

    >>> bp_text(Fraction(7, 20)), bp_text(Fraction(-11, 10)), bp_text(None)
    ('+0.4', '-1.1', '–')
    """
    if value is None:
        return "–"
    tenths = int(abs(value) * 10 + Fraction(1, 2))
    sign = "-" if value < 0 and tenths else "+" if tenths else ""
    return f"{sign}{Decimal(tenths).scaleb(-1):.1f}"


def _together(summary: FillSummary | None) -> list[CardFact]:
    """Return what all own fills of the pair were worth, with how much that says."""
    if summary is None:
        return []
    noun = "fill" if summary.fills == 1 else "fills"
    facts = [CardFact("all", f"{summary.fills} {noun} of this pair, {_share(summary)} as a maker")]
    if summary.adverse is not None:
        facts.append(CardFact("adverse", adverse_text(summary)))
    others = [each for each in summary.horizons if each.others_bp is not None]
    if others:
        text = ", ".join(f"{each.seconds} s {bp_text(each.others_bp)} bp" for each in others)
        facts.append(CardFact("others", f"makers at the touch in the same minutes: {text}"))
    return facts


def _share(summary: FillSummary) -> str:
    share = summary.maker_share
    return "–" if share is None else f"{round(100 * share)} %"


def adverse_text(summary: FillSummary) -> str:
    """Say after which share of quantity the mid went the wrong way, with its interval."""
    adverse = summary.adverse
    if adverse is None:
        return ""
    low, high = round(100 * adverse.band.low), round(100 * adverse.band.high)
    few = ": few, this says little" if adverse.few else ""
    noun = "fill" if adverse.fills == 1 else "fills"
    return (
        f"{round(100 * adverse.share)} % of quantity within 10 s "
        f"({low} to {high} %, {adverse.fills} {noun}{few})"
    )


def summary_text(summary: FillSummary) -> str:
    """Write the summary of a pair in one line, for the foot of the list."""
    ten = summary.horizons[HORIZONS_S.index(10)]
    parts = [f"{summary.fills} fills here, maker {_share(summary)}"]
    if ten.known:
        parts.append(f"10 s: earned {bp_text(ten.earned_bp)} drift {bp_text(ten.drift_bp)} bp")
    if summary.adverse is not None:
        low, high = (round(100 * each) for each in summary.adverse.band)
        few = " few" if summary.adverse.few else ""
        parts.append(f"adverse {round(100 * summary.adverse.share)} % ({low} to {high}){few}")
    return " · ".join(parts)


def _tape(fill: Fill, prints: Iterable[Print], precision: Precision | None) -> CardTable | None:
    """Return what traded within five seconds of the fill, oldest first; None where none is kept."""
    if precision is None:
        return None
    near: list[Print] = []
    for each in prints:
        if each.time < fill.exchange_time - _AROUND_NS:
            break
        if each.time <= fill.exchange_time + _AROUND_NS:
            near.append(each)
    if not near:
        return None
    near.sort(key=lambda one: (abs(one.time - fill.exchange_time), one.first_id))
    nearest = sorted(near[:_MOST_PRINTS], key=lambda one: one.first_id)
    own = fill.trade_id
    rows: Sequence[tuple[str, ...]] = [
        (
            fmt.moment(each.time, 3),
            verb(each.side),
            precision.price_text(each.price),
            exact(each.qty, precision),
            "◀ yours" if own is not None and each.first_id <= own <= each.last_id else "",
        )
        for each in nearest
    ]
    return CardTable(("time", "taker", "price", "size", ""), rows, frozenset((2, 3)))
