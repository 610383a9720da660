"""Lives of orders and fills from a recording: as on the live feed, and as the engine knows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import kracked
from kracked.book.keeper import BookKeeper
from kracked.errors import RecordError
from kracked.flow import Life, Link, OrderFlow
from kracked.flow.ledger import Ledger
from tests.benchmarks.queue_truth import Market, Message, record

SYMBOL, DEPTH = "BTC/USD", 10


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(SYMBOL, 1, 1.5, [DEPTH])


@pytest.fixture(scope="module")
def feed(market: Market) -> list[Message]:
    """Both feeds as one stream, each message up to a quarter of a second late."""
    return market.feed(DEPTH, 250_000_000, 0, seed=1)


@pytest.fixture(scope="module")
def session(market: Market, feed: list[Message], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stream, recorded."""
    path = tmp_path_factory.mktemp("lives") / "session"
    record(path, market, DEPTH, feed)
    return path


@pytest.fixture(scope="module")
def live(market: Market, feed: list[Message]) -> tuple[list[Life], list[Link]]:
    """What the ledger says of the same stream without a recording."""
    keeper = BookKeeper(precisions={SYMBOL: market.listing.instrument.precision})
    lives: list[Life] = []
    flow = OrderFlow(DEPTH)
    ledger = flow.ledgers[SYMBOL] = Ledger(SYMBOL, DEPTH, finished=lives.append)
    links = [
        one
        for message in feed
        for event in keeper.receive(message.raw, message.received)
        for one in flow.apply(event)
        if isinstance(one, Link)
    ]
    links += [one for one in ledger.finish() if isinstance(one, Link)]
    return lives, links


def test_every_recorded_trade_has_the_order_that_the_engine_filled(
    market: Market, session: Path
) -> None:
    fills = kracked.load_fills(session)
    truth = {row.trade_id: row.order_id for row in market.truth if row.what == "filled"}
    assert dict(zip(fills["trade_id"], fills["order_id"], strict=True)) == truth
    assert set(fills["certainty"]) == {"exact"}


def test_fills_of_a_recording_are_those_of_the_live_feed(
    session: Path, live: tuple[list[Life], list[Link]]
) -> None:
    fills = kracked.load_fills(session)
    links = sorted(live[1], key=lambda link: (link.instant, link.trade_id))
    assert fills["trade_id"].tolist() == [link.trade_id for link in links]
    assert fills["order_id"].tolist() == [link.order_id for link in links]
    assert fills["ts_event"].astype("int64").tolist() == [link.instant for link in links]


def test_lives_of_a_recording_are_those_of_the_live_feed(
    session: Path, live: tuple[list[Life], list[Link]]
) -> None:
    frame = kracked.load_lifetimes(session)
    ours = {
        row.order_id: (row.birth, row.end, row.trades, row.amended, row.departures)
        for row in frame.itertuples()
    }
    assert ours == {
        one.order_id: (
            str(one.birth),
            str(one.state),
            tuple(one.trades),
            one.amended,
            one.departures,
        )
        for one in live[0]
    }


def test_an_order_is_a_row_by_first_sight(session: Path) -> None:
    frame = kracked.load_lifetimes(session)
    assert frame["order_id"].is_unique
    assert frame["ts_born"].is_monotonic_increasing
    assert str(frame["ts_born"].dtype) == "datetime64[ns, UTC]"


def test_what_was_filled_of_an_order_is_the_sum_of_its_trades(session: Path) -> None:
    fills = kracked.load_fills(session, exact=True)
    lives = kracked.load_lifetimes(session, exact=True)
    of_order = {
        order_id: sum(rows["qty"], Decimal(0)) for order_id, rows in fills.groupby("order_id")
    }
    filled = {row.order_id: row.filled for row in lives.itertuples() if row.filled or row.trades}
    assert filled == of_order


def test_exact_numbers_have_the_digits_of_the_exchange(session: Path) -> None:
    row = kracked.load_lifetimes(session, exact=True).iloc[0]
    assert isinstance(row["price"], Decimal)
    assert float(row["price"]) == kracked.load_lifetimes(session).iloc[0]["price"]


def test_a_symbol_that_was_not_recorded_is_said(session: Path) -> None:
    with pytest.raises(RecordError, match="ETH/USD"):
        kracked.load_fills(session, symbols="ETH/USD")
