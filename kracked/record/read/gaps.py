"""Gaps of a recording: messages missing by their numbers, and gaps that the recorder reported.

A recorder that must leave messages out reports it, in `connections` and in `session.json`.
Numbers missing beyond that were taken from the log after it was written.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kracked import times
from kracked.format import frame, layout, line
from kracked.format.cells import named_rows
from kracked.format.frame import Frame, mapped
from kracked.format.session_info import SessionInfo
from kracked.format.tables import CONNECTIONS
from kracked.protocol.events import Gap, Resync


class RecordedGap(NamedTuple):
    """A stretch of time for which the recording is not complete."""

    start: int
    """Last moment before it, ns since the Unix epoch."""
    end: int
    lost: int
    """Messages known to be missing; 0 when it cannot be known."""
    symbols: tuple[str, ...]
    """Symbols it concerns; empty for all."""
    reason: str
    after: int = 0
    """Number of the last message before those missing."""
    channel: str = ""
    """Channel of the books it concerns; empty for every channel."""

    def excuses(self, mismatch: Resync) -> bool:
        """Whether it says that a book which mismatched could not be trusted then."""
        concerned = mismatch.symbol in self.symbols and self.channel in ("", mismatch.channel)
        return concerned and self.start <= mismatch.received <= self.end


def gap_between(before: Frame | None, found: Frame) -> list[RecordedGap]:
    """Return the gap between two frames of messages, by their numbers, which begin at 1."""
    after = _last_of(before)
    lost = found.first_seq - 1 - after
    if lost <= 0:
        return []
    start = before.last_received if before else found.first_received
    return [RecordedGap(start, found.first_received, lost, (), "messages are missing", after)]


def gap_at_end(last: Frame | None, info: SessionInfo) -> list[RecordedGap]:
    """Return the gap after the last frame of messages, if the recorder had more."""
    after = _last_of(last)
    lost = (info.last_seq or 0) - after
    if lost <= 0 or info.end is None:
        return []
    end = times.parse_ns(info.end)
    start = last.last_received if last else end
    return [RecordedGap(start, max(start, end), lost, (), "the last messages are missing", after)]


def reported_gaps(path: Path, found: Frame) -> list[RecordedGap]:
    """Return the gaps that a frame of feed events reports."""
    with mapped(path) as data:
        entries = [line.unpack(text) for text in frame.unpack(data, found)]
    events = [line.decode_event(entry) for entry in entries]
    return [
        RecordedGap(gap.start, gap.end, 0, gap.symbols, gap.reason, channel=gap.channel)
        for gap in events
        if isinstance(gap, Gap)
    ]


def unreported(folder: Path, gaps: Iterable[RecordedGap]) -> int:
    """Count missing messages that the recorder has not reported as left out."""
    reported = list(_reported_losses(folder / layout.table_file(CONNECTIONS.name)))
    return sum(
        max(0, gap.lost - sum(lost for seq, lost in reported if 0 < seq - gap.after <= gap.lost))
        for gap in gaps
    )


def _reported_losses(table: Path) -> Iterator[tuple[int, int]]:
    """Yield each loss in `connections`: the number of the last message, and how many."""
    try:
        rows = named_rows(table.read_text(errors="replace").splitlines())
        for row in rows:
            if row.get("event") == "gap" and row.get("lost"):
                yield int(row["seq_last"]), int(row["lost"])
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return  # a row that cannot be read excuses nothing


def _last_of(last: Frame | None) -> int:
    return last.first_seq + last.lines - 1 if last else 0
