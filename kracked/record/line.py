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

_LINE = re.compile(
    rb'\{"ts_recv":(\d+),"seq":(\d+),"conn":"([^"\\]*)","(msg|text|event)":(.*)\}', re.S
)
_TOKEN = re.compile(rb'("token"\s*:\s*")[^"]*(")')


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
    if data[:1] == b"{" and data[-1:] == b"}" and b"\n" not in data and b"\r" not in data:
        return b'{"ts_recv":%d,"seq":%d,"conn":"%b","msg":%b}\n' % (
            received, seq, connection.encode(), data,
        )  # fmt: skip
    text = msgspec.json.encode(data.decode("latin-1"))
    return b'{"ts_recv":%d,"seq":%d,"conn":"%b","text":%b}\n' % (
        received, seq, connection.encode(), text,
    )  # fmt: skip


def pack_event(received: int, seq: int, connection: str, event: bytes) -> bytes:
    """One of our own events, already JSON, as a line that keeps its place among the messages."""
    return b'{"ts_recv":%d,"seq":%d,"conn":"%b","event":%b}\n' % (
        received, seq, connection.encode(), event,
    )  # fmt: skip


def unpack(line: bytes) -> Line:
    """The parts of a line; raises `RecordError` when it is none."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise RecordError(f"not a line of a raw log: {line[:80]!r}")
    received, seq, connection, form, data = match.groups()
    if form == b"text":
        data = msgspec.json.decode(data, type=str).encode("latin-1")
    return Line(int(received), int(seq), connection.decode(), data, form == b"event")
