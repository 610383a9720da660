"""A recording's health, and the repair of files that a crash left torn."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from itertools import chain, filterfalse
from pathlib import Path

import msgspec

from kracked import times
from kracked.book.stats import BookStats
from kracked.format import layout
from kracked.format.coverage import Coverage, Percents, Verdict
from kracked.format.frame import Damage
from kracked.format.layout import DATABASE, PARQUET_FOLDER, RAW_FOLDER
from kracked.format.raw_census import take_census
from kracked.format.session_info import SessionInfo, read_info
from kracked.format.trade_holes import TradeHole
from kracked.record import convert, file_integrity, repair
from kracked.record.read.book_rebuilder import Verification
from kracked.record.read.gaps import RecordedGap, unreported
from kracked.record.read.recording import Recording, open_recording
from kracked.record.read.table_extent import missing_tables
from kracked.record.repair import Torn
from kracked.record.write.session_folder import SessionFolder

_LONG = 200_000
"""Messages from which on the check takes seconds, so that it is announced."""


class DamagedStretch(msgspec.Struct, frozen=True):
    """A stretch of bytes of one file that is no row or frame."""

    file: str
    """Its path in the recording."""
    offset: int
    size: int
    reason: str


class GapReport(msgspec.Struct, frozen=True):
    """A gap of the recording."""

    start: str
    end: str
    lost: int
    """Messages known to be missing; 0 when it cannot be known."""
    symbols: tuple[str, ...]
    """Symbols it concerns; empty for all."""
    reason: str
    channel: str = ""
    """`book`, `level3`; empty for every channel."""
    closed: bool = False
    """Whether it cost no trade, or none that was not fetched since; of gaps of trades only."""


class RecordingHealth(msgspec.Struct, kw_only=True):
    """The findings of `check`. Gaps are marked and no damage: what is recorded is right."""

    path: str
    start: str
    end: str | None
    clean_stop: bool
    messages: int
    lost: int
    """Messages missing by their numbers."""
    untold: int
    """Missing messages that the recorder has not reported: they were removed since."""
    keyframes: int
    keyframes_wrong: int
    books: list[BookStats]
    unmarked: int
    """Mismatches outside every gap: the feed trusted a wrong book, or the log has changed."""
    gaps: list[GapReport]
    damaged: list[DamagedStretch]
    """Damage of the raw log; what is around it can be read."""
    tables: list[DamagedStretch]
    """Damage of the tables: `convert` makes them again from the raw log."""
    rows: dict[str, int]
    """Rows of each table in the database; empty without one."""
    torn: list[DamagedStretch]
    """Torn ends of files; a repair moves them aside."""
    moved: list[str] = []
    """Files that hold the torn ends."""
    missing_tables: list[str] = []
    """What the tables lack of what the raw log holds, in words."""
    missing: list[str] = []
    """What was asked for and was refused, or was not there when the recorder stopped."""
    trade_holes: list[TradeHole] = []
    """Trades that are missing, by their numbers."""
    healed_trades: int = 0
    """Trades that were missing and were fetched by REST."""
    coverage: Percents = {}
    """Per cent of the time for which everything is there, by symbol and channel."""
    verdict: Verdict = Verdict.EMPTY
    faults: list[Verdict] = []
    """All that keeps it from being complete; the verdict is the gravest."""
    in_progress: bool = False
    """Whether a recorder is writing it."""
    strangers: list[str] = []
    """Files that look like the recording's but have no name of ours: neither read nor touched."""

    @property
    def healthy(self) -> bool:
        """Whether every file is whole and every checksum outside gaps matched."""
        torn = self.torn and not self.moved
        wrong = self.keyframes_wrong or self.unmarked or self.untold
        return not (wrong or self.damaged or self.tables or torn)


