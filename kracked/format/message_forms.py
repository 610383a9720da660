"""The nature of a line without a message of the exchange, in words for the one who wrote it.

A log of raw messages has one message a line, as it came. Other programs write the requests of
the client between them, put a time in front, wrap messages, or print them over several lines.
"""

from __future__ import annotations

import re

import msgspec

_EXPECTED = "expected one message of the exchange a line, as it came"
_SHOWN = 40
_OUTER = re.compile(rb"[^{\[]{1,80}(?=[{\[])")
_WRAPPED = ("msg", "message", "data", "payload", "raw", "frame", "body", "content")


class _Line(msgspec.Struct):
    """The members by which requests and their answers are known."""

    method: str = ""
    params: msgspec.Raw = msgspec.Raw()
    success: bool | None = None
    result: msgspec.Raw = msgspec.Raw()
    channel: str = ""


_decode = msgspec.json.Decoder(_Line).decode


def is_of_client(line: bytes) -> bool:
    """Whether a line is a client's own request, or an answer without a result."""
    try:
        found = _decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    answered = found.success is not None and not found.result
    return bool(found.method) and not found.channel and (bool(found.params) or answered)


def describe_line(line: bytes) -> str:
    """Return what a line that is no message is, and what was expected; empty if that is unclear."""
    text = line.strip()
    if text.startswith(b"["):
        return f"a JSON array; {_EXPECTED}"
    if text in (b"{", b"}", b"},", b"]", b"],") or text.startswith(b'"'):
        return f"part of a message that is printed over several lines; {_EXPECTED}"
    if text.startswith(b"{"):
        return _describe_object(text)
    if (before := _OUTER.match(text)) is not None:
        shown = before[0][:_SHOWN].decode(errors="replace").strip()
        return f"text before the message ({shown}); {_EXPECTED}"
    return f"no JSON; {_EXPECTED}"


def _describe_object(text: bytes) -> str:
    try:
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    for name in _WRAPPED:
        if name in members and "channel" not in members and "method" not in members:
            return f"an envelope, with the message under {name}; {_EXPECTED}"
    return ""
