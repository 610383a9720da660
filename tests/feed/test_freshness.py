"""Freshness: what is contradicted or mute is stale, and renewed alone; what is quiet is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from kracked.feed.freshness import Freshness
from kracked.protocol import events
from kracked.protocol.client.subscription import Subscription
from kracked.times import NS_PER_S
from tests.feed.rig import Rig

BTC = "BTC/USD"


def frames(channel: str) -> bytes:
    """Return the beginning that the frames of a channel have in common."""
    return f'{{"channel":"{channel}","type":'.encode()


def heard(rig: Rig, seconds: float) -> list[events.Event]:
    """Return every event of some seconds."""
    with rig.feed.consumer() as consumer:
        rig.live(seconds)
        return consumer.take()


def stale(happened: Sequence[events.Event]) -> set[tuple[str, str]]:
    return {(one.channel, one.symbol) for one in happened if isinstance(one, events.Stale)}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("channel", ["book", "level3"])
def test_a_book_whose_frames_stop_is_stale_within_two_seconds_of_a_contradiction(
    channel: str, seed: int
) -> None:
    rig = Rig(seed)
    rig.live(3)
    rig.dropped = (frames(channel),)
    books = rig.feed.l2 if channel == "book" else rig.feed.l3
    frozen, other = books[BTC], (rig.feed.l3 if channel == "book" else rig.feed.l2)[BTC]
    wrong_s = 0.0
    while frozen.verified and wrong_s < 10:
        rig.live(0.1)
        wrong = (frozen.best_bid.price, frozen.best_ask.price) != (
            other.best_bid.price,
            other.best_ask.price,
        )
        wrong_s = wrong_s + 0.1 if wrong else 0.0
    assert wrong_s <= 2.0
    assert not rig.feed.freshness(BTC, channel).current
    assert rig.feed.freshness(BTC, channel).reason


@pytest.mark.parametrize("channel", ["book", "level3", "ticker", "trade", "ohlc"])
def test_a_channel_whose_frames_stop_is_told_and_renewed_and_no_other_is(channel: str) -> None:
    rig = Rig(7, ticker="trades" if channel == "trade" else "bbo")
    rig.live(3)
    rig.dropped = (frames(channel),)
    happened = heard(rig, 12)
    assert {one for one, _ in stale(happened)} == {channel}
    renewed = {one.channel for one in happened if isinstance(one, events.Resync)}
    assert renewed == {channel}
    rig.dropped = ()
    rig.live(100)
    assert rig.unlike() == []
    assert rig.feed.freshness(BTC, channel).current


def test_only_the_symbol_whose_frames_stop_is_renewed() -> None:
    rig = Rig(3)
    rig.live(3)
    spoilt = b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD"'
    rig.dropped = (spoilt, spoilt.replace(b"update", b"snapshot"))
    assert stale(heard(rig, 12)) == {("book", BTC)}
    assert rig.feed.l2["ETH/USD"].verified


def test_the_gap_of_a_stale_book_begins_with_its_last_message() -> None:
    rig = Rig(7)
    rig.live(3)
    rig.dropped = (frames("book"),)
    last = rig.feed.l2[BTC].received
    happened = heard(rig, 12)
    rig.dropped = ()
    gaps = [one for one in heard(rig, 30) if isinstance(one, events.Gap) and one.symbols == (BTC,)]
    assert gaps[0].reason == "stale"
    assert last <= gaps[0].start <= last + NS_PER_S
    verdict = next(one for one in happened if isinstance(one, events.Stale))
    assert gaps[0].start < verdict.received < gaps[0].end


@pytest.mark.parametrize("seed", range(8))
def test_a_healthy_market_is_never_stale(seed: int) -> None:
    rig = Rig(seed)
    assert stale(heard(rig, 60)) == set()
    assert rig.feed.stats().resyncs == 0


def test_a_market_without_any_trade_is_never_stale() -> None:
    rig = Rig(4)
    rig.live(5)
    rig.closed = True
    happened = heard(rig, 300)
    assert stale(happened) == set()
    assert not any(isinstance(one, events.Resync) for one in happened)
    assert rig.feed.l2[BTC].verified


@pytest.mark.parametrize("channel", ["ticker", "trade", "ohlc"])
def test_a_subscription_that_was_granted_and_stays_mute_is_told_after_ten_seconds(
    channel: str,
) -> None:
    rig = Rig(5)
    rig.dropped = (frames(channel),)
    rig.live(0.5)
    rig.closed = True
    early, late = heard(rig, 9), heard(rig, 2)
    assert not any(one == channel for one, _ in stale(early))
    assert {one for one in stale(late) if one[0] == channel} == {
        (channel, BTC),
        (channel, "ETH/USD"),
    }
    rig.dropped = ()
    rig.live(20)
    assert rig.feed.freshness(BTC, channel).current


def test_a_pair_that_is_not_online_is_not_judged() -> None:
    rig = Rig(6)
    rig.live(3)
    rig.dropped = (frames("book"), frames("instrument"))
    for symbol, instrument in rig.feed.instruments.items():
        rig.feed.instruments[symbol] = replace(instrument, status="cancel_only")
    assert stale(heard(rig, 20)) == set()


def test_a_stall_of_this_process_makes_nothing_stale() -> None:
    rig = Rig(6)
    rig.live(3)
    rig.dropped = (frames("book"),)
    rig.live(1)
    rig.now += 60 * NS_PER_S
    rig.dropped = ()
    assert stale(heard(rig, 3)) == set()


def test_trades_that_never_came_are_told_by_their_ids_and_can_be_asked_for() -> None:
    rig = Rig(2)
    rig.live(3)
    rig.dropped = (frames("trade"),)
    rig.live(4)
    rig.dropped = ()
    gaps = [
        one
        for one in heard(rig, 4)
        if isinstance(one, events.Gap) and one.channel == "trade" and one.symbols == (BTC,)
    ]
    assert gaps
    assert rig.feed.missing_trades(BTC) == tuple((one.first_id, one.last_id) for one in gaps)


def test_a_symbol_that_is_not_subscribed_is_not_current() -> None:
    rig = Rig(1)
    assert rig.feed.freshness("XRP/USD") == Freshness(False, "not subscribed", None)


def test_what_is_live_has_the_age_of_its_connection() -> None:
    rig = Rig(1)
    rig.live(5)
    current, reason, age_ns = rig.feed.freshness(BTC)
    assert (current, reason) == (True, "")
    assert 0 <= age_ns <= 2 * NS_PER_S


def test_a_subscription_not_granted_yet_says_so() -> None:
    rig = Rig(1)
    rig.feed._want([Subscription("book", "XRP/USD", 10)])
    assert rig.feed.freshness("XRP/USD").reason == "it has not begun to come"
