"""The paper engine on level 2 alone: a place is bounded, and fills follow the worst of it."""

from __future__ import annotations

from kracked.book.l2 import L2Book
from kracked.flow import OrderFlow
from kracked.paper import Answer, PaperAccount, PaperEngine, PaperRequest, PaperState, Report
from kracked.protocol.events import BookSnapshot, BookUpdate, Resync, Side, Trade, Trades
from kracked.protocol.order_terms import OrderType
from kracked.times import to_rfc3339
from tests.flow.scripted_feed import at
from tests.paper.paper_market import BTC, INSTRUMENT, SYMBOL, opened

MS = 1_000_000


class LevelMarket:
    """A bid of 1 at 100.0, an ask of 1 at 101.0 and 2 at 102.0, and a paper account."""

    def __init__(self) -> None:
        self.now = at("10")
        self.book = L2Book(SYMBOL, INSTRUMENT.precision, 10)
        self.account = PaperAccount(opened())
        self.engine = PaperEngine(
            self.account,
            OrderFlow(),
            now=self.now,
            verified=lambda _: True,
            levels=lambda _: self.book,
        )
        self.news: list[Answer | Report] = []
        self._trades = 0
        self._state = {Side.BID: {1000: 1.0}, Side.ASK: {1010: 1.0, 1020: 2.0}}
        self.levels()

    def levels(self, **totals: float) -> None:
        """Set totals, such as `bid1000=0.5`; the book and the engine take a snapshot of it."""
        for name, qty in totals.items():
            side, price = Side(name[:3]), int(name[3:])
            self._state[side][price] = qty
        self.now += MS
        bids, asks = (
            tuple((price, round(qty * BTC)) for price, qty in sorted(self._state[side].items()))
            for side in (Side.BID, Side.ASK)
        )
        kind = BookUpdate if self._trades or totals else BookSnapshot
        event = kind(
            received=self.now,
            symbol=SYMBOL,
            bids=bids,
            asks=asks,
            checksum=0,
            precision=INSTRUMENT.precision,
            timestamp=to_rfc3339(self.now, 6),
        )
        self.book.apply(event)
        self.news += self.engine.apply(event)

    def sold(self, qty: float, price: int, *, ago: int = 0) -> None:
        """Let somebody sell at a price, `ago` ns ago; the book says so by itself."""
        self.now += MS
        self._trades += 1
        trade = Trade(
            price=price,
            qty=round(qty * BTC),
            side=Side.ASK,
            ord_type="market",
            trade_id=self._trades,
            timestamp=to_rfc3339(self.now - ago, 6),
        )
        event = Trades(
            received=self.now,
            symbol=SYMBOL,
            trades=(trade,),
            precision=INSTRUMENT.precision,
            snapshot=False,
        )
        self.news += self.engine.apply(event)

    def wait(self) -> None:
        self.now += 600 * MS
        self.news += self.engine.elapse(self.now)

    def order(self, side: Side, qty: float, price: int | None = None) -> str:
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        request = PaperRequest(
            symbol=SYMBOL, side=side, order_type=kind, qty=round(qty * BTC), price=price
        )
        ticket = self.engine.submit(request, self.now)
        self.news += self.engine.elapse(self.now)
        [answer] = [n for n in self.news if isinstance(n, Answer) and n.ticket == ticket]
        assert answer.error is None
        return answer.order_id or ""

    def filled(self, order_id: str) -> float:
        order = self.account.open.get(order_id) or self.account.closed[order_id]
        return order.filled / BTC


def test_a_trade_that_those_ahead_explain_fills_nothing() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.sold(0.6, 1000)
    market.wait()
    assert market.filled(order) == 0


def test_nothing_may_stand_ahead_while_a_fall_of_the_total_waits_for_its_trades() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.levels(bid1000=0.4)  # 1.6 were sold: an iceberg order's next part has joined the back
    told = market.engine.bounds(order)
    assert told is not None
    assert (told.least, told.most) == (0, BTC)


