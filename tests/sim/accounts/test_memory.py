"""The memory of an account is bounded: a bot may trade on it for months."""

from __future__ import annotations

import pytest

from kracked.gateway.accounts import order_records
from tests.sim.empty_exchange import EmptyExchange


def test_the_orders_closed_longest_ago_are_forgotten_with_their_fills(
    exchange: EmptyExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_records, "MOST_CLOSED", 2)
    exchange.agent("sell", "5", "63000")
    placed = [exchange.add("buy", "0.01") for _ in range(4)]
    assert [exchange.account.orders.get(txid) is None for txid in placed] == [
        True,
        True,
        False,
        False,
    ]
    assert {fill.order_id for fill in exchange.account.fills.values()} == set(placed[2:])
    assert set(exchange.rest("ClosedOrders")["closed"]) == set(placed[2:])
    assert len(exchange.rest("TradesHistory")["trades"]) == 2


def test_open_orders_are_never_forgotten(
    exchange: EmptyExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_records, "MOST_CLOSED", 1)
    resting = exchange.add("buy", "0.01", "60000")
    for _ in range(3):
        exchange.rest("CancelOrder", txid=exchange.add("buy", "0.01", "61000"))
    assert list(exchange.rest("OpenOrders")["open"]) == [resting]
