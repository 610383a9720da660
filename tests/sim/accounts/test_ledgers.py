"""Ledgers: what every fill and its fee moved, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.sim.accounts import order_records
from kracked.sim.accounts.client_accounts import STARTING_BALANCES
from tests.sim.accounts.empty_exchange import Pit


def bought(pit: Pit, times: int = 1) -> None:
    pit.agent("sell", "1", "30000")
    for _ in range(times):
        pit.add("buy", "0.001", "30000")


def test_a_fill_is_two_entries_of_one_trade(pit: Pit) -> None:
    bought(pit)
    (trade,) = pit.rest("TradesHistory")["trades"].items()
    reply = pit.rest("Ledgers")
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
def test_a_balance_is_its_deposit_and_its_entries(pit: Pit, asset: str, old: str) -> None:
    bought(pit, 7)
    pit.add("sell", "0.0005", "10000")
    rows = pit.rest("Ledgers", asset=old)["ledger"].values()
    moved = sum(Decimal(row["amount"]) - Decimal(row["fee"]) for row in rows)
    assert Decimal(pit.rest("Balance")[old]) == Decimal(STARTING_BALANCES[asset]) + moved


def test_entries_come_newest_first_fifty_a_page(pit: Pit) -> None:
    bought(pit, 30)
    first, second = pit.rest("Ledgers"), pit.rest("Ledgers", ofs=50)
    ids = [*first["ledger"], *second["ledger"]]
    assert (len(first["ledger"]), len(ids), first["count"]) == (50, 60, 60)
    assert ids == list(reversed(pit.account.ledger.entries))


def test_entries_are_asked_for_by_asset_kind_and_span(pit: Pit) -> None:
    bought(pit, 2)
    newest, *_, oldest = pit.rest("Ledgers")["ledger"]
    assert {row["asset"] for row in pit.rest("Ledgers", asset="XBT")["ledger"].values()} == {"XXBT"}
    assert pit.rest("Ledgers", type="deposit")["ledger"] == {}
    assert newest in pit.rest("Ledgers", start=oldest)["ledger"]
    assert oldest not in pit.rest("Ledgers", start=oldest)["ledger"]
    pit.wait(60)
    assert pit.refused("Ledgers", asset="NONE") == "EQuery:Unknown asset"
    assert pit.refused("Ledgers", type="gift") == "EGeneral:Invalid arguments:type"


def test_entries_are_queried_by_their_ids(pit: Pit) -> None:
    bought(pit)
    ((name, row), _) = pit.rest("Ledgers")["ledger"].items()
    assert pit.rest("QueryLedgers", id=f"{name},LAAAAA-AAAAA-AAAAAA") == {name: row}
    assert pit.refused("QueryLedgers") == "EGeneral:Invalid arguments"


def test_entries_are_forgotten_with_the_orders_that_made_them(
    pit: Pit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_records, "MOST_CLOSED", 2)
    bought(pit, 5)
    assert len(pit.account.ledger.entries) == 4
