"""`session.json`: what the files of a recording do not say themselves.

The recorder writes it when it starts, whenever it learns more of a symbol (its decimals and
depths, by which books are rebuilt), and when it stops. Recorder, readers and loaders all go
through this module; none of them opens the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from kracked import times
from kracked.errors import RecordError, says
from kracked.format.coverage import Percents, Tracks, Verdict
from kracked.format.layout import SESSION_INFO
from kracked.format.trade_holes import TradeHole, TradesKnown
from kracked.instruments import Precision

SCHEMA = 1

_Info = TypeVar("_Info", bound=msgspec.Struct)


@says(f"{{path}} is not a recording: it has no {SESSION_INFO}")
class NotARecording(RecordError):
    """The folder holds something else, or does not exist."""

    path: Path


@says("{path} was written by a newer kracked (schema {schema})")
class NewerSchema(RecordError):
    """The recording is of a later version than this reader knows."""

    path: Path
    schema: int


@says("{file} cannot be read: {reason}")
class UnreadableInfo(RecordError):
    """A `session.json` that is not what a recorder writes."""

    file: Path
    reason: str


class FileSeal(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A file as the recorder left it."""

    size: int
    """In bytes."""
    crc32: int | None = None
    """CRC-32 of the bytes. None for a file with checksums inside, or one too long to read."""