def check(
    path: Path | str,
    *,
    mend: bool = False,
    executor: Executor | None = None,
    workers: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> RecordingHealth:
    """Read a recording from end to end, check every checksum, list what is missing.

    Args:
        path: The recording's folder.
        mend: Move torn ends of files to files of the same name with `.torn` added; nothing is
            deleted.
        executor: Reads a long recording in other processes, as in `Recording.verify`.
        workers: How many processes `executor` has.
        tell: Called with a sentence when the check will take long.

    Raises:
        NotARecording: The folder has no `session.json`.
        FolderInUse: `mend` for a recording in progress.
    """
    path = Path(path)
    read_info(path)  # nothing is mended in a folder that is no recording
    torn = repair.find_torn(path)
    moved: list[str] = []
    if mend and torn:
        with SessionFolder.hold(path):
            moved = [str(repair.cut(end)) for end in repair.find_torn(path)]
    recording = open_recording(path)
    lines = sum(location.frame.lines for location in recording.frame_index)
    if lines > _LONG:
        tell(f"checking {lines} messages")
    info, gaps = recording.info(), recording.gaps()
    verification = recording.verify(executor=executor, workers=workers)
    health = _health(recording, verification, info, gaps, torn)
    health.moved = moved
    return health


def _health(
    recording: Recording,
    verification: Verification,
    info: SessionInfo,
    gaps: list[RecordedGap],
    torn: list[Torn],
) -> RecordingHealth:
    """Return the findings about a recording whose checksums have been verified."""
    path = recording.path
    mismatches, changed = verification.mismatches, _changed(path, info)
    damaged_tables = _damaged_tables(path, torn, info, changed)
    rows, unread = _database_rows(path)
    coverage = Coverage()
    census = take_census(path, recording.logs, coverage=coverage)
    in_progress = SessionFolder.is_held(path)
    health = RecordingHealth(
        path=str(path),
        start=info.start,
        end=info.end,
        clean_stop=info.clean_stop,
        messages=verification.messages,
        lost=sum(gap.lost for gap in gaps),
        untold=unreported(path, gaps),
        keyframes=verification.keyframes,
        keyframes_wrong=verification.keyframes_wrong,
        books=verification.books,
        unmarked=sum(not any(gap.excuses(found) for gap in gaps) for found in mismatches),
        gaps=[_gap_report(gap, coverage) for gap in gaps],
        damaged=[*_damaged_logs(recording, torn), *filter(_is_raw, changed)],
        tables=[*damaged_tables, *unread, *filterfalse(_is_raw, changed)],
        rows=rows,
        torn=[_stretch(path, end.path, end.damage) for end in torn],
        strangers=layout.unrecognised_files(path),
        missing=info.missing,
        missing_tables=[] if in_progress else [*missing_tables(path, info, census)],
        in_progress=in_progress,
        trade_holes=coverage.trades.open(),
        healed_trades=coverage.trades.healed,
    )
    health.coverage = _percents(coverage, gaps, recording, health)
    health.faults = [
        *_faults(health, empty=not census, incomplete=info.verdict is Verdict.INCOMPLETE_END)
    ]
    health.verdict = health.faults[-1] if health.faults else Verdict.COMPLETE
    return health


def _percents(
    coverage: Coverage, gaps: list[RecordedGap], recording: Recording, health: RecordingHealth
) -> Percents:
    """Return the per cent covered: until the end, or without a clean one until the last line."""
    for gap in gaps:
        coverage.add_gap(gap.channel, gap.symbols, gap.start, gap.end)
    end = recording.span()[1] if recording.frame_index else 0
    if health.end is not None:
        end = max(end, times.parse_ns(health.end))
    came = health.messages + health.lost
    return coverage.percents(end, kept=health.messages / came if came else 1.0)


def _faults(health: RecordingHealth, *, empty: bool, incomplete: bool) -> Iterator[Verdict]:
    """Yield what keeps a recording from being complete, the gravest last."""
    damaged = health.damaged or health.unmarked or health.keyframes_wrong
    missing = health.lost or health.missing or health.trade_holes or damaged
    if missing or not all(gap.closed for gap in health.gaps):
        yield Verdict.GAPS
    if incomplete:
        yield Verdict.INCOMPLETE_END
    if health.missing_tables or health.tables:
        yield Verdict.TABLES_MISSING
    if empty:
        yield Verdict.EMPTY


def _gap_report(gap: RecordedGap, coverage: Coverage) -> GapReport:
    start, end = times.to_rfc3339(gap.start, 9), times.to_rfc3339(gap.end, 9)
    closed = coverage.is_closed(gap.channel, gap.symbols, gap.start, gap.end)
    report = GapReport(start, end, gap.lost, gap.symbols, gap.reason, gap.channel)
    return msgspec.structs.replace(report, closed=closed)


def _database_rows(path: Path) -> tuple[dict[str, int], list[DamagedStretch]]:
    """Return the rows of each table in the database, or the damage that keeps them unread."""
    try:
        return file_integrity.database_rows(path), []
    except sqlite3.Error as error:
        damage = Damage(0, (path / DATABASE).stat().st_size, str(error))
        return {}, [_stretch(path, path / DATABASE, damage)]


def _damaged_logs(recording: Recording, torn: list[Torn]) -> list[DamagedStretch]:
    """Return the damage inside the raw logs, without torn ends, and foreign logs."""
    tails = {(end.path, end.whole) for end in torn}
    inside = [
        _stretch(recording.path, file, damage)
        for file, damage in recording.damages()
        if (file, damage.offset) not in tails
    ]
    reason = "not read: a copy of messages that are there, or of another recording"
    return inside + [
        _stretch(recording.path, log, Damage(0, log.stat().st_size, reason))
        for log in recording.foreign_logs
    ]


def _damaged_tables(
    path: Path, torn: list[Torn], info: SessionInfo, changed: list[DamagedStretch]
) -> list[DamagedStretch]:
    """Return the damage inside the tables, without torn ends.

    A table that is to the byte as the recorder left it need not be read.
    """
    whole = {end.path: end.whole for end in torn}
    proven = {name for name, seal in info.files.items() if seal.crc32 is not None}
    proven -= {each.file for each in changed}
    return [
        _stretch(path, file, damage)
        for file, damage in file_integrity.damaged_rows(path, {path / name for name in proven})
        if damage.offset < whole.get(file, damage.offset + 1)
    ]


def _changed(path: Path, info: SessionInfo) -> list[DamagedStretch]:
    """Return the files that are not as the recorder left them.

    A table may be gone if it was compressed, or converted to Parquet.
    """
    parquet = path / PARQUET_FOLDER
    parts = file_integrity.changed(parquet, convert.read_seals(parquet))
    changed: list[DamagedStretch] = []
    for file, damage in chain(file_integrity.changed(path, info.files), parts):
        table = layout.table_of(file)
        hive = parquet / layout.channel_folder(table) if table else parquet
        packed = file.with_name(layout.compressed(file.name))
        is_table = table is not None or file.name == DATABASE
        if file.exists() or not (is_table and (packed.exists() or hive.exists())):
            changed.append(_stretch(path, file, damage))
    return changed


def _stretch(path: Path, file: Path, damage: Damage) -> DamagedStretch:
    name = str(file.relative_to(path))
    return DamagedStretch(name, damage.offset, damage.size, damage.reason)


def _is_raw(stretch: DamagedStretch) -> bool:
    return stretch.file.startswith(f"{RAW_FOLDER}/")
