"""Trades that a recording lacks come from REST: those missing, exact, and again until they do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from kracked.format.trade_holes import TradeHoles
from kracked.instruments import Instrument, Precision
from kracked.protocol.events import HealedTrades, Side
from kracked.record import trade_healing
from kracked.record.trade_healing import NoPage, TradeHealer, TradePage, healed_trades
from kracked.rest.market import TradeRow
from kracked.times import NS_PER_S, to_rfc3339

SYMBOL = "BTC/USD"
PAGE = 10
RULES = Instrument(
    symbol=SYMBOL,
    base="BTC",
    quote="USD",
    precision=Precision(1, 8),
    price_increment=1,
    qty_increment=1,
    qty_min=1,
)


def row(number: int, **changes: object) -> TradeRow:
    members = {
        "price": Decimal("83930.30000"),
        "qty": Decimal("0.01044926"),
        "time": Decimal(number),
        "side": "b",
        "order_type": "l",
        "misc": "",
        "trade_id": number,
    }
    return TradeRow(**(members | changes))  # type: ignore[arg-type]


class Rest:
    """An exchange with a trade each second, and a clock that only sleeping moves."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.rows = [row(number) for number in numbers]
        self.asked: list[int] = []
        self.failure: NoPage | None = None
        self.now_s = 0.0
        self.slept: list[float] = []
        self.told: list[HealedTrades] = []
        self.holes = TradeHoles()
        self.stop_after = 100

    async def fetch(self, symbol: str, since: int) -> TradePage:
        assert symbol == SYMBOL
        self.asked.append(since)
        if self.failure is not None:
            raise self.failure
        page = [each for each in self.rows if each.traded > since][:PAGE]
        return TradePage(page, page[-1].traded if page else since)

    def deliver(self, event: HealedTrades) -> None:
        self.told.append(event)
        self.holes.heal(event.symbol, [trade.trade_id for trade in event.trades])

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        if len(self.slept) > self.stop_after:
            raise Done

    def healer(self) -> TradeHealer:
        return TradeHealer(
            self.holes,
            self.fetch,
            self.deliver,
            instruments={SYMBOL: RULES},
            wall=lambda: 10**18,
            steady=lambda: int(self.now_s * NS_PER_S),
            sleep=self.sleep,
        )

    def come(self, *numbers: int) -> None:
        for number in numbers:
            stamp = to_rfc3339(number * NS_PER_S)
            self.holes.follow(SYMBOL, [(number, stamp)], number * NS_PER_S)

    @property
    def healed(self) -> list[int]:
        return [trade.trade_id for event in self.told for trade in event.trades]


class Done(Exception):
    """The test has waited long enough."""


async def test_holes_of_an_earlier_count_are_not_asked_for() -> None:
    rest = Rest(range(1, 100))
    rest.come(20, 30)
    rest.holes.follow(SYMBOL, [(1, to_rfc3339(50 * NS_PER_S))], 50 * NS_PER_S, snapshot=True)
    assert not await rest.healer().heal_due()
    await rest.healer().finish()
    assert (rest.asked, rest.holes.missing) == ([], 9)


async def test_exactly_the_missing_trades_are_fetched_page_by_page() -> None:
    rest = Rest(range(1, 100))
    rest.come(20, 48, 50)
    while await rest.healer().heal_due():
        pass
    assert rest.healed == [*range(21, 48), 49]
    assert rest.holes.missing == 0
    assert rest.asked[0] == 20 * NS_PER_S - 1_000_000
    assert len(rest.asked) == 3


async def test_nothing_is_asked_while_nothing_is_missing() -> None:
    rest = Rest(range(1, 9))
    rest.come(1, 2)
    assert not await rest.healer().heal_due()
    assert rest.asked == []


async def test_what_did_not_come_is_asked_for_again_after_growing_pauses_for_ever() -> None:
    rest = Rest(range(1, 99))
    rest.come(1, 3)
    rest.failure = NoPage("no connection", final=False)
    with pytest.raises(Done):
        await rest.healer().run()
    times = len(rest.asked)
    assert 4 <= times <= 7
    [hole] = rest.holes.open()
    assert hole.reason == "no connection"
    rest.failure, rest.stop_after = None, 400
    with pytest.raises(Done):
        await rest.healer().run()
    assert rest.healed == [2]


