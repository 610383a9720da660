"""The event loop's side of a recording: takes what arrives, makes text, hands it over.

Nothing here waits or touches a file. Text is made message by message, because doing
it in the writer's thread would hold the GIL for milliseconds; ten times a second, or
every 128 KiB, the text goes to the thread. When the thread is too far behind, the
batch is dropped whole and the hole is marked: a row in `connections`, rows flagged
as suspect until each book's next snapshot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import NamedTuple

from kracked import times
from kracked.format import keyframe, layout, line
from kracked.format.frame import FrameKind
from kracked.format.keyframe import Book
from kracked.format.layout import HOUR_NS, LIVE_BOOKS
from kracked.format.lazy_text import LazyText, Text, render
from kracked.format.line import Message
from kracked.format.symbol_info import SymbolInfo
from kracked.format.tables import CONNECTIONS, RECORDER, Flag
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record.write import rows
from kracked.record.write.book_tracking import (
    KeyframeSchedule,
    PendingVerification,
    is_rebuilt_from_messages,
)
from kracked.record.write.sinks import Chunk, WriteBatch
from kracked.record.write.table_writer import MARKET, TableRows
from kracked.record.write.writer import Writer

HAND_OVER_EVERY_S = 0.1
_HAND_OVER_BYTES = 128 * 1024
_FRAME_LINES = 4096
"""A frame is closed at so many lines; it can hold `frame.MAX_LINES`."""
_SEGMENT_BYTES = 512 * 1024 * 1024
_TABLES_FLOOR_BYTES = 200 * 1024 * 1024
"""With less disk than this the tables stop, so that the raw log, which has everything, lasts."""

_LIVE_EVERY_NS = times.NS_PER_S // 2
_NEVER_DROPPED = frozenset(table.name for table in RECORDER)
"""Rows so few and so telling that an overflow does not drop them."""


class _Dropped(NamedTuple):
    """What the writer has not taken, one batch after the other."""

    at: int
    """When the last of it was handed over."""
    seq: int
    """Number of the last message among it."""
    lost: int
    """How many messages."""


class Ingest:
    """Gathers messages and events into batches. Lives in one event loop."""

    def __init__(
        self,
        writer: Writer,
        *,
        segment_exists: Callable[[str], bool],
        next_seq: int = 1,
        symbols: Mapping[str, SymbolInfo] = MappingProxyType({}),
        info_files: Callable[[Mapping[str, SymbolInfo]], Mapping[str, str]] = lambda _: {},
    ) -> None:
        """`taken` says whether a raw segment of this name exists.

        `describe` makes the files that say what is known of the symbols: they are replaced
        before the first rows that need them are written.
        """
        self._writer = writer
        self._segment_exists, self._info_files = segment_exists, info_files
        self.tables = TableRows(symbols)
        self._schedule = KeyframeSchedule()
        self._segment, self._hour = "", -1
        self._chunks: list[Chunk] = []
        self._lines: list[bytes] = []
        self._first, self._last = (0, 0), 0
        self._first_seq = next_seq
        # Messages since the last hand-over, when they arrived and their numbers, and those
        # before it: an event may come a step of the loop later than its message.
        self._received: list[int] = []
        self._seqs: list[int] = []
        self._previous: tuple[list[int], list[int]] = [], []
        self._live_at = 0
        self.next_seq = next_seq
        self._size = 0
        self.bytes = self.gaps = 0
        self.lost = 0
        """Messages dropped because the writer was too far behind."""
        self._state_lost, self._writer_accepts = False, True
        self._dropped: _Dropped | None = None
        self._pending_verification = PendingVerification()
        self.rejections: set[str] = set()
        """What the exchange would not let us record, in its words."""

    @property
    def messages(self) -> int:
        """Messages that arrived, those lost included."""
        return self.next_seq - self._first_seq

    # --- what arrives -----------------------------------------------------------------

    def take(self, messages: Sequence[Message], decoded: Sequence[Event]) -> None:
        """Keep messages and the events they brought, each list in order of arrival.

        All of one kind of work, then all of the other, costs half of doing them in turn;
        only our own events must keep their place among the messages.
        """
        if line.FEED_EVENTS.isdisjoint(map(type, decoded)):
            first = self.next_seq
            self._append_lines(messages)
            self._add_rows(decoded, self._seqs_of(messages, decoded, first))
        else:
            self._take_in_order(messages, decoded)
        if self._size >= _HAND_OVER_BYTES:
            self.hand_over(self._last)

    def _append_lines(self, messages: Sequence[Message]) -> None:
        """Messages as lines of the raw log, verbatim."""
        for first in range(0, len(messages), _FRAME_LINES):
            portion, seq = messages[first : first + _FRAME_LINES], self.next_seq
            if len(self._lines) >= _FRAME_LINES:
                self._close_chunk()
            lines, received = line.pack_all(portion, seq), [arrived for _, arrived, _ in portion]
            if not self._lines:
                self._first = (received[0], seq)
            self._lines += lines
            self._last = received[-1]
            self._size += sum(map(len, lines))
            self.next_seq = seq + len(lines)
            self._received += received
            self._seqs += range(seq, self.next_seq)

    def _seqs_of(
        self, messages: Sequence[Message], decoded: Sequence[Event], first: int
    ) -> Iterable[int]:
        """The number of each event's message; `first` is that of the first frame."""
        if [event.received for event in decoded] == [arrived for _, arrived, _ in messages]:
            return count(first)  # as nearly always: one event from each
        return map(self._seq_of, decoded)

    def _add_rows(self, decoded: Iterable[Event], numbers: Iterable[int]) -> None:
        numbered = zip(decoded, numbers, strict=False)
        while (other := self.tables.add_market_events(numbered)) is not None:
            self.take_event(other)

    def _take_in_order(self, messages: Sequence[Message], decoded: Iterable[Event]) -> None:
        """What is not of the market after the messages that came before it."""
        kept = 0
        market: list[Event] = []
        for event in decoded:
            if type(event) in MARKET:
                market.append(event)
                continue
            before = kept
            while kept < len(messages) and messages[kept][1] <= event.received:
                kept += 1
            self._append_lines(messages[before:kept])
            self._add_rows(market, map(self._seq_of, market))
            market = []
            self.take_event(event)
        self._append_lines(messages[kept:])
        self._add_rows(market, map(self._seq_of, market))

    def take_message(self, connection: str, received: int, data: bytes) -> int:
        """Keep one inbound message, verbatim; its number in the session."""
        self._append_lines([(connection, received, data)])
        return self.next_seq - 1

    def note_lost(self, count: int, now: int) -> None:
        """So many messages could not be taken in: their numbers stay free, which marks the hole."""
        self._close_chunk()
        self.next_seq += count
        self.lost += count
        self._add_loss(now, count, "messages came faster than they could be kept")

    def take_event(self, event: Event) -> None:
        """Keep the rows of one event, whichever tables it belongs to."""
        if type(event) in line.FEED_EVENTS:
            self._take_feed_event(event)  # type: ignore[arg-type]
            return
        self.tables.add_event(event, self._seq_of(event))
        match event:
            case events.Subscribed():
                self._add_connection_row(event, "subscribe", event.channel, event.symbol or "")
            case events.Rejected(method="subscribe"):
                what = f"{event.channel or 'a channel'} of {event.symbol or 'the account'}"
                self.rejections.add(f"{what}: {event.error}")
                self._add_connection_row(
                    event, "refused", event.channel or "", f"{what}: {event.error}"
                )

    def _seq_of(self, event: Event) -> int:
        """The number of the message an event came in, else of the last message."""
        received = event.received
        for arrived, numbers in ((self._received, self._seqs), self._previous):
            at = bisect_right(arrived, received) - 1
            if at >= 0 and arrived[at] == received:
                return numbers[at]
        return self.next_seq - 1

    def finish(self, now: int) -> None:
        """Say that the recording ends on purpose, and hand everything over."""
        for gap in self._pending_verification.gaps(now):
            self._take_feed_event(gap)
        self.tables.add_lines(CONNECTIONS.name, rows.connection(event="intentional_stop", at=now))
        self.hand_over(now)

    def note_resumed(self, since: int, now: int) -> None:
        """Say that the recording goes on after an earlier one in the same folder."""
        self._take_feed_event(events.Gap(now, "", (), since, now, "recording resumed"))

    # --- clocks -----------------------------------------------------------------------

    def note_clock_jump(self, jumped_ns: int, now: int) -> None:
        """Flag rows while the computer's clock, set by so much, disagrees with `ts_recv`."""
        flag = int(Flag.BAD_CLOCK) if jumped_ns else 0
        if flag == self.tables.bad_clock:
            return
        self.tables.bad_clock = flag
        said = f"the computer's clock was set by {jumped_ns / 1e6:+.0f} ms" if flag else "agrees"
        self.tables.add_lines(
            CONNECTIONS.name, rows.connection(event="clock", at=now, message=said)
        )

    def note_clock_offset(self, feed: str, offset_ms: float, now: int) -> None:
        """Note how far our clock is ahead of the exchange's, as a connection measured it."""
        said = f"ours less the exchange's {offset_ms:+.1f} ms"
        note = rows.connection(event="clock", at=now, feed=feed, message=said)
        self.tables.add_lines(CONNECTIONS.name, note)

    # --- what befell the connection -----------------------------------------------------

    def _take_feed_event(self, event: line.FeedEvent) -> None:
        """One of our own events: a line among the messages, and a row."""
        feed = getattr(event, "connection", "") or getattr(event, "channel", "")
        self._pending_verification.apply(event)
        if not is_rebuilt_from_messages(event):
            self._close_chunk()
            text = line.pack_event(self.next_seq - 1, feed, event)
            self._add_chunk(FrameKind.EVENT, event.received, [text], len(text))
        match event:
            case events.Connected():
                self._add_connection_row(event, "initial_start", feed, event.url)
            case events.Reconnecting():
                self._add_connection_row(event, "disconnect", feed, event.reason)
            case events.Reconnected():
                self._add_connection_row(event, "reconnect", feed, event.url)
            case events.Verified():
                self.tables.add_event(event, self.next_seq - 1)
                self._add_connection_row(event, "snapshot", feed, event.symbol)
            case events.Resync():
                self.tables.mark_suspect(event.channel, [event.symbol])
                name = "checksum_mismatch" if event.reason == "checksum" else "resync"
                self._add_connection_row(event, name, feed, f"{event.symbol} {event.reason}")
            case events.Gap():
                self.gaps += 1
                self.tables.mark_gap(event)
                self._add_connection_row(
                    event, "gap", feed, f"{' '.join(event.symbols)} {event.reason}"
                )
            case events.Overflow():
                self._add_loss(event.received, event.dropped, "events left out: too slow")
            case events.Stale():
                self._add_connection_row(event, "stale", feed, event.symbol)

    def _add_connection_row(self, event: Event, name: str, feed: str, message: str) -> None:
        note = rows.connection(
            event=name, at=event.received, feed=feed, message=message, seq_last=self.next_seq - 1
        )
        self.tables.add_lines(CONNECTIONS.name, note)

    def _add_loss(self, at: int, lost: int, why: str) -> None:
        """Mark a hole, and tell of it."""
        self.gaps += 1
        self._mark_gap()
        self.tables.add_lines(CONNECTIONS.name, rows.gap(at, why, self.next_seq - 1, lost))

    def _mark_gap(self) -> None:
        """No book is beyond doubt before its next snapshot."""
        self._state_lost = True
        self.tables.mark_all_suspect()
        self._schedule.restart()

    # --- handing over -----------------------------------------------------------------

    def hand_over(self, now: int) -> None:
        """Pass what was gathered to the writer. Never waits; marks what it must drop."""
        self._pause_tables(now)
        self._close_chunk()
        size, taken = self._size + self.tables.size, self.tables.take()
        if not (self._chunks or taken or self._dropped):
            return
        segment, files = self._segment_at(now), self._files(now)
        batch = WriteBatch(now, size, segment, self._chunks, self._with_dropped(taken), files)
        self._chunks, self._size = [], 0
        self._previous = self._received, self._seqs
        self._received, self._seqs = [], []
        self.bytes += size
        self._writer_accepts = self._writer.hand_over(batch)
        if self._writer_accepts:
            self._dropped = None
        else:
            self._drop(batch, taken)

    def _drop(self, batch: WriteBatch, taken: Mapping[str, list[Text]]) -> None:
        """Count what the writer did not take; the little that tells of trouble is kept."""
        count = sum(len(chunk.lines) for chunk in batch.chunks if chunk.kind is FrameKind.DATA)
        self.lost += count
        self._chunks = [chunk for chunk in batch.chunks if chunk.kind is FrameKind.EVENT]
        for name in _NEVER_DROPPED & taken.keys():
            self.tables.add_lines(name, render(taken[name]))
        if batch.files:
            self.tables.info_changed = True
        if len(self._chunks) < len(batch.chunks) or not taken.keys() <= _NEVER_DROPPED:
            self.gaps += self._dropped is None
            before = self._dropped.lost if self._dropped else 0
            self._dropped = _Dropped(batch.received, self.next_seq - 1, before + count)
            self._mark_gap()

    def _with_dropped(self, taken: dict[str, list[Text]]) -> dict[str, list[Text]]:
        """The rows, and one that tells of all the writer has not taken since it last did."""
        if self._dropped is None:
            return taken
        at, seq, lost = self._dropped
        note = rows.gap(at, "the disk is too slow or full", seq, lost)
        return taken | {CONNECTIONS.name: [*taken.get(CONNECTIONS.name, ()), note]}

    def write_keyframes(self, books: Iterable[Book], now: int) -> None:
        """Write the books that are due, if any. Every message they hold must be here already.

        A book whose rows began without a snapshot, or lost some, gets one of them too.
        """
        for book in self._schedule.due(books, now):
            self._close_chunk()
            picture, seq = keyframe.lazy_snapshot(book, now), self.next_seq - 1
            text = keyframe.lazy_message(picture, book.depth, *line.envelope(now, seq, "keyframe"))
            self._add_chunk(FrameKind.KEYFRAME, now, text, text.size)
            self.tables.add_book_if_suspect(picture, book.depth, seq)

    @property
    def needs_state_snapshots(self) -> bool:
        """Whether messages are taken again after some were lost: time to `stand`."""
        return self._state_lost and self._writer_accepts

    def write_state_snapshots(self, snapshots: Iterable[Event]) -> None:
        """Write what stands besides the books, as snapshots. Every message it rests on is here."""
        self._close_chunk()
        self._state_lost, seq = False, self.next_seq - 1
        for event in snapshots:
            text = keyframe.state_message(event, *line.envelope(event.received, seq, "keyframe"))
            self._add_chunk(FrameKind.STATE, event.received, text, text.size)
            self.tables.add_state_snapshot(event, seq)

    def _close_chunk(self) -> None:
        if self._lines:
            received = (self._first[0], self._last)
            self._chunks.append(Chunk(FrameKind.DATA, received, self._first[1], self._lines))
            self._lines = []

    def _add_chunk(
        self, kind: FrameKind, received: int, lines: Sequence[bytes] | LazyText, size: int
    ) -> None:
        self._chunks.append(Chunk(kind, (received, received), self.next_seq - 1, lines))
        self._size += size

    def _files(self, now: int) -> dict[str, Text]:
        """Small files to replace whole: the books as they stand, twice a second at most."""
        files: dict[str, Text] = {}
        if self.tables.info_changed:
            self.tables.info_changed = False
            files.update(self._info_files(self.tables.symbols))
        if self.tables.has_books and now - self._live_at >= _LIVE_EVERY_NS:
            self._live_at = now
            files[LIVE_BOOKS] = rows.live_books(self.tables.trusted_books())
        return files

    def _segment_at(self, now: int) -> str:
        """The raw file for a batch of this instant: a new one every hour and 512 MB."""
        hour = now // HOUR_NS
        if hour != self._hour or self._writer.segment_bytes >= _SEGMENT_BYTES:
            number = 0
            while (
                self._segment_exists(name := layout.segment(hour, number)) or name == self._segment
            ):
                number += 1
            self._segment, self._hour = name, hour
            self._schedule.restart()
        return self._segment

    def _pause_tables(self, now: int) -> None:
        """Stop the tables while the disk is nearly full."""
        short = self._writer.free_bytes < _TABLES_FLOOR_BYTES
        if short == self.tables.stopped:
            return
        self.tables.stopped = short
        name = "tables_stopped" if short else "tables_resumed"
        self.tables.add_lines(
            CONNECTIONS.name, rows.connection(event=name, at=now, message="disk nearly full")
        )
        self.tables.mark_all_suspect()
        self._schedule.restart()  # a picture of each book, for its rows to go on from
