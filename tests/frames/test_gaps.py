"""Gaps reach the frames: a quote ends where nobody knew it, and an order's end is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kracked.book.keeper import BookKeeper
from kracked.errors import ConfigError, RecordError
from kracked.format.session_info import SessionInfo
from kracked.frames import (
    best_bid_offer,
    imbalance,
    load_orders,
    microprice,
    ofi,
    queue_position,
    sampled_books,
)
from kracked.protocol import events
from kracked.record.write.session import record_into
from kracked.times import NS_PER_S, to_rfc3339
from tests.record.seeded_market import START, Level3Market

SYMBOL = "BTC/USD"
TIME = "2024-11-12T06:50:44.000000000Z"


class Broken:
    """A recording with one lost connection in its middle."""

    def __init__(self, path: Path, seed: int = 7) -> None:
        self.path = path
        market, keeper, clock = Level3Market(seed), BookKeeper(), [START]
        info = SessionInfo(start=TIME)
        with record_into(path, info, clock=lambda: clock[0]) as session:

            def arrive(data: bytes) -> None:
                clock[0] = max(clock[0] + 1, market.now)
                session.ingest.take_message("level3", clock[0], data)
                for event in keeper.receive(data, clock[0]):
                    session.ingest.take_event(event)

            arrive(market.acknowledge())
            arrive(market.snapshot())
            for _ in range(40):
                arrive(market.update())
            self.lost = clock[0] + NS_PER_S
            for _ in range(30):
                market.update()
            market.now += 60 * NS_PER_S
            self.found = market.now
            clock[0] = self.found
            session.ingest.take_event(
                events.Gap(self.found, "level3", (SYMBOL,), self.lost, self.found, "reconnected")
            )
            arrive(market.snapshot())
            for _ in range(40):
                arrive(market.update())


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Broken:
    return Broken(tmp_path_factory.mktemp("broken") / "session")


def _within(frame: pd.DataFrame, broken: Broken) -> pd.DataFrame:
    times = pd.DatetimeIndex(frame.index).as_unit("ns").asi8
    return frame[(times >= broken.lost) & (times < broken.found)]


@pytest.mark.parametrize("verify", [False, True])
def test_one_row_ends_the_quote_where_the_gap_begins(broken: Broken, verify: bool) -> None:
    touch = best_bid_offer(broken.path, SYMBOL, verify=verify)
    [ending] = _within(touch, broken).itertuples()
    assert ending.Index.value == broken.lost
    assert np.isnan([ending.bid, ending.ask, ending.bid_qty, ending.ask_qty]).all()
    assert touch["suspect"].sum() == 1


def test_the_quote_after_the_gap_is_there_even_if_it_is_the_one_before(broken: Broken) -> None:
    touch = best_bid_offer(broken.path, SYMBOL)
    after = touch[pd.DatetimeIndex(touch.index).asi8 >= broken.found]
    assert after["bid"].notna().all()
    assert pd.DatetimeIndex(after.index).asi8[0] <= broken.found + NS_PER_S


def test_order_flow_starts_anew_after_the_gap(broken: Broken) -> None:
    touch = best_bid_offer(broken.path, SYMBOL)
    flow = ofi(touch)
    at = int(np.flatnonzero(touch["suspect"])[0])
    assert flow.iloc[[at, at + 1]].tolist() == [0.0, 0.0]
    halves = [touch.iloc[:at], touch.iloc[at + 1 :]]
    assert flow.sum() == pytest.approx(sum(ofi(half).sum() for half in halves))


@pytest.mark.parametrize("verify", [False, True])
def test_samples_end_at_the_gap_with_one_row_of_missing_values(
    broken: Broken, verify: bool
) -> None:
    samples = sampled_books(broken.path, SYMBOL, every="1s", levels=2, verify=verify)
    [ending] = _within(samples, broken).itertuples()
    assert ending.suspect
    assert np.isnan(ending.bid_px_0)


def _places(broken: Broken, order_id: str, verify: bool) -> pd.DataFrame:
    return queue_position(broken.path, SYMBOL, order_id, verify=verify)


def _resting_at_gap(broken: Broken) -> str:
    orders = load_orders(broken.path)
    before = orders[orders["ts_recv"].astype("int64") < broken.lost]
    last = before.drop_duplicates("order_id", keep="last")
    after = set(orders.loc[orders["ts_recv"].astype("int64") >= broken.found, "order_id"])
    gone = [one for one in last.loc[last["action"] != "C", "order_id"] if one not in after]
    resting = [one for one in gone if _places(broken, one, False)["status"].eq("unknown").any()]
    return str(resting[0])


@pytest.mark.parametrize("verify", [False, True])
def test_an_order_that_a_gap_swallows_ends_unknown(broken: Broken, verify: bool) -> None:
    places = _places(broken, _resting_at_gap(broken), verify)
    last = places.iloc[-1]
    assert (last["status"], last["position"], last["suspect"]) == ("unknown", 0, True)
    assert places.index[-1].value == broken.lost


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize(
    ("qty", "own_time", "how"),
    [(0, False, "filled"), (0, True, "filled"), (7, False, "cancelled"), (7, True, "moved")],
)
def test_how_an_order_ended_follows_from_its_removal(
    qty: int, own_time: bool, how: str, verify: bool, tmp_path: Path
) -> None:
    path, market, keeper, clock = tmp_path / "session", Level3Market(3), BookKeeper(), [START]
    with record_into(path, SessionInfo(start=TIME), clock=lambda: clock[0]) as session:

        def arrive(data: bytes) -> None:
            clock[0] = max(clock[0] + 1, market.now)
            session.ingest.take_message("level3", clock[0], data)
            for event in keeper.receive(data, clock[0]):
                session.ingest.take_event(event)

        arrive(market.acknowledge())
        arrive(market.snapshot())
        book = keeper.l3[SYMBOL]
        order = next(iter(book.bids.orders()))
        at = order.timestamp if own_time else to_rfc3339(market.now + 1, 9)
        arrive(market.remove(order.order_id, qty=qty, at=at))
        gone = clock[0]
        for _ in range(5):
            arrive(market.update())
        assert book.verified
    places = queue_position(path, SYMBOL, order.order_id, verify=verify)
    assert places["status"].tolist()[-1] == how
    assert places.index[-1].value == gone
    assert (places["status"][:-1] == "resting").all()


def test_a_wide_book_has_a_microprice_and_an_order_flow_of_each_symbol() -> None:
    wide = pd.DataFrame(
        {
            "symbol": ["A/B", "A/B", "C/D"],
            "bid_px_0": [9.0, 9.0, 90.0],
            "bid_sz_0": [1.0, 3.0, 1.0],
            "ask_px_0": [11.0, 11.0, 110.0],
            "ask_sz_0": [1.0, 1.0, 1.0],
        }
    )
    assert microprice(wide).tolist() == [10.0, 10.5, 100.0]
    assert ofi(wide).tolist() == [0.0, 2.0, 0.0]


def test_a_frame_without_quotes_is_refused_with_what_was_expected() -> None:
    with pytest.raises(ConfigError, match="a frame of quotes has bid, bid_qty, ask, ask_qty"):
        microprice(pd.DataFrame({"price": [1.0]}))


def test_no_levels_are_refused(broken: Broken) -> None:
    with pytest.raises(ConfigError, match="0 levels"):
        sampled_books(broken.path, SYMBOL, levels=0)
    with pytest.raises(ConfigError, match="levels=0"):
        imbalance(best_bid_offer(broken.path, SYMBOL), levels=0)


def test_a_symbol_written_another_way_is_refused_with_the_one_that_was_meant(
    broken: Broken,
) -> None:
    with pytest.raises(RecordError, match=r"BTCUSD was not recorded: did you mean BTC/USD\?"):
        best_bid_offer(broken.path, "BTCUSD")
