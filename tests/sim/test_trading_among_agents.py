"""A client trades in a lively market: the public's books stay right, and its money adds up."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random

import pytest

from kracked.book.keeper import BookKeeper
from kracked.feed.account import Account as Followed
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.order_request import OrderRequest
from kracked.gateway.auth import ApiKey, ApiKeys, new_key
from kracked.gateway.channels import Socket
from kracked.gateway.private_api import placement
from kracked.gateway.refusals import Refusal
from kracked.protocol.codec import Codec
from kracked.protocol.events import Executions, Resync, Side
from kracked.protocol.order_terms import OrderType
from kracked.protocol.requests import Subscribe, encode
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.sim.order_entry.brokerage import Brokerage
from kracked.times import NS_PER_S

NOW = 1_790_000_000_000_000_000
SYMBOL = "BTC/USD"
STEP_NS = NS_PER_S // 5
STEPS = 300
KINDS = (OrderType.LIMIT, OrderType.LIMIT, OrderType.ICEBERG, OrderType.STOP_LOSS, OrderType.MARKET)


class Trader:
    """Quotes around the market, places stops and cancels, at random."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self.exchange, self.random = exchange, Random(seed)
        self.brokerage: Brokerage = exchange.brokerage
        self.account: ClientAccount = exchange.brokerage.accounts["main"]

    def act(self, now: int) -> None:
        open_orders = self.account.orders.open()
        if len(open_orders) > 12:
            self.brokerage.cancel(self.account, self.random.sample(open_orders, 6), now)
        with suppress(Refusal):  # for its rate, now and then
            placement.place(self.brokerage, self.account, SYMBOL, self.request, now)

    def request(self) -> OrderRequest:
        side = self.random.choice(list(Side))
        kind = self.random.choice(
            [
                OrderType.LIMIT,
                OrderType.LIMIT,
                OrderType.ICEBERG,
                OrderType.STOP_LOSS,
                OrderType.MARKET,
            ]
        )
        best = self.exchange.matcher(SYMBOL).best_price(side)
        assert best is not None
        away = self.random.randint(-2, 20) * (1 if side is Side.ASK else -1)
        last = self.exchange.last_price(SYMBOL)
        qty = self.random.randint(100_000, 3_000_000)
        return OrderRequest(
            symbol=SYMBOL,
            side=side,
            order_type=kind,
            qty=qty,
            price=best + away if kind.limited else None,
            trigger_price=last - away if kind.waits else None,
            display_qty=qty // 5 if kind is OrderType.ICEBERG else None,
        )


@pytest.fixture(scope="module")
def life() -> tuple[Exchange, Trader, list[bytes], list[bytes]]:
    """Trade for a minute; return what subscribers of the books and of the account received."""
    market = SimulatedMarket(listings.listings([SYMBOL]), seed=6, rate=3).opened(NOW)
    accounts, key = ApiKeys(), ApiKey(*new_key())
    accounts.add(key)
    exchange = Exchange(market, accounts, NOW)
    public: list[bytes] = []
    private: list[bytes] = []
    token = accounts.issue(key, NOW)
    watcher = exchange.connect(Socket.ALL, public.append, NOW)
    follower = exchange.connect(Socket.PRIVATE, private.append, NOW)
    watcher.receive(encode(Subscribe(channel="instrument"), 1), NOW)
    watcher.receive(encode(Subscribe(channel="book", symbol=(SYMBOL,), depth=10), 2), NOW)
    asked = Subscribe(channel="level3", symbol=(SYMBOL,), depth=10, token=token)
    watcher.receive(encode(asked, 3), NOW)
    follower.receive(encode(Subscribe(channel="executions", token=token), 1), NOW)
    trader = Trader(exchange, seed=1)
    for step in range(1, STEPS + 1):
        exchange.advance(NOW + step * STEP_NS)
        trader.act(exchange.time)
    return exchange, trader, public, private


Life = tuple[Exchange, Trader, list[bytes], list[bytes]]


def test_it_trades_as_maker_and_as_taker_and_its_stops_fire(life: Life) -> None:
    account = life[1].account
    sides = Counter(fill.maker for fill in account.fills.values())
    assert min(sides[True], sides[False]) > 10
    assert sum(order.triggered for order in account.orders.as_of(2**63)) > 5


def test_every_checksum_of_the_public_books_is_right(life: Life) -> None:
    keeper = BookKeeper()
    happened = [event for raw in life[2] for event in keeper.receive(raw)]
    assert [event for event in happened if isinstance(event, Resync)] == []
    for channel in ("book", "level3"):
        assert keeper.stats[SYMBOL, channel].verified > 500
        assert keeper.stats[SYMBOL, channel].mismatched == 0


def test_the_stream_ends_at_the_orders_as_they_are(life: Life) -> None:
    account, codec = Followed(), Codec()
    for raw in life[3]:
        for event in codec.decode(raw, 0):
            if isinstance(event, Executions):
                account.apply(event)
    digits = life[0].listing(SYMBOL).instrument.precision
    assert {one.order_id: (one.order_status, one.cum_qty) for one in account.orders.values()} == {
        one.order_id: (one.status.value, digits.qty_decimal(one.filled))
        for one in life[1].account.orders.open()
    }


def test_its_money_is_what_it_had_and_what_its_fills_moved(life: Life) -> None:
    account = life[1].account
    amounts = life[1].brokerage.settlement.amounts[SYMBOL]
    usd, btc = 100_000 * 10**5, 2 * 10**10
    for fill in account.fills.values():
        order = account.orders.get(fill.order_id)
        assert order is not None
        sign = 1 if order.side is Side.BID else -1
        btc += sign * amounts.lots(fill.qty)
        usd -= sign * fill.cost + fill.fee
    assert (account.ledger.balances["USD"], account.ledger.balances["BTC"]) == (usd, btc)


def test_its_fills_are_the_public_trades(life: Life) -> None:
    own = {fill.trade_id: (fill.price, fill.qty) for fill in life[1].account.fills.values()}
    tape = {one.trade_id: (one.price, one.qty) for one in life[0].publishers[SYMBOL].history.trades}
    shared = own.keys() & tape.keys()
    assert len(shared) > 50
    assert {number: own[number] for number in shared} == {number: tape[number] for number in shared}
