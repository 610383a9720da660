"""The lines at the foot of the screen: the feed, and the log. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from kracked import times
from kracked_tui.view import format as fmt
from kracked_tui.view.account.rates import RateView, meter
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.replay.record_status import RecordView, record_facts

_OWN_FIRST_NS = 10 * times.NS_PER_S


class FeedView(NamedTuple):
    """The feed since the start, every symbol together."""

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
    engine: str = ""
    """What applies the messages: native (compiled) or python."""


class Counted(Protocol):
    """The owner of counters since the start."""

    messages: int
    resyncs: int
    gaps: int
    dropped: int
    started: int


class Checked(Protocol):
    """The checksum counts of all books together."""

    @property
    def verified(self) -> int:
        """Messages whose checksum matched."""

    @property
    def mismatched(self) -> int:
        """Messages whose checksum did not."""


def feed_view(source: str, counted: Counted, checked: Checked, now: int) -> FeedView:
    """Return the counters of a moment; rates are for whoever has seen the moment before."""
    return FeedView(
        source=source,
        messages=counted.messages,
        verified=checked.verified,
        mismatched=checked.mismatched,
        resyncs=counted.resyncs,
        gaps=counted.gaps,
        dropped=counted.dropped,
        uptime_ns=now - counted.started if counted.started else 0,
    )


def status_line(view: FeedView, width: int, record: RecordView | None = None) -> Line:
    """Draw the source, what was wrong, and what was verified; what does not fit is left out.

    A count of nothing is not drawn: the health pane has every counter.
    """
    verified = f"{view.verified:,}".replace(",", " ")
    wrong = [
        (view.mismatched, "checksum failed", "checksums failed"),
        (view.gaps, "gap", "gaps"),
        (view.dropped, "event not shown", "events not shown"),
    ]
    facts = [
        *(record_facts(record) if record else ()),
        [Span(f" {view.source}", "word")],
        list(meter(view.rates)) if view.rates else [],
        *(
            [Span(f" {count} {one if count == 1 else several}", "warn")]
            for count, one, several in wrong
            if count
        ),
        [Span(f" {verified}", "good"), Span(" checksums verified", "dim")] if view.verified else [],
        [Span(f" {view.rate} messages a second", "dim")],
    ]
    spans: list[Span] = []
    for fact in filter(None, facts):
        joined = [*spans, Span("  " if spans else ""), *fact]
        if sum(len(span.text) for span in joined) <= width:
            spans = joined
    return Line(fit(spans, width))


class LogEntry(NamedTuple):
    """One entry of the log on the screen."""

    time: int
    text: str
    role: str = "dim"
    """`good` when something is well again, `warn` when it is not."""
    own: bool = False
    """Whether it answers a key, or is about an order of ours."""
    said: int = 1
    """How often it was said in a row."""

    @property
    def words(self) -> str:
        """The text, and how often it was said."""
        return self.text if self.said == 1 else f"{self.text} ×{self.said}"


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


def pressing(log_entries: Sequence[LogEntry], now: int) -> list[LogEntry]:
    """Return the newest entry of our own that matters and is a few seconds old; none otherwise.

    Where there is no room for the log it is shown in place of the keys.
    """
    newest = foremost(log_entries, now)[:1]
    return [
        it for it in newest if it.own and it.role != "dim" and 0 <= now - it.time < _OWN_FIRST_NS
    ]


def log_line(log_entries: Sequence[LogEntry], now: int, width: int) -> Line:
    """Draw the entries side by side, as many as fit; those of the last half minute stand out."""
    spans: list[Span] = []
    for each in log_entries:
        text = f" {fmt.moment(each.time)} {each.words}  "
        if spans and sum(len(span.text) for span in spans) + len(text) > width:
            break
        fresh = now - each.time < 30 * times.NS_PER_S
        spans.append(Span(text, each.role if fresh else "dim"))
    return Line(fit(spans, width))
