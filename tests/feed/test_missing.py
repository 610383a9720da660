"""The description of missing data: which channels, of which symbols, and why."""

from __future__ import annotations

from kracked.feed.stats import ConnectionStats, FeedStats, SubscriptionStats, describe_missing
from kracked.protocol.events import Gap


def subscription(
    channel: str,
    symbol: str | None = None,
    *,
    state: str = "to subscribe",
    error: str | None = None,
) -> SubscriptionStats:
    return SubscriptionStats(
        channel=channel,
        symbol=symbol,
        depth=None,
        interval=None,
        state=state,
        messages=0,
        verified=0,
        mismatched=0,
        resyncs=0,
        silent_ns=None,
        error=error,
    )


def feed(*subscriptions: SubscriptionStats, up: bool = True, reason: str = "") -> FeedStats:
    connection = ConnectionStats(
        name="public",
        url="ws://127.0.0.1:1/public/v2",
        open=up,
        system=None,
        messages=0,
        bytes=0,
        connects=1,
        reason=reason,
        silent_ns=None,
        rtt_ns=None,
        clock_offset_ns=None,
        subscriptions=subscriptions,
    )
    return FeedStats(connections=(connection,), consumers=())


def test_a_lost_connection_is_the_reason_for_all_that_it_brought() -> None:
    lost = feed(
        subscription("executions"),
        subscription("level3", "BTC/USD"),
        subscription("level3", "ETH/USD"),
        up=False,
        reason="no token",
    )
    assert list(describe_missing(lost, [])) == [
        "executions: no token",
        "level3 of BTC/USD, ETH/USD: no token",
    ]


def test_what_is_live_or_refused_is_not_missing() -> None:
    settled = feed(
        subscription("book", "BTC/USD", state="live"),
        subscription("book", "NOPE/USD", state="refused", error="Currency pair not supported"),
    )
    assert list(describe_missing(settled, [])) == []


def test_a_book_on_its_way_back_says_why_it_went() -> None:
    away = feed(subscription("book", "BTC/USD", state="subscribing"))
    gap = Gap(9, "book", ("BTC/USD",), 1, 9, "checksum")
    assert list(describe_missing(away, [gap])) == ["book of BTC/USD: checksum"]


def test_what_never_came_says_what_the_exchange_answered_or_that() -> None:
    waiting = feed(
        subscription("book", "BTC/USD", state="subscribing"),
        subscription("trade", "BTC/USD", error="EGeneral:Internal error"),
    )
    assert list(describe_missing(waiting, [])) == [
        "book of BTC/USD: it has not begun to come",
        "trade of BTC/USD: EGeneral:Internal error",
    ]


def test_candles_of_several_lengths_name_their_symbol_once() -> None:
    assert list(describe_missing(feed(*[subscription("ohlc", "BTC/USD")] * 3), [])) == [
        "ohlc of BTC/USD: it has not begun to come"
    ]


def test_of_many_symbols_the_first_are_named() -> None:
    many = feed(*(subscription("book", f"A{number}/USD") for number in range(7)), up=False)
    assert list(describe_missing(many, [])) == [
        "book of A0/USD, A1/USD, A2/USD, A3/USD, A4/USD and 2 more: not connected yet"
    ]
