"""Compression of the tables' closed hours, in the idle moments of the writer's thread.

A table is removed only when its `.zst` has been read back and holds the same bytes. Cut short
at any point, both or the table alone remain, and the next recorder starts over.
"""

from __future__ import annotations

import logging
import os
import zlib
from collections import deque
from collections.abc import Iterator

import zstandard

from kracked.format import layout
from kracked.record.durable_files import write_all
from kracked.record.write.session_folder import SessionFolder

log = logging.getLogger(__name__)

_BLOCK = 1 << 18
"""Bytes a step: a millisecond or two of work without the GIL."""


class HourCompressor:
    """Compresses closed hours one after the other, a step at a time."""

    def __init__(self, folder: SessionFolder) -> None:
        """Begin with the hours that an earlier recorder left uncompressed."""
        self._folder = folder
        hours = (file.name for file in folder.path.glob("*.csv") if layout.hour_of(file))
        self.waiting = deque(sorted(hours))
        """Names of the files still to be compressed."""
        self._work: Iterator[None] = iter(())

    def do_idle_work(self) -> bool:
        """Do one step; return False when nothing is left to do."""
        try:
            next(self._work)
        except StopIteration:
            if not self.waiting:
                return False
            self._work = _compress(self._folder, self.waiting.popleft())
        except OSError as error:
            # The table stays uncompressed, which is no loss: the next recorder tries again.
            log.warning("cannot compress a table", extra={"reason": str(error)})
            self._work = iter(())
        return True


def _compress(folder: SessionFolder, name: str) -> Iterator[None]:
    """Compress one file and verify the copy; yields after each step."""
    packed_name = layout.compressed(name)
    aside, whole, copied = layout.temporary(packed_name), 0, 0
    packing = zstandard.ZstdCompressor(level=1, write_checksum=True).compressobj()
    with os.fdopen(folder.open_to_read(name), "rb") as table, folder.create(aside) as copy:
        while block := table.read(_BLOCK):
            whole = zlib.crc32(block, whole)
            write_all(copy, packing.compress(block))
            yield
        write_all(copy, packing.flush())
        os.fdatasync(copy)
    unpacking = zstandard.ZstdDecompressor().decompressobj()
    with os.fdopen(folder.open_to_read(aside), "rb") as packed:
        while block := packed.read(_BLOCK):
            copied = zlib.crc32(unpacking.decompress(block), copied)
            yield
    if copied != whole:
        raise OSError(f"{aside} does not hold what was written")
    folder.rename(aside, packed_name)
    folder.remove(name)
