"""Pulled walls by hand: what is one, and what is not."""

from __future__ import annotations

from msgspec.structs import replace

from kracked.flow.detectors.sighting import Kind, Sureness
from kracked.instruments import Precision
from kracked.protocol.events import Executions
from kracked.times import NS_PER_S
from tests.flow.detectors.watched_feed import Watched

PRECISION = Precision(1, 8)
NEAR = ["add C 999.5 0.1 04.0", "add D 999.4 0.1 04.0", "add E 999.3 0.1 04.0"]


def walled(qty: str = "3.2") -> Watched:
    """Return a feed with a wall at 998.0, four levels and 2.0 below the best bid of 1000.0."""
    feed = Watched()
    feed.update(bids=["add T 1000.0 0.1 04.0", *NEAR], asks=["add Z 1000.1 1 04.0"], time="04.0")
    feed.update(bids=[f"add W 998.0 {qty} 05.0"], time="05.0")
    return feed


def approached(feed: Watched, touch: str = "998.1", second: str = "12") -> None:
    """Let the best bid fall."""
    feed.update(
        bids=[
            f"add U {touch} 0.1 {second}.9",
            f"delete T 1000.0 0.1 {second}.9001",
            *(f"delete {' '.join(line.split()[1:3])} 0.1 {second}.9001" for line in NEAR),
            f"delete A 999.0 5 {second}.9001",
        ],
        asks=[f"delete Z 1000.1 1 {second}.9001", f"add X 998.4 1 {second}.9"],
        time=f"{second}.91",
    )


def pulled(feed: Watched, time: str = "13.4") -> list:
    feed.update(bids=[f"delete W 998.0 3.2 {time}"], time=time)
    feed.update(asks=["add Q 1001.5 1 20.0"], time="20.0")  # later
    return feed.seen


def test_a_wall_cancelled_when_the_price_has_come_near_was_pulled() -> None:
    feed = walled()
    approached(feed)
    [one] = pulled(feed)
    assert (one.kind, one.sureness, one.qty, one.price) == (
        Kind.PULLED,
        Sureness.PATTERN,
        320_000_000,
        9_980,
    )
    assert one.words(PRECISION) == (
        "PULLED 3.20000000 bid 998.0, stood 8.4 s, touch came from 20.0 to 1.0 bp, none filled"
    )
    assert [fact.distance for fact in one.evidence] == [20, 1]


def test_a_wall_cancelled_while_the_price_is_far_was_not_pulled_from_it() -> None:
    assert pulled(walled()) == []


def test_the_price_must_have_come_to_half_the_distance() -> None:
    feed = walled()
    approached(feed, "999.2")
    assert pulled(feed) == []


def test_a_wall_beside_which_the_price_has_stood_for_long_did_not_go_because_it_came() -> None:
    feed = walled()
    approached(feed, second="06")
    assert pulled(feed) == []


def test_a_wall_of_which_a_part_was_filled_was_no_pulled_one() -> None:
    feed = walled()
    approached(feed)
    feed.update(bids=["modify W 998.0 3.1 05.0"], time="13.0")
    feed.trades("1 sell 998.0 0.1 13.0", now=feed.now)
    feed.wait()
    feed.update(bids=["delete W 998.0 3.1 13.4"], time="13.4")
    feed.update(asks=["add Q 1001.5 1 20.0"], time="20.0")
    assert [one.kind for one in feed.seen if one.kind is Kind.PULLED] == []


def test_a_wall_that_moves_was_not_pulled() -> None:
    feed = walled()
    approached(feed)
    feed.update(
        bids=["delete W 998.0 3.2 05.0", "add W 997.0 3.2 13.4"], time="13.4"
    )  # an amend keeps the id
    feed.update(asks=["add Q 1001.5 1 20.0"], time="20.0")
    assert feed.seen == []


def test_a_wall_that_comes_again_under_a_new_id_has_moved() -> None:
    feed = walled()
    approached(feed)
    feed.update(bids=["delete W 998.0 3.2 13.4"], time="13.4")
    feed.update(bids=["add V 997.0 3.2 13.43"], time="13.43")
    feed.update(asks=["add Q 1001.5 1 20.0"], time="20.0")
    assert feed.seen == []