async def test_pauses_grow_to_a_minute_and_no_further() -> None:
    rest, asked_at = Rest(()), []
    rest.come(1, 3)
    rest.failure, rest.stop_after = NoPage("no connection", final=False), 700
    fetch = rest.fetch

    async def noted(symbol: str, since: int) -> TradePage:
        asked_at.append(rest.now_s)
        return await fetch(symbol, since)

    rest.fetch = noted  # type: ignore[method-assign]
    with pytest.raises(Done):
        await rest.healer().run()
    pauses = [later - before for before, later in itertools.pairwise(asked_at)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


async def test_what_the_exchange_answers_without_is_given_up_and_told() -> None:
    rest = Rest([1, 2, 4, 5])
    rest.come(1, 5)
    healer = rest.healer()
    with pytest.raises(Done):
        await healer.run()
    assert rest.healed == [2, 4]
    [hole] = rest.holes.open()
    assert (hole.first, hole.last, hole.reason) == (3, 3, "REST does not have them")
    assert len(rest.asked) == trade_healing.ANSWERS
    assert rest.asked[1] < rest.asked[0]
    await healer.finish()
    assert len(rest.asked) == trade_healing.ANSWERS


async def test_a_refusal_for_good_ends_it() -> None:
    rest = Rest(())
    rest.come(1, 3)
    rest.failure = NoPage("EQuery:Unknown asset pair", final=True)
    healer = rest.healer()
    with pytest.raises(Done):
        await healer.run()
    assert len(rest.asked) == 1
    assert str(rest.holes.open()[0]).endswith("EQuery:Unknown asset pair")


async def test_a_hole_too_long_is_not_fetched_but_told() -> None:
    rest = Rest(())
    rest.come(1, 10**9)
    assert await rest.healer().heal_due()
    assert rest.asked == []
    assert "200000 are not fetched" in str(rest.holes.open()[0])


async def test_the_longest_hole_is_fetched() -> None:
    rest = Rest(())
    rest.come(1, trade_healing.MOST_TRADES + 2)
    assert await rest.healer().heal_due()
    assert rest.asked


async def test_at_the_end_a_hole_is_tried_before_it_is_due() -> None:
    rest = Rest(range(1, 9))
    rest.come(1, 3)
    rest.failure = NoPage("no connection", final=False)
    healer = rest.healer()
    assert await healer.heal_due()
    assert not await healer.heal_due()
    rest.failure = None
    await healer.finish()
    assert rest.healed == [2]


async def test_an_unlisted_symbol_is_healed_with_the_decimals_of_its_numbers() -> None:
    rest = Rest(range(1, 9))
    rest.come(1, 3)
    healer = rest.healer()
    healer._instruments = {}
    assert await healer.heal_due()
    [event] = rest.told
    assert event.precision == Precision(1, 8)
    assert not await healer.heal_due()


async def test_rows_that_are_no_trades_heal_nothing() -> None:
    rest = Rest(range(1, 9))
    rest.come(1, 8)
    rest.rows[1:7] = [
        row(2, side="x"),
        row(3, qty=Decimal(0)),
        row(4, price=Decimal("NaN")),
        row(5, price=Decimal("1e25")),
        row(6, qty=Decimal("1e-31")),
        row(7, time=Decimal("1e10")),
    ]
    await rest.healer().heal_due()
    assert rest.healed == []
    rest = Rest(range(1, 9))
    rest.come(1, 3)
    rest.rows[1] = row(2, time=Decimal("NaN"))
    rest.fetch = pages(rest)  # type: ignore[method-assign]
    await rest.healer().heal_due()
    assert rest.healed == []


def pages(rest: Rest) -> Callable[[str, int], object]:
    async def all_at_once(symbol: str, since: int) -> TradePage:
        return TradePage(rest.rows, since)

    return all_at_once


def test_a_trade_of_rest_is_the_stream_s_to_the_last_digit() -> None:
    given = row(
        7,
        price=Decimal("83930.30000"),
        qty=Decimal("0.01044926"),
        time=Decimal("1790359841.1382287"),
        side="s",
        order_type="m",
    )
    event = healed_trades(SYMBOL, [given], Precision(1, 8), 5)
    [trade] = event.trades
    assert (event.received, event.symbol, event.precision) == (5, SYMBOL, Precision(1, 8))
    assert (trade.price, trade.qty, trade.trade_id) == (839303, 1044926, 7)
    assert (trade.side, trade.ord_type) == (Side.ASK, "market")
    assert trade.timestamp == "2026-09-25T18:10:41.138228Z"


@pytest.mark.parametrize("known", [None, Precision(1, 2), Precision(0, 0)])
def test_no_digit_is_lost_where_the_decimals_are_not_known_or_have_changed(
    known: Precision | None,
) -> None:
    digits = Decimal("12345678901234567890.123456789012345")
    event = healed_trades(SYMBOL, [row(1, price=digits), row(2)], known, 5)
    first, second = event.trades
    assert event.precision == Precision(15, 8)
    assert event.precision.price_text(first.price) == str(digits)
    assert event.precision.price_text(second.price) == "83930.300000000000000"
