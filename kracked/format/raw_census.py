"""A count of what a raw log holds, by channel and symbol: what its tables must hold as well.

It takes each line apart no further than its head, at a million lines a second, and needs
nothing but the files, so loaders can compare what they read with it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kracked.errors import RecordError
from kracked.format import frame, layout, line, tables
from kracked.format.coverage import TRADES, Coverage
from kracked.format.frame import Frame, FrameKind, mapped
from kracked.format.trade_holes import TradesKnown
from kracked.protocol.events import HealedTrades

TABLE_OF = {
    "level3": tables.ORDERS,
    "book": tables.BOOK,
    "ticker": tables.TICKER,
    "trade": tables.TRADES,
    "ohlc": tables.CANDLES,
    "executions": tables.EXECUTIONS,
    "balances": tables.BALANCES,
}
"""The table of each channel."""
MARKET = frozenset(TABLE_OF)
"""Channels whose messages become rows of tables."""
_HEAD = re.compile(
    rb'\{"ts_recv":(\d+),"seq":(\d+),"conn":"[^"]*","msg":\{"channel":"(\w+)"'
    rb'(?:,"type":"\w+","data":\[\{(?:"symbol":"([^"\\]+)")?)?'
)
_LINE = re.compile(rb'\{"ts_recv":(\d+),"seq":(\d+),"conn":"[^"]*","msg":(\{.*\})\}')
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_LAST_BYTES = 64 * 1024 * 1024
"""Packed bytes of a log that are read for its last trades: a second's work."""
_HEALED = b'"event":"healed_trades"'
_IGNORED = frozenset({b"heartbeat", b"status", b"instrument"})


class _TradeRow(msgspec.Struct):
    symbol: str
    trade_id: int
    timestamp: str = ""


class _TradeMessage(msgspec.Struct):
    type: str
    data: list[_TradeRow]


class _TradeLine(msgspec.Struct):
    ts_recv: int
    msg: _TradeMessage


_decode_trades = msgspec.json.Decoder(_TradeLine).decode


class ChannelCensus(msgspec.Struct):
    """The messages of a channel and symbol."""

    messages: int = 0
    first_received: int = 0
    """ns since the Unix epoch."""
    last_received: int = 0
    last_seq: int = 0
    """Number of the last message."""
    segments: set[str] = msgspec.field(default_factory=set)
    """Segments of the log that have some."""


Census = dict[tuple[str, str], ChannelCensus]
"""By channel, then symbol; that is empty for the account's channels."""


class LoggedFrame(NamedTuple):
    """A frame and the file it is in."""

    log: Path
    frame: Frame


def take_census(
    folder: Path, logs: Iterable[Path] | None = None, *, coverage: Coverage | None = None
) -> Census:
    """Count the messages of channels in a recording's raw log.

    Args:
        folder: The recording's.
        logs: Files to read; by default all of its raw log.
        coverage: Is told when each subscription began and ended, and which trades there are.
    """
    paths = layout.logs(folder) if logs is None else logs
    return count_frames((one for path in paths for one in frames_of(path)), coverage=coverage)


def frames_of(log: Path) -> Iterator[LoggedFrame]:
    """Yield the frames of a file, in order; their bodies are not read."""
    with mapped(log) as data:
        for found in frame.scan(data, verify=False):
            if isinstance(found, Frame):
                yield LoggedFrame(log, found)


def count_frames(
    frames: Iterable[LoggedFrame], *, after: int = 0, coverage: Coverage | None = None
) -> Census:
    """Count the messages of channels in some frames; damaged ones are left out.

    Args:
        frames: The frames, in order.
        after: Count messages with a higher number only.
        coverage: Is told when each subscription began and ended, and which trades there are.
    """
    counting = _Counting(coverage or Coverage(), after)
    for log, group in groupby(frames, key=lambda one: one.log):
        counting.segment = layout.segment_of(log)
        with mapped(log) as data:
            for _, found in group:
                with suppress(frame.DamagedFrame):
                    counting.count(found.kind, frame.unpack_body(data, found))
    return counting.census


