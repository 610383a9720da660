"""One line of the raw log: a message of the exchange, verbatim, and how it came.

    {"ts_recv":1731394246022414258,"seq":17,"conn":"public","msg":{...}}

`msg` is the wire's own bytes. Bytes that would break the line (a newline, not an
object) stand as a string under `text` instead, and our own events under `event`, so
that every line is read back to the byte. A token is blanked: no secret is ever written.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from kracked.errors import RecordError
from kracked.protocol import events

_LINE = re.compile(
    rb'\{"ts_recv":(\d+),"seq":(\d+),"conn":"([^"\\]*)","(msg|text|event)":(.*)\}', re.S
)
_TOKEN = re.compile(rb'("token"\s*:\s*")[^"]*(")')


OurEvent = (
    events.Connected | events.Reconnecting | events.Reconnected | events.Gap | events.Resync
    | events.Verified | events.Stale | events.Overflow
)  # fmt: skip
"""What befell the connection or a book, as the feed and the keeper tell it."""

_OURS: dict[str, type[OurEvent]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        events.Connected, events.Reconnecting, events.Reconnected, events.Gap, events.Resync,
        events.Verified, events.Stale, events.Overflow,
    )
}  # fmt: skip


OUR_KINDS = frozenset(_OURS.values())
"""For a test by `type(event) in`: `isinstance` of a union of eight costs more than a row."""


class _Tag(msgspec.Struct):
    """The name of an event stands under `event`, or under `type` if it is of one symbol."""

    event: str = ""
    type: str = ""


class Line(NamedTuple):
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
    if b'"token"' in data:
        data = _TOKEN.sub(rb"\1<redacted>\2", data)
    form = b"msg"
    if not data.startswith(b"{") or not data.endswith(b"}") or b"\n" in data or b"\r" in data:
        form, data = b"text", msgspec.json.encode(data.decode("latin-1"))
    return b'{"ts_recv":%d,"seq":%d,"conn":"%b","%b":%b}\n' % (
        received, seq, connection.encode(), form, data,
    )  # fmt: skip


def pack_event(seq: int, connection: str, event: OurEvent) -> bytes:
    """One of our own events as a line that keeps its place among the messages."""
    return b'{"ts_recv":%d,"seq":%d,"conn":"%b","event":%b}\n' % (
        event.received, seq, connection.encode(), msgspec.json.encode(event),
    )  # fmt: skip


def event_of(entry: Line) -> OurEvent:
    """The event a line of ours holds; raises `RecordError` for one of a later version."""
    try:
        tag = msgspec.json.decode(entry.data, type=_Tag)
        return msgspec.json.decode(entry.data, type=_OURS[tag.event or tag.type])
    except (KeyError, msgspec.DecodeError) as error:
        raise RecordError(f"not an event: {entry.data[:80]!r}") from error


def unpack(line: bytes) -> Line:
    """The parts of a line; raises `RecordError` when it is none."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise RecordError(f"not a line of a raw log: {line[:80]!r}")
    received, seq, connection, form, data = match.groups()
    if form == b"text":
        data = msgspec.json.decode(data, type=str).encode("latin-1")
    return Line(int(received), int(seq), connection.decode(), data, form == b"event")
