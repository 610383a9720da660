"""The words that say that the screen shows the past, while the live session goes on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kracked import times
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome.trading_status import TradingStatus, trading_spans
from kracked_tui.view.line import Line, Span, fit

_DAY_NS = 86_400 * times.NS_PER_S
_MEGABYTE = 1_000_000


class BufferFill(NamedTuple):
    """How much the always-on buffer holds, and how much it may hold."""

    span_ns: int = 0
    bytes: int = 0
    most_ns: int = 0
    most_bytes: int = 0

    def words(self) -> str:
        """Say it: ``last 12m04s of 15m00s kept, 8.1 of 64.0 MB``."""
        held, most = self.bytes / _MEGABYTE, self.most_bytes / _MEGABYTE
        kept = f"last {fmt.age(min(self.span_ns, self.most_ns))} of {fmt.age(self.most_ns)} kept"
        return f"{kept}, {held:.1f} of {most:.1f} MB"


class PastView(NamedTuple):
    """The moment that the screen shows, and what goes on meanwhile."""

    position: int
    """ns since the Unix epoch."""
    behind_ns: int
    """How long ago that is."""
    live: str
    """LIVE, DEMO or PAPER: the session that goes on."""
    recording: str = ""
    """The name of the recording that is shown; empty for the last minutes of this session."""
    trading: TradingStatus = TradingStatus()
    """Whether keys trade in the session that goes on."""
    panic: str = ""
    """The pair that the panic key cancels."""
    back_key: str = "q"
    """The key that leads back."""
    unverified: bool = False
    """Whether the book of this moment is not proven."""
    fill: BufferFill | None = None
    """How much of the session's past is kept; None for a recording."""

    @property
    def word(self) -> str:
        """What is shown, in a word."""
        return "REPLAY" if self.recording else "PAST"

    @property
    def behind(self) -> str:
        """How far behind the present it is."""
        if self.behind_ns < _DAY_NS:
            return f"{fmt.age(self.behind_ns)} behind"
        days = self.behind_ns // _DAY_NS
        return f"{days} day{'' if days == 1 else 's'} behind"

    @property
    def clock(self) -> str:
        """The time of the moment, with its date where that is another day."""
        if not fmt.recorded(self.position) or self.behind_ns < _DAY_NS:
            return fmt.moment(self.position)
        return times.to_rfc3339(self.position, 0)[:-1].replace("T", " ")


def past_spans(view: PastView, room: int) -> list[Span]:
    """Draw the header's light of the past, as much as fits; that LIVE goes on always."""
    doubt = [Span(" unverified", "warn")] if view.unverified else []
    trading = [Span(" "), *trading_spans(view.trading)]
    going_on = Span(f"  {view.live} goes on", "good")
    long = [Span(f"‖ {view.word} {view.clock}", "notice"), Span(f"  {view.behind}", "bright")]
    short = [Span(f"‖ {view.word} {view.behind}", "notice")]
    armed = trading if view.trading.armed else []
    for spans in (
        [*long, *doubt, going_on, *trading],
        [*long, *doubt, going_on, *armed],
        [*short, *doubt, going_on, *armed],
        [*short, Span(f" {view.live} goes on", "good")],
        [
            Span(f"‖ {view.word} -{view.behind.removesuffix(' behind')}", "notice"),
            Span(f" {view.live} goes on", "good"),
        ],
    ):
        if sum(len(span.text) for span in spans) <= room:
            return spans
    return [Span(f"‖ {view.word}", "notice"), Span(f" {view.live} goes on", "good")]


def past_line(view: PastView, width: int) -> Line:
    """Draw the row below the header: what is shown, what the keys do now, and what is kept."""
    shown = view.recording or "of this session"
    parts = [
        f" {view.word} {shown}, {view.behind} · {view.live} goes on",
        f"{view.back_key} back to {view.live}",
        *([view.fill.words()] if view.fill is not None else []),
        f"panic acts on {view.live}, no other order key acts",
    ]
    while len(parts) > 2 and len(" · ".join(parts)) > width:
        parts.pop()
    if len(" · ".join(parts)) > width:
        parts[0] = f" {view.word} {view.behind} · {view.live} goes on"
    return Line(fit([Span(" · ".join(parts), "notice")], width), "notice")


def past_note(view: PastView, note: str) -> str:
    """Return a pane's note with the moment that it shows before it."""
    moment = f"{view.clock} {view.behind}, {view.live} goes on"
    return f"{moment} · {note}" if note else moment


class Bookmark(NamedTuple):
    """A moment that was marked."""

    time: int
    symbol: str


def bookmark_lines(bookmarks: Sequence[Bookmark], start: int, here: int) -> list[str]:
    """List bookmarks by number, the newest last; say which moments are no longer kept.

    Args:
        bookmarks: All of them.
        start: The oldest moment that is kept, ns.
        here: The moment shown, ns.
    """
    rows = []
    for number, mark in enumerate(bookmarks, 1):
        by_ns = mark.time - here
        where = f"{fmt.age(abs(by_ns))} {'later' if by_ns > 0 else 'earlier'}"
        if mark.time < start:
            where = "no longer kept"
        elif not by_ns:
            where = "shown now"
        rows.append(f"{number}  {fmt.moment(mark.time)}  {mark.symbol}  {where}")
    return rows