def test_an_order_whose_arrival_was_not_seen_is_no_wall() -> None:
    feed = Watched()
    feed.update(asks=["add Z 1000.1 1 04.0"], bids=["add T 998.5 0.1 04.0"], time="04.0")
    feed.update(bids=["delete A 999.0 5 05.0"], time="05.0")
    feed.update(bids=["delete B 998.0 5 06.0"], time="06.0")
    feed.update(asks=["add Q 1001.5 1 20.0"], time="20.0")
    assert feed.seen == []


def test_a_small_order_is_no_wall() -> None:
    feed = walled("0.4")
    approached(feed)
    feed.update(bids=["delete W 998.0 0.4 13.4"], time="13.4")
    feed.update(asks=["add Q 1001.5 1 20.0"], time="20.0")
    assert feed.seen == []


def test_walls_that_came_and_went_together_are_one_sighting() -> None:
    feed = walled()
    feed.update(bids=["add W2 997.9 3 05.5", "add W3 997.8 3 05.7"], time="05.7")
    approached(feed)
    feed.update(bids=["delete W 998.0 3.2 13.4"], time="13.4")
    feed.update(bids=["delete W2 997.9 3 13.45"], time="13.45")
    feed.update(bids=["delete W3 997.8 3 13.5"], time="13.5")
    feed.update(asks=["add Q 1001.5 1 20.0"], time="20.0")
    [one] = feed.seen
    assert (one.count, one.qty, one.detail["nearest first"]) == (3, 920_000_000, 1)


def test_a_side_that_goes_at_once_pulled_back_and_no_wall_was_pulled() -> None:
    feed = walled()
    approached(feed)
    feed.update(
        bids=["delete W 998.0 3.2 13.4", "delete U 998.1 0.1 13.4", "delete B 998.0 5 13.4"],
        time="13.4",
    )
    feed.update(bids=["add Q 990.0 1 20.0"], time="20.0")
    [one] = feed.seen
    assert one.kind is Kind.PULLED_BACK
    assert one.words(PRECISION) == "bids pulled back: 100 % of what was within 10 bp"


def test_a_wall_that_was_filled_counts_as_traded() -> None:
    feed = walled()
    approached(feed)
    feed.update(bids=["delete W 998.0 0 13.4"], time="13.4")
    assert (feed.market.detectors.walls.traded, feed.market.detectors.walls.pulled) == (1, 0)


# --- walls that stand ---------------------------------------------------------------------


def standing(feed: Watched) -> dict[str, bool]:
    """Return the walls that stand, by id, and whether their arrival was seen."""
    found = feed.market.detectors.walls.that_stand()
    return {one.order_id: one.arrival_seen for one in found}


def walled_for_long() -> Watched:
    """Return a feed with a wall, on which walls stand after 30 s."""
    feed = walled()
    context = feed.market.detectors.context
    context.numbers = replace(context.numbers, wall_stands_ns=30 * NS_PER_S)
    return feed


def test_a_large_order_near_the_price_stands_after_a_while() -> None:
    feed = walled_for_long()
    feed.update(bids=["add L 997.9 0.1 34.5"], time="34.5")
    assert standing(feed) == {"A": False, "B": False, "Y": False}
    feed.update(bids=["add M 997.9 0.1 35.5"], time="35.5")
    assert standing(feed) == {"A": False, "B": False, "Y": False, "W": True}


def test_an_order_far_from_the_price_is_no_wall_that_stands() -> None:
    feed = walled_for_long()
    feed.update(bids=["add F 997.4 9 05.5"], time="05.5")  # 26 bp
    feed.update(bids=["add L 997.9 0.1 40.0"], time="40.0")
    assert "F" not in standing(feed)


def test_an_own_order_is_no_wall() -> None:
    feed = walled_for_long()
    feed.flows.apply(Executions(feed.now, ({"order_id": "W"},)))
    feed.update(bids=["add L 997.9 0.1 40.0"], time="40.0")
    assert "W" not in standing(feed)


def test_in_a_hole_no_wall_is_said_to_stand() -> None:
    feed = walled_for_long()
    feed.update(bids=["add L 997.9 0.1 40.0"], time="40.0")
    feed.flows.lose(feed.now)
    assert standing(feed) == {}
