"""The store: changed by events and nothing else, bounded in everything."""

from __future__ import annotations

from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import Side
from kracked_tui.state.store import MAX_PRINTS, Store
from kracked_tui.view.format import clock
from tests.tui.frozen_market import NOW, PRECISION, SYMBOL, candles, opening, trade, trades


def store_of(*happened: events.Event) -> Store:
    store = Store("LIVE")
    for event in happened:
        store.apply(event)
    return store


def one_trade(side: Side, price: int, qty: int, precision: Precision = PRECISION) -> events.Trades:
    return events.Trades(NOW, SYMBOL, precision, (trade(1, side, price, qty, 1),))


def test_the_same_events_make_the_same_store() -> None:
    first, second = store_of(*opening()), store_of(*opening())
    assert list(first.market(SYMBOL).prints) == list(second.market(SYMBOL).prints)
    assert first.flows[SYMBOL].traded.prices == second.flows[SYMBOL].traded.prices


def test_a_snapshot_of_trades_fills_the_tape_but_was_not_traded_since_we_watch() -> None:
    past = events.Trades(NOW, SYMBOL, PRECISION, (trade(1, Side.BID, 100, 5, 9),), True)
    store = store_of(past)
    assert len(store.market(SYMBOL).prints) == 1
    assert not store.flows[SYMBOL].traded.prices


def test_the_last_price_knows_whether_it_rose() -> None:
    market = store_of(one_trade(Side.BID, 100, 5), one_trade(Side.BID, 101, 5)).market(SYMBOL)
    assert (market.last, market.rising) == (101, True)


def test_the_exchanges_candles_are_shown_where_there_are_any() -> None:
    market = store_of(candles(30), *trades()).market(SYMBOL)
    assert len(market.bars(60)) == 30
    assert market.bars(5)[-1].close == market.last


def test_a_new_precision_forgets_what_was_counted_in_the_old_one() -> None:
    finer = Precision(2, 8)
    later = events.Trades(NOW, SYMBOL, finer, (trade(2, Side.BID, 1000, 5, 1),))
    store = store_of(one_trade(Side.BID, 100, 5), later)
    assert list(store.flows[SYMBOL].traded.prices) == [1000]
    assert [each.price for each in store.market(SYMBOL).prints] == [1000]


def test_a_resync_stands_until_the_book_is_verified_again() -> None:
    store = store_of(
        events.Connected(NOW, "public", "ws://x"), events.Resync(NOW, SYMBOL, "book", "checksum")
    )
    assert store.health(SYMBOL, has_book=True, verified=False).resync == "checksum"
    store.apply(events.Verified(NOW, SYMBOL, "book"))
    assert store.health(SYMBOL, has_book=True, verified=True).resync == ""


def test_a_pair_the_exchange_does_not_know_is_refused_until_its_book_comes() -> None:
    error = f"Currency pair not supported {SYMBOL}"
    store = store_of(events.Rejected(NOW, "subscribe", error, 1, SYMBOL))
    assert store.health(SYMBOL, has_book=False, verified=False).refused == error
    store.apply(events.Verified(NOW, SYMBOL, "book"))
    assert store.health(SYMBOL, has_book=True, verified=True).refused == ""


def test_a_pair_spelled_otherwise_than_listed_gets_a_hint() -> None:
    other = SYMBOL.replace("/", "-")
    refused = events.Rejected(NOW, "subscribe", "Currency pair not supported", 1, other)
    store = store_of(*opening(), refused)
    text = store.health(other, has_book=False, verified=False).refused
    assert text == f"Currency pair not supported; did you mean {SYMBOL}?"


def test_the_list_of_pairs_may_come_after_the_refusal() -> None:
    error = "Currency pair not in ISO 4217-A3 format BTCUSD"
    refused = events.Rejected(NOW, "subscribe", error, 1, "BTCUSD")
    store = store_of(refused, *opening())
    text = store.health("BTCUSD", has_book=False, verified=False).refused
    assert text == f"{error}; did you mean {SYMBOL}?"


