"""Verification of raw message logs: keeps every book in them and compares every checksum.

One pass in constant memory: a file of any size takes what its books take.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from time import process_time

import msgspec

from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.book.stats import BookStats
from kracked.errors import RecordError
from kracked.format import keyframe
from kracked.format import line as raw_log
from kracked.format.message_forms import describe_line, is_of_client
from kracked.instruments import Precision
from kracked.protocol.events import Event, Malformed, Resync, Status

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
    doubts: int = 0
    """Verified messages that say what cannot be true of the book below its tenth level."""
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
    requests: int = 0
    """Lines that a client sent, and answers that say nothing but success."""
    first_unreadable: str = ""
    first_mismatch: str = ""
    first_doubt: str = ""
    end: str = ""
    """Why the file ends before its content does; empty for a whole one."""

    @property
    def sound(self) -> bool:
        """Whether there are books, all were verified without a mismatch, and all was read."""
        read = bool(self.books) and not self.unreadable and not self.end
        return read and all(book.verified and not book.mismatched for book in self.books)


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
        lines: The messages; an element may hold several whole lines, which is faster.
        precisions: Decimals by symbol; by default those of an `instrument` message, else those
            of the snapshot's digits.
        depth: Depth of every book; by default that of its acknowledgement, else the smallest
            offered depth that holds its snapshot.
        depths: Depth by symbol; where one is missing `depth` counts.
        progress: Called with the bytes read so far.
    """
    keeper = BookKeeper(precisions=precisions, depth=depth, depths=depths)
    report, doubts = FileReport(file, []), Counter[tuple[str, str]]()
    started, read, told = process_time(), 0, 0
    for block in lines:
        at = 0
        while at < len(block):
            at, taken, refuted = keeper.run(block, at)
            report.lines += taken
            if refuted:
                _judge_all(keeper, refuted, report, doubts)
            elif at < len(block):
                end = block.find(b"\n", at) + 1 or len(block)
                line, at = block[at:end], end
                report.lines += 1
                if message := _message(line):
                    recorded = line.startswith(raw_log.OPENING)
                    _take(keeper, message, report, doubts, recorded=recorded)
        read += len(block)
        if progress is not None and report.lines - told >= PROGRESS_LINES:
            told = report.lines
            progress(read)
    report.books = _results(file, keeper.stats.values(), doubts, process_time() - started)
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


def _take(
    keeper: BookKeeper,
    line: bytes,
    report: FileReport,
    doubts: Counter[tuple[str, str]],
    *,
    recorded: bool,
) -> None:
    for event in keeper.codec.decode(line):
        if recorded and isinstance(event, Status):
            continue  # the greeting of one of several connections: the depths are of others
        if isinstance(event, Malformed):
            if is_of_client(line):
                report.requests += 1
                continue
            report.unreadable += 1
            if not report.first_unreadable:
                why = describe_line(line) or event.reason
                report.first_unreadable = f"line {report.lines}: {why}"
            if not event.symbol:
                # Whose data is lost is unknown. The books go on: what they missed shows in
                # their checksums, and the line itself is reported.
                continue
        _judge_all(keeper, [event, *keeper.apply(event)], report, doubts)


def _judge_all(
    keeper: BookKeeper,
    happened: list[Event],
    report: FileReport,
    doubts: Counter[tuple[str, str]],
) -> None:
    """Judge what followed from an update, which comes first."""
    update, *consequences = happened
    for consequence in consequences:
        if isinstance(consequence, Resync):
            _judge(keeper, update, consequence, report, doubts)


def _judge(
    keeper: BookKeeper,
    event: Event,
    resync: Resync,
    report: FileReport,
    doubts: Counter[tuple[str, str]],
) -> None:
    """Note a mismatch; or a doubt, where the checksum matches all the same."""
    where = f"line {report.lines}: {resync.symbol} {resync.channel}: {resync.detail}"
    # A contradiction counts only if the exchange's numbers made it, not our reading.
    impossible = resync.reason == "impossible" and not isinstance(event, Malformed)
    if impossible and _trust_again(keeper, resync):
        doubts[resync.symbol, resync.channel] += 1
        report.first_doubt = report.first_doubt or where
    elif impossible or resync.reason == "checksum":
        report.first_mismatch = report.first_mismatch or where


def _trust_again(keeper: BookKeeper, doubted: Resync) -> bool:
    """Count a message as verified whose checksum matches, and go on with its book.

    The checksum is the exchange's proof. The doubt is ours, about the levels below it.
    """
    books: Mapping[str, L2Book | L3Book] = keeper.l3 if doubted.channel == "level3" else keeper.l2
    book = books[doubted.symbol]
    if book.computed != book.checksum:
        return False
    book.bids.contradiction = book.asks.contradiction = None
    book.verified = True
    book.stats.mismatched -= 1
    book.stats.verified += 1
    return True


def _results(
    file: str,
    tallies: Iterable[BookStats],
    doubts: Mapping[tuple[str, str], int],
    seconds: float,
) -> list[BookVerification]:
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
            doubts=doubts.get((tally.symbol, tally.channel), 0),
            ignored=tally.ignored,
            unreadable=tally.unreadable,
            seconds=round(seconds * tally.messages / total, 6),
        )
        for tally in counted
    ]
