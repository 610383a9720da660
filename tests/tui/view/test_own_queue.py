"""What an own place is worth: its story, how sure it is, its odds; and sizes that are followed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kracked.flow import Birth, Life, Moves, Place, PlaceKnown
from kracked.flow.odds.reliability import Band, Reliability
from kracked.flow.odds.table import NoOdds, Odds
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.view.queue import queue
from kracked_tui.view.queue.followed import Followed, counts_text, levels_of
from kracked_tui.view.queue.life_lines import LIFE_CELLS, LifeLines
from kracked_tui.view.queue.own_lines import (
    OrderOdds,
    fact_lines,
    joining_odds,
    odds_facts,
    own_facts,
)
from kracked_tui.view.queue.own_place import OwnPlace
from tests.tui.frozen_market import BEST_BID, NOW, PRECISION, SYMBOL, orders

PLACE = OwnPlace(628_820, 4, 6, 10_700_000, "O1")
NO_ODDS = NoOdds("not fitted: record 40 minutes of level 3, then `kracked odds fit`")
ODDS = Odds(
    filled=(Band(0.18, 0.26), Band(0.354, 0.47), Band(0.70, 0.80)),
    leaves=Band(0.25, 0.36),
    wait_s=Band(20, 180),
    cases=900,
    age_ns=3 * 86_400 * NS_PER_S,
    rates=(0.2, 0.4, 0.75, 0.3),
)


def told(known: PlaceKnown = PlaceKnown.OBSERVED, **moves: int) -> Place:
    return Place(
        order_id="O1", side=Side.BID, price=628_820, known=known, position=4, of=6,
        qty_ahead=10_700_000, level_qty=40_000_000, hidden_ahead=False, joined_position=6,
        joined_qty_ahead=50_000_000, moves=Moves(**moves),
    )  # fmt: skip


def facts(story: Place | None, odds: OrderOdds | None = None) -> dict[str, str]:
    return dict(own_facts(PLACE, story, odds or OrderOdds(NO_ODDS), PRECISION))


def test_the_story_says_where_it_joined_and_what_moved_it() -> None:
    found = facts(told(filled=20_000_000, cancelled=19_300_000))
    assert found["you"] == "4th of 6 at 62882.0, 0.107 ahead"
    text = "joined as 6th behind 0.5; ahead since: 0.2 filled, 0.193 cancelled"
    assert found["moved"] == text
    assert facts(told(PlaceKnown.SNAPSHOT))["moved"].startswith("first seen as 6th")


@pytest.mark.parametrize("known", PlaceKnown)
def test_every_place_says_how_sure_it_is(known: PlaceKnown) -> None:
    first_word = {PlaceKnown.SNAPSHOT: "from a snapshot", PlaceKnown.REENTRY: "from the message"}
    assert facts(told(known))["sure"].startswith(first_word.get(known, known.value))


def test_an_order_that_was_not_followed_has_no_made_up_story() -> None:
    found = facts(None)
    assert "not known how it came there" in found["sure"]
    assert "moved" not in found


def test_a_story_of_another_price_is_not_told() -> None:
    elsewhere = facts(told())
    moved = dict(own_facts(PLACE._replace(price=1), told(), OrderOdds(NO_ODDS), PRECISION))
    assert "moved" in elsewhere
    assert "moved" not in moved


def test_odds_are_bands_called_an_estimate_with_how_often_they_were_right() -> None:
    proof = Reliability((0.5,), [60, 40], [10, 30], [20.0, 30.0], 10.0, 74)
    found = odds_facts(OrderOdds(ODDS, proof))
    assert found[0] == (
        "odds",
        "estimate, all filled within 30 s 18 to 26 %  1 min 35 to 47 %  5 min 70 to 80 %",
    )
    assert found[1] == ("", "price leaves first 25 to 36 %")
    assert found[2] == ("right", "74 % of 100 left-out cases (odds off by 10.0); fitted 3d00 ago")


def test_the_score_of_live_odds_is_told_beside_the_proof_of_the_fit() -> None:
    proof = Reliability((0.5,), [60, 40], [10, 30], [20.0, 30.0], 10.0, 74)
    watched = Reliability((0.5,), [100, 100], [30, 60], [20.0, 70.0], 30.0, 150)
    own = Reliability((0.5,), [2, 1], [1, 1], [0.6, 0.7], 0.5, 2)
    assert odds_facts(OrderOdds(ODDS, proof, watched, own))[2] == (
        "right",
        "74 % of 100 left-out cases (odds off by 10.0), 75 % of 200 watched since (odds off by "
        "10.0), 67 % of 3 of yours; fitted 3d00 ago",
    )


def test_without_a_table_the_reason_stands_in_place_of_odds() -> None:
    assert facts(told())["odds"].startswith("not fitted: record 40 minutes")


def test_facts_that_do_not_fit_are_left_out_whole_but_for_the_place() -> None:
    lines = fact_lines(own_facts(PLACE, told(), OrderOdds(NO_ODDS), PRECISION), 30, 3)
    assert "4th of 6 at" in lines[0].text
    assert all(len(line.text) == 30 for line in lines)
    assert len(lines) <= 3


@dataclass
class Story:
    """Changes of a life that a note tells."""

    note: str
    changes: dict[str, object]


@pytest.mark.parametrize(
    "story",
    [
        Story("new", {}),
        Story("refill 2", {"slices": 2, "filled": 5}),
        Story("part", {"filled": 5}),
        Story("moved", {"amended": 1}),
        Story("", {"birth": Birth.SNAPSHOT}),
        Story("", {"entered": NOW - 9 * NS_PER_S}),
    ],
)
def test_a_note_tells_the_most_telling_thing_of_an_order(story: Story) -> None:
    life = Life("O", Side.BID, 1, 5, NOW - NS_PER_S, NOW, Birth.SEEN, 1, 5)
    for name, value in story.changes.items():
        setattr(life, name, value)
    assert queue.note_of(life, "", NOW) == story.note
    assert queue.note_of(life, "b", NOW) == "b"


def test_up_to_three_sizes_are_followed_and_dull_ones_are_not() -> None:
    followed = Followed()
    assert "many choose" in followed.toggle(SYMBOL, 10_000_000, PRECISION)
    for qty in (11_733_000, 11_734_000, 11_735_000):
        followed.toggle(SYMBOL, qty, PRECISION)
    assert "3 sizes are already" in followed.toggle(SYMBOL, 11_736_000, PRECISION)
    assert followed.toggle(SYMBOL, 11_734_000, PRECISION).startswith("b: 0.11734 is not followed")
    assert dict(followed.of(SYMBOL)) == {11_733_000: "a", 11_735_000: "c"}
    assert not followed.of("ETH/USD")


def test_a_followed_size_is_counted_and_marked_at_its_levels() -> None:
    book = orders()
    qty = next(iter(book.bids.orders())).qty
    assert (Side.BID, BEST_BID) in levels_of(book, {qty: "a"})
    count = sum(order.qty == qty for order in book.bids.orders())
    assert f": {count} bid" in counts_text(book, {qty: "a"}, PRECISION)


def test_a_life_line_draws_the_sizes_of_an_order_from_the_first_on() -> None:
    lines = LifeLines()
    assert lines.line("O", 8, first=8) == "█"
    assert lines.line("O", 4, first=8) == "█▄"
    assert lines.line("O", 4, first=8) == "█▄"
    assert lines.line("O", 1, first=8) == "█▄▁"


def test_a_life_line_is_bounded_in_length_and_in_number() -> None:
    lines = LifeLines(most=2)
    for qty in range(20, 1, -1):
        assert len(lines.line("O", qty, first=20)) <= LIFE_CELLS
    for name in ("P", "Q"):
        lines.line(name, 1, first=1)
    assert len(lines.line("O", 1, first=20)) == 2


def test_a_place_that_level_2_bounds_says_so_and_names_no_position() -> None:
    place = OwnPlace(628_820, 0, 0, 0, "O1", bounded=True, most=10_700_000)
    found = dict(own_facts(place, None, OrderOdds(NO_ODDS), PRECISION))
    assert found["you"] == "at 62882.0, 0 to 0.107 ahead by level 2"
    assert found["sure"].startswith("bounds by level 2")
    assert place.short == "?"


def test_a_place_beyond_the_levels_in_view_has_no_upper_bound() -> None:
    place = OwnPlace(628_820, 0, 0, 0, "O1", bounded=True)
    assert place.words(PRECISION) == "at 62882.0, 0 or more ahead by level 2"


def test_the_odds_of_a_ticket_are_bands_called_an_estimate() -> None:
    assert joining_odds(ODDS) == (
        "if it joins now, all filled within 30 s 18 to 26 %, 1 min 35 to 47 %, "
        "5 min 70 to 80 %: an estimate"
    )
    assert joining_odds(NO_ODDS).startswith("odds if it joins now: not fitted")
