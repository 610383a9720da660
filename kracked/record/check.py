"""A recording's health, and mending what a crash left torn."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor
from itertools import chain, filterfalse
from pathlib import Path

import msgspec

from kracked import times
from kracked.book.stats import BookStats
from kracked.format import layout
from kracked.format.layout import DATABASE, PARQUET_FOLDER, RAW_FOLDER
from kracked.format.session_info import SessionInfo, read_info
from kracked.record import convert, file_integrity, repair
from kracked.record.read.gaps import RecordedGap, unreported
from kracked.record.read.recording import Recording, open_recording
from kracked.record.repair import Torn
from kracked.record.write.session_folder import SessionFolder

_LONG = 200_000
"""Messages: some seconds' work."""


class DamagedStretch(msgspec.Struct, frozen=True):
    """Bytes of one file that are no row or frame."""

    file: str
    offset: int
    size: int
    reason: str


class GapReport(msgspec.Struct, frozen=True):
    """A hole of the recording."""

    start: str
    end: str
    lost: int
    """Messages known to be missing; 0 when no one can know."""
    symbols: tuple[str, ...]
    """What it concerns; empty for everything."""
    reason: str
    channel: str = ""
    """`book`, `level3`; empty for every channel."""


class RecordingHealth(msgspec.Struct, kw_only=True):
    """What `check` found. Gaps are marked holes and no damage: what is there is right."""

    path: str
    start: str
    end: str | None
    clean_stop: bool
    messages: int
    lost: int
    """Messages missing by their numbers."""
    untold: int
    """Of these, how many the recorder does not say it left out: they were taken away since."""
    keyframes: int
    keyframes_wrong: int
    books: list[BookStats]
    unmarked: int
    """Mismatches that no gap tells of: the feed believed what was wrong, or the log changed."""
    gaps: list[GapReport]
    damaged: list[DamagedStretch]
    """Of the raw log; what is around it can be read."""
    tables: list[DamagedStretch]
    """Of the tables beside it: what they said can be made anew from the raw log."""
    rows: dict[str, int]
    """Of each table in the database; empty without one."""
    torn: list[DamagedStretch]
    """Ends of files; moved aside by a repair."""
    moved: list[str] = []
    """Files the torn ends went to."""
    strangers: list[str] = []
    """Files that look like the recording's but have no name of ours: neither read nor touched."""

    @property
    def healthy(self) -> bool:
        """Whether all that is there is whole and every checksum outside marked gaps matched."""
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

    With `mend` torn ends of files are moved to files of the same name with `.torn`
    added; nothing is deleted. Raises `FolderInUse` for a recording in progress then.
    `executor` and `workers` as in `Recording.verify`; `tell` hears what will take long.
    """
    path = Path(path)
    read_info(path)  # what is no recording is not mended
    torn = repair.find_torn(path)
    moved = _mend(path) if mend and torn else []
    recording = open_recording(path)
    lines = sum(place.frame.lines for place in recording.frame_index)
    if lines > _LONG:
        tell(f"checking {lines} messages")
    info, gaps = recording.info(), recording.gaps()
    verification = recording.verify(executor=executor, workers=workers)
    changed = _changed(path, info)
    rows, unread = _database(path)
    return RecordingHealth(
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
        unmarked=sum(
            not any(gap.excuses(found) for gap in gaps) for found in verification.mismatches
        ),
        gaps=[_gap_report(gap) for gap in gaps],
        damaged=[*_damaged(recording, torn), *filter(_is_raw, changed)],
        tables=[
            *_damaged_tables(path, torn, info, changed),
            *unread,
            *filterfalse(_is_raw, changed),
        ],
        rows=rows,
        torn=[_torn(path, end) for end in torn],
        moved=moved,
        strangers=layout.unrecognised_files(path),
    )


def _mend(path: Path) -> list[str]:
    """Move torn ends aside; the files they went to."""
    with SessionFolder.hold(path):
        return [str(repair.cut(end)) for end in repair.find_torn(path)]


def _gap_report(gap: RecordedGap) -> GapReport:
    start, end = times.to_rfc3339(gap.start, 9), times.to_rfc3339(gap.end, 9)
    return GapReport(start, end, gap.lost, gap.symbols, gap.reason, gap.channel)


def _torn(path: Path, end: Torn) -> DamagedStretch:
    return DamagedStretch(_within(path, end.path), end.whole, end.torn, "no whole row or frame")


def _within(path: Path, file: Path) -> str:
    return str(file.relative_to(path))


def _damaged(recording: Recording, torn: list[Torn]) -> list[DamagedStretch]:
    """What is no frame inside the raw logs, their torn ends aside, and logs of something else."""
    tails = {(end.path, end.whole) for end in torn}
    inside = [
        DamagedStretch(_within(recording.path, file), damage.offset, damage.size, damage.reason)
        for file, damage in recording.damages()
        if (file, damage.offset) not in tails
    ]
    strange = "not read: a copy of messages that are there, or of another recording"
    return inside + [
        DamagedStretch(_within(recording.path, log), 0, log.stat().st_size, strange)
        for log in recording.foreign_logs
    ]


def _damaged_tables(
    path: Path, torn: list[Torn], info: SessionInfo, changed: list[DamagedStretch]
) -> list[DamagedStretch]:
    """What is no row inside the tables; their torn ends are told of by themselves.

    A table that is to the byte what the recorder left need not be read.
    """
    whole = {end.path: end.whole for end in torn}
    proven = {name for name, left in info.files.items() if left.crc32 is not None}
    proven -= {each.file for each in changed}
    return [
        DamagedStretch(_within(path, file), damage.offset, damage.size, damage.reason)
        for file, damage in file_integrity.damaged_rows(path, {path / name for name in proven})
        if damage.offset < whole.get(file, damage.offset + 1)
    ]


def _database(path: Path) -> tuple[dict[str, int], list[DamagedStretch]]:
    """Rows of its tables, and what keeps them from being read."""
    try:
        return file_integrity.database_rows(path), []
    except sqlite3.Error as error:
        return {}, [DamagedStretch(DATABASE, 0, (path / DATABASE).stat().st_size, str(error))]


def _changed(path: Path, info: SessionInfo) -> list[DamagedStretch]:
    """What is not as the recorder left it; a table that was made anew need not be there."""
    parquet = path / PARQUET_FOLDER
    of_parts = file_integrity.changed(parquet, convert.read_seals(parquet))
    return [
        DamagedStretch(_within(path, file), damage.offset, damage.size, damage.reason)
        for file, damage in chain(file_integrity.changed(path, info.files), of_parts)
        if file.exists() or not _stands_elsewhere(path, file)
    ]


def _stands_elsewhere(path: Path, gone: Path) -> bool:
    """Whether a table that is gone was compressed, or made anew as Parquet."""
    table = layout.table_of(gone)
    made = path / PARQUET_FOLDER / (layout.channel_folder(table) if table else "")
    live = table is not None or gone.name == DATABASE
    return live and (gone.with_name(layout.compressed(gone.name)).exists() or made.exists())


def _is_raw(stretch: DamagedStretch) -> bool:
    return stretch.file.startswith(f"{RAW_FOLDER}/")
