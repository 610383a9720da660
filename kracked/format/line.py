"""One line of the raw log: a message of the exchange, verbatim, and how it came.

    {"ts_recv":1731394246022414258,"seq":17,"conn":"public","msg":{...}}

`msg` is the wire's own bytes. Bytes that would break the line (a newline, not an
object) stand as a string under `text` instead, and our own events under `event`, so
that every line is read back to the byte. A token is blanked: no secret is ever written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from kracked.errors import RecordError
from kracked.protocol import events

_LINE = re.compile(
    rb'\{"ts_recv":(\d+),"seq":(\d+),"conn":"([^"\\]*)","(msg|text|event)":(.*)\}', re.S
)
OPENING = b'{"ts_recv":'
"""How every line begins."""
_TOKEN = re.compile(rb'("token"\s*:\s*")[^"]*(")')
_CHANNEL = b'{"channel":'
_NEWLINE, _RETURN, _BRACE = b"\n\r}"

Message = tuple[str, int, bytes]
"""A frame as the feed's tap gives it: connection, time received, bytes."""

FeedEvent = (
    events.Connected | events.Reconnecting | events.Reconnected | events.Gap | events.Resync
    | events.Verified | events.Stale | events.Overflow
)  # fmt: skip
"""What befell the connection or a book, as the feed and the keeper tell it."""

_OURS: dict[str, type[FeedEvent]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        events.Connected, events.Reconnecting, events.Reconnected, events.Gap, events.Resync,
        events.Verified, events.Stale, events.Overflow,
    )
}  # fmt: skip


FEED_EVENTS = frozenset(_OURS.values())
"""For a test by `type(event) in`: `isinstance` of a union of eight costs more than a row."""


class _Tag(msgspec.Struct):
    """Which of our events it is."""

    event: str


class LogLine(NamedTuple):
    received: int
    """When the bytes reached the recorder, ns since the Unix epoch."""
    seq: int
    """Number of the message in the session, over all connections; rises by one."""
    connection: str
    data: bytes
    event: bool = False
    """Whether `data` is one of our own events and not the exchange's words."""


def pack(received: int, seq: int, connection: str, data: bytes) -> bytes:
    """The message as one line, with its newline."""
    return pack_all([(connection, received, data)], seq)[0]


def pack_all(messages: Iterable[Message], first_seq: int) -> list[bytes]:
    """Each message as one line, numbered from `first_seq` on."""
    # Nearly all are published data on one line, which hold no secret. Looking for a
    # character by its number is ten times as fast as looking for a string of one.
    return [
        _template(connection) % (received, seq, data)
        if data.startswith(_CHANNEL)
        and data[-1] == _BRACE
        and _NEWLINE not in data
        and _RETURN not in data
        else _pack_any(received, seq, connection, data)
        for seq, (connection, received, data) in enumerate(messages, first_seq)
    ]


def _pack_any(received: int, seq: int, connection: str, data: bytes) -> bytes:
    data = _TOKEN.sub(rb"\1<redacted>\2", data)
    form = "msg"
    if not data.startswith(b"{") or not data.endswith(b"}") or b"\n" in data or b"\r" in data:
        form, data = "text", msgspec.json.encode(data.decode("latin-1"))
    return _template(connection, form) % (received, seq, data)


@lru_cache(maxsize=32)
def _template(connection: str, form: str = "msg") -> bytes:
    """What remains to be filled in of a line: its time, its number, its content."""
    name = connection.replace("%", "%%")
    return f'{{"ts_recv":%d,"seq":%d,"conn":"{name}","{form}":%b}}\n'.encode()


def envelope(received: int, seq: int, connection: str) -> tuple[str, str]:
    """What stands before and after a message in its line."""
    before, _, after = (_template(connection) % (received, seq, b"\0")).decode().partition("\0")
    return before, after


def pack_event(seq: int, connection: str, event: FeedEvent) -> bytes:
    """One of our own events as a line that keeps its place among the messages."""
    content = msgspec.json.encode(event)
    return _template(connection, "event") % (event.received, seq, content)


def decode_event(entry: LogLine) -> FeedEvent:
    """The event a line of ours holds; raises `RecordError` for one of a later version."""
    try:
        tag = msgspec.json.decode(entry.data, type=_Tag)
        return msgspec.json.decode(entry.data, type=_OURS[tag.event])
    except (KeyError, msgspec.DecodeError) as error:
        raise RecordError(f"not an event: {entry.data[:80]!r}") from error


def unpack(line: bytes) -> LogLine:
    """The parts of a line; raises `RecordError` when it is none."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise RecordError(f"not a line of a raw log: {line[:80]!r}")
    received, seq, connection, form, data = match.groups()
    if form == b"text":
        data = msgspec.json.decode(data, type=str).encode("latin-1")
    return LogLine(int(received), int(seq), connection.decode(), data, form == b"event")
