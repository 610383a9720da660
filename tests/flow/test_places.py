"""Places in the queue, and how well they are known."""

from __future__ import annotations

from kracked.flow import Moves, PlaceKnown
from tests.flow.scripted_feed import ScriptedFeed

BIDS = ["OA 100.0 1.0 11.0", "OB 100.0 2.0 12.0"]


def opened() -> ScriptedFeed:
    feed = ScriptedFeed(2)
    feed.snapshot(bids=[*BIDS, "OC 99.0 1.0 13.0"])
    return feed


def known(feed: ScriptedFeed, order_id: str) -> PlaceKnown:
    return feed.ledger.place(order_id).known


def test_an_order_of_a_snapshot_has_the_snapshot_s_place() -> None:
    place = opened().ledger.place("OB")
    assert (place.position, place.of, place.qty_ahead) == (2, 2, 100_000_000)
    assert place.known is PlaceKnown.SNAPSHOT


def test_an_order_seen_joining_an_empty_price_is_observed() -> None:
    feed = opened()
    feed.update(bids=["add ON 101.0 1.0 25.0"], time="25.0")
    assert known(feed, "ON") is PlaceKnown.OBSERVED


def test_a_place_is_known_no_better_than_the_worst_ahead_of_it() -> None:
    feed = opened()
    feed.update(bids=["add ON 100.0 1.0 25.0"], time="25.0")
    assert known(feed, "ON") is PlaceKnown.SNAPSHOT


def test_a_place_gets_better_known_when_those_ahead_have_left() -> None:
    feed = opened()
    feed.update(bids=["add ON 100.0 1.0 25.0"], time="25.0")
    feed.update(bids=["delete OA 100.0 1.0 26.0", "delete OB 100.0 2.0 26.000000015"], time="26.1")
    assert known(feed, "ON") is PlaceKnown.OBSERVED


def test_a_level_that_comes_into_view_keeps_the_message_s_order_and_says_so() -> None:
    feed = opened()
    feed.update(
        bids=["delete OC 99.0 1.0 25.0", "add OX 98.0 1.0 09.0", "add OY 98.0 1.0 08.0"],
        time="25.0",
    )
    assert known(feed, "OY") is PlaceKnown.REENTRY
    assert feed.ledger.place("OY").position == 2


def test_an_old_order_that_joins_a_known_level_has_an_unknown_place() -> None:
    feed = opened()
    feed.update(bids=["add OX 99.0 1.0 09.0"], time="25.0")
    assert known(feed, "OX") is PlaceKnown.UNKNOWN


def test_no_place_is_known_in_a_hole() -> None:
    feed = opened()
    feed.update(bids=["add ON 101.0 1.0 25.0"], time="25.0")
    feed.ledger.lose(feed.now)
    assert known(feed, "ON") is PlaceKnown.UNKNOWN


def test_the_snapshot_after_a_hole_makes_places_known_again() -> None:
    feed = opened()
    feed.ledger.lose(feed.now)
    feed.snapshot(bids=[BIDS[1], BIDS[0]], time="26.0")
    place = feed.ledger.place("OA")
    assert (place.position, place.known) == (2, PlaceKnown.SNAPSHOT)


def test_an_order_out_of_view_has_no_place() -> None:
    feed = opened()
    feed.update(bids=["add ON 101.0 1.0 25.0"], time="25.0")
    assert feed.ledger.place("OC") is None


def test_a_place_tells_what_moved_it() -> None:
    feed = ScriptedFeed()
    feed.snapshot(bids=["O1 100.0 1.0 11.0", "O2 100.0 2.0 12.0", "O3 100.0 4.0 13.0"])
    feed.update(bids=["add ON 100.0 1.0 25.0"], time="25.0")
    feed.update(bids=["add OLATE 100.0 8.0 25.5"], time="25.5")
    feed.update(bids=["delete O1 100.0 0.0 26.000000015"], time="26.000000015")
    feed.update(bids=["delete O2 100.0 2.0 27.0"], time="27.0")
    feed.update(bids=["delete OLATE 100.0 8.0 28.0"], time="28.0")
    feed.update(bids=["modify O3 100.0 3.5 13.0"], time="28.5")
    place = feed.ledger.place("ON")
    assert (place.joined_position, place.joined_qty_ahead) == (4, 700_000_000)
    assert (place.position, place.qty_ahead) == (2, 350_000_000)
    assert place.moves == Moves(filled=100_000_000, cancelled=200_000_000, pending=50_000_000)
    feed.wait()
    moves = feed.ledger.place("ON").moves
    assert (moves.amended, moves.pending) == (50_000_000, 0)


def test_behind_an_iceberg_the_quantity_ahead_is_a_lower_bound() -> None:
    feed = ScriptedFeed()
    feed.snapshot(bids=["OI 100.0 1.0 11.0"])
    feed.update(
        bids=["delete OI 100.0 0.0 25.000000015", "add OI 100.0 1.0 25.0"], time="25.000000015"
    )
    feed.update(bids=["add ON 100.0 1.0 26.0"], time="26.0")
    assert feed.ledger.place("ON").hidden_ahead
