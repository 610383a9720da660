"""Verification of raw message logs: keeps every book in them and compares every checksum.

One pass in constant memory: a file of any size takes what its books take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import process_time

import msgspec

from kracked.book.keeper import BookKeeper
from kracked.book.stats import BookStats
from kracked.errors import RecordError
from kracked.format import keyframe
from kracked.format import line as raw_log
from kracked.instruments import Precision
from kracked.protocol.events import Malformed, Resync, Status

PROGRESS_LINES = 2_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BookVerification(msgspec.Struct, kw_only=True):
    """The result for one symbol and channel of one file.

    Every message is counted as verified, mismatched, ignored or unreadable.
    """

    file: str
    symbol: str
    channel: str
    depth: int
    messages: int
    updates: int
    verified: int
    mismatched: int
    """Messages with another checksum, or that contradict the book: an update was lost."""
    ignored: int
    """Updates without a trusted book: before a snapshot, or after a mismatch."""
    unreadable: int
    seconds: float
    """Its part, by messages, of the CPU time for the file."""


class FileReport(msgspec.Struct):
    """The result for one file."""

    file: str
    books: list[BookVerification]
    lines: int = 0
    unreadable: int = 0
    """Lines that are no message; their symbols are unknown."""
    first_unreadable: str = ""
    first_mismatch: str = ""

    @property
    def sound(self) -> bool:
        """Whether every line could be read and every book was verified without a mismatch."""
        return not self.unreadable and all(
            book.verified and not book.mismatched for book in self.books
        )


def verify_lines(
    file: str,
    lines: Iterable[bytes],
    *,
    precisions: Mapping[str, Precision] | None = None,
    depth: int | None = None,
    depths: Mapping[str, int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> FileReport:
    """Verify raw v2 messages, one a line, bare or as a recording's raw log has them.

    Args:
        file: Name of the file, for the report.
        lines: The messages.
        precisions: Decimals by symbol; by default those of an `instrument` message, else those
            of the snapshot's digits.
        depth: Depth of every book; by default that of its acknowledgement, else the smallest
            offered depth that holds its snapshot.
        depths: Depth by symbol; where one is missing `depth` counts.
        progress: Called with the bytes read so far.
    """
    keeper = BookKeeper(precisions=precisions, depth=depth, depths=depths)
    report = FileReport(file, [])
    started, read = process_time(), 0
    for line in lines:
        read += len(line)
        report.lines += 1
        if progress is not None and report.lines % PROGRESS_LINES == 0:
            progress(read)
        if message := _message(line):
            _take(keeper, message, report, recorded=line.startswith(raw_log.OPENING))
    report.books = _results(file, keeper.stats.values(), process_time() - started)
    return report


def _message(line: bytes) -> bytes:
    """Return the exchange's message in a line; nothing for a line of the recorder's own."""
    text = line.removeprefix(_BYTE_ORDER_MARK).strip()
    if not text.startswith(raw_log.OPENING):
        return text
    try:
        entry = raw_log.unpack(text)
    except RecordError:
        return text
    return b"" if entry.event or keyframe.is_keyframe(entry.data) else entry.data


def _take(keeper: BookKeeper, line: bytes, report: FileReport, *, recorded: bool) -> None:
    for event in keeper.codec.decode(line):
        if recorded and isinstance(event, Status):
            continue  # the greeting of one of several connections: the depths are of others
        if isinstance(event, Malformed):
            report.unreadable += 1
            report.first_unreadable = (
                report.first_unreadable or f"line {report.lines}: {event.reason}"
            )
            if not event.symbol:
                # Whose data is lost is unknown. The books go on: what they missed shows in
                # their checksums, and the line itself is reported.
                continue
        for consequence in keeper.apply(event):
            if not isinstance(consequence, Resync):
                continue
            # A contradiction counts only if the exchange's numbers made it, not our reading.
            impossible = consequence.reason == "impossible" and not isinstance(event, Malformed)
            if impossible or consequence.reason == "checksum":
                report.first_mismatch = report.first_mismatch or (
                    f"line {report.lines}: {consequence.symbol} {consequence.channel}: "
                    f"{consequence.detail}"
                )


def _results(file: str, tallies: Iterable[BookStats], seconds: float) -> list[BookVerification]:
    counted = list(tallies)
    total = sum(tally.messages for tally in counted) or 1
    return [
        BookVerification(
            file=file,
            symbol=tally.symbol,
            channel=tally.channel,
            depth=tally.depth,
            messages=tally.messages,
            updates=tally.updates,
            verified=tally.verified,
            mismatched=tally.mismatched,
            ignored=tally.ignored,
            unreadable=tally.unreadable,
            seconds=round(seconds * tally.messages / total, 6),
        )
        for tally in counted
    ]