def test_the_same_said_again_is_counted_and_not_repeated() -> None:
    store = store_of()
    for _ in range(4):
        store.tell(NOW, "not connected yet", "warn", own=True)
    store.tell(NOW, "something else")
    store.tell(NOW, "not connected yet", "warn", own=True)
    assert [each.words for each in store.log_entries] == ["not connected yet ×5", "something else"]


def test_a_lost_connection_is_logged_once_until_it_is_back() -> None:
    lost = events.Reconnecting(NOW, "public", "wss://ws.kraken.com/v2", "no route", 1, 1.0)
    store = store_of(lost, lost, lost)
    assert [each.text for each in store.log_entries] == ["public lost: no route"]
    store.apply(events.Connected(NOW, "public", "wss://ws.kraken.com/v2"))
    assert store.health(SYMBOL, has_book=False, verified=False).connected


def test_a_replay_does_not_say_that_it_tries_to_reach_the_exchange() -> None:
    store = Store("REPLAY")
    store.apply(events.Reconnecting(NOW, "public", "wss://ws.kraken.com/v2", "no route", 1, 1.0))
    trouble = store.health(SYMBOL, has_book=False, verified=False).trouble
    assert trouble == "the recorder could not reach ws.kraken.com (no route)"


def test_another_reason_of_a_lost_connection_is_logged_too() -> None:
    url = "wss://ws-l3.kraken.com/v2"
    reasons = ("no close frame", "no token: EAPI:Invalid key", "no close frame")
    store = store_of(*(events.Reconnecting(NOW, "level3", url, why, 1, 1.0) for why in reasons))
    assert [each.text for each in store.log_entries] == [
        "level3 lost: no token: EAPI:Invalid key",
        "level3 lost: no close frame",
    ]


def test_gaps_and_skipped_events_are_counted() -> None:
    store = store_of(
        events.Gap(NOW, "book", (SYMBOL,), NOW - 10**9, NOW, "reconnect"), events.Overflow(NOW, 7)
    )
    assert (store.gaps, store.dropped) == (1, 7)


def test_nothing_grows_without_bound() -> None:
    store = Store("LIVE")
    for number in range(MAX_PRINTS + 10):
        store.apply(one_trade(Side.BID, 1000 + number, 1))
    market = store.market(SYMBOL)
    assert len(market.prints) == MAX_PRINTS


def test_a_stale_book_says_what_contradicts_it_until_it_is_verified() -> None:
    resync = events.Resync(NOW, SYMBOL, "book", "stale", "ticker says 1 / 2")
    store = store_of(events.Stale(NOW, SYMBOL, "book", 1, "ticker says 1 / 2"), resync)
    assert store.health(SYMBOL, has_book=True, verified=False).stale == "ticker says 1 / 2"
    assert "is stale: ticker says 1 / 2" in store.log_entries[1].text
    store.apply(events.Verified(NOW, SYMBOL, "book"))
    assert store.health(SYMBOL, has_book=True, verified=True).stale == ""


def test_a_renewed_ticker_casts_no_doubt_on_a_book() -> None:
    store = store_of(events.Resync(NOW, SYMBOL, "ticker", "stale", "nothing came"))
    assert (store.market(SYMBOL).resync, store.market(SYMBOL).level3_resync) == ("", "")


def test_trades_that_never_came_are_marked_on_the_print_after_them() -> None:
    gap = events.Gap(NOW, "trade", (SYMBOL,), NOW, NOW, "trade ids 2 to 4 never came", 2, 4)
    market = store_of(one_trade(Side.BID, 100, 5), gap, one_trade(Side.BID, 101, 5)).market(SYMBOL)
    assert [print_.missing for print_ in market.prints] == [0, 3]


def test_a_book_by_level_3_is_as_current_as_the_connection_of_level_3() -> None:
    store = Store("PAPER")
    store.apply(events.Connected(NOW, "public", "wss://ws.kraken.com/v2"))
    lost = events.Reconnecting(NOW, "level3", "wss://ws-l3.kraken.com/v2", "reset", 1, 0.5)
    store.apply(lost)
    assert store.health(SYMBOL, has_book=True, verified=False).connected
    health = store.health(SYMBOL, has_book=True, verified=False, connection="level3")
    assert not health.connected
    assert f"cannot reach ws-l3.kraken.com since {clock(NOW)} (reset)" in health.trouble
