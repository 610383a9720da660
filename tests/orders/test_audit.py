"""Open orders of whose end the report was lost: doubted, looked up, ended."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kracked.feed.account import Account
from kracked.orders import OrderManager, OrderState, open_order_manager
from kracked.protocol.events import Executions
from kracked.rest.client import RestClient
from kracked.times import NS_PER_S
from tests.orders.conftest import OpenManager
from tests.orders.scripted_exchange import Market
from tests.orders.test_order_manager import place, report
from tests.rest.conftest import FrozenTime

TXID = "OTEST0-AAAAA-AAAAAA"
FILLED = {"exec_type": "trade", "order_status": "partially_filled", "cum_qty": Decimal("0.001")}


async def filled_unsaid(market: Market, manager: OrderManager, id_: str) -> None:
    """The last trade is shown, and the report that says `filled` is lost."""
    manager.apply(report(TXID, id_))
    manager.apply(report(TXID, id_, **FILLED))
    market.orders[TXID] |= {"status": "closed", "vol_exec": "0.00100000", "closetm": 1754000003.5}


async def audited(manager: OrderManager, frozen: FrozenTime, after_s: int) -> None:
    await manager.reconciler.audit()
    frozen.now += after_s * NS_PER_S
    await manager.reconciler.audit()


async def test_an_order_filled_in_full_and_still_open_is_looked_up_and_ended(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        await filled_unsaid(market, manager, entry.id)
        await audited(manager, frozen, 4)
        assert (TXID in manager.working, market.exchange.count("QueryOrders")) == (True, 0)
        await audited(manager, frozen, 1)
        assert TXID not in manager.working
        assert manager.outbox[entry.id].state is OrderState.FILLED
        assert manager.outbox[entry.id].filled == Decimal("0.001")


async def test_an_order_whose_amend_was_lost_as_well_stays_open(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        await filled_unsaid(market, manager, entry.id)
        market.orders[TXID] |= {"status": "open", "vol": "0.00200000"}
        await audited(manager, frozen, 5)
        assert TXID in manager.working
        assert manager.outbox[entry.id].state is OrderState.LIVE


@pytest.mark.parametrize(("status", "word"), [("canceled", "canceled"), ("expired", "expired")])
async def test_an_end_of_which_nothing_was_shown_is_found_within_a_minute(
    market: Market, opened: OpenManager, frozen: FrozenTime, status: str, word: str
) -> None:
    with opened() as manager:
        entry = await place(manager)
        manager.apply(report(TXID, entry.id))
        market.orders[TXID] |= {"status": status, "closetm": 1754000003.5}
        await audited(manager, frozen, 59)
        assert TXID in manager.working
        await audited(manager, frozen, 1)
        assert manager.working.closed[TXID].order_status == word
        assert manager.outbox[entry.id].state is OrderState.CANCELLED


async def test_an_order_that_the_stream_goes_on_showing_is_not_looked_up(
    market: Market, opened: OpenManager, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        for step in range(3):
            shown: dict[str, Any] = {"timestamp": f"2025-07-31T22:13:2{step}.000000Z"}
            manager.apply(report(TXID, entry.id, **shown))
            await audited(manager, frozen, 59)
    assert market.exchange.count("QueryOrders") == 0


async def test_the_account_that_the_screen_shows_loses_the_order_too(
    market: Market, client: RestClient, frozen: FrozenTime, tmp_path: Any
) -> None:
    account = Account()
    account.apply(Executions(0, (), 1, snapshot=True))
    with open_order_manager(
        client, tmp_path / "outbox", account=account, timing=frozen.timing
    ) as manager:
        elsewhere = (report("O9", "").reports[0], report("O9", "", **FILLED).reports[0])
        for each in elsewhere:
            account.apply(Executions(0, (each,)))
            manager.apply(Executions(0, (each,)))
        row = {"status": "closed", "vol": "0.001", "vol_exec": "0.001", "closetm": 1754000003.5}
        market.orders["O9"] = row
        await audited(manager, frozen, 5)
        assert "O9" not in account.orders
        assert account.closed["O9"].order_status == "filled"
