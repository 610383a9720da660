"""The measures of a market, fed by its events."""

from __future__ import annotations

from fractions import Fraction

from msgspec.structs import replace

from kracked.book.l2 import L2Book
from kracked.flow.market_flow import MarketFlow, MarketFlows
from kracked.flow.measures.touch import Touch
from kracked.instruments import Precision
from kracked.protocol.codec import Codec
from kracked.protocol.events import BookSnapshot, BookUpdate, Candle, Level, Side, Trade, Trades
from kracked.times import NS_PER_S, parse_ns, to_rfc3339
from tests.benchmarks.queue_truth import Market
from tests.flow.scripted_feed import BTC, ScriptedFeed, at

S = NS_PER_S
DAY = parse_ns("2024-11-12T00:00:00Z")
PRECISION = Precision(1, 8)


def trades(*rows: tuple, snapshot: bool = False, precision: Precision = PRECISION) -> Trades:
    """Return a message of trades: id, side, price, quantity, seconds after midnight."""
    made = tuple(
        Trade(side, price, qty, "limit", number, to_rfc3339(DAY + int(second * S), 9))
        for number, side, price, qty, second in rows
    )
    received = DAY + int(rows[-1][-1] * S)
    return Trades(received, BTC, precision, made, snapshot=snapshot)


BUY, SELL = Side.BID, Side.ASK


def fed(*messages: Trades, **terms) -> MarketFlows:
    flows = MarketFlows(**terms)
    for message in messages:
        flows.apply(message)
    return flows


def test_trades_are_counted_in_every_measure() -> None:
    market = fed(trades((1, BUY, 1000, 5, 10), (2, BUY, 1010, 5, 10), (3, SELL, 990, 2, 10)))[BTC]
    assert market.ring.window(60, DAY + 11 * S)[:3] == (10, 2, 2)
    assert market.session.delta == 8
    assert market.session.vwap.exact == Fraction(1000 * 5 + 1010 * 5 + 990 * 2, 12)
    assert (market.traded.sold, market.traded.bought) == (2, 10)


def test_watching_begins_with_the_oldest_trade_of_a_first_snapshot() -> None:
    market = fed(trades((1, BUY, 1000, 5, 10), snapshot=True), trades((2, BUY, 1000, 1, 20)))[BTC]
    assert (market.session.bought, market.ring.since) == (6, DAY + 10 * S)
    assert (market.session.watched_from, market.missing) == (DAY + 10 * S, 0)


def test_the_columns_count_no_trade_of_a_snapshot() -> None:
    market = fed(trades((1, BUY, 1000, 5, 10), snapshot=True), trades((2, BUY, 1000, 1, 20)))[BTC]
    assert market.traded.bought == 1


def test_after_a_reconnect_a_snapshot_brings_what_was_missed_and_nothing_twice() -> None:
    again = trades((1, BUY, 1000, 5, 10), (2, BUY, 1000, 7, 11), snapshot=True)
    market = fed(trades((1, BUY, 1000, 5, 10)), again)[BTC]
    assert (market.session.bought, market.missing) == (12, 0)


def test_trades_that_never_came_are_counted_and_the_windows_begin_anew() -> None:
    market = fed(trades((1, BUY, 1000, 5, 10)), trades((5, BUY, 1000, 5, 100)))[BTC]
    assert market.missing == 3
    assert not market.ring.covers(60, DAY + 120 * S)
    assert market.ring.covers(60, DAY + 160 * S)


def test_a_session_ends_at_midnight() -> None:
    market = fed(trades((1, BUY, 1000, 5, 10)), trades((2, BUY, 2000, 7, 86_400)))[BTC]
    assert (market.session.start, market.session.bought) == (DAY + 86_400 * S, 7)


def test_a_session_can_begin_at_another_time_of_day() -> None:
    noon = 43_200 * S
    market = fed(
        trades((1, BUY, 1000, 5, 43_199)),
        trades((2, BUY, 1000, 7, 43_200)),
        session_offset_ns=noon,
    )[BTC]
    assert (market.session.start, market.session.bought) == (DAY + noon, 7)


def test_a_session_since_the_start_goes_on_over_midnight() -> None:
    market = fed(
        trades((1, BUY, 1000, 5, 10)), trades((2, BUY, 1000, 7, 86_400)), session_offset_ns=None
    )[BTC]
    assert market.session.bought == 12


def test_candles_stand_for_the_session_before_watching_began() -> None:
    market = fed(trades((1, BUY, 1000, 5, 150)))[BTC]
    candles = [
        Candle(1, DAY + minute * 60 * S, 0, 0, 0, 0, 900, 100, 1) for minute in (-1, 0, 1, 2)
    ]
    market.session.fill_from(candles)
    market.session.fill_from(candles)
    assert market.session.profile.qty == 205
    assert market.session.candles_from == DAY
    assert market.session.vwap.exact == Fraction(200 * 900 + 5 * 1000, 205)


