"""`kracked record`: a feed recorded to disk until the time is up or a signal comes."""

from __future__ import annotations

import asyncio
import resource
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import msgspec

from kracked.cli import DONE, FAILED, say
from kracked.cli.output import print_json
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed.channels import Channels
from kracked.feed_manager import FeedManager
from kracked.format import layout
from kracked.format.coverage import Verdict
from kracked.format.schema import README
from kracked.format.session_info import NotARecording, SessionInfo, describe_verdict, read_info
from kracked.instruments import Instrument, similar_symbol
from kracked.record.convert import NeedsArrow
from kracked.record.write.session import Format
from kracked.recorder import Progress
from kracked.recorder import record as record_feed

_ERASE_LINE = "\r\x1b[K"
_SYMBOLS_NAMED = 5
"""Symbols of an existing recording that are named; of others the number."""


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

    A recording in the folder goes on, which is said. A new folder is removed again if all that
    came of what was asked for are refusals.

    Args:
        symbols: Pairs such as ``BTC/USD``.
        out: The session folder.
        channels: Choices by channel, as `FeedManager` takes them, and `account`: whether to
            record own executions and balances; without a key they are left out.
        form: A value of `Format`: the format of the tables.
        endpoint: REST address of another exchange than Kraken.
        duration_s: Seconds to record; None records until a signal.
        compress: Compress the tables of hours that are over.
        as_json: Print the final figures as a JSON object.

    Returns:
        Exit code 1 when anything was lost or refused, or is missing at the end.

    Raises:
        NeedsArrow: Parquet was chosen and cannot be written; nothing was recorded.
    """
    if Format(form) is Format.PARQUET and find_spec("pyarrow") is None:
        raise NeedsArrow
    _allow_many_files()
    feed = _feed(symbols, channels, endpoint)
    watched = sys.stderr is not None and sys.stderr.isatty()
    earlier, new = _earlier_recording(out), not out.exists()
    narrator = _Narrator(feed.instruments, earlier, watched=watched)
    last = asyncio.run(
        record_feed(
            feed,
            out,
            form=Format(form),
            compress=compress,
            duration_s=duration_s,
            tell=narrator.report,
            tell_ending=narrator.report,
        )
    )
    narrator.finish(last)
    _print_figures(last, earlier, as_json=as_json)
    _report_unfinished(last, feed)
    status = last.status
    if new and status.refused and status.verdict is Verdict.EMPTY:
        _remove(out)
    faults = (status.lost, status.trouble, status.refused, status.without_rows, last.missing)
    return DONE if status.messages and not any(faults) else FAILED


def _feed(symbols: list[str], channels: Mapping[str, object], endpoint: str | None) -> FeedManager:
    """Return the feed to record, without the account if there is no key; see `record`."""
    credentials = Credentials.from_environment()
    market = {name: choice for name, choice in channels.items() if name != "account"}
    return FeedManager(
        symbols,
        credentials=credentials,
        account=credentials is not None and bool(channels.get("account")),
        endpoints=Endpoints.at(endpoint) if endpoint else Endpoints.kraken(),
        **cast(Channels, market),
    )


def _earlier_recording(out: Path) -> SessionInfo | None:
    """Return what a recording in the folder says of itself; None without one."""
    try:
        return read_info(out)
    except (NotARecording, NotADirectoryError):
        return None


def _remove(out: Path) -> None:
    """Remove a folder of refusals, unless it holds what no recorder has made."""
    names = (
        layout.SESSION_INFO,
        layout.SESSION_LOCK,
        layout.LIVE_BOOKS,
        layout.DATABASE,
        layout.RAW_FOLDER,
        README,
    )
    ours = {*layout.logs(out), *layout.table_files(out), *(out / name for name in names)}
    if ours.issuperset(out.rglob("*")):
        shutil.rmtree(out)
        say(f"kracked: nothing was recorded, so {out} is not kept\n")


def _allow_many_files() -> None:
    """Allow as many open files as the system lets this process have: each symbol has some."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class _Narrator:
    """Reports what goes wrong as it comes; with a terminal (`watched`) also a progress line."""

    def __init__(
        self, listed: Mapping[str, Instrument], earlier: SessionInfo | None, *, watched: bool
    ) -> None:
        self._listed, self._earlier, self._watched = listed, earlier, watched
        self._reported: set[str] = set()
        self._tables_stopped = ""
        self._ending = ""

    def report(self, progress: Progress) -> None:
        """Report what is new and must be known at once, then redraw the progress line."""
        self._report_earlier()
        self._report_rejections(progress)
        self._report_tables(progress)
        status = progress.status
        if progress.ending:
            left, said = progress.status.left_bytes, "the tables are made from the messages"
            if not progress.making_tables:
                said = f"{_size(left)} are still to be written"
            if self._watched:
                say(f"\rending: {said}\x1b[K")
            elif self._ending != said and (left or progress.making_tables):
                say(f"kracked: ending, {said}\n")
                self._ending = said
        elif self._watched:
            say(
                f"\rREC {progress.elapsed_s:.0f} s  {status.messages} messages  "
                f"{progress.rate:.0f}/s  {status.rows} rows  {_size(status.bytes)} unpacked  "
                f"queue {_size(status.left_bytes)} {status.lag_s:.1f} s  "
                f"gaps {status.gaps}  lost {status.lost}  free {_size(status.free_bytes)}  "
                f"{status.trouble or status.warning}\x1b[K"
            )

    def _report_earlier(self) -> None:
        """Report once that an existing recording goes on."""
        earlier, self._earlier = self._earlier, None
        if earlier is None:
            return
        symbols = [*earlier.symbols]
        named = ", ".join(symbols[:_SYMBOLS_NAMED]) or "no symbol"
        if more := len(symbols[_SYMBOLS_NAMED:]):
            named += f" and {more} more"
        self._say(
            f"kracked: going on with an existing recording of {named}, begun {earlier.start}\n"
        )

    def _report_tables(self, progress: Progress) -> None:
        """Report that the tables have stopped, and that they go on."""
        stopped = progress.status.tables_stopped
        if bool(stopped) == bool(self._tables_stopped):
            return
        self._tables_stopped = stopped
        what = f"have stopped: {stopped}; the raw log goes on" if stopped else "go on"
        self._say(f"kracked: the tables {what}\n")

    def finish(self, progress: Progress) -> None:
        """Erase the progress line, then report what was not reported yet."""
        if self._watched:
            say(_ERASE_LINE)
        self._report_earlier()
        self._report_rejections(progress)
        self._report_tables(progress)

    def _report_rejections(self, progress: Progress) -> None:
        for rejection in progress.status.refused:
            if rejection in self._reported:
                continue
            self._reported.add(rejection)
            symbol = rejection.partition(": ")[0].rpartition(" of ")[2]  # `book of BTC-USD: ...`
            listed = similar_symbol(symbol, self._listed)
            hint = f"; did you mean {listed}?" if listed else ""
            self._say(f"kracked: not recorded, refused: {rejection}{hint}\n")

    def _say(self, text: str) -> None:
        """Say a line of its own, in place of the progress line."""
        say(f"{_ERASE_LINE if self._watched else ''}{text}")


