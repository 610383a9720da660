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
"""None of these stands inside a string of ours."""
_LAST_STAMP = re.compile(rb'(?<="timestamp":")[^"]+(?="\}\]\}$)')
"""A message's own time; those of the orders in it stand further in."""
_ANSWER_STAMP = re.compile(rb'(?<="time_in":")[^"]+|(?<="time_out":")[^"]+')
_NANOS_LENGTH = len("2026-01-01T00:00:00.000000000Z")


class About(NamedTuple):
    """What a message is about."""

    channel: str
    kind: str
    """`snapshot` or `update`."""
    symbol: str
    """Empty for the account's channels."""


def about(message: bytes) -> About | None:
    """Read off the head of a channel's message; None for answers and the like."""
    if (head := _HEAD.match(message)) is not None:
        return About(*(part.decode() for part in head.groups()))
    if (head := _ACCOUNT_HEAD.match(message)) is not None:
        return About(head[1].decode(), head[2].decode(), "")
    return None


def wrong_checksum(message: bytes) -> bytes:
    """One bit of the stated checksum flipped."""
    return _CHECKSUM.sub(lambda found: b'"checksum":%d' % (int(found[1]) ^ 1), message)


def broken_json(message: bytes, random: Random) -> bytes:
    """Cut short, or with one structural character missing: never valid JSON."""
    if random.random() < 0.5:
        return message[: random.randrange(1, len(message))]
    place = random.choice([found.start() for found in _STRUCTURE.finditer(message)])
    return message[:place] + message[place + 1 :]


def time_of(message: bytes) -> int | None:
    """When the message says it was sent, ns since the Unix epoch."""
    stamp = _LAST_STAMP.search(message)
    return None if stamp is None else parse_ns(stamp[0].decode())


def shifted(message: bytes, by_ns: int) -> bytes:
    """The same message, sent by a clock that is `by_ns` off."""

    def shift(found: re.Match[bytes]) -> bytes:
        ns = parse_ns(found[0].decode()) + by_ns
        write = encode.nanos if len(found[0]) == _NANOS_LENGTH else encode.micros
        return write(ns).encode()

    return _ANSWER_STAMP.sub(shift, _LAST_STAMP.sub(shift, message))


def huge() -> bytes:
    """A valid message of an unknown channel, larger than many clients' limit."""
    return b'{"channel":"filler","type":"update","data":["%s"]}' % (b"x" * HUGE_BYTES)


def torn_frame(message: bytes, random: Random) -> bytes:
    """The raw bytes of a text frame that promises more than comes.

    Source: RFC 6455, section 5.2
    """
    length = len(message) + random.randrange(1, 1000)
    return bytes([0x81, 0x7F]) + length.to_bytes(8) + message
