from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kracked.instruments import Precision
from kracked.protocol.client.trade_sequence import MAX_MISSING, TradeSequence
from kracked.protocol.events import Side, Trade, Trades


def trades(*ids: int, snapshot: bool = False, received: int = 0, hour: int = 0) -> Trades:
    stamp = f"2026-01-01T{hour:02}:00:00Z"
    rows = tuple(Trade(Side.BID, 1, 1, "limit", number, stamp) for number in ids)
    return Trades(received, "BTC/USD", Precision(1, 8), rows, snapshot)


def told(tape: TradeSequence, event: Trades) -> list[int]:
    fresh, _ = tape.follow(event)
    return [trade.trade_id for trade in fresh.trades] if fresh else []


def test_what_follows_on_is_left_as_it_is() -> None:
    tape, event = TradeSequence(), trades(3)
    tape.follow(trades(1, 2, snapshot=True))
    assert tape.follow(event) == (event, [])


def test_a_snapshot_after_a_reconnect_tells_only_what_is_new() -> None:
    tape = TradeSequence()
    tape.follow(trades(1, 2, 3))
    assert told(tape, trades(2, 3, 4, 5, snapshot=True)) == [4, 5]


def test_a_snapshot_with_nothing_new_is_nothing() -> None:
    tape = TradeSequence()
    tape.follow(trades(1, 2))
    assert tape.follow(trades(1, 2, snapshot=True)) == (None, [])


def test_a_hole_in_the_ids_is_a_gap_from_the_last_trade_to_now() -> None:
    tape = TradeSequence()
    tape.follow(trades(1, received=10))
    _, [gap] = tape.follow(trades(4, received=30))
    assert (gap.start, gap.end, gap.reason) == (10, 30, "trade ids 2 to 3 never came")
    assert (gap.first_id, gap.last_id, gap.symbols) == (2, 3, ("BTC/USD",))
    assert tape.missing("BTC/USD") == ((2, 3),)


def test_holes_between_the_trades_of_one_message_are_gaps_too() -> None:
    tape = TradeSequence()
    _, [first] = tape.follow(trades(10, 12, snapshot=True, received=5))
    assert (first.first_id, first.last_id, first.start, first.end) == (11, 11, 5, 5)
    _, gaps = tape.follow(trades(14, 15, 18, received=9))
    assert [(one.first_id, one.last_id, one.start) for one in gaps] == [(13, 13, 5), (16, 17, 9)]
    assert tape.missing("BTC/USD") == ((11, 11), (13, 13), (16, 17))


def test_what_comes_late_is_missing_no_longer() -> None:
    tape = TradeSequence()
    for event in (trades(1), trades(6), trades(3)):
        tape.follow(event)
    assert tape.missing("BTC/USD") == ((2, 2), (4, 5))
    assert tape.missing("ETH/USD") == ()


def test_only_the_latest_missing_ids_are_remembered() -> None:
    tape = TradeSequence()
    tape.follow(trades(1))
    _, [gap] = tape.follow(trades(10_000_000))
    assert (gap.first_id, gap.last_id) == (2, 9_999_999)
    assert tape.missing("BTC/USD") == ((10_000_000 - MAX_MISSING, 9_999_999),)


def test_a_trade_that_was_only_late_is_told_once() -> None:
    tape = TradeSequence()
    for event in (trades(1), trades(3)):
        tape.follow(event)
    assert [told(tape, trades(2)), told(tape, trades(2))] == [[2], []]


def test_an_exchange_that_counts_anew_is_followed() -> None:
    tape = TradeSequence()
    tape.follow(trades(900, 901))
    assert told(tape, trades(1, 2, snapshot=True, hour=1)) == [1, 2]
    assert told(tape, trades(3, hour=1)) == [3]


def test_an_id_given_to_another_trade_is_a_new_count() -> None:
    tape = TradeSequence()
    tape.follow(trades(1, 2, 3))
    assert told(tape, trades(1, 2, 3, 4, snapshot=True, hour=1)) == [1, 2, 3, 4]


def test_a_snapshot_that_ends_before_the_newest_trade_forgets_nothing() -> None:
    tape = TradeSequence()
    for event in (trades(*range(1, 51), snapshot=True), trades(100, 101, 102)):
        tape.follow(event)
    assert told(tape, trades(*range(52, 102), snapshot=True)) == [*range(52, 100)]
    assert told(tape, trades(102, 103)) == [103]
    assert tape.missing("BTC/USD") == ((51, 51),)


def test_a_snapshot_with_nothing_but_old_trades_is_nothing_new() -> None:
    tape = TradeSequence()
    tape.follow(trades(900, 901, hour=1))
    assert tape.follow(trades(1, 2, snapshot=True)) == (None, [])


@given(st.lists(st.integers(1, 3 * MAX_MISSING), max_size=40))
def test_no_trade_is_told_twice(ids: list[int]) -> None:
    tape = TradeSequence()
    heard = [number for one in ids for number in told(tape, trades(one))]
    assert len(heard) == len(set(heard))
