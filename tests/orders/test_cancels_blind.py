"""Cancels before, and without, the account's stream: the exchange is asked what is open."""

from __future__ import annotations

from typing import Any

import pytest

from kracked.feed.account import Account
from kracked.orders import Draft, NotRecorded, OrderState, cancelling_manager
from kracked.orders.rules.funds import rest_names
from kracked.protocol.events import Executions, Side
from kracked.rest.client import RestClient
from tests.orders.conftest import OpenManager
from tests.orders.exchange_model import NOW
from tests.orders.scripted_exchange import Market
from tests.orders.test_order_manager import place, report
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime

NOTHING_OPEN = Executions(0, (), snapshot=True)


def row(pair: object, side: str = "buy") -> dict[str, Any]:
    return {"status": "open", "descr": {"pair": pair, "type": side}, "vol": None}


def elsewhere(market: Market, **rows: Any) -> None:
    """Let orders of other programs be open: no stream has shown them."""
    market.exchange.always["OpenOrders"] = {"open": rows}
    market.exchange.always["CancelOrder"] = {"count": 1}
    market.exchange.always["CancelOrderBatch"] = lambda _: {
        "count": len(market.exchange.last("CancelOrderBatch").body["orders"])
    }


async def test_before_the_stream_has_shown_the_orders_a_pair_is_cancelled_by_what_is_asked_for(
    market: Market, opened: OpenManager
) -> None:
    elsewhere(market, O1=row("XBTUSD"), O2=row("ETHUSD"), O3=row("XBTUSD", "sell"))
    with opened() as manager:
        outcome = await manager.cancel_pair("BTC/USD")
    assert (outcome.count, outcome.failed) == (2, False)
    assert market.exchange.last("CancelOrderBatch").body["orders"] == ["O1", "O3"]


async def test_one_side_is_cancelled_by_what_is_asked_for(
    market: Market, opened: OpenManager
) -> None:
    elsewhere(market, O1=row("BTC/USD"), O3=row("XBTUSD", "sell"))
    with opened() as manager:
        assert (await manager.cancel_pair("BTC/USD", Side.ASK)).count == 1
    assert market.exchange.last("CancelOrder").body["txid"] == "O3"


async def test_own_orders_are_cancelled_first_and_not_twice(
    market: Market, opened: OpenManager
) -> None:
    with opened() as manager:
        entry = await place(manager)
        elsewhere(market, **{str(entry.txid): row("XBTUSD"), "O9": row("XBTUSD")})
        assert (await manager.cancel_pair("BTC/USD")).count == 2
    names = [call.name for call in market.exchange.calls]
    assert names == ["AddOrder", "CancelOrder", "OpenOrders", "CancelOrder"]
    assert market.exchange.last("CancelOrder").body["txid"] == "O9"


async def test_while_the_stream_is_down_the_exchange_is_asked_again(
    market: Market, client: RestClient, frozen: FrozenTime
) -> None:
    account = Account()
    account.apply(NOTHING_OPEN)
    manager = cancelling_manager(client, "a test", account=account, timing=frozen.timing)
    elsewhere(market, O1=row("XBTUSD"))
    assert (await manager.cancel_pair("BTC/USD")).count == 0
    account.distrust("executions")
    assert (await manager.cancel_pair("BTC/USD")).count == 1


async def test_an_order_whose_pair_the_stream_never_gave_is_asked_about(
    market: Market, opened: OpenManager
) -> None:
    elsewhere(market, O1=row("XBTUSD"))
    with opened() as manager:
        manager.apply(NOTHING_OPEN)
        manager.apply(report("O1", "", symbol=None, side=None))
        assert (await manager.cancel_pair("BTC/USD")).count == 1


@pytest.mark.parametrize(
    "refusal", ["EGeneral:Permission denied", "EAPI:Rate limit exceeded", "EGeneral:Internal error"]
)
async def test_a_pair_whose_orders_cannot_be_asked_for_is_not_called_cancelled(
    market: Market, opened: OpenManager, refusal: str
) -> None:
    market.exchange.always["OpenOrders"] = answers.refusal(refusal)
    with opened() as manager:
        outcome = await manager.cancel_pair("BTC/USD")
    assert outcome.failed
    assert "the open orders of BTC/USD are not known" in outcome.error
    assert refusal in outcome.error


async def test_an_open_order_that_cannot_be_read_may_be_of_the_pair(
    market: Market, opened: OpenManager
) -> None:
    elsewhere(market, O1=row("XBTUSD"), O2=row(None), O3=None)
    with opened() as manager:
        outcome = await manager.cancel_pair("BTC/USD")
    assert (outcome.count, outcome.failed) == (1, True)
    assert "2 open orders cannot be read" in outcome.error


async def test_the_question_before_a_cancel_waits_for_no_limit_and_no_lockout(
    market: Market, opened: OpenManager, client: RestClient, frozen: FrozenTime
) -> None:
    elsewhere(market, O1=row("XBTUSD"))
    market.exchange.always["Balance"] = answers.refusal("EGeneral:Temporary lockout")
    with pytest.raises(Exception, match="lockout"):
        await client.balance()
    client.limiter.exceeded(frozen.now)
    with opened() as manager:
        assert (await manager.cancel_pair("BTC/USD")).count == 1
    assert frozen.slept_s == []


async def test_a_manager_without_a_file_cancels_what_another_has_sent_and_sends_nothing(
    market: Market, opened: OpenManager, client: RestClient, frozen: FrozenTime
) -> None:
    with opened() as manager:
        entry = await place(manager)
        entries = tuple(manager.outbox)
    only = cancelling_manager(client, "the disk is full", entries=entries, timing=frozen.timing)
    with pytest.raises(NotRecorded, match="the disk is full"):
        await only.place(Draft(symbol="BTC/USD", side=Side.ASK, qty=100_000, price=251_000), NOW)
    assert (await only.cancel_own()).count == 1
    assert only.outbox[entry.id].state is OrderState.ACKNOWLEDGED
    assert market.exchange.count("AddOrder") == 1


def test_a_pair_has_its_old_names_by_rest() -> None:
    assert rest_names("DOGE/BTC") == {"DOGEBTC", "XDGBTC", "DOGEXBT", "XDGXBT"}
    assert rest_names("ETH/USD") == {"ETHUSD"}
