"""Lines of the raw log: each a message of the exchange, verbatim, with its time and number.

    {"ts_recv":1731394246022414258,"seq":17,"conn":"public","msg":{...}}

`msg` holds the bytes of the wire. Bytes that would break the line (a newline, no object)
are a string under `text` instead, and feed events are under `event`, so every line is read
back to the byte. Tokens are blanked: no secret is ever written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from kracked import _native
from kracked.errors import RecordError
from kracked.protocol import events

_LINE = re.compile(
    rb'\{"ts_recv":(\d{1,19}),"seq":(\d{1,19}),"conn":"([ !#-\[\]-~]*)","(msg|text|event)":(.*)\}',
    re.S,
)
OPENING = b'{"ts_recv":'
"""The first bytes of every line."""
_TOKEN = re.compile(rb'("token"\s*:\s*")[^"]*(")')
_CHANNEL = b'{"channel":'
_NEWLINE, _RETURN, _BRACE = b"\n\r}"

Message = tuple[str, int, bytes]
"""A frame as the feed's tap gives it: connection, time received, bytes."""

FeedEvent = (
    events.Connected | events.Reconnecting | events.Reconnected | events.Gap | events.Resync
    | events.Verified | events.Stale | events.Overflow | events.HealedTrades
)  # fmt: skip
"""An event that no message brought: the feed or the keeper reports a connection or a book, or
the recorder has fetched what no message brought."""

_KINDS: dict[str, type[FeedEvent]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        events.Connected, events.Reconnecting, events.Reconnected, events.Gap, events.Resync,
        events.Verified, events.Stale, events.Overflow, events.HealedTrades,
    )
}  # fmt: skip

FEED_EVENTS = frozenset(_KINDS.values())
"""Types of feed events. Test `type(event) in`: `isinstance` of all costs more than a row."""


class _Tag(msgspec.Struct):
    """The member that tells the kinds of feed event apart."""

    event: str


class LogLine(NamedTuple):
    """A line of the raw log, taken apart."""

    received: int
    """When the bytes reached the recorder, ns since the Unix epoch."""
    seq: int
    """Number of the message in the session, over all connections; rises by one."""
    connection: str
    """`public`, `level3`, `private`; `keyframe` for a snapshot of the recorder's own."""
    data: bytes
    event: bool = False
    """Whether `data` is a feed event and not the exchange's message."""


def pack(received: int, seq: int, connection: str, data: bytes) -> bytes:
    """Return a message as one line, with its newline."""
    return pack_all([(connection, received, data)], seq)[0]


def pack_all(messages: Iterable[Message], first_seq: int) -> list[bytes]:
    """Return each message as one line, numbered from `first_seq` on."""
    # Nearly all are published data on one line, without a secret. Searching bytes for a
    # character's number is ten times as fast as searching for a string of one character.
    return [
        _template(connection) % (received, seq, data)
        if data.startswith(_CHANNEL)
        and data[-1] == _BRACE
        and _NEWLINE not in data
        and _RETURN not in data
        else _pack_any(received, seq, connection, data)
        for seq, (connection, received, data) in enumerate(messages, first_seq)
    ]


def block_packer() -> Callable[[Sequence[Message], int], bytes]:
    """Return the function that makes one block of the lines of `pack_all`, in C where it is built.

    What it is given are messages, and the number of the first.
    """
    engine = _native.load()
    if engine is None:
        return lambda messages, first_seq: b"".join(pack_all(messages, first_seq))
    compiled: Callable[..., bytes] = engine.pack_lines
    return lambda messages, first_seq: compiled(messages, first_seq, _pack_any)


def _pack_any(received: int, seq: int, connection: str, data: bytes) -> bytes:
    """Return any message as a line: one that holds a token, or would break the line."""
    data = _TOKEN.sub(rb"\1<redacted>\2", data)
    form = "msg"
    if not data.startswith(b"{") or not data.endswith(b"}") or b"\n" in data or b"\r" in data:
        form, data = "text", msgspec.json.encode(data.decode("latin-1"))
    return _template(connection, form) % (received, seq, data)


@lru_cache(maxsize=32)
def _template(connection: str, form: str = "msg") -> bytes:
    """Return the format of a line, to be filled with its time, its number and its content."""
    name = connection.replace("%", "%%")
    return f'{{"ts_recv":%d,"seq":%d,"conn":"{name}","{form}":%b}}\n'.encode()


def envelope(received: int, seq: int, connection: str) -> tuple[str, str]:
    """Return the text before and after a message in its line."""
    before, _, after = (_template(connection) % (received, seq, b"\0")).decode().partition("\0")
    return before, after


def pack_event(seq: int, connection: str, event: FeedEvent) -> bytes:
    """Return a feed event as a line; `seq` is the number of the message before it."""
    content = msgspec.json.encode(event)
    return _template(connection, "event") % (event.received, seq, content)


def decode_event(entry: LogLine) -> FeedEvent:
    """Return the feed event in a line; raises `RecordError` for one of a later version."""
    try:
        tag = msgspec.json.decode(entry.data, type=_Tag)
        return msgspec.json.decode(entry.data, type=_KINDS[tag.event])
    except (KeyError, msgspec.DecodeError) as error:
        raise RecordError(f"not an event: {entry.data[:80]!r}") from error


def unpack(line: bytes) -> LogLine:
    """Take a line apart; raises `RecordError` for any other bytes."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise RecordError(f"not a line of a raw log: {line[:80]!r}")
    received, seq, connection, form, data = match.groups()
    if form == b"text":
        try:
            data = msgspec.json.decode(data, type=str).encode("latin-1")
        except (msgspec.DecodeError, UnicodeError):
            raise RecordError(f"not a line of a raw log: {line[:80]!r}") from None
    return LogLine(int(received), int(seq), connection.decode(), data, form == b"event")
