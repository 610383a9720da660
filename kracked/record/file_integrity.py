"""Integrity of a recording's files: whether they are as the recorder left them and can be read.

Tables repeat the raw log, so a damaged one is no loss: `convert` makes it again.
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
_PACKED_BLOCK = 1 << 12
"""Bytes of a compressed table read at once: they unpack to 128 MB at the very most."""
_LONGEST_LINE = 1 << 24
_LONGEST_READ = 1 << 30
"""Bytes of a table from which on it is sealed without a checksum: reading it takes a second."""


def seal_files(folder: Path) -> dict[str, FileSeal]:
    """Return the seals of every file as it is now, for `session.json` when the recorder stops.

    Logs and compressed hours have checksums inside and need none in their seals. Closed hours
    that are not compressed have none either: they are too many to read.
    """
    seals: dict[str, FileSeal] = {}
    for path in layout.data_files(folder):
        size = path.stat().st_size
        growing = path.suffix == ".csv" and layout.hour_of(path) is None
        read = (growing or path.name == DATABASE) and size <= _LONGEST_READ
        seals[str(path.relative_to(folder))] = seal(path) if read else FileSeal(size=size)
    return seals


def changed(folder: Path, seals: Mapping[str, FileSeal]) -> Iterator[tuple[Path, Damage]]:
    """Yield the files that are gone, shorter or different since they were sealed."""
    for name, sealed in seals.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            continue  # no recorder has written this
        size = path.stat().st_size if path.exists() else 0
        # Users may add to the database, an index perhaps.
        grown = path.name == DATABASE and size != sealed.size
        if size < sealed.size:
            yield path, Damage(size, sealed.size - size, "gone since it was written")
        elif not grown and sealed.crc32 is not None and sealed.crc32 != _crc(path):
            yield path, Damage(0, size, "changed since it was written")


def seal(path: Path) -> FileSeal:
    """Return the seal of a file, with its checksum."""
    return FileSeal(size=path.stat().st_size, crc32=_crc(path))


def _crc(path: Path) -> int:
    return reduce(lambda crc, block: zlib.crc32(block, crc), _blocks(path), 0)


def damaged_rows(folder: Path, proven: Container[Path] = ()) -> Iterator[tuple[Path, Damage]]:
    """Yield every stretch of a table that is no rows.

    Args:
        folder: The recording's.
        proven: Tables to leave out.
    """
    for path in layout.table_files(folder):
        table = layout.table_of(path)
        if table is None or path in proven:
            continue
        try:
            blocks = _decompressed(path) if path.suffix == ".zst" else _blocks(path)
            yield from ((path, damage) for damage in _invalid_rows(_lines(blocks), table))
        except FileNotFoundError:
            continue  # a recorder has just closed or compressed it
        except (zstandard.ZstdError, EOFError) as error:
            yield path, Damage(0, path.stat().st_size, str(error))


def database_rows(folder: Path) -> dict[str, int]:
    """Count the rows of each table in the database; there are none without a database.

    Every cell is read on the way. Raises `sqlite3.Error` for a damaged one.
    """
    path = folder / DATABASE
    if not path.exists():
        return {}
    with closing(sqlite.open_to_read(path)) as database:
        [[verdict], *_] = database.execute("PRAGMA quick_check(1)")
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        counts: dict[str, int] = {}
        for name in sqlite.table_names(database):
            quoted = name.replace('"', '""')  # a table of the user's may have any name
            rows = database.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608
            counts[name] = sum(1 for _ in rows)
        return counts


def _blocks(path: Path, size: int = _BLOCK) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(size):
            yield block


def _decompressed(path: Path) -> Iterator[bytes]:
    """Yield a compressed file's content; raises `EOFError` if the file does not end with it."""
    unpacking = zstandard.ZstdDecompressor().decompressobj()
    for block in _blocks(path, _PACKED_BLOCK):
        if unpacking.eof:
            raise EOFError("goes on after its end")
        yield unpacking.decompress(block)
    if unpacking.unused_data:
        raise EOFError("goes on after its end")
    if not unpacking.eof:
        raise EOFError("cut short")


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines; what follows the last one is a torn end, which repair finds."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        if len(rest) > _LONGEST_LINE:  # no row: what follows is none either, up to a newline
            yield rest
            rest = b""


def _invalid_rows(lines: Iterator[bytes], table: Table) -> Iterator[Damage]:
    """Yield the stretches of lines that are no rows of the table."""
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
