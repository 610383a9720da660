"""Client order ids."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from kracked.orders.outbox.client_ids import ClientIds

T = 1_754_000_000_000_000_000


def test_an_id_is_a_uuid_of_version_seven_with_dashes() -> None:
    name = ClientIds(lambda: T, lambda bits: 0).fresh()
    assert name == "0198628c-0400-7000-8000-000000000000"
    assert (uuid.UUID(name).version, uuid.UUID(name).variant) == (7, uuid.RFC_4122)


@given(st.lists(st.integers(0, 2**60), min_size=2, max_size=30), st.integers(0, 2**74 - 1))
def test_ids_rise_and_never_repeat_whatever_the_clock_does(times: list[int], chance: int) -> None:
    left = list(times)
    ids = ClientIds(lambda: left.pop(0), lambda bits: chance)
    drawn = [ids.fresh() for _ in times]
    assert drawn == sorted(set(drawn))


def test_two_programs_draw_different_ids_in_the_same_millisecond() -> None:
    assert ClientIds(lambda: T).fresh() != ClientIds(lambda: T).fresh()
