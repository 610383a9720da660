"""Damage to single messages: bytes in, worse bytes out."""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from kracked.protocol import encode
from kracked.times import parse_ns

HUGE_BYTES = 4 * 2**20

_HEAD = re.compile(
    rb'\{"channel":"(\w+)","type":"(\w+)"(?:,"timestamp":"[^"]*")?,"data":\[\{"symbol":"([^"]+)"'
)
_ACCOUNT_HEAD = re.compile(rb'\{"channel":"(executions|balances)","type":"(\w+)"')
_CHECKSUM = re.compile(rb'"checksum":(\d+)')
_STRUCTURE = re.compile(rb'[{}\[\]"]')
"""None of these occurs inside a string of ours."""
_LAST_STAMP = re.compile(rb'(?<="timestamp":")[^"]+(?="\}\]\}$)')
"""A message's own time, which comes after the times of the orders in it."""
_ANSWER_STAMP = re.compile(rb'(?<="time_in":")[^"]+|(?<="time_out":")[^"]+')
_NANOS_LENGTH = len("2026-01-01T00:00:00.000000000Z")


class MessageHead(NamedTuple):
    """The channel, kind and symbol that a message begins with."""

    channel: str
    kind: str
    """`snapshot` or `update`."""
    symbol: str
    """Empty for the account's channels."""


def read_head(message: bytes) -> MessageHead | None:
    """Read the head of a channel's message; return None for answers and the like."""
    if (head := _HEAD.match(message)) is not None:
        return MessageHead(*(part.decode() for part in head.groups()))
    if (head := _ACCOUNT_HEAD.match(message)) is not None:
        return MessageHead(head[1].decode(), head[2].decode(), "")
    return None


def wrong_checksum(message: bytes) -> bytes:
    """Flip one bit of the stated checksum."""
    return _CHECKSUM.sub(lambda found: b'"checksum":%d' % (int(found[1]) ^ 1), message)


def broken_json(message: bytes, random: Random) -> bytes:
    """Cut a message short, or leave out one structural character: it is never valid JSON."""
    if random.random() < 0.5:
        return message[: random.randrange(1, len(message))]
    place = random.choice([found.start() for found in _STRUCTURE.finditer(message)])
    return message[:place] + message[place + 1 :]


def time_of(message: bytes) -> int | None:
    """Return when a message says it was sent, ns since the Unix epoch; None if it does not."""
    stamp = _LAST_STAMP.search(message)
    return None if stamp is None else parse_ns(stamp[0].decode())


def shifted(message: bytes, by_ns: int) -> bytes:
    """Return the message as a clock that is `by_ns` off would have sent it."""

    def shift(found: re.Match[bytes]) -> bytes:
        """Return a stamp, shifted, with as many decimals."""
        ns = parse_ns(found[0].decode()) + by_ns
        write = encode.nanos if len(found[0]) == _NANOS_LENGTH else encode.micros
        return write(ns).encode()

    return _ANSWER_STAMP.sub(shift, _LAST_STAMP.sub(shift, message))


def huge() -> bytes:
    """Return a valid message of an unknown channel, larger than many clients' limit."""
    return b'{"channel":"filler","type":"update","data":["%s"]}' % (b"x" * HUGE_BYTES)


def torn_frame(message: bytes, random: Random) -> bytes:
    """Return the raw bytes of a text frame that announces more bytes than it has.

    Source: RFC 6455, section 5.2
    """
    length = len(message) + random.randrange(1, 1000)
    return bytes([0x81, 0x7F]) + length.to_bytes(8) + message
