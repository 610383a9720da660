"""Answers to requests, and whatever else is no channel's data, to events.

Refusals often name neither channel nor symbol; only the request's `req_id` then says
what was refused. Source: docs.kraken.com/api/docs/guides/spot-ws-intro
"""

from __future__ import annotations

import re

import msgspec

from kracked.protocol import events, wire
from kracked.protocol.events import Event
from kracked.protocol.number_parser import exact

MAX_TEXT = 300
"""How much of an unreadable message `Malformed` keeps."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no message; brackets can be nested too deep."""

PROXY_NOTICE = b"CloudFlare"
"""Begins the one text frame that is no JSON and no damage: a coming disconnect."""

MARKET_CHANNELS = ("ticker", "book", "level3", "trade", "ohlc", "instrument")
PRIVATE_CHANNELS = ("executions", "balances")
CHANNELS = frozenset((*MARKET_CHANNELS, *PRIVATE_CHANNELS, "status", "heartbeat"))

_reply = msgspec.json.Decoder(wire.WireReply).decode
_subscription = msgspec.json.Decoder(wire.SubscriptionResult).decode
_any_value = msgspec.json.Decoder(float_hook=exact).decode

# What a broken message was about can still be read off its text, mostly.
_SYMBOL = re.compile(rb'"symbol"\s*:\s*"([A-Za-z0-9./:]+)"')
_CHANNEL = re.compile(rb'"channel"\s*:\s*"([a-z0-9_]+)"')


def decode_other(data: bytes, received: int, reason: str) -> list[Event]:
    """What a message says that is no known channel's data; `reason` is why it is not."""
    if data.startswith(PROXY_NOTICE):
        return [events.Notice(received, data[:MAX_TEXT].decode(errors="replace").strip())]
    try:
        reply = _reply(data)
    except UNREADABLE:
        return [malformed(data, received, reason)]
    if reply.method is not None or reply.error or reply.Error:
        return [_answer(reply, data, received)]
    if reply.channel is None:
        return [malformed(data, received, "neither a method nor a channel")]
    if reply.channel in CHANNELS:
        return [malformed(data, received, reason)]
    return [events.Unknown(received, reply.channel)]


def _answer(reply: wire.WireReply, data: bytes, received: int) -> Event:
    error = reply.error or reply.Error
    if error is not None or reply.success is False:
        return events.Rejected(
            received, reply.method, error or "", reply.req_id, reply.symbol, reply.channel
        )
    if reply.method == "pong":
        return events.Pong(received, reply.req_id, reply.time_in, reply.time_out)
    try:
        if reply.method in ("subscribe", "unsubscribe"):
            return _subscription_answer(reply, received)
        result = _any_value(reply.result) if bytes(reply.result) else {}
    except UNREADABLE as problem:
        return malformed(data, received, str(problem))
    if reply.orders_cancelled is not None:
        result = {"count": reply.orders_cancelled}
    return events.Replied(
        received, reply.method or "", result, reply.req_id, reply.time_in, reply.time_out
    )


def _subscription_answer(reply: wire.WireReply, received: int) -> Event:
    result = _subscription(reply.result)
    if reply.method == "unsubscribe":
        return events.Unsubscribed(
            received, result.channel, result.symbol, result.depth, result.interval, reply.req_id
        )
    return events.Subscribed(
        received,
        result.channel,
        result.symbol,
        result.depth,
        result.interval,
        result.snapshot,
        reply.req_id,
        tuple(result.warnings or ()),
        result.maxratecount,
    )


def malformed(data: bytes, received: int, reason: str) -> events.Malformed:
    """Keeps the text, and finds out whose data is lost with it as far as it can be read."""
    text = data[:MAX_TEXT].decode(errors="replace")
    symbol, channel = _SYMBOL.search(data), _CHANNEL.search(data)
    return events.Malformed(
        received,
        text,
        reason,
        symbol[1].decode() if symbol else None,
        channel[1].decode() if channel else None,
    )
