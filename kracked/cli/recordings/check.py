"""`kracked check`: a recording's health in words or JSON, read by several processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

import msgspec

from kracked import _native
from kracked.cli import DONE, FAILED, say
from kracked.cli.output import print_json
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.format.coverage import ACCOUNT, WHOLE, Verdict
from kracked.record.check import RecordingHealth
from kracked.record.check import check as check_recording


def check(
    path: Path, *, mend: bool, as_json: bool, strict: bool = False, processes: int | None = None
) -> int:
    """Report a recording's health.

    Args:
        path: The session folder.
        mend: Move torn ends of files aside; nothing is deleted.
        as_json: Print one JSON object in place of sentences.
        strict: Fail unless the recording is complete.
        processes: Processes that read a long recording; by default one a core, and always this
            one alone with the compiled books.

    Returns:
        Exit code 1 when something in the recording is damaged or wrong, or nothing is in it that
        could be judged; with `strict` when anything is missing as well.
    """
    count = 1 if _native.load() is not None else processes or os.cpu_count() or 1
    with worker_pool(count) as executor:
        health = check_recording(
            path,
            mend=mend,
            executor=executor,
            workers=count,
            tell=lambda said: say(f"{said} on {count} process{'' if count == 1 else 'es'}\n"),
        )
    if as_json:
        print_json(msgspec.json.encode(health))
    else:
        ended = health.end or ("now" if health.in_progress else "its last message, no clean end")
        print(f"{health.path}: {health.messages} messages, {health.start} to {ended}")
        for line in (*_books(health), *_coverage(health), *_gaps(health), *_files(health)):
            print("  " + line)
        print(_verdict(health))
    unjudged = Verdict.EMPTY in health.faults
    passed = health.verdict is Verdict.COMPLETE if strict else not unjudged
    return DONE if health.healthy and passed else FAILED


def _verdict(health: RecordingHealth) -> str:
    """Return the verdict in one line; what is damaged comes first."""
    parts = [_SAID[fault] for fault in reversed(health.faults)] or ["complete"]
    if health.in_progress:
        parts[0] += ", it is still being recorded"
    if health.lost:
        came = health.messages + health.lost
        share = f"{health.lost / came:.1%}"
        parts.append(f"{health.lost} of {came} messages ({share}) lost in {len(health.gaps)} gaps")
    if missing := sum(hole.count for hole in health.trade_holes):
        parts.append(f"{missing} trades missing by their numbers")
    damaged = "" if health.healthy else "NOT healthy: "
    return f"{damaged}{'; '.join(parts)}"


_SAID = {
    Verdict.GAPS: "gaps",
    Verdict.INCOMPLETE_END: "incomplete end",
    Verdict.TABLES_MISSING: "tables missing",
    Verdict.EMPTY: "nothing recorded: not one message of a channel, so nothing can be judged",
}


def _coverage(health: RecordingHealth) -> Iterator[str]:
    """Tell what is not covered whole, symbol by symbol, else that all is."""
    lacking = {
        symbol: ", ".join(f"{channel} {percent:.2f} %" for channel, percent in channels.items())
        for symbol, channels in health.coverage.items()
        if any(percent < WHOLE for percent in channels.values())
    }
    yield from (f"coverage {symbol}: {said}" for symbol, said in lacking.items())
    whole = health.coverage.keys() - lacking.keys()
    if symbols := len(whole - {ACCOUNT}):
        account = " and of the account" if ACCOUNT in whole else ""
        yield f"coverage 100 % of {symbols} symbol{'' if symbols == 1 else 's'}{account}"
    elif whole:
        yield "coverage 100 % of the account"
    yield from (f"missing when it ended: {what}" for what in health.missing)


# --- the report in words ------------------------------------------------------------------


def _books(health: RecordingHealth) -> Iterator[str]:
    for book in health.books:
        yield (
            f"{book.symbol} {book.channel} depth {book.depth}: {book.verified} of "
            f"{book.messages} verified, {book.mismatched} mismatched, {book.ignored} ignored"
            + (": no trusted book to apply them to" if book.ignored else "")
        )
    if health.unmarked:
        yield f"{health.unmarked} mismatches outside the marked gaps"
    yield f"keyframes: {health.keyframes}, wrong {health.keyframes_wrong}"


def _gaps(health: RecordingHealth) -> Iterator[str]:
    for gap in health.gaps:
        what = f"{gap.channel} {', '.join(gap.symbols)}".strip() or "everything"
        lost = "no trade is missing now" if gap.closed else f"lost {gap.lost or 'unknown'}"
        yield f"gap {gap.start} to {gap.end}: {what}; {gap.reason}; {lost}"
    yield from (f"missing: {hole}" for hole in health.trade_holes)
    if health.healed_trades:
        yield f"{health.healed_trades} trades that the stream left out were fetched by REST"
    if health.untold:
        yield f"{health.untold} messages are missing that the recorder had"


def _files(health: RecordingHealth) -> Iterator[str]:
    """Damage in files, with the remedy for each kind."""
    if health.rows:
        yield f"database: {', '.join(f'{name} {rows}' for name, rows in health.rows.items())}"
    kinds = {"damaged": health.damaged, "damaged table": health.tables, "torn": health.torn}
    for kind, stretches in kinds.items():
        for each in stretches:
            yield f"{kind} {each.file} at {each.offset}: {each.size} bytes, {each.reason}"
    if health.tables:
        remedy = f"`kracked convert {health.path}` makes them anew from the raw log"
        yield f"move damaged tables out of the folder: {remedy}"
    yield from (f"moved the torn end to {file}" for file in health.moved)
    if health.torn and not health.moved:
        yield "run again with --repair: torn ends are moved aside, nothing is deleted"
    yield from (f"tables: {what}" for what in health.missing_tables)
    if health.missing_tables:
        yield f"`kracked convert {health.path}` makes them from the raw log"
    for file in health.strangers:
        yield f"not the recorder's, neither read nor touched: {file}"


# --- the processes that read --------------------------------------------------------------


@contextmanager
def worker_pool(count: int) -> Iterator[Executor | None]:
    """Yield a pool of `count` processes, started on demand; None for fewer than two.

    The processes end with the block however it ends, and with this process even if it is killed.
    """
    if count < 2:
        yield None
        return
    with ProcessPoolExecutor(count, get_context("spawn"), initializer=_start_worker) as executor:
        try:
            yield executor
        except BaseException:
            for process in active_children():
                process.terminate()
            raise


def _start_worker() -> None:
    """End quietly on Ctrl-C, which the parent reports, and when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # every process of the terminal receives it
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Exit when the parent has ended: a worker of a killed parent would wait for ever."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