def _print_figures(last: Progress, earlier: SessionInfo | None, *, as_json: bool) -> None:
    status, info = last.status, read_info(last.path)
    if as_json:
        figures = {
            "path": str(last.path),
            "goes_on_since": None if earlier is None else earlier.start,
            "seconds": round(last.elapsed_s, 3),
            **status._asdict(),
            "missing": last.missing,
            "tables_process": last.tables_process,
            "verdict": info.verdict,
            "coverage": info.coverage,
        }
        print_json(msgspec.json.encode(figures))
        return
    print(
        f"{last.path}: {status.messages} messages, {status.rows} rows, "
        f"{_size(status.bytes)} before compression, "
        f"{status.gaps} gap{'' if status.gaps == 1 else 's'}, {status.lost} lost"
        + (f", {status.healed_trades} trades fetched by REST" if status.healed_trades else "")
        + (f", {status.missing_trades} trades missing" if status.missing_trades else "")
        + (f", {status.without_rows} without rows in the tables" if status.without_rows else "")
        + f"; {describe_verdict(info)}"
    )


def _report_unfinished(last: Progress, feed: FeedManager) -> None:
    """Say what still goes on, and what did not come; of a silent exchange, its addresses."""
    if last.tables_process:
        say(
            f"kracked: process {last.tables_process} makes Parquet of the last hour; "
            "until it is done its rows are in CSV\n"
        )
    if last.status.messages:
        for what in last.missing:
            print(f"kracked: missing when it ended: {what}", file=sys.stderr)
        return
    for silent in feed.stats().connections:
        why = f": {silent.reason}" if silent.reason else ""
        print(f"kracked: not one message came from {silent.url}{why}", file=sys.stderr)


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
