"""The files a recorder keeps: as it left them, and whether every row of the tables can be read.

Tables repeat what the raw log has, so a damaged one is no loss: it can be made anew.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import closing
from functools import reduce
from pathlib import Path

import zstandard

from kracked.format import cells, layout, sqlite
from kracked.format.frame import Damage
from kracked.format.layout import DATABASE
from kracked.format.session_info import FileSeal
from kracked.format.tables import Table

_BLOCK = 1 << 20
_LONGEST_READ = 1 << 30
"""Of larger tables only the size is stated: reading one takes a second."""


def seal_files(folder: Path) -> dict[str, FileSeal]:
    """Every file as it is now, to be stated when the recorder stops.

    What has checksums inside needs none here: logs, and compressed hours. Hours that were
    closed and not compressed are too many to read.
    """
    return {str(path.relative_to(folder)): _state(path) for path in layout.data_files(folder)}


def changed(folder: Path, stated: Mapping[str, FileSeal]) -> Iterator[tuple[Path, Damage]]:
    """Files that are gone, shorter or otherwise than it was stated."""
    for name, was in stated.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            continue  # whoever wrote that was no recorder
        size = path.stat().st_size if path.exists() else 0
        if size < was.size:
            yield path, Damage(size, was.size - size, "gone since it was written")
        elif was.crc32 not in (None, _crc(path)) and (path.name != DATABASE or size == was.size):
            # Whoever adds to the database, an index perhaps, may do so.
            yield path, Damage(0, size, "changed since it was written")


def seal(path: Path) -> FileSeal:
    """A file with its checksum."""
    return FileSeal(size=path.stat().st_size, crc32=_crc(path))


def _state(path: Path) -> FileSeal:
    size = path.stat().st_size
    live = path.name == DATABASE or (path.suffix == ".csv" and layout.hour_of(path) is None)
    return seal(path) if live and size <= _LONGEST_READ else FileSeal(size=size)


def _crc(path: Path) -> int:
    return reduce(lambda crc, block: zlib.crc32(block, crc), _blocks(path), 0)


def damaged_rows(folder: Path, proven: Container[Path] = ()) -> Iterator[tuple[Path, Damage]]:
    """Every stretch of a table that is no row, `proven` ones left out.

    Of one without an end, up to where it ends.
    """
    for path in layout.table_files(folder):
        table = layout.table_of(path)
        if table is None or path in proven:
            continue
        packed = path.suffix == ".zst"
        try:
            blocks = _unpacked(path) if packed else _blocks(path)
            yield from ((path, damage) for damage in _odd_rows(_lines(blocks), table))
        except FileNotFoundError:
            continue  # a recorder has just closed or compressed it
        except (zstandard.ZstdError, EOFError) as error:
            yield path, Damage(0, path.stat().st_size, str(error))


def database_rows(folder: Path) -> dict[str, int]:
    """Rows of each table in the database; none without one.

    Every cell is read on the way. Raises `sqlite3.Error` when it is damaged.
    """
    path = folder / DATABASE
    if not path.exists():
        return {}
    with closing(sqlite.open_to_read(path)) as database:
        [[verdict], *_] = database.execute("PRAGMA quick_check(1)")
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        return {name: _count(database, name) for name in sqlite.table_names(database)}


def _count(database: sqlite3.Connection, name: str) -> int:
    quoted = name.replace('"', '""')
    return sum(1 for _ in database.execute(f'SELECT * FROM "{quoted}"'))  # noqa: S608


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _unpacked(path: Path) -> Iterator[bytes]:
    """What a compressed file holds; raises `EOFError` when that is not all there was."""
    unpacking = zstandard.ZstdDecompressor().decompressobj()
    for block in _blocks(path):
        if unpacking.eof:
            raise EOFError("goes on after its end")
        yield unpacking.decompress(block)
    if unpacking.unused_data:
        raise EOFError("goes on after its end")
    if not unpacking.eof:
        raise EOFError("cut short")


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines; what follows the last one is the torn end, which repair tells of."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def _odd_rows(lines: Iterator[bytes], table: Table) -> Iterator[Damage]:
    """Stretches of lines that are not as a row of the table is."""
    known = [column.name for column in table.columns]
    header = next(lines, None)
    if header is None:
        return
    columns = header.decode(errors="replace").split(",")
    offset = len(header) + 1
    if columns != known[: len(columns)]:
        yield Damage(0, offset, f"no header of {table.name}")
    begin, is_row = None, cells.row_pattern(table.columns[: len(columns)]).fullmatch
    for line in lines:
        if is_row(line) and (line.isascii() or _is_text(line)):
            if begin is not None:
                yield Damage(begin, offset - begin, "no whole rows")
                begin = None
        elif begin is None:
            begin = offset
        offset += len(line) + 1
    if begin is not None:
        yield Damage(begin, offset - begin, "no whole rows")


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