class SymbolTerms(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Decimals and depths of a symbol: without them no book can be rebuilt."""

    price_precision: int | None = None
    qty_precision: int | None = None
    book: int | None = None
    """Depth of the L2 subscription."""
    level3: int | None = None
    """Depth of the level3 subscription."""

    @property
    def precision(self) -> Precision | None:
        """The decimals of prices and quantities; None when they are not known."""
        price, qty = self.price_precision, self.qty_precision
        return None if price is None or qty is None else Precision(price, qty)


class PreviousInfo(SymbolTerms, kw_only=True, omit_defaults=True):
    """Terms that held until something changed."""

    until: int
    """Number of the first message for which they no longer held."""


class SymbolInfo(SymbolTerms, kw_only=True, omit_defaults=True):
    """The terms that hold now, and those that held before."""

    ohlc: list[int] = []
    """Lengths of the candles that were recorded, in minutes."""
    was: list[PreviousInfo] = []
    """Earlier terms, the oldest first."""

    @property
    def first_precision(self) -> Precision | None:
        """The decimals at the recording's beginning; None when they are not known."""
        return self.was[0].precision if self.was else self.precision

    def update(self, seq: int, **terms: int) -> bool:
        """Set the terms that hold from message `seq` on; return whether any is new.

        The terms before them are archived as valid up to `seq`, unless they were valid for no
        message.
        """
        names = [name for name, value in terms.items() if getattr(self, name) != value]
        known = any(getattr(self, name) is not None for name in names)
        if known and not (self.was and self.was[-1].until == seq):
            before = {name: getattr(self, name) for name in SymbolTerms.__struct_fields__}
            self.was.append(PreviousInfo(until=seq, **before))
        for name in names:
            setattr(self, name, terms[name])
        return bool(names)

    def forget_precision(self) -> None:
        """Drop decimals that were a guess: they never held."""
        self.price_precision = self.qty_precision = None

    def add_candles(self, interval: int) -> bool:
        """Add a length of recorded candles, in minutes; return whether it is new."""
        if interval in self.ohlc:
            return False
        self.ohlc = sorted({*self.ohlc, interval})
        return True


class SessionInfo(msgspec.Struct, kw_only=True):
    """The content of `session.json`."""

    schema: int = SCHEMA
    kracked: str = ""
    """Version of the recorder."""
    start: str
    end: str | None = None
    """None while the recorder runs, and for ever when it was killed."""
    clean_stop: bool = False
    lost: int = 0
    """Messages that could not be written, all marked as gaps."""
    without_rows: int = 0
    """Messages of the raw log without rows in the tables: these had stopped, on a nearly full
    disk perhaps. `kracked convert` makes them."""
    verdict: Verdict | None = None
    """What the recording is worth, as the recorder knew when it stopped. `read_info` fills it in
    where no recorder has stated it."""
    coverage: Percents = {}
    """Per cent of the time for which everything is there, by symbol and channel."""
    tracks: Tracks = {}
    """When each subscription was asked for, and its gaps: `coverage` is counted from them."""
    missing: list[str] = []
    """What was asked for and was refused, or was not there when the recorder stopped."""
    host: str = ""
    urls: dict[str, str] = {}
    """Address of each connection by its name."""
    clock_offset_ms: float | None = None
    """Our clock less the exchange's, as last measured: includes the way the message came."""
    symbols: dict[str, SymbolInfo] = {}
    last_seq: int | None = None
    """Number of the last message that came; None until the recorder stops."""
    trades: dict[str, TradesKnown] = {}
    """Of each symbol the newest trade, and the holes in the numbers: trades that are missing."""
    files: dict[str, FileSeal] = {}
    """Every file as the recorder left it; none until it stops."""

    @property
    def trade_holes(self) -> list[TradeHole]:
        """Trades that are missing, as the recorder knew last."""
        return [hole for known in self.trades.values() for hole in known.holes]


class TableInfo(msgspec.Struct):
    """The part of `session.json` that loaders need to read the tables beside it."""

    end: str | None = None
    symbols: dict[str, SymbolInfo] = {}
    without_rows: int = 0


class CoverageInfo(msgspec.Struct):
    """The part of `session.json` that tells for which time each subscription was recorded."""

    start: str | None = None
    end: str | None = None
    clock_offset_ms: float | None = None
    symbols: dict[str, SymbolInfo] = {}
    tracks: Tracks = {}
    trades: dict[str, TradesKnown] = {}


def describe_verdict(info: SessionInfo) -> str:
    """Return the verdict in words, with the least coverage of any symbol and channel."""
    percents = [each for channels in info.coverage.values() for each in channels.values()]
    covered = f", {min(percents):.2f} % covered at least" if percents else ""
    return f"{(info.verdict or Verdict.INCOMPLETE_END).replace('_', ' ')}{covered}"


def encode_info(info: SessionInfo) -> bytes:
    """Return the content of `session.json`, indented for people."""
    return msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n"


def read_info(folder: Path) -> SessionInfo:
    """Return what the `session.json` of a recording says.

    Raises:
        NotARecording: The folder has none.
        UnreadableInfo: It is not what a recorder writes.
        NewerSchema: A later version wrote it.
    """
    file = folder / SESSION_INFO
    try:
        info = _decode(file, SessionInfo)
        for time in filter(None, (info.start, info.end)):
            times.parse_ns(time)
    except FileNotFoundError as error:
        raise NotARecording(folder) from error
    except times.NotATime as error:
        raise UnreadableInfo(file, str(error)) from error
    if info.schema > SCHEMA:
        raise NewerSchema(folder, info.schema)
    if info.end is None:
        info.verdict = Verdict.INCOMPLETE_END
    elif info.verdict is None:  # an older recorder
        info.verdict = Verdict.COMPLETE if info.clean_stop else Verdict.GAPS
    return info


def read_table_info(folder: Path) -> TableInfo | None:
    """Return what loaders need of a `session.json`; None for a folder without one.

    Tables load without most of what makes a recording, so nothing else is asked of it.
    Raises `UnreadableInfo`.
    """
    return _if_there(folder, TableInfo)


def read_coverage_info(folder: Path) -> CoverageInfo | None:
    """Return what a `session.json` tells of the time recorded; None for a folder without one.

    Raises `UnreadableInfo`.
    """
    return _if_there(folder, CoverageInfo)


def _if_there(folder: Path, kind: type[_Info]) -> _Info | None:
    try:
        return _decode(folder / SESSION_INFO, kind)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _decode(file: Path, kind: type[_Info]) -> _Info:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableInfo(file, str(error)) from error
