"""A count of what a raw log holds, by channel and symbol: what its tables must hold as well.

It takes each line apart no further than its head, at a million lines a second, and needs
nothing but the files, so loaders can compare what they read with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from kracked.format import frame, layout
from kracked.format.coverage import Coverage
from kracked.format.frame import Frame, FrameKind, mapped

MARKET = frozenset({"book", "level3", "ticker", "trade", "ohlc", "executions", "balances"})
"""Channels whose messages become rows of tables."""
_HEAD = re.compile(
    rb'\{"ts_recv":(\d+),"seq":(\d+),"conn":"[^"]*","msg":\{"channel":"(\w+)"'
    rb'(?:,"type":"\w+","data":\[\{(?:"symbol":"([^"\\]+)")?)?'
)
_LINE = re.compile(rb'\{"ts_recv":(\d+),"seq":(\d+),"conn":"[^"]*","msg":(\{.*\})\}')
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_IGNORED = frozenset({b"heartbeat", b"status", b"instrument"})


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


def take_census(
    folder: Path, logs: Iterable[Path] | None = None, *, coverage: Coverage | None = None
) -> Census:
    """Count the messages of channels in a recording's raw log.

    Args:
        folder: The recording's.
        logs: Files to read; by default all of its raw log.
        coverage: Is told when each subscription began and ended.
    """
    counting = _Counting(coverage or Coverage())
    for path in layout.logs(folder) if logs is None else logs:
        counting.segment = layout.segment_of(path)
        with mapped(path) as data:
            for found in frame.scan(data, verify=False):
                if not isinstance(found, Frame) or found.kind is FrameKind.EVENT:
                    continue
                with suppress(frame.DamagedFrame):
                    count = counting.message if found.kind is FrameKind.DATA else counting.state
                    _each_line(frame.unpack_body(data, found), count, counting.other)
    return counting.census


class _Counting:
    """The census so far."""

    def __init__(self, coverage: Coverage) -> None:
        self.census: Census = {}
        self.segment = ""
        self._coverage = coverage

    def message(self, received: int, seq: int, channel: str, symbol: str) -> None:
        """Count one message."""
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

    def other(self, received: int, seq: int, message: dict[str, Any]) -> None:
        """Count a message whose head has another form, or note what it acknowledges."""
        data = message.get("data")
        if message.get("channel") in MARKET and isinstance(data, list) and data:
            symbol = data[0].get("symbol", "") if isinstance(data[0], dict) else ""
            self.message(received, seq, str(message["channel"]), _symbol(message, symbol))
        result = message.get("result")
        if message.get("success") is True and isinstance(result, dict):
            channel, symbol = result.get("channel"), result.get("symbol") or ""
            if channel in MARKET and message.get("method") == "subscribe":
                self._coverage.open(str(channel), str(symbol), received)
            elif channel in MARKET and message.get("method") == "unsubscribe":
                self._coverage.close(str(channel), str(symbol), received)


def _symbol(message: dict[str, Any], symbol: object) -> str:
    return "" if message["channel"] in ("executions", "balances") else str(symbol)


def _each_line(
    body: bytes,
    count: Callable[[int, int, str, str], None],
    other: Callable[[int, int, dict[str, Any]], None],
) -> None:
    for text in body.splitlines():
        head = _HEAD.match(text)
        if head is not None and head[3] in _IGNORED:
            continue
        if head is not None and head[4] is not None:
            channel = head[3].decode()
            if channel in MARKET:
                count(int(head[1]), int(head[2]), channel, head[4].decode(errors="replace"))
            continue
        line = _LINE.fullmatch(text)
        if line is not None:
            with suppress(msgspec.DecodeError):
                other(int(line[1]), int(line[2]), _decode(line[3]))
