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
from kracked.format import keyframe, line
from kracked.format.frame import FrameKind
from kracked.format.keyframe import Book
from kracked.format.lazy_text import LazyText, Text, whole
from kracked.format.line import Message
from kracked.format.symbol_info import SymbolInfo
from kracked.format.tables import CONNECTIONS, RECORDER, Flag
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record.write import rows, state_snapshots
from kracked.record.write.pending_verification import PendingVerification, told_by_books
from kracked.record.write.sinks import HOUR_NS, Chunk, WriteBatch
from kracked.record.write.table_writer import MARKET, TableRows
from kracked.record.write.writer import Writer

HAND_OVER_EVERY_S = 0.1
_HAND_OVER_BYTES = 128 * 1024
_FRAME_LINES = 4096
"""A frame is closed at so many lines; its header can count 65,535."""
_SEGMENT_BYTES = 512 * 1024 * 1024
_TABLES_FLOOR_BYTES = 200 * 1024 * 1024
"""With less disk than this the tables stop, so that the raw log, which has everything, lasts."""

LIVE_BOOKS = "L2_live_orderbooks.json"
_LIVE_EVERY_NS = times.NS_PER_S // 2
_KEPT = frozenset(table.name for table in RECORDER)
"""Rows so few and so telling that an overflow does not drop them."""


