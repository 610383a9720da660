"""Histories in pages: every row once, in spite of new rows meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from kracked.rest.client import RestClient
from kracked.rest.pagination import every_closed_order, every_ledger_entry, every_trade
from tests.rest.scripted_http import Exchange

TRADE = {
    "ordertxid": "O1",
    "pair": "XXBTZUSD",
    "time": 1790000000.5,
    "type": "buy",
    "ordertype": "limit",
    **dict.fromkeys(("price", "cost", "fee", "vol"), "1.0"),
}
ENTRY = {
    "refid": "T1",
    "time": 1790000000.5,
    "type": "trade",
    "asset": "ZUSD",
    **dict.fromkeys(("amount", "fee", "balance"), "-1.0"),
}
READ = {
    "TradesHistory": (every_trade, "trades", TRADE),
    "Ledgers": (every_ledger_entry, "ledger", ENTRY),
    "ClosedOrders": (every_closed_order, "closed", {"status": "closed"}),
}


def pages(exchange: Exchange, name: str, total: int, *, arriving: int = 0) -> None:
    """A history of some rows, with new ones before every further page."""
    _, member, row = READ[name]

    def answer(request: object) -> Any:
        asked = exchange.count(name) - 1
        newest, offset = total + asked * arriving, exchange.last(name).body.get("ofs", 0)
        ids = [f"R{number}" for number in range(newest, 0, -1)][offset : offset + 50]
        return {member: dict.fromkeys(ids, row)}

    exchange.always[name] = answer


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize(("total", "calls"), [(0, 1), (49, 1), (50, 2), (120, 3)])
async def test_all_pages_are_read_to_the_short_one(
    exchange: Exchange, client: RestClient, name: str, total: int, calls: int
) -> None:
    pages(exchange, name, total)
    every: Any = READ[name][0]
    found = [row async for row, _ in every(client)]
    assert found == [f"R{number}" for number in range(total, 0, -1)]
    assert exchange.count(name) == calls


async def test_rows_pushed_to_a_later_page_are_given_once_and_none_is_missed(
    exchange: Exchange, client: RestClient
) -> None:
    pages(exchange, "TradesHistory", 120, arriving=3)
    found = [row async for row, _ in every_trade(client)]
    assert found == [f"R{number}" for number in range(120, 0, -1)]
