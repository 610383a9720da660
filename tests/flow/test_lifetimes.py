"""The states an order goes through, from its first sight to its end."""

from __future__ import annotations

from kracked.flow import Birth, State, What
from tests.flow.scripted_feed import ScriptedFeed, queue

BIDS = ["OA 100.0 1.0 11.0", "OB 99.0 2.0 12.0"]


def opened(depth: int = 10, *more: str) -> ScriptedFeed:
    feed = ScriptedFeed(depth)
    feed.snapshot(bids=[*BIDS, *more], asks=["OZ 200.0 1.0 10.0"])
    return feed


def test_an_order_of_the_snapshot_was_there_before() -> None:
    assert opened().ledger.lives.known["OA"].birth is Birth.SNAPSHOT


def test_an_order_that_is_later_than_all_before_was_seen_entering() -> None:
    feed = opened()
    feed.update(bids=["add ON 99.5 1.0 25.0"], time="25.0")
    assert feed.said("ON") == [What.NEW]
    assert feed.ledger.lives.known["ON"].birth is Birth.SEEN


def test_an_order_that_an_emptied_level_uncovers_came_into_view() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 1.0 25.0", "add OC 98.0 1.0 14.0"], time="25.0")
    assert feed.said("OC") == [What.CAME]
    assert feed.ledger.lives.known["OC"].birth is Birth.CAME_INTO_VIEW


def test_an_order_that_entered_out_of_view_since_the_last_message_came_into_view() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 1.0 25.0", "add OC 98.0 1.0 23.0"], time="25.0")
    assert feed.said("OC") == [What.CAME]


def test_a_delete_with_nothing_left_is_a_fill_without_any_trade() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 0.0 25.0"], time="25.0")
    life = feed.ledger.lives.known["OA"]
    assert (life.state, life.filled) == (State.FILLED, 100_000_000)


def test_a_delete_with_a_quantity_is_a_cancel() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 1.0 25.0"], time="25.0")
    assert feed.ledger.lives.known["OA"].state is State.CANCELLED


def test_a_delete_with_the_order_s_own_time_is_half_of_an_amend() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 1.0 11.0"], time="25.0")
    assert feed.ledger.lives.known["OA"].state is State.MOVING
    feed.update(bids=["add OA 99.0 1.0 25.0"], time="25.000001")
    assert feed.said("OA") == [What.PRESENT, What.MOVED_AWAY, What.MOVED_IN]
    life = feed.ledger.lives.known["OA"]
    assert (life.state, life.amended, life.price) == (State.LIVE, 1, 990)
    assert queue(feed, "bid", 990) == ["OB", "OA"]


def test_an_order_amended_to_a_price_out_of_view_has_left_view() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 1.0 11.0"], time="25.0")
    feed.update(bids=["add ON 99.5 1.0 26.0"], time="26.0")
    assert feed.said("OA")[-1] is What.MOVED_OUT
    assert feed.ledger.lives.known["OA"].state is State.AWAY


def test_a_level_below_the_depth_leaves_view_without_a_message() -> None:
    feed = opened(2)
    feed.update(bids=["add ON 101.0 1.0 25.0"], time="25.0")
    assert feed.said("OB") == [What.PRESENT, What.LEFT_VIEW]
    assert feed.ledger.lives.known["OB"].state is State.AWAY


def test_an_order_that_is_back_in_view_is_the_same_one() -> None:
    feed = opened(2)
    feed.update(bids=["add ON 101.0 1.0 25.0"], time="25.0")
    feed.update(bids=["delete ON 101.0 1.0 26.0", "add OB 99.0 2.0 12.0"], time="26.0")
    life = feed.ledger.lives.known["OB"]
    assert feed.said("OB")[-1] is What.RETURNED
    assert (life.state, life.departures, life.amended) == (State.LIVE, 1, 0)


def test_an_order_that_is_back_with_less_was_amended_out_of_view() -> None:
    feed = opened(2)
    feed.update(bids=["add ON 101.0 1.0 25.0"], time="25.0")
    feed.update(bids=["delete ON 101.0 1.0 26.0", "add OB 99.0 1.5 12.0"], time="26.0")
    life = feed.ledger.lives.known["OB"]
    assert (life.qty, life.resized, life.filled) == (150_000_000, 1, 0)


def test_an_order_that_is_back_with_a_new_time_lost_its_place_out_of_view() -> None:
    feed = opened(2)
    feed.update(bids=["add ON 101.0 1.0 25.0"], time="25.0")
    feed.update(bids=["delete ON 101.0 1.0 27.0", "add OB 99.0 2.0 26.0"], time="27.0")
    assert feed.said("OB")[-1] is What.MOVED_IN
    assert feed.ledger.lives.known["OB"].amended == 1


def test_an_id_that_comes_again_right_after_its_fill_is_an_iceberg() -> None:
    feed = opened(10, "OC 99.0 1.0 13.0")
    feed.update(
        bids=["delete OB 99.0 0.0 25.000000015", "add OB 99.0 2.0 25.0"], time="25.000000015"
    )
    life = feed.ledger.lives.known["OB"]
    assert feed.said("OB")[1:] == [What.FILLED, What.REFILLED]
    assert (life.state, life.slices, life.filled) == (State.LIVE, 1, 200_000_000)
    assert queue(feed, "bid", 990) == ["OC", "OB"]


def test_more_shown_in_place_keeps_the_place() -> None:
    feed = opened(10, "OC 99.0 1.0 13.0")
    feed.update(bids=["modify OB 99.0 3.0 12.0"], time="25.0")
    assert feed.said("OB")[-1] is What.RAISED
    assert queue(feed, "bid", 990) == ["OB", "OC"]


def test_an_order_that_lives_through_a_hole_goes_on_and_says_so() -> None:
    feed = opened()
    feed.ledger.lose(feed.now)
    feed.snapshot(bids=BIDS, time="26.0")
    life = feed.ledger.lives.known["OA"]
    assert (life.state, life.holes) == (State.LIVE, 1)


def test_an_order_that_is_missing_after_a_hole_has_an_unknown_end() -> None:
    feed = opened()
    feed.ledger.lose(feed.now)
    feed.snapshot(bids=BIDS[1:], time="26.0")
    assert feed.said("OA") == [What.PRESENT, What.LOST]
    assert feed.ledger.lives.known["OA"].state is State.UNKNOWN


def test_nothing_is_told_in_a_hole() -> None:
    feed = opened()
    feed.ledger.lose(feed.now)
    assert not feed.update(bids=["delete OA 100.0 1.0 25.0"], time="25.0")


def test_a_snapshot_that_nobody_announced_ends_a_hole_too() -> None:
    feed = opened()
    told = feed.snapshot(bids=BIDS[1:], time="26.0")
    assert told[0].what is What.HOLE


def test_a_statement_about_an_unknown_order_changes_nothing_and_is_counted() -> None:
    feed = opened()
    assert not feed.update(bids=["delete OX 98.0 1.0 25.0"], time="25.0")
    assert feed.ledger.contradictions == 1


def test_only_so_many_orders_out_of_view_are_remembered() -> None:
    from kracked.flow import Ledger
    from kracked.protocol.events import OrderAction

    gone = []
    ledger = Ledger("BTC/USD", 1, remembered=2, finished=lambda life: gone.append(life.order_id))
    ledger.snapshot([], [], 1, 1)
    for n in range(1, 6):
        row = (OrderAction.ADD, f"O{n}", n, 1, 10 * n)
        ledger.update([row], [], 10 * n, 10 * n)
    assert gone == ["O1", "O2"]
    assert ledger.lives.known.keys() == {"O3", "O4", "O5"}
