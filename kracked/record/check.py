"""A recording's health, and mending what a crash left torn."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kracked import times
from kracked.book.tally import Tally
from kracked.record import repair
from kracked.record.folder import SessionFolder
from kracked.record.reader import open_recording


class Stretch(msgspec.Struct, frozen=True):
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


class Health(msgspec.Struct, kw_only=True):
    """What `check` found. Gaps are marked holes and no damage: what is there is right."""

    path: str
    start: str
    end: str | None
    clean_stop: bool
    messages: int
    lost: int
    keyframes: int
    keyframes_wrong: int
    books: list[Tally]
    gaps: list[GapReport]
    damaged: list[Stretch]
    """Inside a raw log: what is around it can be read."""
    torn: list[Stretch]
    """Ends of files; moved aside by a repair."""
    moved: list[str] = []
    """Files the torn ends went to."""

    @property
    def healthy(self) -> bool:
        """Whether all that is there is whole and every checksum matched."""
        wrong = self.keyframes_wrong or any(book.mismatched for book in self.books)
        torn = self.torn and not self.moved
        return not (wrong or self.damaged or torn)


def check(path: Path | str, *, mend: bool = False) -> Health:
    """Read a recording from end to end, check every checksum, list what is missing.

    With `mend` torn ends of files are moved to files of the same name with `.torn`
    added; nothing is deleted. Raises `FolderInUse` for a recording in progress then.
    """
    path = Path(path)
    torn = repair.find_torn(path)
    moved: list[Path] = []
    if mend and torn:
        with SessionFolder.hold(path):
            moved = [repair.cut(end) for end in repair.find_torn(path)]
    recording = open_recording(path)
    info, verification = recording.info(), recording.verify()
    tails = {(end.path, end.whole) for end in torn}
    return Health(
        path=str(path),
        start=info.start,
        end=info.end,
        clean_stop=info.clean_stop,
        messages=verification.messages,
        lost=verification.lost,
        keyframes=verification.keyframes,
        keyframes_wrong=verification.keyframes_wrong,
        books=verification.books,
        gaps=[
            GapReport(
                times.to_rfc3339(hole.start, 9),
                times.to_rfc3339(hole.end, 9),
                hole.lost,
                hole.symbols,
                hole.reason,
            )
            for hole in recording.gaps()
        ],
        damaged=[
            Stretch(file.name, damage.offset, damage.size, damage.reason)
            for file, damage in recording.damages()
            if (file, damage.offset) not in tails
        ],
        torn=[Stretch(end.path.name, end.whole, end.torn, "no whole row or frame") for end in torn],
        moved=[str(kept) for kept in moved],
    )
