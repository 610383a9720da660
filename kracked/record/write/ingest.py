"""The event loop's side of a recording: makes text of what arrives and hands it over.

Nothing here waits or touches a file. Text is made here, because making it in the writer's thread
would hold the GIL for milliseconds. Sixteen times a second, or every 128 KiB, it goes to the
thread. When the thread is too far behind, the batch is dropped whole and the gap is marked: by a
row in `connections`, and by the flag `SUSPECT` on each book's rows until its next snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from kracked import times
from kracked.format import keyframe, line
from kracked.format.coverage import Coverage
from kracked.format.frame import FrameKind
from kracked.format.keyframe import Book
from kracked.format.layout import LIVE_BOOKS
from kracked.format.lazy_text import Text, render
from kracked.format.line import Message
from kracked.format.raw_census import MARKET as MARKET_CHANNELS
from kracked.format.session_info import SymbolInfo
from kracked.format.tables import CONNECTIONS, RECORDER, Flag
from kracked.format.trade_holes import TradeHoles, TradesKnown
from kracked.protocol import events
from kracked.record.write import rows
from kracked.record.write.book_tracking import (
    KeyframeSchedule,
    PendingVerification,
    is_rebuilt_from_messages,
)
from kracked.record.write.books.live_books import live_books
from kracked.record.write.raw_chunks import RawChunks, Segments
from kracked.record.write.sinks import DroppedBatches, WriteBatch
from kracked.record.write.table_writer import CHANNEL_OF, MARKET, TableRows
from kracked.record.write.writer import TablesPause, Writer

HAND_OVER_EVERY_S = 0.06
"""A kill costs what was not handed over, and it may cost 0.15 s on a busy machine."""
_HAND_OVER_BYTES = 128 * 1024
_LIVE_EVERY_NS = times.NS_PER_S // 2
_NEVER_DROPPED = frozenset(table.name for table in RECORDER)
"""Tables with few rows that matter most: kept when a batch is dropped."""


class Ingest:
    """Gathers messages and events into batches. Lives in one event loop."""

    def __init__(
        self,
        writer: Writer,
        *,
        segment_exists: Callable[[str], bool],
        next_seq: int = 1,
        symbols: Mapping[str, SymbolInfo] = MappingProxyType({}),
        trades: Mapping[str, TradesKnown] = MappingProxyType({}),
        info_files: Callable[[Mapping[str, SymbolInfo]], Mapping[str, str]] = lambda _: {},
    ) -> None:
        """Begin a recording, or go on with one.

        Args:
            writer: Takes the batches.
            segment_exists: Tells whether there is a raw segment of this name.
            next_seq: Number of the first message to come.
            symbols: What is known of each symbol already.
            trades: What an earlier recording here knew of each symbol's trades.
            info_files: Makes the files that state what is known of the symbols. They are
                replaced before the first rows that need them are written.
        """
        self._writer = writer
        self._info_files = info_files
        self._raw = RawChunks(next_seq)
        self.tables = TableRows(symbols)
        self._schedule = KeyframeSchedule()
        self._segments = Segments(segment_exists)
        self.first_seq = next_seq
        self._live_at = 0
        self.bytes = self.gaps = 0
        self.lost = 0
        """Messages dropped because the writer was too far behind."""
        self._state_lost, self._writer_accepts = False, True
        self._dropped: DroppedBatches | None = None
        self._pending_verification = PendingVerification()
        self.pause = TablesPause(writer)
        """Whether rows are made just now."""
        self.trade_holes = TradeHoles(trades)
        """Trades that the recording lacks."""
        self.coverage = Coverage(self.trade_holes)
        self._handed_at = 0
        self._status: events.Status | None = None
        """The last one, with what is planned."""
        self._rounds = 0
        self.rejections: set[str] = set()
        """Subscriptions that the exchange has refused, and its reasons."""

    @property
    def next_seq(self) -> int:
        """Number of the next message to come."""
        return self._raw.next_seq

    @property
    def messages(self) -> int:
        """Messages that arrived, lost ones included."""
        return self._raw.next_seq - self.first_seq

    # --- what arrives -----------------------------------------------------------------

    def take(self, messages: Sequence[Message], decoded: Sequence[events.Event]) -> None:
        """Take messages and the events they brought, each list in order of arrival.

        Writing all lines and then all rows costs half of alternating between them; only feed
        events must keep their place among the messages.
        """
        kinds = set(map(type, decoded))
        if events.Trades in kinds:
            for event in decoded:
                if type(event) is events.Trades:
                    self._follow(event)
        if line.FEED_EVENTS.isdisjoint(kinds):
            first = self._raw.next_seq
            if self._raw.append(messages) == [event.received for event in decoded]:
                # As nearly always: one event a message.
                self._add_rows(decoded, range(first, self._raw.next_seq))
            else:
                self._add_rows(decoded, [*map(self._raw.seq_of, decoded)])
        else:
            self._take_in_order(messages, decoded)
        if self._raw.size >= _HAND_OVER_BYTES:
            self.hand_over(self._raw.last_received)

    def _follow(self, event: events.Event) -> None:
        """Remember the numbers of trades, and the last status for the next keyframes."""
        match event:
            case events.Trades():
                numbered = [(trade.trade_id, trade.timestamp) for trade in event.trades]
                holes, received = self.trade_holes, event.received
                holes.follow(event.symbol, numbered, received, snapshot=event.snapshot)
            case events.Status():
                self._status = event.after(self._status)

    def _add_rows(self, decoded: Sequence[events.Event], seqs: Sequence[int]) -> None:
        listed, at = [*decoded], 0
        while (at := self.tables.add_market_events(listed, seqs, at)) < len(listed):
            self.take_event(listed[at])
            at += 1

    def _take_in_order(self, messages: Sequence[Message], decoded: Iterable[events.Event]) -> None:
        """Take each event that is no market data after the messages that came before it."""
        taken = 0
        market: list[events.Event] = []
        for event in decoded:
            if type(event) in MARKET:
                market.append(event)
                continue
            before = taken
            while taken < len(messages) and messages[taken][1] <= event.received:
                taken += 1
            self._raw.append(messages[before:taken])
            self._add_rows(market, [*map(self._raw.seq_of, market)])
            market = []
            self.take_event(event)
        self._raw.append(messages[taken:])
        self._add_rows(market, [*map(self._raw.seq_of, market)])

    def take_message(self, connection: str, received: int, data: bytes) -> int:
        """Take one message and return its number in the session."""
        self._raw.append([(connection, received, data)])
        return self._raw.next_seq - 1

    def note_lost(self, count: int, now: int) -> None:
        """Note that messages were lost before they came here.

        Their numbers are left out, which marks the gap.
        """
        self._raw.skip(count)
        self.lost += count
        self._add_loss(now, count, "messages came faster than they could be kept")

    def take_event(self, event: events.Event) -> None:
        """Take one event and add the rows it makes, in whichever tables."""
        if type(event) in line.FEED_EVENTS:
            self._take_feed_event(event)  # type: ignore[arg-type]
            return
        self._follow(event)
        self.tables.add_event(event, self._raw.seq_of(event))
        match event:
            case events.Unsubscribed(channel=channel, symbol=symbol, received=at):
                self.coverage.close(channel, symbol or "", at)
            case events.Subscribed(channel=channel, symbol=symbol, received=at):
                if channel in MARKET_CHANNELS:
                    self.coverage.open(channel, symbol or "", at)
                self._add_connection_row(event, channel)
            case events.Rejected(method="subscribe"):
                self.rejections.add(rows.refusal(event))
                self._add_connection_row(event, event.channel or "")

    def finish(self, now: int) -> None:
        """Note that the recording ends on purpose, and hand everything over."""
        for gap in self._pending_verification.gaps(now):
            self._take_feed_event(gap)
        self.tables.add_lines(CONNECTIONS.name, rows.connection(event="intentional_stop", at=now))
        self.hand_over(now, last=True)

    def note_resumed(self, since: int, now: int) -> None:
        """Note that the recording goes on after an earlier one in the same folder."""
        self._take_feed_event(events.Gap(now, "", (), since, now, "recording resumed"))

    # --- clocks -----------------------------------------------------------------------

    def note_clock_jump(self, jumped_ns: int, now: int) -> None:
        """Flag rows while the computer's clock disagrees with `ts_recv`, by so many ns."""
        flag = int(Flag.BAD_CLOCK) if jumped_ns else 0
        if flag != self.tables.bad_clock:
            self.tables.bad_clock = flag
            said = f"the computer's clock was set by {jumped_ns / 1e6:+.0f} ms"
            self.tables.add_lines(CONNECTIONS.name, rows.clock(now, said if flag else "agrees"))

    def note_clock_offset(self, feed: str, offset_ms: float, now: int) -> None:
        """Note how far our clock is ahead of the exchange's, as a connection measured it."""
        text = f"ours less the exchange's {offset_ms:+.1f} ms"
        self.tables.add_lines(CONNECTIONS.name, rows.clock(now, text, feed))

    # --- feed events ------------------------------------------------------------------

    def _take_feed_event(self, event: line.FeedEvent) -> None:
        """Add a feed event: a line among the messages, and a row in `connections`."""
        feed = getattr(event, "connection", "") or getattr(event, "channel", "")
        self._pending_verification.apply(event)
        if not is_rebuilt_from_messages(event):
            text = line.pack_event(self._raw.next_seq - 1, feed, event)
            self._raw.add(FrameKind.EVENT, event.received, [text], len(text))
        match event:
            case events.Verified():
                self.tables.add_event(event, self._raw.next_seq - 1)
            case events.Resync():
                self.tables.mark_suspect(event.channel, [event.symbol])
            case events.Gap():
                self.gaps += 1
                self.tables.mark_gap(event)
                self.cover_all(event.start)
                self.coverage.add_gap(event.channel, event.symbols, event.start, event.end)
            case events.HealedTrades():
                self.tables.add_event(event, self._raw.next_seq - 1)
                self.trade_holes.heal(event.symbol, [trade.trade_id for trade in event.trades])
            case events.Overflow():
                self._add_loss(event.received, event.dropped, "events left out: too slow")
                return
        self._add_connection_row(event, feed)

    def _add_connection_row(self, event: rows.Told, feed: str) -> None:
        self.tables.add_lines(CONNECTIONS.name, rows.told(event, feed, self._raw.next_seq - 1))

    def _add_loss(self, at: int, lost: int, why: str) -> None:
        """Count a gap of lost messages, mark it and add its row."""
        self.gaps += 1
        self._mark_gap()
        self.cover_gap(at)
        self.tables.add_lines(CONNECTIONS.name, rows.gap(at, why, self._raw.next_seq - 1, lost))

    def cover_gap(self, now: int) -> None:
        """Take the time since the last hand-over from what is covered: messages of it are lost."""
        self.cover_all(self._handed_at or now)
        self.coverage.add_gap("", (), self._handed_at or now, now)

    def cover_all(self, at: int) -> None:
        """Count every symbol that has rows, though no acknowledgement came while recording."""
        self.coverage.open_all(self.tables.channels(), at)

    def _mark_gap(self) -> None:
        """Mark every book as suspect until its next snapshot, and make keyframes due."""
        self._state_lost = True
        self.tables.mark_all_suspect()
        self._schedule.restart()

    # --- snapshots of our own ---------------------------------------------------------

    def write_keyframes(self, books: Iterable[Book], now: int) -> None:
        """Write the keyframes that are due. Every message the books hold must be taken already.

        A book whose rows began without a snapshot, or lost some, gets the rows of one too.
        """
        due, rounds = self._schedule.due(books, now), self._schedule.rounds
        if self._status is not None and rounds != self._rounds:
            self._add_state(msgspec.structs.replace(self._status, received=now))
        self._rounds = rounds
        for book in due:
            snapshot, seq = keyframe.lazy_snapshot(book, now), self._raw.next_seq - 1
            self.coverage.open(CHANNEL_OF[type(snapshot)], book.symbol, now)
            text = keyframe.lazy_message(snapshot, book.depth, *line.envelope(now, seq, "keyframe"))
            self._raw.add(FrameKind.KEYFRAME, now, text, text.size)
            self.tables.add_book_if_suspect(snapshot, book.depth, seq)

    @property
    def needs_state_snapshots(self) -> bool:
        """Whether the writer accepts batches again after a loss: `write_state_snapshots` now."""
        return self._state_lost and self._writer_accepts

    def write_state_snapshots(self, snapshots: Iterable[events.Event]) -> None:
        """Write the current state besides the books, as the events of snapshots.

        Every message it rests on must be taken already.
        """
        self._state_lost, seq = False, self._raw.next_seq - 1
        for event in snapshots:
            self._add_state(event)
            self._follow(event)
            if channel := CHANNEL_OF.get(type(event)):
                self.coverage.open(channel, event.symbol, event.received)  # type: ignore[attr-defined]
            self.tables.add_state_snapshot(event, seq)

    def _add_state(self, event: events.Event) -> None:
        seq = self._raw.next_seq - 1
        text = keyframe.state_message(event, *line.envelope(event.received, seq, "keyframe"))
        self._raw.add(FrameKind.STATE, event.received, text, text.size)

    # --- handing over -----------------------------------------------------------------

    def hand_over(self, now: int, *, last: bool = False) -> None:
        """Pass what was gathered to the writer. Never waits; marks what it must drop.

        Args:
            now: The time, ns since the Unix epoch.
            last: Whether the recording ends with it, so that every file must be up to date.
        """
        self._pause_tables(now)
        self._raw.close()
        raw_size = self._raw.size
        size, gathered = raw_size + self.tables.size, self.tables.take()
        if not (self._raw.chunks or gathered or self._dropped):
            return
        if self._segments.advance(now, self._writer.segment_bytes):
            self._schedule.restart()
        files = self._files(now, last=last)
        table_rows = gathered
        if self._dropped is not None:
            at, seq, lost = self._dropped
            row = rows.gap(at, "the disk is too slow or full", seq, lost)
            table_rows = gathered | {CONNECTIONS.name: [*gathered.get(CONNECTIONS.name, ()), row]}
        batch = WriteBatch(
            received=now,
            size=size,
            segment=self._segments.name,
            chunks=self._raw.take(),
            rows=table_rows,
            files=files,
            raw_size=raw_size,
        )
        self.bytes += size
        self._handed_at = self._handed_at if self._dropped else now
        self._writer_accepts = self._writer.hand_over(batch)
        if self._writer_accepts:
            self._dropped = None
            self.trade_holes.commit()
        else:
            self.trade_holes.roll_back(now)
            self._drop(batch, gathered)

    def _drop(self, batch: WriteBatch, gathered: Mapping[str, list[Text]]) -> None:
        """Count a batch that the writer refused; keep feed events and the recorder's tables."""
        self.lost += batch.messages
        self._raw.chunks = [chunk for chunk in batch.chunks if chunk.kind is FrameKind.EVENT]
        for name in _NEVER_DROPPED & gathered.keys():
            self.tables.add_lines(name, render(gathered[name]))
        if batch.files:
            self.tables.info_changed = True
        if len(self._raw.chunks) < len(batch.chunks) or not gathered.keys() <= _NEVER_DROPPED:
            self.gaps += self._dropped is None
            before = self._dropped.lost if self._dropped else 0
            self._dropped = DroppedBatches(
                batch.received, self._raw.next_seq - 1, before + batch.messages
            )
            self._mark_gap()
            self.cover_gap(batch.received)

    def _files(self, now: int, *, last: bool) -> dict[str, Text]:
        """Return the small files to replace: news of symbols, and twice a second the books."""
        files: dict[str, Text] = {}
        if self.tables.info_changed:
            self.tables.info_changed = False
            files.update(self._info_files(self.tables.symbols))
        due = self._writer.wants_live_books and now - self._live_at >= _LIVE_EVERY_NS
        if self.tables.has_books and (due or last):
            self._live_at = now
            files[LIVE_BOOKS] = live_books(self.tables.trusted_books())
        return files

    def _pause_tables(self, now: int) -> None:
        """Pause the tables while the disk is nearly full, or their thread too far behind."""
        if not self.pause.look(self._raw.next_seq):
            return
        reason = self.pause.reason
        name = "tables_stopped" if reason else "tables_resumed"
        row = rows.connection(event=name, at=now, message=reason, seq_last=self._raw.next_seq - 1)
        self.tables.add_lines(CONNECTIONS.name, row)
        self.tables.stopped = bool(reason)
        self.tables.mark_all_suspect()
        self._schedule.restart()  # a snapshot of each book, for its rows to go on from