def test_an_average_can_be_anchored_in_the_past_at_now_and_not_long_ago() -> None:
    flows = fed(
        trades((1, BUY, 1000, 1, 100)),
        trades((2, BUY, 2000, 1, 500)),
        trades((3, BUY, 3000, 1, 1000)),
    )
    market = flows[BTC]
    assert market.anchor_vwap(DAY + 500 * S) == "a"
    assert market.anchored["a"].price() == 2500
    assert market.anchor_vwap(DAY + 50 * S) is None
    assert market.anchor_vwap(DAY + 1000 * S + 1) == "b"
    flows.apply(trades((4, BUY, 5000, 1, 1001)))
    assert market.anchored["b"].price() == 5000


def test_numbers_of_another_scale_begin_everything_anew() -> None:
    market = fed(
        trades((1, BUY, 1000, 5, 10)),
        trades((2, BUY, 10_000, 7, 20), precision=Precision(2, 8)),
    )[BTC]
    assert market.session.bought == 7


def scripted() -> tuple[ScriptedFeed, MarketFlows]:
    """Return a feed whose messages go through the measures."""
    feed = ScriptedFeed()
    flows = MarketFlows(feed.flow)
    feed.flow = flows  # type: ignore[assignment]
    feed.snapshot(
        bids=["A 1000.0 3 10.0", "B 999.5 7 10.0"], asks=["Z 1000.2 1 10.0", "Y 1010.0 5 10.0"]
    )
    return feed, flows


def test_the_touch_is_that_of_level_3() -> None:
    _, flows = scripted()
    market = flows[BTC]
    assert market.flow_imbalance.touch == Touch(10000, 3 * 10**8, 10002, 10**8)
    assert market.queue_lean() == 50
    assert market.near_lean() == 82  # A and B against Z alone


def level_2(*messages: BookSnapshot | BookUpdate) -> MarketFlow:
    """Return the measures after messages of a level 2 book, with no level 3."""
    book, market = L2Book(BTC, Precision(1, 8), 10), MarketFlow(BTC)
    for message in messages:
        book.apply(message)
        book.apply(replace(message, checksum=book.computed))
        market.apply_book(book)
    return market


LEVELS = BookSnapshot(
    10, BTC, Precision(1, 8), (Level(10_000, 300), Level(9_990, 5)), (Level(10_002, 100),), 0
)


def test_without_level_3_the_touch_is_that_of_level_2() -> None:
    market = level_2(LEVELS)
    assert market.flow_imbalance.touch == Touch(10_000, 300, 10_002, 100)
    assert market.detectors.context.touch == Touch(10_000, 300, 10_002, 100)
    assert market.queue_lean() == 50


def test_order_flow_follows_the_touch_of_level_2() -> None:
    more = BookUpdate(20, BTC, Precision(1, 8), (Level(10_000, 500),), (), 0)
    assert level_2(LEVELS, more).flow_imbalance.value == 200


def test_nothing_is_said_of_the_touch_of_a_level_2_book_that_is_not_verified() -> None:
    market = MarketFlow(BTC)
    book = L2Book(BTC, Precision(1, 8), 10)
    book.apply(LEVELS)
    assert not book.verified
    market.apply_book(book)
    assert market.flow_imbalance.touch is None


def test_order_flow_follows_the_touch() -> None:
    feed, flows = scripted()
    feed.update(bids=["add C 1000.0 2 25.0"], time="25.0")
    assert flows[BTC].flow_imbalance.value == 2 * 10**8


def test_in_a_hole_nothing_is_said_of_the_touch() -> None:
    feed, flows = scripted()
    flows.order_flow[BTC].lose(feed.now)
    feed.update(bids=["add C 1000.0 2 25.0"], time="25.0")
    assert (flows[BTC].queue_lean(), flows[BTC].near_lean()) == (None, None)


def test_the_present_is_told_on_the_clock_of_the_exchange() -> None:
    feed, flows = scripted()
    feed.now = at("30")
    feed.update(bids=["add C 1000.0 2 25.0"], time="25.0")
    assert flows[BTC].now(at("31")) == at("26")


def test_looking_often_changes_no_measure() -> None:
    """A quiet feed is looked at between its messages, and its replay is not."""
    market = Market(BTC, 5, 1.0, [100])
    told = []
    for looks in (False, True):
        flows = MarketFlows()
        codec = Codec({BTC: market.listing.instrument.precision})
        outcomes, before = [], 0
        for message in market.feed(100, 200_000_000, 0, 5)[:6_000]:
            while looks and before and before + 20_000_000 < message.received:
                before += 20_000_000
                outcomes += flows.elapse(before)
            before = message.received
            for event in codec.decode(message.raw, message.received):
                outcomes += flows.apply(event)
        now = flows[BTC].now(before)
        flows[BTC].advance(now)
        told.append((outcomes, [flows[BTC].changes.rows(side) for side in Side]))
    assert len(told[0][0]) > 5_000
    assert told[0] == told[1]
