"""What the detectors saw, newest first: a row for each sighting, with its certainty. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kracked.flow.detectors.sighting import Kind, Sighting, Sureness
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit, left_cell, right_cell
from kracked_tui.view.queue.own_place import exact

CERTAINTY = {
    Sureness.EXACT: "certain",
    Sureness.MATCHED: "likely",
    Sureness.PATTERN: "may be chance",
}
"""How sure a sighting is, in plain words."""
NAMES = {
    Kind.HIDDEN: "HIDDEN SIZE",
    Kind.PULLED: "PULLED",
    Kind.PULLED_BACK: "PULLED BACK",
    Kind.SAME_SIZE: "SAME SIZE",
    Kind.SWEEP: "SWEEP",
    Kind.ABSORBED: "ABSORBED",
    Kind.BURST: "BURST",
}
FILTERS: tuple[Kind | None, ...] = (None, *Kind)
"""What the list can be narrowed to; None shows all kinds."""
_KIND, _SIDE, _QTY = 12, 5, 8
_WITH_WORDS = 84
"""Width from which a row tells what was seen in words."""
_CERTAIN = 14
_HOUR_NS = 3_600 * NS_PER_S


class SeenRow(NamedTuple):
    """One sighting as a row shows it."""

    sighting: Sighting
    cursor: bool = False


def narrowed(newest_first: Sequence[Sighting], kind: Kind | None) -> Sequence[Sighting]:
    """Return the sightings of one kind, or all of them."""
    if kind is None:
        return newest_first
    return [each for each in newest_first if each.kind is kind]


def head_line(width: int, price_width: int) -> Line:
    """Draw the heads of the columns."""
    size, certain, words = _columns(width, price_width)
    heads = (
        f" {'time':<9}{'kind':<{_KIND}}{'side':<{_SIDE}}",
        right_cell("price", price_width + 1),
        right_cell("size", size),
        f"  {'certainty':<{_CERTAIN}}" if certain else "",
        "what was seen" if words else "",
    )
    return Line(fit([Span("".join(heads).rstrip(), "header")], width))


def _columns(width: int, price_width: int) -> tuple[int, bool, bool]:
    """Fit the columns: what has no room is left out whole, and no number is cut.

    Returns:
        The width of the sizes, 0 without room; whether there is room for the certainty, and for
        what was seen in words.
    """
    room = width - 10 - _KIND - _SIDE - price_width - 1
    certain = room >= _QTY + _CERTAIN + 1
    return _QTY if room >= _QTY else 0, certain, certain and width >= _WITH_WORDS


def seen_line(row: SeenRow, width: int, price_width: int, precision: Precision) -> Line:
    """Draw one sighting; with room for it, what was seen in words."""
    one, (size, certain, words) = row.sighting, _columns(width, price_width)
    role = "buy" if one.side is Side.BID else "sell"
    sure = f"  {CERTAINTY[one.sureness]:<{_CERTAIN}}" if certain else ""
    certain_role = {Sureness.EXACT: "good", Sureness.MATCHED: ""}.get(one.sureness, "dim")
    spans = (
        Span(f" {fmt.moment(one.last):<9}", "dim"),
        Span(left_cell(NAMES[one.kind], _KIND), "word"),
        Span(f"{side_word(one):<{_SIDE}}", role),
        Span(right_cell(precision.price_text(one.price), price_width + 1), role),
        Span(right_cell(fmt.compact(one.qty, precision.qty, 7), size)),
        Span(sure if words else sure.rstrip(), certain_role),
        Span(gist(one, precision) if words else "", "dim"),
    )
    return Line(fit(spans, width), "cursor" if row.cursor else "")


def side_word(one: Sighting) -> str:
    """Return the side of the book; of takers what they did."""
    if one.kind in (Kind.SAME_SIZE, Kind.SWEEP, Kind.BURST):
        return "buys" if one.side is Side.BID else "sells"
    return one.side.value


def gist(one: Sighting, precision: Precision) -> str:
    """Say what was seen without repeating kind, side, price and size, which stand beside it."""
    seconds = (one.last - one.first) // NS_PER_S
    match one.kind:
        case Kind.HIDDEN if one.count:
            said = f"refilled {one.count} × {exact(one.detail['shown'], precision)}"
        case Kind.HIDDEN:
            said = "more traded than was shown"
        case Kind.PULLED:
            stood = one.detail["stood ns"] / NS_PER_S
            came, near = (one.detail[name] / 100 for name in ("came at bp/100", "went at bp/100"))
            orders = f"{one.count} orders, " if one.count > 1 else ""
            said = f"{orders}stood {stood:.1f} s, touch {came:.1f}▸{near:.1f} bp, none filled"
        case Kind.PULLED_BACK:
            said = f"{one.detail['percent']} % of the side within 10 bp left at once"
        case Kind.SAME_SIZE:
            said = f"{one.count} × {exact(one.detail['each'], precision)} in {seconds} s"
        case Kind.SWEEP:
            back = "".join(
                f", {_back_words(percent)} after {later} s"
                for later in (1, 10)
                if (percent := one.detail.get(f"came back % in {later} s")) is not None
            )
            whose = "yours, " if "yours" in one.detail else ""
            said = f"{whose}{one.count} levels to {precision.price_text(one.last_price)}{back}"
        case Kind.ABSORBED:
            shown = exact(one.detail["shown"], precision)
            said = f"{one.count} takers in {seconds} s, {shown} shown, price held"
        case Kind.BURST:
            said = f"{one.count} takers in one second to {precision.price_text(one.last_price)}"
    return said


def _back_words(percent: int) -> str:
    """Say how far the price came back after a sweep; further on is below zero."""
    return f"back {percent} %" if percent >= 0 else f"on by {-percent} %"


def hour_text(sightings: Iterable[Sighting], now: int) -> str:
    """Count the sightings of the last hour by kind; `now` on the exchange's clock."""
    counts = Counter(one.kind for one in sightings if one.last > now - _HOUR_NS)
    parts = [f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind]]
    return f"last hour: {', '.join(parts)}" if parts else ""


def nothing_text(*, no_level3: str, lost: bool, ready_in_s: int | None, since: int) -> str:
    """Say why the list is empty: what could not be looked for is never "nothing seen".

    Args:
        no_level3: Why there are no orders to look at; empty where there are.
        lost: Whether the orders are not known now.
        ready_in_s: Seconds until the orders have been known for long enough; 0 when they have,
            None before the first.
        since: Since when trades are looked at, exchange time; 0 before the first.
    """
    watched = f"since {fmt.moment(since)}" if since else "yet: no trade has come"
    if no_level3:
        return (
            "Hidden size, pulled walls and absorption cannot be seen without level 3: "
            f"{no_level3} Sweeps and takers of one size: none {watched}."
        )
    if lost or ready_in_s is None:
        return "The orders of the book are not known now; what they did cannot be seen."
    if ready_in_s:
        return f"The orders are known for less than a minute: sightings begin in {ready_in_s} s."
    return f"Nothing was seen {watched}."
