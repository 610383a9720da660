"""The one thread that writes: batches come in, bytes are on the disk a second later.

The event loop never waits for it. Handing over is one `SimpleQueue.put`, and a queue that
would grow past its bound refuses instead, so that the loop can record the loss. Everything
here either releases the GIL (compress, write, sync) or is one join per file and batch. When
the disk is full nothing is dropped here: the bytes stay, the queue fills, the bound decides.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from kracked.format.lazy_text import PAUSE_S, render
from kracked.format.tables import CONNECTIONS
from kracked.record.write import rows
from kracked.record.write.session_folder import SessionFolder
from kracked.record.write.sinks import BatchSink, RawLogSink, WriteBatch

log = logging.getLogger(__name__)

SYNC_EVERY_S = 1.0
RETRY_EVERY_S = 1.0
QUEUE_BYTES = 64 * 1024 * 1024

_NO_BOUND = 1 << 62


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
            queue_bytes: Bound of the bytes not written yet.
        """
        self._folder = folder
        self._raw = RawLogSink(folder)
        self._sinks: tuple[BatchSink, ...] = (self._raw, *sinks)
        self._bound = queue_bytes
        self._queue: SimpleQueue[WriteBatch | None] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kracked-writer", daemon=True)
        self._segment = ""
        # Each counter is written by one thread, so their difference needs no lock.
        self._bytes_accepted = 0
        self._bytes_written = 0
        self.trouble = ""
        """Why nothing can be written just now (a full disk), or empty."""
        self.failure: Exception | None = None
        """The error that ended the thread early, if any."""
        self.lost_bytes = 0
        """Bytes given up at the end, because the disk was still full or the thread had failed."""
        self.free_bytes = folder.free_bytes()

    @property
    def segment_bytes(self) -> int:
        """Size of the segment handed over last; 0 while it is still queued."""
        return self._raw.bytes_of(self._segment)

    @property
    def queued_bytes(self) -> int:
        """Bytes handed over and not written yet."""
        return self._bytes_accepted - self._bytes_written

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def hand_over(self, batch: WriteBatch) -> bool:
        """Queue a batch for the thread; return False, and drop it, when the queue is full."""
        if self.failure or self.queued_bytes + batch.size > self._bound:
            return False
        self._bytes_accepted += batch.size
        self._segment = batch.segment
        self._queue.put(batch)
        return True

    def lift_bound(self) -> None:
        """Accept every batch from now on: the recording ends."""
        self._bound = _NO_BOUND

    def stop(self) -> None:
        """Write everything, sync and close; on a full disk with one more try."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join()
        if self.failure:
            self.lost_bytes += self.queued_bytes

    # --- the thread -------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # the thread's edge: the loop must see the error
            log.exception("recording stopped")
            self.failure = error

    def _serve(self) -> None:
        next_sync = time.monotonic() + SYNC_EVERY_S
        running = True
        while running:
            idle = self._queue.empty() and time.monotonic() < next_sync
            if idle and any(sink.do_idle_work() for sink in self._sinks):
                continue
            try:
                batch = self._queue.get(timeout=max(0.0, next_sync - time.monotonic()))
                running = batch is not None
                if batch:
                    self._write(batch)
                    self._bytes_written += batch.size
            except Empty:
                pass
            if time.monotonic() >= next_sync:
                next_sync = time.monotonic() + SYNC_EVERY_S
                self._persist(self._sync)
        self._persist(self._sync)
        for sink in self._sinks:
            sink.close()

    def _write(self, batch: WriteBatch) -> None:
        if not self._persist(lambda: self._prepare(batch)):
            self.lost_bytes += batch.size
            return
        for sink in self._sinks:
            sink.write(batch)
        if not self._persist(self._flush):
            self.lost_bytes += sum(sink.drop_pending() for sink in self._sinks)

    def _prepare(self, batch: WriteBatch) -> None:
        for name, content in batch.files.items():
            self._folder.replace(name, render([content], pause_s=PAUSE_S).encode())
        for sink in self._sinks:
            sink.prepare(batch)

    def _flush(self) -> None:
        for sink in self._sinks:
            sink.flush()

    def _sync(self) -> None:
        self.free_bytes = self._folder.free_bytes()
        for sink in self._sinks:
            sink.sync()

    def _persist(self, step: Callable[[], None]) -> bool:
        """Repeat a step until the disk accepts it; return False if the writer stops before.

        When the disk refused it in between, both times go into the recording.
        """
        started = 0
        while True:
            last_try = self._stopping.is_set()
            try:
                step()
            except OSError as error:
                started = started or time.time_ns()
                reason = error.strerror or str(error)
                if reason != self.trouble:
                    log.warning("cannot write: %s", reason)
                self.trouble = reason
                if last_try:
                    return False
                self._stopping.wait(RETRY_EVERY_S)
            else:
                break
        if started:
            reason, self.trouble = self.trouble, ""
            ended = time.time_ns()
            lines = rows.connection(event="disk_full", at=started, message=reason)
            lines += rows.connection(event="disk_ok", at=ended)
            self._write(WriteBatch(ended, 0, "", (), {CONNECTIONS.name: [lines]}))
        return True
