"""Which lines of the log come first where there is room for one."""

from __future__ import annotations

from kracked.times import NS_PER_S
from kracked_tui.view.chrome.status import LogEntry, foremost
from tests.tui.frozen_market import NOW

GAP = LogEntry(NOW + 2, "gap of 3.0s in book", "warn")
FAILED = LogEntry(NOW, "order not cancelled", "warn", own=True)
FILLED = LogEntry(NOW + 1, "bought 0.1", "good", own=True)
COPIED = LogEntry(NOW + 3, "copied", own=True)


def test_the_outcome_of_own_orders_stays_before_entries_of_the_feed() -> None:
    assert foremost([GAP, FILLED, FAILED], NOW + 5) == [FILLED, FAILED, GAP]


def test_after_some_seconds_the_newest_line_is_first_again() -> None:
    assert foremost([GAP, FAILED], NOW + 11 * NS_PER_S) == [GAP, FAILED]


def test_an_entry_that_confirms_a_key_press_makes_room_at_once() -> None:
    lost = LogEntry(NOW + 4, "public lost: no route", "warn")
    assert foremost([lost, COPIED, GAP], NOW + 5) == [lost, COPIED, GAP]


def test_an_answer_to_a_later_key_press_comes_before_an_older_failure() -> None:
    assert foremost([COPIED, GAP, FAILED], NOW + 5) == [COPIED, FAILED, GAP]
