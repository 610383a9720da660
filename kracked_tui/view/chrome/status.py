"""The lines at the foot of the screen: the feed's counters, the log, the keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kracked import times
from kracked_tui.view import format as fmt
from kracked_tui.view.account.rates import RateView, meter
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.replay.record_status import RecordView, record_facts

_OWN_FIRST_NS = 10 * times.NS_PER_S


class FeedView(NamedTuple):
    """Counters since the start, of every symbol together."""

    source: str
    rate: int = 0
    """Messages in the last second."""
    messages: int = 0
    verified: int = 0
    mismatched: int = 0
    resyncs: int = 0
    gaps: int = 0
    dropped: int = 0
    """Events skipped because the screen was too slow."""
    frames: int = 0
    """Frames drawn in the last second."""
    uptime_ns: int = 0
    rates: RateView | None = None


def status_line(view: FeedView, width: int, record: RecordView | None = None) -> Line:
    """Draw the counters, the most important first; one that does not fit is left out whole."""
    verified = f"{view.verified:,}".replace(",", " ")
    facts = [
        *(record_facts(record) if record else ()),
        [Span(f" {view.source}", "word")],
        list(meter(view.rates)) if view.rates else [],
        [Span(" verified ", "dim"), Span(verified, "good" if view.verified else "dim")],
        [Span(" failed ", "dim"), _problems(view.mismatched)],
        [Span(" gaps ", "dim"), _problems(view.gaps)],
        [Span(f" {view.rate:>3} msg/s", "dim")],
        [Span(f" up {fmt.age(view.uptime_ns)}", "dim")],
        [Span(f" {view.frames:>2} fps", "dim")],
        [Span(" resyncs ", "dim"), _problems(view.resyncs)],
        [Span(" skipped ", "dim"), _problems(view.dropped)],
    ]
    spans: list[Span] = []
    for fact in filter(None, facts):
        joined = [*spans, Span("  " if spans else ""), *fact]
        if sum(len(span.text) for span in joined) <= width:
            spans = joined
    return Line(fit(spans, width))


def _problems(count: int) -> Span:
    return Span(str(count), "warn" if count else "dim")


class LogEntry(NamedTuple):
    """One entry of the log on the screen."""

    time: int
    text: str
    role: str = "dim"
    """`good` when something is well again, `warn` when it is not."""
    own: bool = False
    """Whether it answers a key, or is about an order of ours."""


def foremost(log_entries: Sequence[LogEntry], now: int) -> list[LogEntry]:
    """Put our own entries of the last seconds before those of the feed; newest first in each.

    Where one line is shown, gaps of twenty symbols would else push a failed cancel away.
    Entries that only confirm a key press do not stay in front by themselves.
    """
    recent = [it for it in log_entries if it.own and 0 <= now - it.time < _OWN_FIRST_NS]
    if all(each.role == "dim" for each in recent):
        return list(log_entries)
    held = set(map(id, recent))
    return [*recent, *(each for each in log_entries if id(each) not in held)]


def log_line(log_entries: Sequence[LogEntry], now: int, width: int) -> Line:
    """Draw the entries side by side, as many as fit; those of the last half minute stand out."""
    spans: list[Span] = []
    for each in log_entries:
        text = f" {fmt.clock(each.time)} {each.text}  "
        if spans and sum(len(span.text) for span in spans) + len(text) > width:
            break
        fresh = now - each.time < 30 * times.NS_PER_S
        spans.append(Span(text, each.role if fresh else "dim"))
    return Line(fit(spans, width))


class Hint(NamedTuple):
    """A key worth knowing; also a button."""

    key: str
    text: str
    action: str


def hint_line(hints: Sequence[Hint], width: int) -> Line:
    """Draw the first hints that fit."""
    spans: list[Span] = []
    for hint in hints:
        part = [Span(f" {hint.key}", "key"), Span(f" {hint.text} ", "dim")]
        if sum(len(span.text) for span in (*spans, *part)) > width:
            break
        spans += part
    return Line(fit(spans, width))


def hint_at(hints: Sequence[Hint], width: int, column: int) -> Hint | None:
    """Return the hint at this column of `hint_line`; None beside them."""
    start = 0
    for hint in hints:
        end = start + len(f" {hint.key} {hint.text} ")
        if end > width:
            return None
        if start <= column < end:
            return hint
        start = end
    return None
