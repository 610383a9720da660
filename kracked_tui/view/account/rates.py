"""The engine's rate counter of a pair, and what the next action adds to it. Pure."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from typing import NamedTuple

from kracked import times
from kracked.protocol import limits
from kracked_tui.view.line import Span


class RateView(NamedTuple):
    """The rate counter of one account and pair, as this program counts it."""

    used: Decimal
    threshold: int
    room: Decimal
    """The part that adds and amends may still spend; the rest is left for cancels."""
    age_ns: int | None = None
    """Age of the selected order; None without one."""


def cheaper_in_s(age_ns: int) -> int | None:
    """Return the seconds until cancelling an order of this age costs less; None if free."""
    now, waits_s = limits.cost_of_cancel(age_ns), range(1, 301)

    def is_cheaper(wait_s: int) -> bool:
        """Whether it costs less after this many seconds; once it does it stays so."""
        return limits.cost_of_cancel(age_ns + wait_s * times.NS_PER_S) < now

    return waits_s[bisect_left(waits_s, True, key=is_cheaper)] if now else None


def meter(view: RateView) -> tuple[Span, ...]:
    """Draw ``rate 12/60``, as a warning when there is room for cancels alone."""
    role = "warn" if view.room < limits.cost_of_add() else "dim"
    return (Span("rate ", "dim"), Span(f"{view.used:.0f}/{view.threshold}", role))


def price_spans(view: RateView) -> tuple[Span, ...]:
    """Draw the cost of the next action, and when cancelling gets cheaper."""
    if view.age_ns is None:
        return (Span(f"add {limits.cost_of_add():f}", "dim"),)
    cancel = limits.cost_of_cancel(view.age_ns)
    text = f"amend {limits.cost_of_amend(view.age_ns):f} · cancel {cancel:f}"
    wait_s = cheaper_in_s(view.age_ns)
    if wait_s is not None:
        later = limits.cost_of_cancel(view.age_ns + wait_s * times.NS_PER_S)
        text += f", {later:f} in {wait_s}s"
    return (Span(text, "dim"),)
