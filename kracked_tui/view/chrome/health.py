"""The health of the feed: every counter, and the state of each connection. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kracked_tui.view import format as fmt
from kracked_tui.view.chrome.status import FeedView
from kracked_tui.view.line import Line, Span, fit

_ROW = 41
"""Cells of a counter's name and its value."""


class ConnectionRow(NamedTuple):
    """One connection."""

    name: str
    open: bool
    reason: str = ""
    """Why it is not open, or why the one before it ended."""
    connects: int = 0
    silent_ns: int | None = None
    round_trip_ns: int | None = None
    channels: str = ""
    """What is live on it, and what is not."""


def health_lines(view: FeedView, connections: Sequence[ConnectionRow], width: int) -> list[Line]:
    """Draw the counters since the start, then a line or two for each connection."""
    counters = (
        ("messages", view.messages, False),
        ("messages a second", view.rate, False),
        ("checksums verified", view.verified, False),
        ("checksums failed", view.mismatched, True),
        ("fresh snapshots asked for", view.resyncs, True),
        ("gaps", view.gaps, True),
        ("events not shown", view.dropped, True),
        ("frames a second", view.frames, False),
    )
    lines = [_row("engine of the books", view.engine, "", width)] if view.engine else []
    lines += [
        _row(name, f"{count:,}".replace(",", " "), "warn" if bad and count else "", width)
        for name, count, bad in counters
    ]
    lines.append(_row("watching for", fmt.age(view.uptime_ns), "", width))
    for one in connections:
        lines += _connection(one)
    return [Line(fit(spans, width)) for spans in lines]


def _row(name: str, value: str, role: str, width: int) -> list[Span]:
    room = min(_ROW, width - 1) - 1 - len(name)
    return [Span(f" {name}", "dim"), Span(value.rjust(room), role)]


def _connection(one: ConnectionRow) -> list[list[Span]]:
    state = Span("open", "good") if one.open else Span("not open", "warn")
    spans = [Span(f" {one.name:<10}", "word"), state]
    if one.round_trip_ns is not None:
        spans.append(Span(f"  round trip {fmt.milliseconds(one.round_trip_ns)}", "dim"))
    if one.silent_ns is not None:
        spans.append(Span(f"  silent {fmt.age(one.silent_ns)}", "dim"))
    if one.connects > 1:
        spans.append(Span(f"  connected {one.connects} times", "warn"))
    lines = [spans]
    if one.channels:
        lines.append([Span(f"   {one.channels}", "dim")])
    if one.reason:
        lines.append([Span(f"   {one.reason}", "dim" if one.open else "warn")])
    return lines
