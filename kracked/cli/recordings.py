"""`kracked record`, `check`, `replay` and `convert`: recordings on the command line."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import msgspec

from kracked.cli import DONE, FAILED, worker_pool
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed.channels import Channels
from kracked.feed_manager import FeedManager
from kracked.instruments import Instrument, meant
from kracked.record.check import RecordingHealth
from kracked.record.check import check as check_recording
from kracked.record.convert import NeedsArrow
from kracked.record.read.recording import open_recording
from kracked.record.replay import Moment, Player, Replay
from kracked.record.write.session import Format
from kracked.recorder import Progress
from kracked.recorder import record as record_feed


def record(
    symbols: list[str],
    out: Path,
    *,
    channels: Mapping[str, object],
    form: str,
    endpoint: str | None,
    duration_s: float | None,
    compress: bool,
    as_json: bool,
) -> int:
    """Record until the time is up or a signal comes.

    Exit code 1 when anything was lost or refused, or is missing when it ends. Of the
    channels `account`, own executions and balances, is left out without a key.
    Raises `NeedsArrow` before anything is recorded that could not be written at the end.
    """
    if Format(form) is Format.PARQUET and find_spec("pyarrow") is None:
        raise NeedsArrow
    endpoints = Endpoints.at(endpoint) if endpoint else Endpoints.kraken()
    credentials = Credentials.from_environment()
    market = {name: choice for name, choice in channels.items() if name != "account"}
    feed = FeedManager(
        symbols,
        credentials=credentials,
        account=credentials is not None and bool(channels.get("account")),
        endpoints=endpoints,
        **cast(Channels, market),
    )
    watched = sys.stderr is not None and sys.stderr.isatty()
    talk = _Talk(feed.instruments, watched=watched)
    last = asyncio.run(
        record_feed(
            feed,
            out,
            form=Format(form),
            compress=compress,
            duration_s=duration_s,
            tell=talk,
        )
    )
    talk.end(last)
    print(_facts(last) if as_json else _figures(last))
    for reason in _missing(last, feed):
        print(f"kracked: {reason}", file=sys.stderr)
    status = last.status
    faults = (status.lost, status.trouble, status.refused, last.missing)
    whole = status.messages and not any(faults)
    return DONE if whole else FAILED


def _facts(last: Progress) -> str:
    facts = {
        "path": str(last.path),
        "seconds": round(last.elapsed_s, 3),
        **last.status._asdict(),
        "missing": last.missing,
    }
    return msgspec.json.encode(facts).decode()


def _figures(last: Progress) -> str:
    status = last.status
    return (
        f"{last.path}: {status.messages} messages, {status.rows} rows, "
        f"{_size(status.bytes)} before compression, "
        f"{status.gaps} gap{'' if status.gaps == 1 else 's'}, {status.lost} lost"
    )


def _missing(last: Progress, feed: FeedManager) -> Iterator[str]:
    """What did not come; of a silent exchange, from where."""
    if last.status.messages:
        yield from (f"missing when it ended: {what}" for what in last.missing)
        return
    for silent in feed.stats().connections:
        why = f": {silent.reason}" if silent.reason else ""
        yield f"not one message came from {silent.url}{why}"


class _Talk:
    """What is said while it goes on: what is refused, at once; in a terminal, how it goes."""

    def __init__(self, listed: Mapping[str, Instrument], *, watched: bool) -> None:
        self._listed, self._watched = listed, watched
        self._told: set[str] = set()

    def __call__(self, progress: Progress) -> None:
        self._tell_refused(progress)
        if self._watched:
            _say(f"\r{_going(progress)}\x1b[K")

    def end(self, progress: Progress) -> None:
        """The line of its progress makes room for the figures."""
        if self._watched:
            _say("\r\x1b[K")
        self._tell_refused(progress)

    def _tell_refused(self, progress: Progress) -> None:
        for refusal in progress.status.refused:
            if refusal not in self._told:
                self._told.add(refusal)
                clear = "\r\x1b[K" if self._watched else ""
                hint = self._hint(refusal)
                _say(f"{clear}kracked: not recorded, refused: {refusal}{hint}\n")

    def _hint(self, refusal: str) -> str:
        """Of a refusal that begins as `book of BTC-USD: `, the symbol that may be meant."""
        symbol = refusal.partition(": ")[0].rpartition(" of ")[2]
        listed = meant(symbol, self._listed)
        return f"; did you mean {listed}?" if listed else ""


def _say(text: str) -> None:
    if sys.stderr is None:
        return
    with suppress(OSError):  # a terminal that has gone is no reason to stop here
        print(text, end="", file=sys.stderr, flush=True)


def _going(progress: Progress) -> str:
    status = progress.status
    return (
        f"REC {progress.elapsed_s:.0f} s  {status.messages} messages  "
        f"{progress.rate:.0f}/s  {status.rows} rows  {_size(status.bytes)} unpacked  "
        f"gaps {status.gaps}  lost {status.lost}  free {_size(status.free_bytes)}  "
        f"{status.trouble or status.warning}"
    )


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def check(path: Path, *, mend: bool, as_json: bool, processes: int | None = None) -> int:
    """Report a recording's health; exit code 1 when something in it is damaged or wrong.

    So many `processes` read a long one, else as many as there are cores.
    """
    count = processes or os.cpu_count() or 1
    with worker_pool.pool(count) as executor:
        health = check_recording(
            path,
            mend=mend,
            executor=executor,
            workers=count,
            tell=lambda said: _say(f"{said} on {count} process{'' if count == 1 else 'es'}\n"),
        )
    if as_json:
        print(msgspec.json.encode(health).decode())
    else:
        _print_health(health)
    return DONE if health.healthy else FAILED


def _print_health(health: RecordingHealth) -> None:
    ended = health.end or "still open, or ended without a clean stop"
    print(f"{health.path}: {health.messages} messages, {health.start} to {ended}")
    for line in (*_of_books(health), *_of_holes(health), *_of_files(health)):
        print("  " + "".join(each if each.isprintable() else "?" for each in line))
    print("healthy" if health.healthy else "NOT healthy")


def _of_books(health: RecordingHealth) -> Iterator[str]:
    for book in health.books:
        yield (
            f"{book.symbol} {book.channel} depth {book.depth}: {book.verified} of "
            f"{book.messages} verified, {book.mismatched} mismatched, {book.ignored} ignored"
            + (": no trusted book to apply them to" if book.ignored else "")
        )
    if health.unmarked:
        yield f"{health.unmarked} mismatches that no gap tells of"
    yield f"keyframes: {health.keyframes}, wrong {health.keyframes_wrong}"


def _of_holes(health: RecordingHealth) -> Iterator[str]:
    for gap in health.gaps:
        what = f"{gap.channel} {', '.join(gap.symbols)}".strip() or "everything"
        yield f"gap {gap.start} to {gap.end}: {what}; {gap.reason}; lost {gap.lost or 'unknown'}"
    if health.untold:
        yield f"{health.untold} messages are missing that the recorder had"


def _of_files(health: RecordingHealth) -> Iterator[str]:
    """What is damaged, and what to do about it."""
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
    for file in health.strangers:
        yield f"not the recorder's, neither read nor touched: {file}"


def replay(path: Path, *, speed: float, start: str | None, raw: bool) -> int:
    """Print what was recorded, one JSON event or raw message a line, at its pace."""
    player = Player(open_recording(path))
    first = [player.seek(start)] if start is not None else []
    try:
        asyncio.run(_play(Replay(player, speed=speed), first, raw))
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain at exit.
        with suppress(OSError):
            sys.stdout.close()
    return DONE


async def _play(tape: Replay, first: list[Moment], raw: bool) -> None:
    for moment in first:
        _print_moment(moment, raw)
    async for moment in tape:
        _print_moment(moment, raw)


def _print_moment(moment: Moment, raw: bool) -> None:
    out = sys.stdout.buffer
    if raw:
        if moment.data:
            out.write(moment.data + b"\n")
    else:
        for event in (*moment.snapshots, *moment.events):
            out.write(msgspec.json.encode(event) + b"\n")
    out.flush()


def convert(path: Path, *, out: Path | None) -> int:
    """Write a recording's tables as Parquet, one folder per channel, day and pair."""
    from kracked.record.convert import convert as convert_recording

    made = convert_recording(path, out, tell=lambda said: print(said, file=sys.stderr))
    for file in made:
        print(file)
    print(f"{len(made)} files written", file=sys.stderr)
    return DONE
