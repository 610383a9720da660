"""The order manager and the account: an order that it cannot pay for is not sent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from kracked.feed.account import Account
from kracked.orders import (
    AmendedTerms,
    Check,
    Draft,
    Fees,
    OrderDeclined,
    OrderManager,
    OutboxEntry,
    open_order_manager,
)
from kracked.orders.rules.funds import NOT_CHECKED
from kracked.protocol.events import Balances, Executions, Side
from kracked.rest.client import RestClient
from tests.orders.exchange_model import NOW
from tests.orders.scripted_exchange import Market
from tests.rest.conftest import FrozenTime

DRAFT = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000, post_only=True)
RESTING = {
    "order_id": "OTHER0-AAAAA-AAAAAA",
    "symbol": "BTC/USD",
    "side": "buy",
    "order_type": "limit",
    "order_qty": Decimal("0.001"),
    "limit_price": Decimal("24000.0"),
    "exec_type": "new",
    "order_status": "new",
    "timestamp": "2025-07-31T22:13:20.000000Z",
}


def account(usd: str, *reports: dict[str, object]) -> Account:
    """Return an account of dollars, with these open orders."""
    account = Account()
    entry: dict[str, object] = {"asset": "USD", "balance": Decimal(usd)}
    account.apply(Balances(0, (entry,), 1, snapshot=True))
    account.apply(Executions(0, reports, 1, snapshot=True))
    return account


class Program:
    """A program that opens a manager with an account, or without one."""

    def __init__(self, client: RestClient, file: Path, frozen: FrozenTime) -> None:
        self.client, self.file, self.frozen = client, file, frozen

    def opened(
        self, account: Account | None = None, fees: dict[str, Fees] | None = None
    ) -> OrderManager:
        with open_order_manager(
            self.client, self.file, account=account, fees=fees, timing=self.frozen.timing
        ) as manager:
            return manager

    async def place(self, account: Account | None) -> OutboxEntry | OrderDeclined:
        with open_order_manager(
            self.client, self.file, account=account, timing=self.frozen.timing
        ) as manager:
            return await manager.place(DRAFT, NOW)


@pytest.fixture
def program(client: RestClient, outbox_file: Path, frozen: FrozenTime) -> Program:
    return Program(client, outbox_file, frozen)


def checks(manager: OrderManager) -> list[Check]:
    return [refusal.check for refusal in manager.review(DRAFT, NOW).refusals]


async def test_an_order_the_account_cannot_pay_for_is_not_sent(
    program: Program, market: Market
) -> None:
    placed = await program.place(account("24.89"))
    assert isinstance(placed, OrderDeclined)
    assert placed.sentence.startswith("It needs 24.9")
    assert market.exchange.count("AddOrder") == 0


async def test_an_order_the_account_can_pay_for_is_sent(program: Program, market: Market) -> None:
    assert isinstance(await program.place(account("24.90")), OutboxEntry)
    assert market.exchange.count("AddOrder") == 1


async def test_what_open_orders_hold_is_not_free(program: Program) -> None:
    assert checks(program.opened(account("48.90", RESTING))) == []
    assert checks(program.opened(account("48.89", RESTING))) == [Check.FUNDS]


async def test_fees_that_are_learnt_later_are_counted(program: Program) -> None:
    fees: dict[str, Fees] = {}
    manager = program.opened(account("24.95"), fees)
    assert checks(manager) == []
    fees["BTC/USD"] = Fees(taker=Decimal("0.40"), maker=Decimal("0.25"))
    assert checks(manager) == [Check.FUNDS]


async def test_orders_of_one_batch_are_paid_together(program: Program) -> None:
    manager = program.opened(account("40.00"))
    drafts = [DRAFT, msgspec.structs.replace(DRAFT, price=248_000)]
    review = manager.review_batch(drafts, NOW)
    assert [refusal.check for refusal in review.refusals] == [Check.FUNDS]
    assert "Together they need" in review.refusals[0].sentence


async def test_funds_the_caller_knows_go_before_those_of_the_account(program: Program) -> None:
    manager = program.opened(account("0"))
    rich = msgspec.structs.replace(NOW, available={"USD": Decimal(100)})
    assert manager.review(DRAFT, rich).refusals == ()


async def test_without_an_account_the_review_says_that_funds_were_not_checked(
    program: Program,
) -> None:
    review = program.opened().review(DRAFT, NOW)
    assert (review.refusals, review.remarks) == ((), (NOT_CHECKED,))


async def test_while_its_stream_is_down_funds_are_not_checked_and_the_order_goes(
    program: Program,
) -> None:
    lost = account("0")
    lost.distrust()
    assert program.opened(lost).review(DRAFT, NOW).remarks == (NOT_CHECKED,)
    assert isinstance(await program.place(lost), OutboxEntry)


async def test_funds_that_were_checked_leave_no_remark(program: Program) -> None:
    assert program.opened(account("100")).review(DRAFT, NOW).remarks == ()


@pytest.mark.parametrize(("price", "found"), [(249_000, []), (249_001, [Check.FUNDS])])
async def test_an_amend_needs_funds_beyond_those_its_order_holds(
    program: Program, price: int, found: list[Check]
) -> None:
    known = account("24.90", RESTING)
    manager = program.opened(known)
    (order,) = known.orders.values()
    review = manager.review_amend(order, NOW, AmendedTerms(price=price))
    assert ([refusal.check for refusal in review.refusals], review.remarks) == (found, ())


async def test_an_amend_says_when_funds_were_not_checked(program: Program) -> None:
    (order,) = account("1", RESTING).orders.values()
    review = program.opened().review_amend(order, NOW, AmendedTerms(price=249_001))
    assert review.remarks == (NOT_CHECKED,)
