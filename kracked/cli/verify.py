"""`kracked verify`: the checksums of raw logs verified, as a table or JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from io import BufferedReader
from pathlib import Path

import msgspec

from kracked.cli import DONE, FAILED, MISUSED, say
from kracked.cli.output import print_json
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.errors import RecordError
from kracked.format.unpacking import Unpacked
from kracked.instruments import Precision
from kracked.verify import BookVerification, FileReport, verify_lines

_LONGEST_LINE = 64 << 20
"""Bytes of a line that are looked at: the longest message, of all instruments, has 1 MB."""
_PIECE = 1 << 20


def verify_files(
    files: Sequence[str],
    *,
    precisions: Sequence[tuple[str, int, int]],
    depths: Sequence[tuple[str, int]],
    as_json: bool,
) -> int:
    """Verify logs and print a row for each file, symbol and channel.

    Args:
        files: Paths; ``-`` is standard input.
        precisions: Symbol, and decimals of price and quantity.
        depths: Symbol, empty for all, and depth.
        as_json: Print one JSON list in place of a table.

    Returns:
        Exit code 1 on any mismatch, unreadable line or early end, and without any book; 2 when
        a file cannot be read at all.
    """
    reports = []
    for file in files:
        try:
            reports.append(_verify_file(file, precisions, depths))
        except IsADirectoryError:
            words = "it is a folder; for a recording there is `kracked check`"
            print(f"kracked: cannot read {file}: {words}", file=sys.stderr)
            return MISUSED
        except (OSError, RecordError) as error:
            words = getattr(error, "strerror", None) or str(error)
            print(f"kracked: cannot read {file}: {words}", file=sys.stderr)
            return MISUSED
    rows = [book for report in reports for book in report.books]
    if as_json:
        print_json(msgspec.json.encode(rows))
    else:
        _print_table(rows)
    for report in reports:
        _remark(report)
    return DONE if all(report.sound for report in reports) else FAILED


def _verify_file(
    file: str, precisions: Sequence[tuple[str, int, int]], depths: Sequence[tuple[str, int]]
) -> FileReport:
    standard = file == "-"
    if standard and sys.stdin is None:
        raise OSError(None, "there is no standard input")
    with nullcontext(sys.stdin.buffer) if standard else Path(file).open("rb") as source:
        unpacked = Unpacked(source)
        size = 0 if standard or unpacked.packed else Path(file).stat().st_size
        report = verify_lines(
            file,
            _blocks(unpacked),
            precisions={symbol: Precision(price, qty) for symbol, price, qty in precisions},
            depth=next((depth for symbol, depth in depths if not symbol), None),
            depths={symbol: depth for symbol, depth in depths if symbol},
            progress=_progress(file, size),
        )
    if unpacked.cut or unpacked.damage:
        how = "it is cut off" if unpacked.cut else unpacked.damage
        if not report.lines:
            raise RecordError(f"nothing in it could be unpacked: {how}")
        report.end = f"the packed file ends early, after {report.lines} lines: {how}"
    return report


def _blocks(unpacked: Unpacked) -> Iterator[bytes]:
    """Yield whole lines, those that were read at once together; not the torn one of an early end.

    Of a line that is too long only the beginning is kept.
    """
    text, rest, skipping = BufferedReader(unpacked, _PIECE), b"", False
    while piece := text.read1(_PIECE):
        if skipping:
            _, newline, piece = piece.partition(b"\n")
            skipping = not newline
        rest += piece
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        if len(rest) > _LONGEST_LINE:
            yield rest[:_LONGEST_LINE]
            rest, skipping = b"", True
    if rest and not (unpacked.cut or unpacked.damage):
        yield rest


def _progress(file: str, size: int) -> Callable[[int], None] | None:
    """Return a function that shows the progress on the terminal; None without a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(read: int) -> None:
        """Show how much was read, in percent or megabytes."""
        done = f"{100 * read // size:3d} %" if size else f"{read / 1e6:.0f} MB"
        say(f"\r{file}: {done}\x1b[K")
        if size and read >= size:
            say("\r\x1b[K")

    return show


def _print_table(rows: Sequence[BookVerification]) -> None:
    heads = ("file", "symbol", "channel", "depth", "messages", "verified", "mismatched", "ignored")
    cells = [heads, *([str(getattr(row, head)) for head in heads] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    for line in cells:
        text = [
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(text).rstrip())
    verified, messages = sum(row.verified for row in rows), sum(row.messages for row in rows)
    print(f"{verified} of {messages} book messages verified")


def _remark(report: FileReport) -> None:
    """Print what the table does not show: the first trouble, and what was not checked."""
    ignored = sum(book.ignored for book in report.books)
    doubts = sum(book.doubts for book in report.books)
    for condition, words in (
        (report.unreadable, f"{report.unreadable} unreadable, first {report.first_unreadable}"),
        (report.first_mismatch, f"first mismatch {report.first_mismatch}"),
        (ignored, f"{ignored} updates not checked: no trusted book to apply them to"),
        (doubts, f"{doubts} verified messages contradict the book, first {report.first_doubt}"),
        (report.requests, f"{report.requests} lines are a client's requests, or bare answers"),
        (report.end, report.end),
        (not report.lines, "it is empty"),
        (report.lines and not report.books, "no book and no level3 messages in it"),
    ):
        if condition:
            print(f"kracked: {report.file}: {words}", file=sys.stderr)
