"""Books rebuilt from the tables alone, and what they say: equal to the books of the wire."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kracked.book.keeper import BookKeeper
from kracked.errors import ConfigError, RecordError
from kracked.format import keyframe
from kracked.format.tables import Flag
from kracked.frames import (
    best_bid_offer,
    imbalance,
    load_orders,
    microprice,
    ofi,
    queue_position,
    sampled_books,
)
from kracked.frames.books.table_replay import books
from kracked.record.read.recording import open_recording

Stream = list[tuple[int, bytes]]


def test_the_book_of_the_tables_is_the_book_of_the_wire_after_each_message(
    session: Path, stream: Stream
) -> None:
    keeper = BookKeeper()
    keeper.receive(stream[0][1])
    rebuilt = [keyframe.encode(book) for book in books(session, "BTC/USD")]
    lived = []
    for received, data in stream[1:]:
        keeper.receive(data, received)
        lived.append(keyframe.encode(keeper.l3["BTC/USD"]))
    assert [_times_aside(text) for text in rebuilt] == [_times_aside(text) for text in lived]


def _times_aside(text: bytes) -> bytes:
    return text.rpartition(b',"timestamp":')[0]


def test_every_checksum_of_the_tables_matches(session: Path, stream: Stream) -> None:
    rebuilt = [book.computed for book in books(session, "BTC/USD")]
    rows = load_orders(session)
    stated = rows.loc[rows["flags"] & Flag.LAST > 0, "checksum"]
    assert rebuilt == stated.tolist()
    assert len(rebuilt) == len(stream) - 1


def test_the_touch_has_a_row_per_change(session: Path) -> None:
    touch = best_bid_offer(session, "BTC/USD")
    changed = (touch != touch.shift()).any(axis=1)
    assert changed.all()
    assert (touch["ask"] > touch["bid"]).all()


def test_sampled_books_are_the_recordings_books_of_those_instants(session: Path) -> None:
    samples = sampled_books(session, "BTC/USD", every="1s", levels=3)
    recording = open_recording(session)
    for instant in samples.index[::5]:
        book = recording.at(instant.value, "BTC/USD")
        for rank in range(3):
            level = book.asks[rank]
            assert samples.loc[instant, f"ask_px_{rank}"] == level.price / 10
            assert samples.loc[instant, f"ask_sz_{rank}"] == level.qty / 10**8


def test_an_open_recording_is_a_source_like_its_folder(session: Path) -> None:
    assert load_orders(open_recording(session)).equals(load_orders(session))


def test_open_recordings_are_sources_together(session: Path) -> None:
    recording = open_recording(session)
    assert len(load_orders([recording, recording])) == 2 * len(load_orders(session))


def test_a_symbol_that_was_not_recorded_is_refused(session: Path) -> None:
    with pytest.raises(RecordError, match="XRP/USD was not recorded"):
        best_bid_offer(session, "XRP/USD")


def test_an_order_never_seen_has_no_places(session: Path) -> None:
    positions = queue_position(session, "BTC/USD", "ONEVER-SEENX-ATALLX")
    places = ["price", "qty", "qty_ahead", "level_qty", "position", "orders"]
    assert list(positions) == [*places, "status", "suspect"]
    assert positions.empty


def test_samples_are_a_whole_interval_apart(session: Path) -> None:
    index = sampled_books(session, "BTC/USD", every="2s").index
    assert set(np.diff(index.to_numpy())) == {np.timedelta64(2, "s")}
    assert index[0] == index[0].floor("2s")


@pytest.mark.parametrize("every", ["soon", "0s", "-1s", "1"])
def test_samples_want_a_length_of_time(every: str, session: Path) -> None:
    with pytest.raises(ConfigError, match="is no length of time"):
        sampled_books(session, "BTC/USD", every=every)


def test_a_channel_without_books_is_refused(session: Path) -> None:
    with pytest.raises(ConfigError, match="no books in channel l3: choose level3 or book"):
        best_bid_offer(session, "BTC/USD", channel="l3")  # type: ignore[arg-type]


def test_a_queue_position_never_grows_while_the_order_rests(session: Path, stream: Stream) -> None:
    keeper = BookKeeper()
    for received, data in stream[:40]:
        keeper.receive(data, received)
    order_id = next(iter(keeper.l3["BTC/USD"].bids[2])).order_id
    positions = queue_position(session, "BTC/USD", order_id)
    assert positions["position"].is_monotonic_decreasing
    assert (positions["position"] <= positions["orders"]).all()


TOUCH = pd.DataFrame(
    {
        "bid": [10.0, 10.0, 11.0, 10.0],
        "bid_qty": [5.0, 7.0, 2.0, 6.0],
        "ask": [12.0, 12.0, 12.0, 11.0],
        "ask_qty": [5.0, 4.0, 4.0, 1.0],
    },
    index=pd.to_datetime([0, 400, 900, 1500], unit="ms", utc=True),
)


def test_order_flow_imbalance_counts_what_came_and_went_at_the_touch() -> None:
    # +2 bid, -1 ask | a new best bid of 2 | the bid of 2 is gone, a new best ask of 1
    assert ofi(TOUCH).tolist() == [0.0, 3.0, 2.0, -3.0]


def test_order_flow_imbalance_sums_over_intervals() -> None:
    summed = ofi(TOUCH, "1s")
    assert summed.tolist() == [5.0, -3.0]
    theirs = ofi(TOUCH).groupby(TOUCH.index.floor("1s")).sum()
    assert summed.tolist() == theirs.tolist()


def test_the_microprice_leans_to_the_thinner_side() -> None:
    expected = [11.0, 10 + 2 * 7 / 11, 11 + 1 / 3, 10 + 6 / 7]
    assert microprice(TOUCH).tolist() == pytest.approx(expected)


def test_imbalance_is_between_all_ask_and_all_bid() -> None:
    assert imbalance(TOUCH).tolist() == pytest.approx([0.0, 3 / 11, -2 / 6, 5 / 7])


@pytest.mark.parametrize("name", ["{}_qty", "{}_sz_0"])
def test_a_side_without_levels_has_nothing_in_the_balance(name: str) -> None:
    sides = {name.format("bid"): [1.0, np.nan, np.nan], name.format("ask"): [np.nan, 2.0, np.nan]}
    np.testing.assert_array_equal(imbalance(pd.DataFrame(sides)), [1.0, -1.0, np.nan])


def test_imbalance_of_deeper_levels_adds_them_up(session: Path) -> None:
    samples = sampled_books(session, "BTC/USD", levels=5)
    deep = imbalance(samples, levels=5)
    assert deep.between(-1, 1).all()
    assert not deep.equals(imbalance(samples, levels=1))