def last_trades(folder: Path, known: Mapping[str, TradesKnown]) -> dict[str, TradesKnown]:
    """Return the trades at the end of a log whose recorder was killed, to go on from.

    Only the last frames are read. A symbol without a trade in them is left out: what is missing
    after its last one shows when the whole log is read.

    Args:
        folder: The recording's.
        known: What its recorder had last stated: holes that were there already.
    """
    size, last = 0, deque[LoggedFrame]()
    for path in reversed(layout.logs(folder)):
        for one in reversed([*frames_of(path)]):
            size += one.frame.size
            if size > _LAST_BYTES:
                break
            last.appendleft(one)
    coverage = Coverage()
    count_frames(last, coverage=coverage)
    found: dict[str, TradesKnown] = {}
    for symbol, trades in coverage.trades.known.items():
        before = known.get(symbol)
        if before is not None:
            told = {(hole.first, hole.last) for hole in trades.holes}
            older = (hole for hole in before.holes if (hole.first, hole.last) not in told)
            trades = msgspec.structs.replace(  # noqa: PLW2901
                trades, begun=min(before.begun, trades.begun), holes=(*older, *trades.holes)
            )
        found[symbol] = trades
    return found


class _Counting:
    """The census so far."""

    def __init__(self, coverage: Coverage, after: int) -> None:
        self.census: Census = {}
        self.segment = ""
        self._coverage, self._after = coverage, after

    def count(self, kind: FrameKind, body: bytes) -> None:
        """Count the lines of a frame."""
        if kind is FrameKind.EVENT:
            for text in body.splitlines():
                if _HEALED in text:
                    self._heal(text)
            return
        message = self.message if kind is FrameKind.DATA else self.state
        for text in body.splitlines():
            head = _HEAD.match(text)
            if head is None:
                self._other(text)
            elif head[3] in _IGNORED:
                continue
            elif head[4] is None:
                self._other(text)
            elif (channel := head[3].decode()) in MARKET:
                message(int(head[1]), int(head[2]), channel, head[4].decode(errors="replace"))
                if channel == TRADES:
                    self._follow(text)

    def message(self, received: int, seq: int, channel: str, symbol: str) -> None:
        """Count one message."""
        if seq <= self._after:
            return
        entry = self.census.get((channel, symbol))
        if entry is None:
            entry = self.census[channel, symbol] = ChannelCensus(first_received=received)
            self._coverage.open(channel, symbol, received)
        entry.messages += 1
        entry.last_received, entry.last_seq = received, seq
        entry.segments.add(self.segment)

    def state(self, received: int, _seq: int, channel: str, symbol: str) -> None:
        """Note a state that the recorder wrote: it had the subscription then."""
        self._coverage.open(channel, symbol, received)

    def _follow(self, text: bytes) -> None:
        """Take the numbers of the trades in a line."""
        with suppress(msgspec.DecodeError):
            found = _decode_trades(text)
            snapshot = found.msg.type != "update"
            for symbol, rows in groupby(found.msg.data, key=lambda row: row.symbol):
                numbered = [(row.trade_id, row.timestamp) for row in rows]
                self._coverage.trades.follow(symbol, numbered, found.ts_recv, snapshot=snapshot)

    def _heal(self, text: bytes) -> None:
        """Take the trades that were fetched later."""
        with suppress(RecordError):
            event = line.decode_event(line.unpack(text))
            if isinstance(event, HealedTrades):
                numbers = [trade.trade_id for trade in event.trades]
                self._coverage.trades.heal(event.symbol, numbers)

    def _other(self, text: bytes) -> None:
        """Count a message whose head has another form, or note what it acknowledges."""
        line_of = _LINE.fullmatch(text)
        if line_of is None:
            return
        with suppress(msgspec.DecodeError):
            self._take_other(int(line_of[1]), int(line_of[2]), _decode(line_of[3]), text)

    def _take_other(self, received: int, seq: int, message: dict[str, Any], text: bytes) -> None:
        data = message.get("data")
        if message.get("channel") in MARKET and isinstance(data, list) and data:
            symbol = data[0].get("symbol", "") if isinstance(data[0], dict) else ""
            private = message["channel"] in ("executions", "balances")
            self.message(received, seq, str(message["channel"]), "" if private else str(symbol))
            if message["channel"] == TRADES:
                self._follow(text)
        result = message.get("result")
        if message.get("success") is True and isinstance(result, dict):
            channel, symbol = result.get("channel"), result.get("symbol") or ""
            if channel in MARKET and message.get("method") == "subscribe":
                self._coverage.open(str(channel), str(symbol), received)
            elif channel in MARKET and message.get("method") == "unsubscribe":
                self._coverage.close(str(channel), str(symbol), received)
