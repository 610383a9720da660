"""What a recording's own events do to the trust in its books when it is read again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kracked.book.keeper import BookKeeper
from kracked.format import frame, keyframe, line
from kracked.format.frame import FrameKind
from kracked.format.session_info import SessionInfo, SymbolInfo
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record.read.book_rebuilder import BookRebuilder
from tests.record.seeded_market import Level3Market

HEALED = 2_000
"""When the snapshot came that ended the gaps told here."""


@pytest.fixture
def rebuilder() -> BookRebuilder:
    """A book proven by a snapshot that came at HEALED."""
    rebuilder, market = BookRebuilder(SessionInfo(start="")), Level3Market()
    rebuilder.apply(FrameKind.DATA, line.LogLine(HEALED, 1, "level3", market.snapshot()))
    assert rebuilder.keeper.l3[market.symbol].verified
    return rebuilder


def trusted_after(rebuilder: BookRebuilder, event: line.FeedEvent) -> bool:
    entry = line.unpack(line.pack_event(1, "level3", event).rstrip(b"\n"))
    told: list[Event] = rebuilder.apply(FrameKind.EVENT, entry)
    assert told == [event]
    return rebuilder.keeper.l3["BTC/USD"].verified


def gap(end: int, channel: str = "level3", *symbols: str) -> events.Gap:
    return events.Gap(end, channel, symbols, 1_000, end, "lost")


def test_a_gap_is_told_after_the_snapshot_that_ended_it_and_leaves_that_alone(
    rebuilder: BookRebuilder,
) -> None:
    assert trusted_after(rebuilder, gap(HEALED, "level3", "BTC/USD"))


def test_a_gap_that_nothing_has_ended_is_doubted(rebuilder: BookRebuilder) -> None:
    assert not trusted_after(rebuilder, gap(HEALED + 1, "level3", "BTC/USD"))


def test_a_gap_in_everything_concerns_every_book(rebuilder: BookRebuilder) -> None:
    assert not trusted_after(rebuilder, gap(HEALED + 1, ""))


def test_a_gap_of_another_channel_or_symbol_concerns_no_other_book(
    rebuilder: BookRebuilder,
) -> None:
    assert trusted_after(rebuilder, gap(HEALED + 1, "instrument"))
    assert trusted_after(rebuilder, gap(HEALED + 1, "book", "BTC/USD"))
    assert trusted_after(rebuilder, gap(HEALED + 1, "level3", "ETH/USD"))


@pytest.mark.parametrize(("connection", "trusted"), [("level3", False), ("public", True)])
def test_a_book_is_doubted_while_its_connection_is_lost(
    rebuilder: BookRebuilder, connection: str, trusted: bool
) -> None:
    lost = events.Reconnecting(HEALED + 1, connection, "wss://example", "reset", 1, 0.5)
    assert trusted_after(rebuilder, lost) is trusted


def test_before_the_first_message_that_came_some_may_be_missing() -> None:
    """A recording that joined a running feed begins with its books, before any message."""
    rebuilder, market, keeper = BookRebuilder(SessionInfo(start="")), Level3Market(), BookKeeper()
    keeper.receive(market.snapshot(), HEALED)
    picture = keyframe.encode(keeper.l3[market.symbol])
    rebuilder.apply(FrameKind.KEYFRAME, line.LogLine(HEALED, 0, "keyframe", picture))
    assert rebuilder.keeper.l3[market.symbol].verified
    market.update()  # message 1, which was lost
    rebuilder.apply(FrameKind.DATA, line.LogLine(HEALED + 2, 2, "level3", market.update()))
    assert not rebuilder.keeper.l3[market.symbol].verified
    assert rebuilder.lost == 1


def test_a_connection_that_greets_leaves_the_books_of_another_as_deep_as_they_are() -> None:
    rebuilder, market = BookRebuilder(SessionInfo(start="")), Level3Market(depth=1000)
    greeting = (
        b'{"channel":"status","type":"update","data":[{"system":"online","connection_id":7}]}'
    )
    for seq, message in enumerate((market.acknowledge(), greeting, market.snapshot()), 1):
        rebuilder.apply(FrameKind.DATA, line.LogLine(HEALED + seq, seq, "level3", message))
    assert rebuilder.keeper.l3[market.symbol].depth == 1000


def spoilt(message: bytes) -> bytes:
    """The same with a price that has too many digits."""
    return message.replace(b'"limit_price":6', b'"limit_price":6.0000000001', 1)


@pytest.mark.parametrize("odd", [lambda m: m, spoilt, lambda m: m[:-5], lambda _: b"CloudFlare"])
@pytest.mark.parametrize("symbol", ["", "BTC/USD"])
def test_a_frame_taken_at_once_is_the_frame_taken_line_by_line(
    odd: Callable[[bytes], bytes], symbol: str
) -> None:
    market = Level3Market()
    messages = [market.snapshot(), *(market.update() for _ in range(9))]
    messages[5] = odd(messages[5])
    messages[3:3] = [b'{"channel":"heartbeat"}', b'{"channel":"ticker","data":[]}']
    messages[:0] = [b'{"channel":"status","data":[{"system":"online","connection_id":7}]}']
    lines = [line.pack(100 + seq, seq, "level3", data) for seq, data in enumerate(messages, 1)]
    packed = frame.pack(lines, kind=FrameKind.DATA, count=len(lines), received=(101, 112), seq=1)
    [found] = frame.scan(packed)
    assert isinstance(found, frame.Frame)
    at_once, singly = (BookRebuilder(SessionInfo(start=""), symbol) for _ in range(2))
    at_once.apply_frame(found, frame.unpack_body(packed, found))
    for text in lines:
        singly.apply(FrameKind.DATA, line.unpack(text.rstrip(b"\n")))
    assert at_once.verification() == singly.verification()
    [one, other] = (rebuilder.keeper.l3["BTC/USD"] for rebuilder in (at_once, singly))
    assert keyframe.encode(one) == keyframe.encode(other)
    assert (one.verified, one.received, at_once.seq) == (other.verified, other.received, singly.seq)


def test_a_keyframe_that_cannot_be_read_is_a_wrong_one(rebuilder: BookRebuilder) -> None:
    message = keyframe.encode(rebuilder.keeper.l3["BTC/USD"])
    other = BookRebuilder(SessionInfo(start=""))
    other.apply(FrameKind.KEYFRAME, line.LogLine(HEALED, 1, "keyframe", spoilt(message)[:-9]))
    found = other.verification()
    assert (found.keyframes, found.keyframes_wrong) == (1, 1)


@pytest.mark.parametrize("stated", [(0, 8), (2, 10)])
def test_a_keyframe_is_read_with_the_decimals_of_its_time(
    rebuilder: BookRebuilder, stated: tuple[int, int]
) -> None:
    """The instrument's may have changed before it or since."""
    message = keyframe.encode(rebuilder.keeper.l3["BTC/USD"])
    subject = SymbolInfo(price_precision=stated[0], qty_precision=stated[1])
    other = BookRebuilder(SessionInfo(start="", symbols={"BTC/USD": subject}))
    other.apply(FrameKind.KEYFRAME, line.LogLine(HEALED, 1, "keyframe", message))
    assert other.keeper.l3["BTC/USD"].verified
    assert keyframe.encode(other.keeper.l3["BTC/USD"]) == message
