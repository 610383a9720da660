"""What a recording's own events do to the trust in its books when it is read again."""

from __future__ import annotations

import pytest

from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record import line
from kracked.record.folder import SessionInfo
from kracked.record.frame import FrameKind
from kracked.record.walk import Walk
from tests.record.market import Level3Market

HEALED = 2_000
"""When the snapshot came that ended the gaps told here."""


@pytest.fixture
def walk() -> Walk:
    """A book proven by a snapshot that came at HEALED."""
    walk, market = Walk(SessionInfo(start="")), Level3Market()
    walk.take(FrameKind.DATA, line.Line(HEALED, 1, "level3", market.snapshot()))
    assert walk.keeper.orders[market.symbol].verified
    return walk


def trusted_after(walk: Walk, event: line.OurEvent) -> bool:
    entry = line.unpack(line.pack_event(1, "level3", event).rstrip(b"\n"))
    told: list[Event] = walk.take(FrameKind.EVENT, entry)
    assert told == [event]
    return walk.keeper.orders["BTC/USD"].verified


def gap(end: int, channel: str = "level3", *symbols: str) -> events.Gap:
    return events.Gap(end, channel, symbols, 1_000, end, "lost")


def test_a_gap_is_told_after_the_snapshot_that_ended_it_and_leaves_that_alone(walk: Walk) -> None:
    assert trusted_after(walk, gap(HEALED, "level3", "BTC/USD"))


def test_a_gap_that_nothing_has_ended_is_doubted(walk: Walk) -> None:
    assert not trusted_after(walk, gap(HEALED + 1, "level3", "BTC/USD"))


def test_a_gap_in_everything_concerns_every_book(walk: Walk) -> None:
    assert not trusted_after(walk, gap(HEALED + 1, ""))


def test_a_gap_of_another_channel_or_symbol_concerns_no_other_book(walk: Walk) -> None:
    assert trusted_after(walk, gap(HEALED + 1, "instrument"))
    assert trusted_after(walk, gap(HEALED + 1, "book", "BTC/USD"))
    assert trusted_after(walk, gap(HEALED + 1, "level3", "ETH/USD"))


@pytest.mark.parametrize(("connection", "trusted"), [("level3", False), ("public", True)])
def test_a_book_is_doubted_while_its_connection_is_lost(
    walk: Walk, connection: str, trusted: bool
) -> None:
    lost = events.Reconnecting(HEALED + 1, connection, "wss://example", "reset", 1, 0.5)
    assert trusted_after(walk, lost) is trusted
