"""The threads that write: a message is in its file a tenth of a second after it came.

The event loop never waits for them. The raw log has a thread of its own and comes first: only
what is in it is passed on to the thread of the tables, which may fall behind, stop or fail,
and costs no message then. A third one waits for the disk, once a second, because that may take
longer than a kill may cost. A queue of messages that would grow past its bound refuses, so
that the loop can record the loss.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sink_thread import SYNC_EVERY_S, SinkThread, refusal_batch
from kracked.record.write.sinks import BatchSink, RawLogSink, WriteBatch
from kracked.record.write.small_files import SmallFiles

log = logging.getLogger(__name__)

QUEUE_BYTES = 64 * 1024 * 1024
_GROUP_BYTES = 4 * 1024 * 1024
_NO_BOUND = 1 << 62
_TABLES_FLOOR_BYTES = 200 * 1024 * 1024
"""With less free disk than this the tables pause: the raw log, which has everything, goes on."""
_TABLES_BEHIND_BYTES = 64 * 1024 * 1024
"""With more bytes of rows waiting than this the tables pause, until an eighth is left."""
_TABLES_CAUGHT_UP_BYTES = _TABLES_BEHIND_BYTES // 8


class Writer:
    """Owns the sinks from `start` to `stop`; its attributes may be read from any thread."""

    def __init__(
        self,
        folder: SessionFolder,
        sinks: Sequence[BatchSink] = (),
        *,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        """Make a writer that is not running yet.

        Args:
            folder: The recording's.
            sinks: The forms kept beside the raw log, which is always kept.
            queue_bytes: Bound of the bytes of messages not written yet.
        """
        self._folder = folder
        self._raw_log, self._small_files = RawLogSink(folder), SmallFiles(folder)
        self._bound = queue_bytes
        self._tables = SinkThread(
            "kracked-tables",
            (self._small_files, *sinks),
            size_of=lambda batch: batch.size - batch.raw_size,
            group_bytes=_GROUP_BYTES,
        )
        self._raw = SinkThread(
            "kracked-raw",
            (self._raw_log,),
            size_of=lambda batch: batch.raw_size,
            pass_on=lambda batch: self._tables.put(batch._replace(chunks=())),
            note_refusal=lambda *refusal: self._tables.put(refusal_batch(*refusal)),
            syncs=False,
        )
        self._syncing = threading.Thread(target=self._sync, name="kracked-sync", daemon=True)
        self._stopping = threading.Event()
        self._segment = ""
        self._sync_trouble = ""
        self.free_bytes = folder.free_bytes()

    @property
    def trouble(self) -> str:
        """The reason why nothing can be written just now (a full disk), or empty."""
        return self._raw.trouble or self._sync_trouble or self._tables.trouble

    @property
    def failure(self) -> Exception | None:
        """The error that ended the raw log's thread early, if any."""
        return self._raw.failure

    @property
    def tables_failure(self) -> Exception | None:
        """The error that ended the tables' thread early, if any."""
        return self._tables.failure

    @property
    def lost_bytes(self) -> int:
        """Bytes given up, because the disk was full at the end or the thread had failed."""
        return self._raw.lost_bytes

    @property
    def lost_messages(self) -> int:
        """Messages in them."""
        return self._raw.lost_messages

    @property
    def tables_lost_bytes(self) -> int:
        """Bytes of rows given up; the raw log has what they were made of."""
        return self._tables.lost_bytes

    @property
    def segment_bytes(self) -> int:
        """Size of the segment handed over last; 0 while it is still queued."""
        return self._raw_log.bytes_of(self._segment)

    @property
    def queued_bytes(self) -> int:
        """Bytes of messages handed over and not written yet."""
        return self._raw.queued_bytes

    @property
    def tables_queued_bytes(self) -> int:
        """Bytes of rows that the raw log's thread has passed on and that are not written yet."""
        return self._tables.queued_bytes

    @property
    def oldest(self) -> int | None:
        """The time at which the oldest batch of messages not written was handed over, or None."""
        return self._raw.oldest

    @property
    def wants_live_books(self) -> bool:
        """Whether live books would be written soon."""
        return self._small_files.wants_live_books

    def start(self) -> None:
        """Start the threads."""
        for thread in (self._tables, self._raw, self._syncing):
            thread.start()

    def hand_over(self, batch: WriteBatch) -> bool:
        """Queue a batch for the threads; return False, and drop it, when the queue is full."""
        if self._raw.failure or self._raw.queued_bytes + batch.raw_size > self._bound:
            return False
        self._segment = batch.segment
        self._raw.put(batch)
        return True

    def lift_bound(self) -> None:
        """Accept every batch from now on: the recording ends."""
        self._bound = _NO_BOUND

    def stop(self) -> None:
        """Write everything, sync and close; on a full disk with one more try."""
        self._stopping.set()
        self._tables.end_idle_work()
        self._raw.stop()
        self._tables.stop()
        self._syncing.join()

    def _sync(self) -> None:
        """Wait every second until the messages written by then are on the disk."""
        while not self._stopping.wait(SYNC_EVERY_S):
            try:
                self.free_bytes = self._folder.free_bytes()
                self._raw_log.sync()
                self._sync_trouble = ""
            except OSError as error:
                self._sync_trouble = error.strerror or str(error)
                log.warning("cannot write: %s", self._sync_trouble)


class TablesPause:
    """Whether rows are made: not while the disk is nearly full, or too many wait for it."""

    def __init__(self, writer: Writer) -> None:
        """Begin with rows made."""
        self._writer = writer
        self.reason = ""
        """Why no rows of the market are made just now, or empty."""
        self._stopped_at, self._without_rows = 0, 0

    def without_rows(self, next_seq: int) -> int:
        """Return how many of the messages before this number have no rows."""
        return self._without_rows + (next_seq - self._stopped_at if self.reason else 0)

    def look(self, next_seq: int) -> bool:
        """Look at the writer, and return whether the reason has changed.

        Args:
            next_seq: Number of the next message to come.
        """
        reason = self._reason()
        if reason == self.reason:
            return False
        if not self.reason:
            self._stopped_at = next_seq
        elif not reason:
            self._without_rows = self.without_rows(next_seq)
        self.reason = reason
        return True

    def _reason(self) -> str:
        writer = self._writer
        if writer.tables_failure is not None:
            return f"writing failed: {writer.tables_failure}"
        if writer.free_bytes < _TABLES_FLOOR_BYTES:
            return "the disk is nearly full"
        most = _TABLES_CAUGHT_UP_BYTES if self.reason else _TABLES_BEHIND_BYTES
        behind = writer.tables_queued_bytes > most
        return "rows came faster than they could be written" if behind else ""
