"""Ledgers: every movement by a fill and its fee, and no other."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.gateway.accounts import order_records
from kracked.sim.order_entry.client_accounts import STARTING_BALANCES
from tests.sim.empty_exchange import EmptyExchange


def bought(exchange: EmptyExchange, times: int = 1) -> None:
    exchange.agent("sell", "1", "30000")
    for _ in range(times):
        exchange.add("buy", "0.001", "30000")


def test_a_fill_is_two_entries_of_one_trade(exchange: EmptyExchange) -> None:
    bought(exchange)
    (trade,) = exchange.rest("TradesHistory")["trades"].items()
    reply = exchange.rest("Ledgers")
    assert reply["count"] == 2
    quote, base = reply["ledger"].values()
    assert set(trade[1]["ledgers"]) == set(reply["ledger"])
    assert quote.pop("time") == base.pop("time") == trade[1]["time"]
    assert base == {
        "refid": trade[0],
        "type": "trade",
        "subtype": "",
        "aclass": "currency",
        "asset": "XXBT",
        "amount": "0.0010000000",
        "fee": "0.0000000000",
        "balance": "2.0010000000",
    }
    assert (quote["asset"], quote["amount"], quote["fee"], quote["balance"]) == (
        "ZUSD",
        "-30.0000",
        "0.1200",
        "99969.8800",
    )


@pytest.mark.parametrize(("asset", "old"), [("USD", "ZUSD"), ("BTC", "XXBT")])
def test_a_balance_is_its_deposit_and_its_entries(
    exchange: EmptyExchange, asset: str, old: str
) -> None:
    bought(exchange, 7)
    exchange.add("sell", "0.0005", "10000")
    rows = exchange.rest("Ledgers", asset=old)["ledger"].values()
    moved = sum(Decimal(row["amount"]) - Decimal(row["fee"]) for row in rows)
    assert Decimal(exchange.rest("Balance")[old]) == Decimal(STARTING_BALANCES[asset]) + moved


def test_entries_come_newest_first_fifty_a_page(exchange: EmptyExchange) -> None:
    bought(exchange, 30)
    first, second = exchange.rest("Ledgers"), exchange.rest("Ledgers", ofs=50)
    ids = [*first["ledger"], *second["ledger"]]
    assert (len(first["ledger"]), len(ids), first["count"]) == (50, 60, 60)
    assert ids == list(reversed(exchange.account.ledger.entries))


def test_entries_are_asked_for_by_asset_kind_and_span(exchange: EmptyExchange) -> None:
    bought(exchange, 2)
    newest, *_, oldest = exchange.rest("Ledgers")["ledger"]
    assert {row["asset"] for row in exchange.rest("Ledgers", asset="XBT")["ledger"].values()} == {
        "XXBT"
    }
    assert exchange.rest("Ledgers", type="deposit")["ledger"] == {}
    assert newest in exchange.rest("Ledgers", start=oldest)["ledger"]
    assert oldest not in exchange.rest("Ledgers", start=oldest)["ledger"]
    exchange.wait(60)
    assert exchange.refused("Ledgers", asset="NONE") == "EQuery:Unknown asset"
    assert exchange.refused("Ledgers", type="gift") == "EGeneral:Invalid arguments:type"


def test_entries_are_queried_by_their_ids(exchange: EmptyExchange) -> None:
    bought(exchange)
    ((name, row), _) = exchange.rest("Ledgers")["ledger"].items()
    assert exchange.rest("QueryLedgers", id=f"{name},LAAAAA-AAAAA-AAAAAA") == {name: row}
    assert exchange.refused("QueryLedgers") == "EGeneral:Invalid arguments"


def test_entries_are_forgotten_with_the_orders_that_made_them(
    exchange: EmptyExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_records, "MOST_CLOSED", 2)
    bought(exchange, 5)
    assert len(exchange.account.ledger.entries) == 4
