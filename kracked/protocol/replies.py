"""Decodes answers to requests, and every other message that is no channel's data, to events.

Refusals often name neither channel nor symbol; only the request's `req_id` then shows
what was refused. Source: docs.kraken.com/api/docs/guides/spot-ws-intro
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from kracked.errors import ProtocolError
from kracked.protocol import events, wire
from kracked.protocol.events import Event
from kracked.protocol.number_parser import exact

MAX_TEXT = 300
"""Bytes of an unreadable message that `Malformed` retains."""

UNREADABLE = (
    msgspec.MsgspecError,
    ProtocolError,
    ValueError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)
"""Errors of decoding bytes that are no message: `ValueError` for text that is no UTF-8 and
numbers beyond what Python converts, `RecursionError` for brackets nested too deep."""

PROXY_NOTICE = b"CloudFlare"
"""The beginning of the one text frame that is no JSON and no damage: a coming disconnect."""

LONE_SURROGATE = re.compile(
    rb"\\u[dD][89aAbB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89aAbB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""Half a character, as JSON lets one write it. No text can hold it, and one costs a whole frame."""

MARKET_CHANNELS = ("ticker", "book", "level3", "trade", "ohlc", "instrument")
PRIVATE_CHANNELS = ("executions", "balances")
CHANNELS = frozenset((*MARKET_CHANNELS, *PRIVATE_CHANNELS, "status", "heartbeat"))

_reply = msgspec.json.Decoder(wire.WireReply).decode
_subscription = msgspec.json.Decoder(wire.SubscriptionResult, strict=False).decode
_texts = msgspec.json.Decoder(tuple[str, ...]).decode
_count = msgspec.json.Decoder(wire.Count, strict=False).decode
_any_value = msgspec.json.Decoder(float_hook=exact).decode

_T = TypeVar("_T")

# The subject of a broken message can mostly still be read off its text.
_SYMBOL = re.compile(rb'"symbol"\s*:\s*"([A-Za-z0-9./:]+)"')
_CHANNEL = re.compile(rb'"channel"\s*:\s*"([a-z0-9_]+)"')


def decode_other(data: bytes, received: int, reason: str) -> list[Event]:
    """Return the event of a message that is no known channel's data.

    Args:
        data: The message as it came.
        received: When it came, ns since the Unix epoch.
        reason: Why it could not be decoded as a channel's data.
    """
    if data.startswith(PROXY_NOTICE):
        return [events.Notice(received, data[:MAX_TEXT].decode(errors="replace").strip())]
    try:
        reply = _reply(data)
    except UNREADABLE:
        return [malformed(data, received, reason)]
    if reply.method is not None or reply.error or reply.Error:
        return [_reply_event(reply, data, received)]
    if reply.channel is None:
        return [malformed(data, received, "neither a method nor a channel")]
    if reply.channel in CHANNELS:
        return [malformed(data, received, reason)]
    return [events.Unknown(received, reply.channel)]


def _reply_event(reply: wire.WireReply, data: bytes, received: int) -> Event:
    error = reply.error or reply.Error
    if error is not None or reply.success is False:
        return events.Rejected(
            received, reply.method, error or "", reply.req_id, reply.symbol, reply.channel
        )
    if reply.method == "pong":
        return events.Pong(received, reply.req_id, reply.time_in, reply.time_out)
    try:
        if reply.method in ("subscribe", "unsubscribe"):
            return _subscription_event(reply, received)
        result = _any_value(reply.result) if bytes(reply.result) else {}
    except UNREADABLE as problem:
        return malformed(data, received, str(problem))
    if reply.orders_cancelled is not None:
        result = {"count": reply.orders_cancelled}
    return events.Replied(
        received, reply.method or "", result, reply.req_id, reply.time_in, reply.time_out
    )


def _subscription_event(reply: wire.WireReply, received: int) -> Event:
    result = _subscription(reply.result)
    if reply.method == "unsubscribe":
        return events.Unsubscribed(
            received, result.channel, result.symbol, result.depth, result.interval, reply.req_id
        )
    return events.Subscribed(
        received,
        result.channel,
        symbol=result.symbol,
        depth=result.depth,
        interval=result.interval,
        snapshot=result.snapshot,
        req_id=reply.req_id,
        warnings=_or_none(_texts, result.warnings) or (),
        max_rate_count=_or_none(_count, result.maxratecount),
    )


def _or_none(read: Callable[[msgspec.Raw], _T], raw: msgspec.Raw) -> _T | None:
    """Return what a member that decides nothing says; None where it cannot be read."""
    try:
        return read(raw)
    except UNREADABLE:
        return None


def malformed(data: bytes, received: int, reason: str) -> events.Malformed:
    """Return a `Malformed`, with the symbol and channel as far as they can be read."""
    text = data[:MAX_TEXT].decode(errors="replace")
    symbol, channel = _SYMBOL.search(data), _CHANNEL.search(data)
    return events.Malformed(
        received,
        text,
        reason,
        symbol[1].decode() if symbol else None,
        channel[1].decode() if channel else None,
    )