class _Refused(NamedTuple):
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
        taken: Callable[[str], bool],
        next_seq: int = 1,
        symbols: Mapping[str, SymbolInfo] = MappingProxyType({}),
        describe: Callable[[Mapping[str, SymbolInfo]], Mapping[str, str]] = lambda _: {},
    ) -> None:
        """`taken` says whether a raw segment of this name exists.

        `describe` makes the files that say what is known of the symbols: they are replaced
        before the first rows that need them are written.
        """
        self._writer = writer
        self._taken, self._describe = taken, describe
        self.tables = TableRows(symbols)
        self._schedule = keyframe.KeyframeSchedule()
        self._segment, self._hour = "", -1
        self._chunks: list[Chunk] = []
        self._lines: list[bytes] = []
        self._first, self._last = (0, 0), 0
        self._begun = next_seq
        # Messages since the last hand-over, when they arrived and their numbers, and those
        # before it: an event may come a step of the loop later than its message.
        self._arrived: list[int] = []
        self._numbers: list[int] = []
        self._earlier: tuple[list[int], list[int]] = [], []
        self._live_at = 0
        self.next_seq = next_seq
        self._size = 0
        self.bytes = self.gaps = 0
        self.lost = 0
        """Messages dropped because the writer was too far behind."""
        self._holed, self._taking = False, True
        self._refused: _Refused | None = None
        self._unproven = PendingVerification()
        self.refused: set[str] = set()
        """What the exchange would not let us record, in its words."""

    @property
    def messages(self) -> int:
        """Messages that arrived, those lost included."""
        return self.next_seq - self._begun

    # --- what arrives -----------------------------------------------------------------

    def take(self, frames: Sequence[Message], happened: Sequence[Event]) -> None:
        """Keep messages and the events they brought, each list in order of arrival.

        All of one kind of work, then all of the other, costs half of doing them in turn;
        only our own events must keep their place among the messages.
        """
        if line.OUR_KINDS.isdisjoint(map(type, happened)):
            first = self.next_seq
            self._keep(frames)
            self._make_rows(happened, self._numbers_of(frames, happened, first))
        else:
            self._take_in_turn(frames, happened)
        if self._size >= _HAND_OVER_BYTES:
            self.hand_over(self._last)

    def _keep(self, frames: Sequence[Message]) -> None:
        """Messages as lines of the raw log, verbatim."""
        for first in range(0, len(frames), _FRAME_LINES):
            portion, seq = frames[first : first + _FRAME_LINES], self.next_seq
            if len(self._lines) >= _FRAME_LINES:
                self._close_chunk()
            lines, received = line.pack_all(portion, seq), [arrived for _, arrived, _ in portion]
            if not self._lines:
                self._first = (received[0], seq)
            self._lines += lines
            self._last = received[-1]
            self._size += sum(map(len, lines))
            self.next_seq = seq + len(lines)
            self._arrived += received
            self._numbers += range(seq, self.next_seq)

    def _numbers_of(
        self, frames: Sequence[Message], happened: Sequence[Event], first: int
    ) -> Iterable[int]:
        """The number of each event's message; `first` is that of the first frame."""
        if [event.received for event in happened] == [arrived for _, arrived, _ in frames]:
            return count(first)  # as nearly always: one event from each
        return map(self._number_of, happened)

    def _make_rows(self, happened: Iterable[Event], numbers: Iterable[int]) -> None:
        numbered = zip(happened, numbers, strict=False)
        while (odd := self.tables.market(numbered)) is not None:
            self.event(odd)

    def _take_in_turn(self, frames: Sequence[Message], happened: Iterable[Event]) -> None:
        """What is not of the market after the messages that came before it."""
        kept = 0
        market: list[Event] = []
        for event in happened:
            if type(event) in MARKET:
                market.append(event)
                continue
            before = kept
            while kept < len(frames) and frames[kept][1] <= event.received:
                kept += 1
            self._keep(frames[before:kept])
            self._make_rows(market, map(self._number_of, market))
            market = []
            self.event(event)
        self._keep(frames[kept:])
        self._make_rows(market, map(self._number_of, market))

    def message(self, connection: str, received: int, data: bytes) -> int:
        """Keep one inbound message, verbatim; its number in the session."""
        self._keep([(connection, received, data)])
        return self.next_seq - 1

    def miss(self, count: int, now: int) -> None:
        """So many messages could not be taken in: their numbers stay free, which marks the hole."""
        self._close_chunk()
        self.next_seq += count
        self.lost += count
        self._missed(now, count, "messages came faster than they could be kept")

    def event(self, event: Event) -> None:
        """Keep the rows of one event, whichever tables it belongs to."""
        if type(event) in line.OUR_KINDS:
            self._ours(event)  # type: ignore[arg-type]
            return
        self.tables.event(event, self._number_of(event))
        match event:
            case events.Subscribed():
                self._note(event, "subscribe", event.channel, event.symbol or "")
            case events.Rejected(method="subscribe"):
                what = f"{event.channel or 'a channel'} of {event.symbol or 'the account'}"
                self.refused.add(f"{what}: {event.error}")
                self._note(event, "refused", event.channel or "", f"{what}: {event.error}")

    def _number_of(self, event: Event) -> int:
        """The number of the message an event came in, else of the last message."""
        received = event.received
        for arrived, numbers in ((self._arrived, self._numbers), self._earlier):
            at = bisect_right(arrived, received) - 1
            if at >= 0 and arrived[at] == received:
                return numbers[at]
        return self.next_seq - 1

    def stop(self, now: int) -> None:
        """Say that the recording ends on purpose, and hand everything over."""
        for gap in self._unproven.gaps(now):
            self._ours(gap)
        self.tables.add(CONNECTIONS.name, rows.connection(event="intentional_stop", at=now))
        self.hand_over(now)

    def resume(self, since: int, now: int) -> None:
        """Say that the recording goes on after an earlier one in the same folder."""
        self._ours(events.Gap(now, "", (), since, now, "recording resumed"))

    # --- clocks -----------------------------------------------------------------------

    def clock(self, jumped_ns: int, now: int) -> None:
        """Flag rows while the computer's clock, set by so much, disagrees with `ts_recv`."""
        flag = int(Flag.BAD_CLOCK) if jumped_ns else 0
        if flag == self.tables.bad_clock:
            return
        self.tables.bad_clock = flag
        said = f"the computer's clock was set by {jumped_ns / 1e6:+.0f} ms" if flag else "agrees"
        self.tables.add(CONNECTIONS.name, rows.connection(event="clock", at=now, message=said))

    def offset(self, feed: str, offset_ms: float, now: int) -> None:
        """Note how far our clock is ahead of the exchange's, as a connection measured it."""
        said = f"ours less the exchange's {offset_ms:+.1f} ms"
        note = rows.connection(event="clock", at=now, feed=feed, message=said)
        self.tables.add(CONNECTIONS.name, note)

    # --- what befell the connection -----------------------------------------------------

    def _ours(self, event: line.OurEvent) -> None:
        """One of our own events: a line among the messages, and a row."""
        feed = getattr(event, "connection", "") or getattr(event, "channel", "")
        self._unproven.hear(event)
        if not told_by_books(event):
            self._close_chunk()
            text = line.pack_event(self.next_seq - 1, feed, event)
            self._chunk(FrameKind.EVENT, event.received, [text], len(text))
        match event:
            case events.Connected():
                self._note(event, "initial_start", feed, event.url)
            case events.Reconnecting():
                self._note(event, "disconnect", feed, event.reason)
            case events.Reconnected():
                self._note(event, "reconnect", feed, event.url)
            case events.Verified():
                self.tables.event(event, self.next_seq - 1)
                self._note(event, "snapshot", feed, event.symbol)
            case events.Resync():
                self.tables.doubt(event.channel, [event.symbol])
                name = "checksum_mismatch" if event.reason == "checksum" else "resync"
                self._note(event, name, feed, f"{event.symbol} {event.reason}")
            case events.Gap():
                self.gaps += 1
                self.tables.missed(event)
                self._note(event, "gap", feed, f"{' '.join(event.symbols)} {event.reason}")
            case events.Overflow():
                self._missed(event.received, event.dropped, "events left out: too slow")
            case events.Stale():
                self._note(event, "stale", feed, event.symbol)

    def _note(self, event: Event, name: str, feed: str, message: str) -> None:
        note = rows.connection(
            event=name, at=event.received, feed=feed, message=message, seq_last=self.next_seq - 1
        )
        self.tables.add(CONNECTIONS.name, note)

    def _missed(self, at: int, lost: int, why: str) -> None:
        """Mark a hole, and tell of it."""
        self.gaps += 1
        self._mark_hole()
        self.tables.add(CONNECTIONS.name, rows.gap(at, why, self.next_seq - 1, lost))

    def _mark_hole(self) -> None:
        """No book is beyond doubt before its next snapshot."""
        self._holed = True
        self.tables.doubt_all()
        self._schedule.restart()

    # --- handing over -----------------------------------------------------------------

    def hand_over(self, now: int) -> None:
        """Pass what was gathered to the writer. Never waits; marks what it must drop."""
        self._keep_tables_or_not(now)
        self._close_chunk()
        size, taken = self._size + self.tables.size, self.tables.take()
        if not (self._chunks or taken or self._refused):
            return
        segment, files = self._segment_at(now), self._files(now)
        batch = WriteBatch(now, size, segment, self._chunks, self._with_refused(taken), files)
        self._chunks, self._size = [], 0
        self._earlier = self._arrived, self._numbers
        self._arrived, self._numbers = [], []
        self.bytes += size
        self._taking = self._writer.hand_over(batch)
        if self._taking:
            self._refused = None
        else:
            self._drop(batch, taken)

    def _drop(self, batch: WriteBatch, taken: Mapping[str, list[Text]]) -> None:
        """Count what the writer did not take; the little that tells of trouble is kept."""
        count = sum(len(chunk.lines) for chunk in batch.chunks if chunk.kind is FrameKind.DATA)
        self.lost += count
        self._chunks = [chunk for chunk in batch.chunks if chunk.kind is FrameKind.EVENT]
        for name in _KEPT & taken.keys():
            self.tables.add(name, whole(taken[name]))
        if batch.files:
            self.tables.news = True
        if len(self._chunks) < len(batch.chunks) or not taken.keys() <= _KEPT:
            self.gaps += self._refused is None
            before = self._refused.lost if self._refused else 0
            self._refused = _Refused(batch.received, self.next_seq - 1, before + count)
            self._mark_hole()

    def _with_refused(self, taken: dict[str, list[Text]]) -> dict[str, list[Text]]:
        """The rows, and one that tells of all the writer has not taken since it last did."""
        if self._refused is None:
            return taken
        at, seq, lost = self._refused
        note = rows.gap(at, "the disk is too slow or full", seq, lost)
        return taken | {CONNECTIONS.name: [*taken.get(CONNECTIONS.name, ()), note]}

    def keyframe(self, books: Iterable[Book], now: int) -> None:
        """Write the books that are due, if any. Every message they hold must be here already.

        A book whose rows began without a snapshot, or lost some, gets one of them too.
        """
        for book in self._schedule.due(books, now):
            self._close_chunk()
            picture, seq = keyframe.standing(book, now), self.next_seq - 1
            text = keyframe.later(picture, book.depth, *line.envelope(now, seq, "keyframe"))
            self._chunk(FrameKind.KEYFRAME, now, text, text.size)
            self.tables.begin(picture, book.depth, seq)

    @property
    def wants_standing(self) -> bool:
        """Whether messages are taken again after some were lost: time to `stand`."""
        return self._holed and self._taking

    def stand(self, snapshots: Iterable[Event]) -> None:
        """Write what stands besides the books, as snapshots. Every message it rests on is here."""
        self._close_chunk()
        self._holed, seq = False, self.next_seq - 1
        for event in snapshots:
            text = state_snapshots.later(event, *line.envelope(event.received, seq, "keyframe"))
            self._chunk(FrameKind.STANDING, event.received, text, text.size)
            self.tables.stood(event, seq)

    def _close_chunk(self) -> None:
        if self._lines:
            received = (self._first[0], self._last)
            self._chunks.append(Chunk(FrameKind.DATA, received, self._first[1], self._lines))
            self._lines = []

    def _chunk(
        self, kind: FrameKind, received: int, lines: Sequence[bytes] | LazyText, size: int
    ) -> None:
        self._chunks.append(Chunk(kind, (received, received), self.next_seq - 1, lines))
        self._size += size

    def _files(self, now: int) -> dict[str, Text]:
        """Small files to replace whole: the books as they stand, twice a second at most."""
        files: dict[str, Text] = {}
        if self.tables.news:
            self.tables.news = False
            files.update(self._describe(self.tables.symbols))
        if self.tables.has_books and now - self._live_at >= _LIVE_EVERY_NS:
            self._live_at = now
            files[LIVE_BOOKS] = rows.live_books(self.tables.books())
        return files

    def _segment_at(self, now: int) -> str:
        """The raw file for a batch of this instant: a new one every hour and 512 MB."""
        hour = now // HOUR_NS
        if hour != self._hour or self._writer.segment_bytes >= _SEGMENT_BYTES:
            stamp = times.to_rfc3339(hour * HOUR_NS, 0).replace("-", "").replace(":", "")
            number = 0
            while self._taken(name := f"{stamp[:13]}Z-{number:02}") or name == self._segment:
                number += 1
            self._segment, self._hour = name, hour
            self._schedule.restart()
        return self._segment

    def _keep_tables_or_not(self, now: int) -> None:
        """Stop the tables while the disk is nearly full."""
        short = self._writer.free_bytes < _TABLES_FLOOR_BYTES
        if short == self.tables.stopped:
            return
        self.tables.stopped = short
        name = "tables_stopped" if short else "tables_resumed"
        self.tables.add(
            CONNECTIONS.name, rows.connection(event=name, at=now, message="disk nearly full")
        )
        self.tables.doubt_all()
        self._schedule.restart()  # a picture of each book, for its rows to go on from
