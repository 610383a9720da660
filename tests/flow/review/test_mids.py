"""The path of a mid: the last verified one counts, and never a later one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.flow.review import Mark, MarkState, MidPath

S = 10**9
KNOWN, PENDING, MISSING = MarkState.KNOWN, MarkState.PENDING, MarkState.MISSING


def path(*told: tuple[float, str | None]) -> MidPath:
    made = MidPath()
    for seconds, mid in told:
        made.tell(int(seconds * S), None if mid is None else Decimal(mid))
    return made


@pytest.mark.parametrize(
    ("seconds", "mid"), [(9.9, None), (10, "100"), (11.9, "100"), (12, "101"), (99, "101")]
)
def test_the_mid_is_that_of_the_last_book_until_then(seconds: float, mid: str | None) -> None:
    found = path((10, "100"), (12, "101")).at(int(seconds * S))
    assert found == (None if mid is None else Decimal(mid))


def test_a_mark_waits_until_a_later_book_was_told() -> None:
    made = path((10, "100"), (11, "101"))
    assert made.mark(10 * S, S).state is PENDING
    made.tell(11 * S + 1, Decimal(102))
    assert made.mark(10 * S, S) == Mark(KNOWN, Decimal(101))


def test_on_a_quiet_market_the_book_stands_as_time_passes() -> None:
    made = path((10, "100"))
    made.pass_time(12 * S)
    assert made.mark(10 * S, S) == Mark(KNOWN, Decimal(100))


def test_in_a_hole_time_proves_nothing() -> None:
    made = path((10, "100"), (10.5, None))
    made.pass_time(12 * S)
    assert made.mark(10 * S, S).state is PENDING


def test_a_hole_between_makes_the_mark_missing_and_never_a_later_mid() -> None:
    made = path((10, "100"), (10.5, None), (10.6, "101"), (13, "102"))
    assert made.mark(10 * S, S) == Mark(MISSING, None)


def test_a_hole_before_and_one_after_do_no_harm() -> None:
    made = path((9, None), (10, "100"), (11.5, None), (13, "102"))
    assert made.mark(int(10.2 * S), S) == Mark(KNOWN, Decimal(100))


def test_a_hole_that_ends_at_its_own_instant_still_counts() -> None:
    made = path((10, "100"), (10.5, None), (10.5, "100"), (13, "102"))
    assert made.mark(10 * S, S).state is MISSING


def test_before_the_first_book_nothing_is_known() -> None:
    assert path((10, "100"), (13, "101")).mark(9 * S, S).state is MISSING


def test_old_mids_are_forgotten_and_what_needs_them_is_missing() -> None:
    made = MidPath(kept_ns=100 * S)
    for number in range(10_000):
        made.tell(number * S, Decimal(number))
    assert len(made._times) < 5_000
    assert made.mark(9_900 * S, S) == Mark(KNOWN, Decimal(9_901))
    assert made.mark(100 * S, S).state is MISSING
