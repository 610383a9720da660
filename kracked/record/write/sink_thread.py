"""A thread that moves batches into sinks: queued in order, written in groups, never torn.

Putting a batch in never waits. Everything here either releases the GIL (compress, write, sync)
or is one join per file and group. When the disk is full nothing is dropped: the bytes stay,
the queue grows, and whoever fills it decides.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue

from kracked.format.tables import CONNECTIONS
from kracked.record.write import rows
from kracked.record.write.sinks import BatchSink, WriteBatch

log = logging.getLogger(__name__)

SYNC_EVERY_S = 1.0
RETRY_EVERY_S = 1.0
_SYNC_REST_TIMES = 20
"""Waiting for hundreds of files slows every write to the disk, the raw log's too: it may take a
twentieth of the time."""


class SinkThread:
    """Owns its sinks from `start` to `stop`; its attributes may be read from any thread."""

    def __init__(
        self,
        name: str,
        sinks: Sequence[BatchSink],
        *,
        size_of: Callable[[WriteBatch], int],
        pass_on: Callable[[WriteBatch], None] = lambda _: None,
        note_refusal: Callable[[int, int, str], None] | None = None,
        syncs: bool = True,
        group_bytes: int = 1,
    ) -> None:
        """Make a thread that is not running yet.

        Args:
            name: The thread's name.
            sinks: What it writes into, one after the other.
            size_of: Returns the bytes of a batch that are these sinks'.
            pass_on: Called with every batch that is written.
            note_refusal: Called after the disk refused something and took it later: with both
                times in ns since the Unix epoch, and the reason. By default these sinks get
                rows of it.
            syncs: Wait for the disk every second; else only at the end.
            group_bytes: Size up to which batches that wait are written together; by default
                each is written alone, so that a full disk costs no more than must be.
        """
        self._sinks = sinks
        self._size_of, self._pass_on = size_of, pass_on
        self._note_refusal = note_refusal or self._add_refusal
        self._syncs, self._group_bytes = syncs, group_bytes
        self._queue: SimpleQueue[WriteBatch | None] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        # Each counter is written by one thread, so their difference needs no lock.
        self._bytes_accepted = 0
        self._bytes_written = 0
        self._waiting: deque[tuple[int, int]] = deque()
        """Of each batch that is not written yet: when it was handed over, and its messages."""
        self._ending = False
        self.trouble = ""
        """Why nothing can be written just now (a full disk), or empty."""
        self.failure: Exception | None = None
        """The error that ended the thread early, if any."""
        self.lost_bytes = 0
        """Bytes given up, because the disk was full at the end or the thread had failed."""
        self.lost_messages = 0
        """Messages in them."""

    @property
    def queued_bytes(self) -> int:
        """Bytes handed over and not written yet."""
        return self._bytes_accepted - self._bytes_written

    @property
    def oldest(self) -> int | None:
        """The time at which the oldest batch not written was handed over; None without any."""
        try:
            return self._waiting[0][0]
        except IndexError:
            return None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, batch: WriteBatch) -> None:
        """Queue a batch; after a failure it is counted as lost."""
        if self.failure:
            self._lose(batch)
            return
        self._bytes_accepted += self._size_of(batch)
        self._waiting.append((batch.received, batch.messages))
        self._queue.put(batch)

    def end_idle_work(self) -> None:
        """Leave undone what can wait: the recording ends."""
        self._ending = True

    def stop(self) -> None:
        """Write everything, sync and close; on a full disk with one more try."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join()
        if self.failure:
            self.lost_bytes += self.queued_bytes
            self.lost_messages += sum(messages for _, messages in self._waiting)
            self._bytes_written = self._bytes_accepted
            self._waiting.clear()

    def _lose(self, batch: WriteBatch) -> None:
        self.lost_bytes += self._size_of(batch)
        self.lost_messages += batch.messages

    # --- the thread -------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # the thread's edge: the loop must see the error
            log.exception("%s stopped", self._thread.name)
            self.failure = error

    def _serve(self) -> None:
        next_sync = time.monotonic() + SYNC_EVERY_S
        running = True
        while running:
            idle = not self._ending and self._queue.empty() and time.monotonic() < next_sync
            if idle and any(sink.do_idle_work() for sink in self._sinks):
                continue
            group, running = self._next_group(max(0.0, next_sync - time.monotonic()))
            if group:
                self._store(group)
                for batch in group:
                    self._pass_on(batch)  # before: it must not seem that nothing is left
                    self._bytes_written += self._size_of(batch)
                    self._waiting.popleft()
            if (begun := time.monotonic()) >= next_sync:
                if self._syncs:
                    self._persist(self._sync)
                took_s = time.monotonic() - begun
                next_sync = begun + max(SYNC_EVERY_S, _SYNC_REST_TIMES * took_s)
        self._persist(self._sync)
        for sink in self._sinks:
            sink.close()

    def _next_group(self, timeout_s: float) -> tuple[list[WriteBatch], bool]:
        """Return the batches that wait, up to a size, and whether more may come."""
        group: list[WriteBatch] = []
        size = 0
        try:
            while size < self._group_bytes:
                batch = self._queue.get(timeout=0.0 if group else timeout_s)
                if batch is None:
                    return group, False
                group.append(batch)
                size += batch.size or 1
        except Empty:
            pass
        return group, True

    def _store(self, group: Sequence[WriteBatch]) -> None:
        for batch in _with_newest_files(group):
            if self._persist(lambda batch=batch: self._prepare(batch)):  # type: ignore[misc]
                for sink in self._sinks:
                    sink.write(batch)
            else:
                self._lose(batch)
        if not self._persist(self._flush):
            self.lost_bytes += sum(sink.drop_pending() for sink in self._sinks)
            self.lost_messages += sum(batch.messages for batch in group)

    def _add_refusal(self, began: int, ended: int, reason: str) -> None:
        self._store([refusal_batch(began, ended, reason)])

    def _prepare(self, batch: WriteBatch) -> None:
        for sink in self._sinks:
            sink.prepare(batch)

    def _flush(self) -> None:
        for sink in self._sinks:
            sink.flush()

    def _sync(self) -> None:
        for sink in self._sinks:
            sink.sync()

    def _persist(self, step: Callable[[], None]) -> bool:
        """Repeat a step until the disk accepts it; return False if the thread stops before."""
        started, reason = 0, ""
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
            self.trouble = ""
            self._note_refusal(started, time.time_ns(), reason)
        return True


def _with_newest_files(group: Sequence[WriteBatch]) -> Iterator[WriteBatch]:
    """Yield the batches, with the newest of each small file in the first and none in the others.

    Rows may follow what a file says of them, never precede it.
    """
    first, *others = group
    yield first._replace(
        files={name: text for batch in group for name, text in batch.files.items()}
    )
    yield from (batch._replace(files={}) for batch in others)


def refusal_batch(began: int, ended: int, reason: str) -> WriteBatch:
    """Return rows of `connections`: the disk refused something at one time, and took it later."""
    lines = rows.connection(event="disk_full", at=began, message=reason)
    lines += rows.connection(event="disk_ok", at=ended)
    return WriteBatch(ended, len(lines), "", (), {CONNECTIONS.name: [lines]})
