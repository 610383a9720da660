"""Own fills of a recording, reviewed against the engine's own book and trades."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest

import kracked
from kracked.book.keeper import BookKeeper
from kracked.flow.review import MarkState
from kracked.frames.fill_reviews import review_fills
from kracked.gateway.channels import Topic
from kracked.protocol.events import Side
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.listings import listings
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher
from kracked.sim.realism import PLAIN
from kracked.sim.truth import TruthRow, truth_rows
from kracked.times import NS_PER_S, to_rfc3339
from tests.benchmarks.queue_truth import TRADE, Market, Message, acknowledgement, record
from tests.benchmarks.streams import START

SYMBOL, DEPTH, MINUTES = "BTC/USD", 100, 3
SIDES = {Side.BID: "buy", Side.ASK: "sell"}


def reports(truth: list[TruthRow], listing: object, late_ns: int = 40_000_000) -> list[Message]:
    """Tell some of the market's makers' orders as if they were own ones."""
    precision = listing.instrument.precision  # type: ignore[attr-defined]
    rested = {}
    for row in truth:
        if row.what == "rested":
            rested.setdefault(row.order_id, row)
    filled = Counter(row.order_id for row in truth if row.what == "filled")
    own = [order_id for order_id in filled if order_id in rested][::3][:40]
    messages = []
    cumulated: Counter[str] = Counter()
    for row in truth:
        if row.order_id not in own or row.what not in ("rested", "filled"):
            continue
        common = {"order_id": row.order_id, "timestamp": to_rfc3339(row.time // 1000 * 1000, 6)}
        if row is rested[row.order_id]:
            report = {
                "exec_type": "new",
                "symbol": SYMBOL,
                "side": SIDES[row.side],
                "order_qty": float(precision.qty_decimal(row.qty)),
                "cum_qty": 0,
                "order_status": "new",
            }
        elif row.what == "filled":
            cumulated[row.order_id] += row.qty
            report = {
                "exec_type": "trade",
                "exec_id": f"E{row.trade_id}",
                "trade_id": row.trade_id,
                "symbol": SYMBOL,
                "side": SIDES[row.side],
                "last_price": float(precision.price_decimal(row.price)),
                "last_qty": float(precision.qty_decimal(row.qty)),
                "cum_qty": float(precision.qty_decimal(cumulated[row.order_id])),
                "liquidity_ind": "m",
                "order_status": "partially_filled",
                "fees": [{"asset": "USD", "qty": 0.25}],
            }
        else:
            continue
        data = {
            "channel": "executions",
            "type": "update",
            "data": [common | report],
            "sequence": len(messages) + 1,
        }
        text = json.dumps(data, separators=(",", ":"))
        messages.append(Message(row.time + late_ns, text.encode()))
    return messages


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(SYMBOL, 4, MINUTES, [DEPTH], PLAIN)


@pytest.fixture(scope="module")
def session(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("review") / "session"
    feed = [*market.feed(DEPTH, 30_000_000, 0, 1), *reports(market.truth, market.listing)]
    record(path, market, DEPTH, sorted(feed, key=lambda one: one.received))
    return path


@pytest.fixture(scope="module")
def frame(session: Path) -> pd.DataFrame:
    return kracked.load_fill_review(session, exact=True)


class Mids:
    """The mid of the engine's book at any instant, from the published messages alone."""

    def __init__(self, messages: list[Message], market: Market) -> None:
        precision = market.listing.instrument.precision
        keeper = BookKeeper(precisions={SYMBOL: precision})
        self.times: list[int] = []
        self.mids: list[Decimal] = []
        for message in messages:
            keeper.receive(message.raw, message.received)
            book = keeper.l3[SYMBOL]
            bid, ask = book.bids.best, book.asks.best
            self.times.append(message.received)  # of a message that is not late: the engine's
            self.mids.append(precision.price_decimal(bid.price + ask.price) / 2)

    def at(self, time: int) -> Decimal:
        return self.mids[bisect_right(self.times, time) - 1]


def test_every_own_fill_has_a_row(frame: pd.DataFrame, market: Market) -> None:
    told = [one for one in reports(market.truth, market.listing) if b'"trade"' in one.raw]
    assert len(frame) == len(told) > 30
    assert frame["ts_event"].is_monotonic_increasing
    assert set(frame["liquidity_ind"]) == {"m"}
    assert set(frame["fees"]) == {"0.25 USD"}


