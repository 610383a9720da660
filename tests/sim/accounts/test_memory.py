"""What an account remembers has an end: a bot may trade on it for months."""

from __future__ import annotations

import pytest

from kracked.sim.accounts import order_records
from tests.sim.accounts.empty_exchange import Pit


def test_the_orders_closed_longest_ago_are_forgotten_with_their_fills(
    pit: Pit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_records, "MOST_CLOSED", 2)
    pit.agent("sell", "5", "63000")
    placed = [pit.add("buy", "0.01") for _ in range(4)]
    assert [pit.account.orders.get(txid) is None for txid in placed] == [True, True, False, False]
    assert {fill.order_id for fill in pit.account.fills.values()} == set(placed[2:])
    assert set(pit.rest("ClosedOrders")["closed"]) == set(placed[2:])
    assert len(pit.rest("TradesHistory")["trades"]) == 2


def test_open_orders_are_never_forgotten(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_records, "MOST_CLOSED", 1)
    resting = pit.add("buy", "0.01", "60000")
    for _ in range(3):
        pit.rest("CancelOrder", txid=pit.add("buy", "0.01", "61000"))
    assert list(pit.rest("OpenOrders")["open"]) == [resting]