def test_a_trade_that_comes_after_its_book_is_taken_from_those_ahead_once() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.levels(bid1000=0.5)
    market.now += 200 * MS
    market.sold(0.5, 1000, ago=201 * MS)
    market.now += 100 * MS
    market.levels(ask1020=3)  # by now the book is old enough, and the taker not yet
    market.wait()
    told = market.engine.bounds(order)
    assert told is not None
    assert (told.least, told.most) == (BTC // 2, BTC // 2)


def test_a_taker_is_decided_by_the_events_of_the_book_alone() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.sold(1.5, 1000)
    market.now += 600 * MS
    market.levels(ask1020=3)
    assert market.filled(order) == 0.5


def test_nothing_may_stand_ahead_while_a_taker_at_its_price_is_undecided() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.sold(0.2, 1000)
    told = market.engine.bounds(order)
    assert told is not None
    assert (told.least, told.most) == (0, BTC)


def test_what_is_sold_beyond_those_ahead_fills_the_order() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.sold(1.3, 1000)
    market.wait()
    assert market.filled(order) == 0.3


def test_a_total_below_what_was_ahead_brings_the_order_forward() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.levels(bid1000=0.2)
    market.wait()
    market.sold(0.5, 1000)
    market.wait()
    assert market.filled(order) == 0.3


def test_cancels_behind_do_not_bring_the_order_forward() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.levels(bid1000=3.0)
    market.levels(bid1000=1.5)
    market.wait()
    market.sold(1.0, 1000)
    market.wait()
    assert market.filled(order) == 0


def test_a_trade_that_is_told_after_its_book_is_not_counted_twice() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.wait()
    market.levels(bid1000=0.4)
    market.sold(0.6, 1000, ago=MS)
    market.wait()
    market.sold(0.4, 1000)
    market.levels(bid1000=0)
    market.wait()
    assert market.filled(order) == 0


def test_a_trade_through_the_price_fills_the_order() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.sold(0.4, 990)
    market.wait()
    assert market.filled(order) == 0.4


def test_a_level_that_comes_across_fills_the_order_once() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1005)
    market.levels(ask1004=0.3)
    market.levels(ask1004=0.3)
    market.wait()
    assert market.filled(order) == 0.3


def test_a_market_order_takes_the_levels_and_nothing_twice() -> None:
    market = LevelMarket()
    first, second = market.order(Side.BID, 1.5), market.order(Side.BID, 1.0)
    prices = [market.account.closed[one].notional / BTC / 10 for one in (first, second)]
    assert prices == [101.0 + 0.5 * 102.0, 102.0]


def test_what_was_used_up_is_there_again_once_the_level_was_gone() -> None:
    market = LevelMarket()
    market.order(Side.BID, 1)
    market.levels(ask1010=0)
    market.levels(ask1010=1.0)
    order = market.order(Side.BID, 1)
    assert market.account.closed[order].notional / BTC / 10 == 101.0


def test_a_lost_book_makes_what_rests_unknown() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    lost = Resync(received=market.now, symbol=SYMBOL, channel="book", reason="checksum")
    market.engine.apply(lost)
    assert market.account.open[order].state is PaperState.UNKNOWN


def test_a_cancel_ends_an_order_and_a_taker_of_before_still_fills_it() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1, 1000)
    market.sold(1.2, 1000)
    market.engine.cancel(order, market.now)
    market.wait()
    assert market.account.closed[order].state is PaperState.CANCELLED
    assert market.filled(order) == 0.2


def test_the_rest_of_a_taker_gets_nothing_more_of_a_level_that_shrinks() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 2.0, 1010)
    for total in (0.6, 0.3):
        market.levels(ask1010=total)
        market.wait()
    assert market.filled(order) == 1.0


def test_the_rest_of_a_taker_gets_nothing_more_of_a_level_that_is_restated() -> None:
    market = LevelMarket()
    order = market.order(Side.ASK, 1.5, 1000)
    market.levels(bid1000=1.0)
    market.wait()
    assert market.filled(order) == 1.0


def test_the_rest_of_a_taker_gets_what_is_new_of_its_level() -> None:
    market = LevelMarket()
    order = market.order(Side.BID, 1.5, 1010)
    market.levels(ask1010=0.6)
    market.levels(ask1010=0.8)
    market.wait()
    assert market.filled(order) == 1.2


def beyond_view() -> tuple[LevelMarket, str]:
    """A book full of bids from 1000 to 991, an order below them, and then they are gone."""
    market = LevelMarket()
    market.levels(**{f"bid{1000 - place}": 1.0 for place in range(10)})
    order = market.order(Side.BID, 1, 985)
    return market, order


def fall(market: LevelMarket, **totals: float) -> None:
    """Let the levels in view vanish, and those of below come into sight."""
    market.levels(**{f"bid{1000 - place}": 0 for place in range(10)}, bid990=2.0, **totals)


def test_an_order_beyond_the_levels_in_view_stands_behind_all_that_is_told_later() -> None:
    market, order = beyond_view()
    fall(market, bid985=50.0)
    market.wait()
    market.sold(49.5, 985)
    market.wait()
    assert market.filled(order) == 0
    market.sold(1.0, 985)
    market.wait()
    assert market.filled(order) == 0.5


def test_an_order_beyond_the_levels_in_view_is_filled_by_nothing_at_its_price_until_then() -> None:
    market, order = beyond_view()
    market.sold(3.0, 985)
    market.wait()
    assert market.filled(order) == 0


def test_an_order_whose_level_comes_into_view_empty_is_the_first_there() -> None:
    market, order = beyond_view()
    fall(market)
    market.wait()
    market.sold(0.4, 985)
    market.wait()
    assert market.filled(order) == 0.4