def test_marks_are_the_mids_of_the_engine_s_book(frame: pd.DataFrame, market: Market) -> None:
    mids = Mids(market.level3[DEPTH], market)
    checked = Counter[str]()
    for row in frame.itertuples():
        time = row.ts_event.value
        sign = 1 if row.side == "buy" else -1
        assert row.mid == mids.at(time)
        for seconds in (1, 10, 60):
            state = getattr(row, f"mark_{seconds}s")
            checked[f"{state} {seconds}"] += 1
            if state == "known":
                after = mids.at(time + seconds * NS_PER_S)
                bp = 10_000 * Fraction(sign * (after - row.price)) / Fraction(row.price)
                assert getattr(row, f"markout_{seconds}s_bp") == bp
                drift = 10_000 * Fraction(sign * (after - row.mid)) / Fraction(row.price)
                assert getattr(row, f"drift_{seconds}s_bp") == drift
            else:
                assert state == "pending"
                assert time + seconds * NS_PER_S >= market.end - NS_PER_S
    assert checked["known 60"] > 10
    assert checked["pending 60"] > 0


def test_the_way_through_the_queue_is_the_ledger_s(frame: pd.DataFrame, session: Path) -> None:
    lives = kracked.load_lifetimes(session, exact=True).set_index("order_id")
    seen = 0
    for row in frame.itertuples():
        life = lives.loc[row.order_id]
        if life["amended"] or life["slices"] or life["departures"]:
            continue
        seen += 1
        assert row.joined_position == life["joined_orders"] + 1
        assert row.joined_qty_ahead == life["joined_qty"]
        assert row.place == life["place"]
        assert row.position == 1
        if not pd.isna(row.ahead_filled):
            assert row.ahead_filled + row.ahead_left == row.joined_qty_ahead
    assert seen > 10


def test_the_taker_is_the_engine_s(frame: pd.DataFrame, market: Market) -> None:
    filled = [row for row in market.truth if row.what == "filled"]
    by_taker: Counter[str] = Counter()
    for row in filled:
        by_taker[row.taker] += row.qty
    takers = {row.trade_id: row.taker for row in filled}
    quantity = market.listing.instrument.precision.qty_decimal
    for row in frame.itertuples():
        assert row.taker_qty == quantity(by_taker[takers[row.trade_id]])


def test_waits_are_from_acceptance_to_fill(frame: pd.DataFrame, market: Market) -> None:
    rested = {}
    for one in market.truth:
        if one.what == "rested":
            rested.setdefault(one.order_id, one.time)
    for row in frame.itertuples():
        wait = row.ts_event.value - rested[row.order_id] // 1000 * 1000
        assert row.wait_s == pytest.approx(wait / NS_PER_S)


def test_the_summary_adds_the_fills_up(session: Path, frame: pd.DataFrame) -> None:
    [(symbol, summary)] = kracked.load_fill_summary(session).items()
    assert (symbol, summary.fills) == (SYMBOL, len(frame))
    assert summary.qty == sum(frame["qty"])
    assert summary.maker_share == 1
    assert summary.others > 0
    known = frame[frame["mark_1s"] == "known"]
    total = sum(
        bp * Fraction(price * qty) / 10_000
        for bp, price, qty in zip(known["markout_1s_bp"], known["price"], known["qty"], strict=True)
    )
    horizon = summary.horizons[0]
    assert Fraction(horizon.earned + horizon.drift) == total


def test_the_review_of_a_recording_is_that_of_the_live_feed(session: Path, market: Market) -> None:
    from kracked.flow import OrderFlow
    from kracked.flow.review import FillReview
    from kracked.protocol.codec import Codec

    precision = market.listing.instrument.precision
    codec, flow, live = Codec({SYMBOL: precision}), OrderFlow(DEPTH), FillReview(SYMBOL)
    feed = [*market.feed(DEPTH, 30_000_000, 0, 1), *reports(market.truth, market.listing)]
    for message in sorted(feed, key=lambda one: one.received):
        for event in codec.decode(message.raw, message.received):
            if isinstance(event, kracked.events.Executions):
                live.apply(event)
            else:
                outcomes = flow.apply(event)
                live.follow(flow[SYMBOL], precision, outcomes)
    outcomes = flow[SYMBOL].finish()
    live.follow(flow[SYMBOL], precision, outcomes)
    stored = review_fills(session, SYMBOL)
    assert sorted(live.fills, key=lambda one: one.exec_id) == sorted(
        stored.fills, key=lambda one: one.exec_id
    )
    assert live.summary() == stored.summary()


