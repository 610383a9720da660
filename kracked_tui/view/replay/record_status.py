"""The progress of a recording at the foot of the screen. Pure."""

from __future__ import annotations

from typing import NamedTuple

from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit

_LITTLE_BYTES = 2_000_000_000


class RecordView(NamedTuple):
    """A recording in progress, or one that has failed."""

    bytes: int = 0
    """Before compression."""
    rows: int = 0
    rate: int = 0
    """Messages a second."""
    gaps: int = 0
    lost: int = 0
    """Messages that were dropped."""
    free_bytes: int = 0
    waiting_bytes: int = 0
    """Bytes not on the disk yet."""
    trouble: str = ""
    """Why they cannot be written; empty where they can."""
    verdict: str = ""
    """What the recording is worth so far, as `kracked check` would say; empty if unknown."""
    tables_stopped: str = ""
    """Why no rows are written though the raw log goes on; empty where they are."""
    failed: bool = False
    """Whether it could not begin, or ended by itself: nothing is recorded, though requested."""


def record_facts(view: RecordView) -> list[list[Span]]:
    """Draw the facts for the status line, the most important first."""
    if view.failed:
        return [[Span(" × NOT RECORDING", "warn")]]
    role = "warn" if view.trouble or view.lost or view.tables_stopped else "sell"
    disk = "warn" if view.free_bytes < _LITTLE_BYTES else "dim"
    return [
        [Span(" ● REC", role)],
        # The list of recordings shows the size on the disk, which is smaller.
        [Span(f"{fmt.compact(view.bytes)}B", "word"), Span(" before packing", "dim")],
        [Span("TABLES STOPPED", "warn")]
        if view.tables_stopped
        else [Span(f"{fmt.compact(view.rows)} rows", "dim")],
        [Span(f"{view.rate:>3} a second", "dim")],
        [Span("gaps ", "dim"), Span(str(view.gaps), "warn" if view.gaps else "dim")],
        *([[Span(view.verdict.replace("_", " ").upper(), "warn")]] if _is_lacking(view) else []),
        [Span(f"disk {fmt.compact(view.free_bytes, width=5)}B", disk)],
    ]


def recorder_lines(view: RecordView, width: int) -> list[Line]:
    """Draw every fact of a recording, one a line."""
    if view.failed:
        return [Line(fit([Span(" × NOT RECORDING; the log says why", "warn")], width))]
    rows = (
        ("worth so far", view.verdict.replace("_", " "), _is_lacking(view)),
        ("bytes before packing", f"{fmt.compact(view.bytes)}B", False),
        ("rows", fmt.compact(view.rows), False),
        ("messages a second", str(view.rate), False),
        ("gaps", str(view.gaps), bool(view.gaps)),
        ("messages lost", str(view.lost), bool(view.lost)),
        ("waiting for the disk", f"{fmt.compact(view.waiting_bytes)}B", False),
        ("free on the disk", f"{fmt.compact(view.free_bytes)}B", view.free_bytes < _LITTLE_BYTES),
    )
    lines = [[Span(" ● RECORDING", "sell")]]
    lines += [
        [Span(f" {name:<22}", "dim"), Span(f"{text:>14}", "warn" if bad else "")]
        for name, text, bad in rows
    ]
    for trouble in (view.trouble, view.tables_stopped):
        if trouble:
            lines.append([Span(f" {trouble}", "warn")])
    return [Line(fit(spans, width)) for spans in lines]


def _is_lacking(view: RecordView) -> bool:
    """Whether the verdict says more than the count of gaps beside it."""
    return view.verdict not in ("", "complete", "gaps")


def banner_line(view: RecordView | None, width: int) -> Line | None:
    """Draw the warning of a failing disk, of lost messages or of stopped tables, if any."""
    if view is None or not (view.trouble or view.lost or view.tables_stopped):
        return None
    parts = [f"{view.lost} messages lost"] if view.lost else []
    if view.tables_stopped:
        parts = [f"no tables, raw messages alone: {view.tables_stopped}", *parts]
    if view.trouble:
        waiting = f"{fmt.compact(view.waiting_bytes)}B wait in memory"
        parts = [f"cannot write to the disk: {view.trouble}", waiting, *parts]
    return Line(fit([Span(f" × REC  {' · '.join(parts)}", "notice")], width), "notice")
