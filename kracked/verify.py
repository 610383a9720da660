"""Checks raw message logs: keeps every book in them and compares every checksum.

One pass, constant memory: a file of any size costs what its books cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import process_time

import msgspec

from kracked.book.keeper import BookKeeper
from kracked.book.tally import Tally
from kracked.instruments import Precision
from kracked.protocol.events import Malformed

PROGRESS_LINES = 2_000
PROXY_NOTICE = "CloudFlare"
"""Begins the one text frame that is no JSON and no damage: a coming disconnect."""


class Verification(msgspec.Struct, kw_only=True):
    """One instrument's channel in one file: every message verified, mismatched or ignored."""

    file: str
    symbol: str
    channel: str
    depth: int
    messages: int
    updates: int
    verified: int
    mismatched: int
    ignored: int
    """Updates without a trusted book: before a snapshot, or after a mismatch."""
    seconds: float
    """Its share, by messages, of the CPU time the file took."""


class FileReport(msgspec.Struct):
    """What one file held."""

    file: str
    books: list[Verification]
    lines: int = 0
    unreadable: int = 0
    """Lines that are no message; what they were about is unknown."""
    first_unreadable: str = ""

    @property
    def sound(self) -> bool:
        """Every line could be read and every checksum matched."""
        return not self.unreadable and not any(book.mismatched for book in self.books)


def verify_lines(
    file: str,
    lines: Iterable[bytes],
    *,
    precisions: Mapping[str, Precision] | None = None,
    depth: int | None = None,
    depths: Mapping[str, int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> FileReport:
    """Verify raw v2 messages, one a line. `progress` is called with the bytes read so far."""
    keeper = BookKeeper(precisions=precisions, depth=depth, depths=depths)
    report = FileReport(file, [])
    started, read = process_time(), 0
    for line in lines:
        read += len(line)
        report.lines += 1
        if progress is not None and report.lines % PROGRESS_LINES == 0:
            progress(read)
        if line.strip():
            _take(keeper, line, report)
    report.books = _results(file, keeper.tallies.values(), process_time() - started)
    return report


def _take(keeper: BookKeeper, line: bytes, report: FileReport) -> None:
    for event in keeper.codec.decode(line):
        if not isinstance(event, Malformed) or event.symbol:
            keeper.apply(event)
        # Nobody knows what an unreadable line was about. The books go on: what they
        # missed shows in their checksums, and the line itself is reported.
        elif not event.text.startswith(PROXY_NOTICE):
            report.unreadable += 1
            report.first_unreadable = (
                report.first_unreadable or f"line {report.lines}: {event.reason}"
            )


def _results(file: str, tallies: Iterable[Tally], seconds: float) -> list[Verification]:
    counted = list(tallies)
    total = sum(tally.messages for tally in counted) or 1
    return [
        Verification(
            file=file,
            symbol=tally.symbol,
            channel=tally.channel,
            depth=tally.depth,
            messages=tally.messages,
            updates=tally.updates,
            verified=tally.verified,
            mismatched=tally.mismatched,
            ignored=tally.ignored,
            seconds=round(seconds * tally.messages / total, 6),
        )
        for tally in counted
    ]