def test_an_outage_makes_marks_missing_and_never_others(market: Market, tmp_path: Path) -> None:
    level3 = market.feed(DEPTH, 0, 10 * NS_PER_S, 1)
    feed = [*level3, *reports(market.truth, market.listing)]
    record(tmp_path / "s", market, DEPTH, sorted(feed, key=lambda one: one.received))
    review = review_fills(tmp_path / "s", SYMBOL)
    mids = Mids(market.level3[DEPTH], market)
    states = Counter[MarkState]()
    for fill in review.fills:
        for at, seconds in enumerate((1, 10, 60)):
            mark = fill.marks[at]
            states[mark.state] += 1
            if mark.state is MarkState.KNOWN:
                assert mark.mid == mids.at(fill.time + seconds * NS_PER_S)
    assert states[MarkState.MISSING] > 0
    assert states[MarkState.KNOWN] > 10


def test_without_level_3_marks_are_those_of_the_level_2_book(tmp_path: Path) -> None:
    [listing] = listings([SYMBOL])
    made = SimulatedMarket([listing], seed=4)
    made.opened(START)
    matcher = made.matcher(SYMBOL)
    publisher = MarketDataPublisher(listing, matcher, made.histories[SYMBOL], START, PLAIN)
    book, trade = Topic("book", SYMBOL, 10), Topic(TRADE, SYMBOL)
    publisher.watch(book)
    publisher.watch(trade)
    feed = [Message(START, publisher.snapshot(book, START).encode())]
    truth: list[TruthRow] = []
    end = START + 90 * NS_PER_S
    for _, batch in made.advance(end):
        truth += truth_rows(SYMBOL, batch)
        feed += [Message(batch.time, text.encode()) for _, text in publisher.apply(batch)]
    market = object.__new__(Market)
    market.symbol, market.listing = SYMBOL, listing
    feed += reports(truth, listing, late_ns=0)
    feed.sort(key=lambda one: one.received)
    record(tmp_path / "s", market, 10, feed, acknowledged=acknowledgement(SYMBOL, 10, "book"))
    frame = kracked.load_fill_review(tmp_path / "s", exact=True)
    assert len(frame) > 10
    assert set(frame["mark_1s"]) <= {"known", "pending"}
    assert frame["place"].isna().all()
    quotes = kracked.best_bid_offer(tmp_path / "s", SYMBOL)
    for row in frame[frame["mark_10s"] == "known"].itertuples():
        at = quotes.index.searchsorted(row.ts_event + pd.Timedelta("10s"), "right") - 1
        bid, ask = (Decimal(str(quotes[name].iloc[at])) for name in ("bid", "ask"))
        mid = (bid + ask) / 2
        sign = 1 if row.side == "buy" else -1
        bp = 10_000 * Fraction(sign * (mid - row.price)) / Fraction(row.price)
        assert row.markout_10s_bp == bp


def test_fills_of_a_pair_that_was_not_recorded_have_rows_and_no_marks(
    market: Market, tmp_path: Path
) -> None:
    other = [
        one._replace(raw=one.raw.replace(b"BTC/USD", b"ETH/USD"))
        for one in reports(market.truth, market.listing)[:8]
    ]
    feed = [*market.feed(DEPTH, 0, 0, 1)[:300], *other]
    record(tmp_path / "s", market, DEPTH, sorted(feed, key=lambda one: one.received))
    frame = kracked.load_fill_review(tmp_path / "s")
    assert set(frame["symbol"]) == {"ETH/USD"}
    assert {*frame["mark_1s"], *frame["mark_60s"]} == {"missing"}
    assert frame["markout_1s_bp"].isna().all()


def test_a_recording_without_own_fills_has_no_rows(market: Market, tmp_path: Path) -> None:
    record(tmp_path / "s", market, DEPTH, market.feed(DEPTH, 0, 0, 1)[:300])
    frame = kracked.load_fill_review(tmp_path / "s")
    assert len(frame) == 0
    assert {"symbol", "markout_60s_bp", "mark_60s"} <= set(frame.columns)
    assert kracked.load_fill_summary(tmp_path / "s") == {}
