"""Ids look like the exchange's and never repeat."""

from __future__ import annotations

import re

from kracked.gateway.exchange_ids import ExchangeIds


def test_ids_have_the_exchanges_form() -> None:
    ids = ExchangeIds("O", start=0)
    form = re.compile(r"O[A-Z2-7]{5}-[A-Z2-7]{5}-[A-Z2-7]{6}")
    assert all(form.fullmatch(ids.take()) for _ in range(1000))


def test_no_id_is_given_twice_within_a_row_or_by_rows_that_start_apart() -> None:
    rows = [ExchangeIds("O", start=place << 40) for place in range(4)]
    assert len({row.take() for row in rows for _ in range(20_000)}) == 80_000


def test_neighbours_have_little_in_common() -> None:
    ids = ExchangeIds("O", start=0)
    first, second = ids.take(), ids.take()
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 9
