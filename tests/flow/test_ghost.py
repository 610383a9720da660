"""A paper order is filled by volume that no order ahead of it explains, and by nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.flow import FillReason, Ghost, GhostState
from kracked.protocol.events import Side
from tests.flow.scripted_feed import ScriptedFeed, at

BTC = 100_000_000


class Paper(ScriptedFeed):
    """A scripted feed with one ghost bid of 2 at 100.0, behind OA and before OB."""

    def __init__(self, qty: float = 2, display: float | None = None) -> None:
        super().__init__()
        self.ghost: Ghost | None = None
        self.snapshot(bids=["OA 100.0 1.0 11.0", "OL 99.0 5.0 11.5"], asks=["OZ 101.0 9.0 10.0"])
        standing = self.ledger.back_of(Side.BID, 1000, at("21.0"))
        shown = None if display is None else int(display * BTC)
        self.ghost = Ghost(Side.BID, 1000, int(qty * BTC), standing, display=shown)
        self.update(bids=["add OB 100.0 1.0 22.0"], time="22.0")

    def receive(self, message: str, now: int):
        return self._follow(super().receive(message, now))

    def wait(self, seconds: float = 0.3):
        return self._follow(super().wait(seconds))

    def _follow(self, found):
        for one in found if self.ghost else ():
            self.ghost.apply(one)
        if self.ghost:
            self.ghost.settle(self.ledger.decided)
        return found

    @property
    def fills(self) -> list[tuple[float, FillReason]]:
        return [(one.qty / BTC, one.reason) for one in self.ghost.fills]


def test_volume_that_an_order_ahead_took_leaves_nothing() -> None:
    paper = Paper()
    paper.update(bids=["delete OA 100.0 0.0 30.000001015"], time="30.000001015")
    paper.trades("1 sell 100.0 1.0 30.000001")
    paper.wait()
    assert paper.fills == []


def test_volume_of_an_order_behind_is_the_ghost_s() -> None:
    paper = Paper()
    paper.update(
        bids=["delete OA 100.0 0.0 30.000001015", "delete OB 100.0 0.0 30.000001030"],
        time="30.000001030",
    )
    paper.trades("1 sell 100.0 1.0 30.000001", "2 sell 100.0 1.0 30.000001")
    paper.wait()
    assert paper.fills == [(1.0, FillReason.QUEUE)]


def test_volume_without_a_visible_owner_is_the_ghost_s() -> None:
    paper = Paper()
    paper.trades("1 sell 100.0 0.5 30.000001")
    paper.wait()
    assert paper.fills == [(0.5, FillReason.QUEUE)]


def test_a_trade_at_a_worse_price_is_the_ghost_s_up_to_what_it_wants() -> None:
    paper = Paper()
    paper.update(
        bids=[
            "delete OA 100.0 0.0 30.000001015",
            "delete OB 100.0 0.0 30.000001030",
            "modify OL 99.0 1.0 11.5",
        ],
        time="30.000001045",
    )
    paper.trades(
        "1 sell 100.0 1.0 30.000001", "2 sell 100.0 1.0 30.000001", "3 sell 99.0 4.0 30.000001"
    )
    paper.wait()
    assert paper.fills == [(1.0, FillReason.QUEUE), (1.0, FillReason.THROUGH)]
    assert paper.ghost.state is GhostState.FILLED


def test_a_trade_at_a_better_price_is_not_the_ghost_s() -> None:
    paper = Paper()
    paper.trades("1 sell 100.5 1.0 30.000001")
    paper.wait()
    assert paper.fills == []


def test_a_taker_of_the_ghost_s_own_side_is_nothing_to_it() -> None:
    paper = Paper()
    paper.trades("1 buy 100.0 1.0 30.000001")
    paper.wait()
    assert paper.fills == []


def test_a_taker_of_before_the_ghost_is_nothing_to_it() -> None:
    paper = Paper()
    paper.trades("1 sell 100.0 1.0 20.500000")
    paper.wait()
    assert paper.fills == []


def test_an_order_ahead_that_was_cancelled_lets_the_ghost_to_the_front() -> None:
    paper = Paper()
    paper.update(bids=["delete OA 100.0 1.0 29.0"], time="29.0")
    paper.update(bids=["modify OB 100.0 0.5 22.0"], time="30.000001015")
    paper.trades("1 sell 100.0 0.5 30.000001")
    paper.wait()
    assert paper.fills == [(0.5, FillReason.QUEUE)]


def test_an_order_that_was_ahead_and_came_back_is_behind() -> None:
    paper = Paper()
    paper.update(bids=["delete OA 100.0 1.0 11.0"], time="29.0")
    paper.update(bids=["add OA 100.0 3.0 29.0"], time="29.000001")
    paper.update(bids=["modify OA 100.0 2.0 29.0"], time="30.000001015")
    paper.trades("1 sell 100.0 1.0 30.000001")
    paper.wait()
    assert paper.fills == [(1.0, FillReason.QUEUE)]


def test_a_level_made_anew_is_behind_the_ghost() -> None:
    paper = Paper()
    paper.update(bids=["delete OA 100.0 1.0 28.0", "delete OB 100.0 1.0 28.000000015"], time="28.1")
    paper.update(bids=["add ON 100.0 1.0 29.0"], time="29.0")
    paper.update(bids=["delete ON 100.0 0.0 30.000001015"], time="30.000001015")
    paper.trades("1 sell 100.0 1.0 30.000001")
    paper.wait()
    assert paper.fills == [(1.0, FillReason.QUEUE)]


def alone() -> Paper:
    """The ghost with nobody else at its price."""
    paper = Paper()
    rows = ["delete OA 100.0 1.0 28.0", "delete OB 100.0 1.0 28.000000015"]
    paper.update(bids=rows, time="28.1")
    return paper


def test_an_order_that_rests_across_the_ghost_fills_it_once() -> None:
    paper = alone()
    paper.update(asks=["add OX 100.0 0.5 29.0"], time="29.0")
    paper.update(asks=["delete OX 100.0 0.5 29.0"], time="29.1")
    paper.update(asks=["add OX 99.9 0.5 29.2"], time="29.2")
    paper.wait()
    assert paper.fills == [(0.5, FillReason.CROSSED)]


def test_a_taker_of_before_is_served_before_an_order_that_rests_across() -> None:
    paper = alone()
    paper.update(asks=["add OX 100.0 1.5 30.1"], time="30.1")
    paper.trades("1 sell 99.0 1.5 30.000001")
    paper.wait()
    assert paper.fills == [(1.5, FillReason.THROUGH), (0.5, FillReason.CROSSED)]


def test_the_killed_remainder_of_a_taker_would_have_been_the_ghost_s() -> None:
    paper = Paper()
    paper.update(
        bids=["delete OA 100.0 0.0 30.000001015", "delete OB 100.0 0.0 30.000001030"],
        asks=["add OT 100.0 0.4 30.000001000", "delete OT 100.0 0.4 30.000001045"],
        time="30.000001045",
    )
    paper.trades("1 sell 100.0 1.0 30.000001", "2 sell 100.0 1.0 30.000001")
    paper.wait()
    assert paper.fills == [(1.0, FillReason.QUEUE), (0.4, FillReason.REMAINDER)]


def test_a_cancelled_ghost_is_filled_by_takers_of_before_alone() -> None:
    paper = Paper()
    paper.trades("1 sell 100.0 0.5 30.000001")
    paper.trades("2 sell 100.0 0.5 32.000001")
    paper.ghost.cancel(at("31.0"))
    paper.wait()
    assert paper.fills == [(0.5, FillReason.QUEUE)]
    assert paper.ghost.state is GhostState.CANCELLED


def test_less_keeps_the_place() -> None:
    paper = Paper()
    paper.ghost.amend(BTC // 2, 1000, paper.ledger.back_of(Side.BID, 1000, at("25.0")))
    paper.update(bids=["modify OB 100.0 0.2 22.0"], time="30.000001015")
    paper.trades("1 sell 100.0 0.8 30.000001")
    paper.wait()
    assert paper.fills == [(0.5, FillReason.QUEUE)]


def test_an_amend_to_nothing_ends_it() -> None:
    paper = Paper()
    paper.ghost.amend(0, 1000, paper.ledger.back_of(Side.BID, 1000, at("25.0")))
    assert paper.ghost.state is GhostState.CANCELLED


@pytest.mark.parametrize(("qty", "price"), [(3, 1000), (2, 1001)])
def test_more_or_another_price_joins_the_back(qty: int, price: int) -> None:
    paper = Paper()
    paper.ghost.amend(qty * BTC, price, paper.ledger.back_of(Side.BID, price, at("25.0")))
    paper.ghost.amend(qty * BTC, 1000, paper.ledger.back_of(Side.BID, 1000, at("26.0")))
    paper.update(bids=["modify OB 100.0 0.2 22.0"], time="30.000001015")
    paper.trades("1 sell 100.0 0.8 30.000001")
    paper.wait()
    assert paper.fills == []


def test_the_next_part_of_an_iceberg_joins_the_back() -> None:
    paper = Paper(qty=2, display=0.5)
    paper.update(bids=["delete OA 100.0 1.0 29.0"], time="29.0")
    paper.update(bids=["modify OB 100.0 0.7 22.0"], time="30.000001015")
    paper.trades("1 sell 100.0 0.5 30.000001", "2 sell 100.0 0.3 30.000001")
    paper.wait()
    assert paper.fills == [(0.5, FillReason.QUEUE)]


def test_a_hole_makes_the_ghost_unknown_and_fills_it_no_more() -> None:
    paper = Paper()
    for one in paper.ledger.lose(paper.now):
        paper.ghost.apply(one)
    paper.snapshot(bids=["OA 100.0 1.0 11.0"], time="27.0")
    paper.trades("1 sell 99.0 1.0 30.000001")
    paper.wait()
    assert paper.ghost.state is GhostState.UNKNOWN
    assert paper.fills == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.data())
def test_a_ghost_never_takes_what_those_ahead_took(ahead: list[int], data: st.DataObject) -> None:
    """Sweep a queue of whole orders to any depth: the ghost gets what lies behind it, no more."""
    behind = data.draw(st.lists(st.integers(1, 5), max_size=6))
    swept = data.draw(st.integers(1, len(ahead) + len(behind)))
    feed = ScriptedFeed()
    feed.snapshot(bids=[f"OA{n} 100.0 {qty}.0 11.0" for n, qty in enumerate(ahead)])
    standing = feed.ledger.back_of(Side.BID, 1000, at("21.0"))
    ghost = Ghost(Side.BID, 1000, 1_000 * BTC, standing)
    rows = [f"add OB{n} 100.0 {qty}.0 22.0{n}" for n, qty in enumerate(behind)]
    feed.update(bids=rows, time="22.5")
    ids = [f"OA{n}" for n in range(len(ahead))] + [f"OB{n}" for n in range(len(behind))]
    hit = list(zip(ids, [*ahead, *behind], strict=True))[:swept]
    feed.update(
        bids=[f"delete {one} 100.0 0.0 30.00000{10 + n}0" for n, (one, _) in enumerate(hit)],
        time="30.000003",
    )
    feed.trades(*[f"{n} sell 100.0 {qty}.0 30.000001" for n, (_, qty) in enumerate(hit, 1)])
    feed.wait()
    for one in feed.outcomes:
        ghost.apply(one)
    assert sum(one.qty for one in ghost.fills) == BTC * sum(qty for _, qty in hit[len(ahead) :])
