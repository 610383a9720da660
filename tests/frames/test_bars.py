"""Bars: equal to pandas, by every rule, in one process or several."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.errors import ConfigError
from kracked.frames import bars, load_trades


def _trades(count: int = 2000, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    times = pd.Timestamp("2024-11-12", tz="UTC").value + np.sort(
        random.integers(0, 3_600_000_000_000, count)
    )
    return pd.DataFrame(
        {
            "ts_event": pd.to_datetime(times, unit="ns", utc=True),
            "symbol": pd.Categorical(random.choice(["BTC/USD", "ETH/USD"], count)),
            "price": 1000 + np.round(np.cumsum(random.normal(0, 1, count)), 1),
            "qty": random.integers(1, 500_000_000, count) / 1e8,
            "side": pd.Categorical(random.choice(["buy", "sell"], count)),
            "trade_id": np.arange(count),
        }
    )


def _by_pandas(trades: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:  # type: ignore[type-arg]
    frame = trades.assign(
        id=ids,
        value=trades["price"] * trades["qty"],
        bought=trades["qty"].where(trades["side"] == "buy", 0.0),
    )
    return frame.groupby(["symbol", "id"], observed=True).agg(
        open=("price", "first"),
        high=("price", "max"),
        low=("price", "min"),
        close=("price", "last"),
        volume=("qty", "sum"),
        trades=("qty", "size"),
        value=("value", "sum"),
        buy_volume=("bought", "sum"),
    )


def _assert_equal(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    assert len(ours) == len(theirs)
    for column in theirs:
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-12, err_msg=str(column))


@pytest.mark.parametrize("every", ["1s", "1min", "7min", "1h"])
def test_time_bars_are_those_of_pandas(every: str) -> None:
    trades = _trades()
    theirs = _by_pandas(trades, trades["ts_event"].dt.floor(every))
    ours = bars(trades, every)
    _assert_equal(ours, theirs)
    assert list(ours.index) == list(theirs.index.get_level_values("id"))


def test_tick_bars_are_those_of_pandas() -> None:
    trades = _trades()
    ids = trades.groupby("symbol", observed=True).cumcount() // 37
    _assert_equal(bars(trades, ticks=37), _by_pandas(trades, ids))


def test_volume_bars_that_carry_are_those_of_pandas() -> None:
    trades = _trades()
    lots = (trades["qty"] * 1e8).round().astype("int64")
    total = lots.groupby(trades["symbol"], observed=True).cumsum()
    _assert_equal(bars(trades, volume=20), _by_pandas(trades, (total - lots) // (20 * 10**8)))


def test_volume_bars_that_do_not_carry_begin_at_zero() -> None:
    for _, frame in bars(_trades(), volume=20, carry=False).groupby("symbol"):
        assert (frame["volume"][:-1] >= 20).all()
        assert (frame["volume"] < 25).all()


def test_dollar_bars_close_when_they_are_full() -> None:
    for _, frame in bars(_trades(), dollars=50_000, carry=False).groupby("symbol"):
        assert (frame["value"][:-1] >= 50_000 - 1).all()


def test_values_far_below_a_cent_add_up_to_bars() -> None:
    trades = _trades(100).assign(price=0.03, qty=0.0001, symbol="ETH/BTC")
    assert bars(trades, dollars=3e-5)["trades"].tolist() == [10] * 10


def test_vwap_is_value_by_volume() -> None:
    frame = bars(_trades(), "1min")
    np.testing.assert_allclose(frame["vwap"], frame["value"] / frame["volume"])


@given(st.integers(1, 60), st.integers(0, 10**6), st.booleans())
@settings(max_examples=50, deadline=None)
def test_no_rule_loses_a_trade(count: int, seed: int, carry: bool) -> None:
    trades = _trades(count, seed)
    for frame in (
        bars(trades, "10s"),
        bars(trades, ticks=3),
        bars(trades, volume=4.5, carry=carry),
        bars(trades, dollars=3000, carry=carry),
    ):
        assert frame["trades"].sum() == count
        assert frame["volume"].sum() == pytest.approx(trades["qty"].sum())


def test_no_trades_make_no_bars() -> None:
    frame = bars(_trades(5)[:0], "1min")
    assert frame.empty
    assert "vwap" in frame


def test_one_rule_is_needed() -> None:
    with pytest.raises(ConfigError, match="give one of"):
        bars(_trades(5), "1min", ticks=5)


def test_files_joined_are_the_bars_of_all_their_trades(tmp_path: Path) -> None:
    trades, files = _two_files(tmp_path)
    joined, whole = (bars(given, "7min").drop(columns="suspect") for given in (files, trades))
    pd.testing.assert_frame_equal(joined, whole, rtol=1e-12)


def _numbered(ids: list[int]) -> str:
    head = "ts_event,symbol,price,qty,side,ord_type,trade_id\n"
    return head + "".join(
        f"2024-11-12T06:0{at}:00Z,BTC/USD,10.0,1.0,buy,limit,{number}\n"
        for at, number in enumerate(ids)
    )


def test_bars_beside_a_hole_in_the_trades_numbers_are_suspect(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(_numbered([1, 2, 3, 7, 8]))
    assert bars(tmp_path, "1min")["suspect"].tolist() == [False, False, True, True, False]


def test_the_trade_after_a_hole_is_flagged(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(_numbered([1, 2, 5, 6]))
    assert load_trades(tmp_path)["flags"].fillna(0).tolist() == [0, 0, 4, 0]


@pytest.mark.parametrize("lazy", [False, True])
def test_a_polars_frame_makes_the_same_bars(lazy: bool, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars", reason="a test tool")
    (tmp_path / "trades.csv").write_text(_numbered([1, 2, 5, 6]))
    trades = load_trades(tmp_path)
    theirs = polars.from_pandas(trades)
    given = theirs.lazy() if lazy else theirs
    pd.testing.assert_frame_equal(bars(given, "2min"), bars(trades, "2min"))


def test_a_frame_that_lacks_a_column_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(_numbered([1, 2]))
    with pytest.raises(ConfigError, match="trades without side make no bars"):
        bars(load_trades(tmp_path, columns=["ts_event", "symbol", "price", "qty"]), "1min")


def test_files_in_any_order_are_the_same_bars(tmp_path: Path) -> None:
    _, files = _two_files(tmp_path)
    pd.testing.assert_frame_equal(bars(files[::-1], "7min"), bars(files, "7min"), rtol=1e-12)


def test_a_pool_of_processes_gives_the_same_bars(tmp_path: Path) -> None:
    _, files = _two_files(tmp_path)
    with ProcessPoolExecutor(2, get_context("forkserver")) as pool:
        pd.testing.assert_frame_equal(bars(files, "7min", executor=pool), bars(files, "7min"))


def test_only_time_bars_can_be_joined(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bars of time only"):
        bars([tmp_path], ticks=5)


def _two_files(folder: Path) -> tuple[pd.DataFrame, list[Path]]:
    """Trades, and the same in two files cut in the middle of a bar."""
    trades = _trades(400)
    files = [folder / "one.csv", folder / "two.csv"]
    for file, part in zip(files, (trades[:211], trades[211:]), strict=True):
        text = part.assign(ts_event=part["ts_event"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        text.to_csv(file, index=False)
    exact = trades.assign(ts_event=trades["ts_event"].dt.floor("us"))
    return exact, files


def _flagged() -> pd.DataFrame:
    """Trades of which the first 500 came with a snapshot, and 40 later ones after a break."""
    trades = _trades()
    trades["flags"] = 128
    trades.loc[:499, "flags"] = trades.loc[1000:1039, "flags"] = 128 + 32
    return trades


def test_trades_from_before_the_recording_make_no_bars() -> None:
    trades = _flagged()
    first = trades[500:].groupby("symbol", observed=True)["trade_id"].min().max()
    assert first < 1000
    pd.testing.assert_frame_equal(bars(trades, "1min"), bars(trades[500:], "1min"))


def test_trades_from_before_the_recording_count_when_asked_for() -> None:
    trades = _flagged()
    with_all = bars(trades.drop(columns="flags"), "1min")
    pd.testing.assert_frame_equal(bars(trades, "1min", history=True), with_all)


def test_history_alone_makes_no_bars() -> None:
    assert bars(_flagged()[:500], "1min").empty


@pytest.mark.parametrize("rule", [{"every": "1min"}, {"volume": 20, "carry": False}])
@pytest.mark.parametrize("column", ["ts_event", "price", "qty"])
def test_a_trade_of_which_a_cell_is_missing_is_in_no_bar(column: str, rule: dict[str, Any]) -> None:
    trades = _trades(200)
    trades.loc[100, column] = None
    pd.testing.assert_frame_equal(bars(trades, **rule), bars(trades.drop(index=100), **rule))


def test_quantities_too_great_for_eight_decimals_still_fill_their_bars() -> None:
    trades = _trades(100).assign(qty=3e9, symbol="BTC/USD")
    assert bars(trades, volume=9e9)["trades"].tolist() == [3] * 33 + [1]


def test_trades_out_of_order_make_the_bars_of_those_in_order() -> None:
    trades = _trades(300)
    shuffled = trades.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(bars(shuffled, "1min"), bars(trades, "1min"))


def test_trades_of_one_instant_are_in_order_of_their_number() -> None:
    trades = _trades(4).assign(symbol="BTC/USD", price=[1.0, 2.0, 3.0, 4.0])
    trades["ts_event"] = trades["ts_event"].iloc[0]
    made = bars(trades.iloc[::-1], "1min")
    assert (made["open"].iloc[0], made["close"].iloc[0]) == (1.0, 4.0)


def test_many_symbols_are_kept_apart() -> None:
    trades = _trades(900)
    trades["symbol"] = pd.Categorical([f"S{at % 30}/USD" for at in range(900)])
    _assert_equal(bars(trades, "1min"), _by_pandas(trades, trades["ts_event"].dt.floor("1min")))


def test_a_unit_alone_is_one_of_it() -> None:
    trades = _trades(50)
    pd.testing.assert_frame_equal(bars(trades, "min"), bars(trades, "1min"))


@pytest.mark.parametrize(
    "rule", [{"every": "soon"}, {"every": "-1s"}, {"every": "60"}, {"every": 60}, {"ticks": 0}]
)
def test_a_rule_of_no_size_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        bars(_trades(5), **rule)  # type: ignore[arg-type]


def test_a_hole_between_two_recordings_makes_the_bars_beside_it_suspect(tmp_path: Path) -> None:
    files = [tmp_path / "one.csv", tmp_path / "two.csv", tmp_path / "three.csv"]
    head, *lines = _numbered([1, 2, 3, 7, 8, 9]).splitlines(keepends=True)
    for file, rows in zip(files, (lines[:3], lines[3:5], lines[5:]), strict=True):
        file.write_text(head + "".join(rows))
    assert bars(files[::-1], "1min")["suspect"].tolist() == [False, False, True, True, False, False]
    assert bars(files, "5min")["suspect"].tolist() == [True, False]


def test_files_of_trades_without_numbers_show_no_hole(tmp_path: Path) -> None:
    files = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for file, minute in zip(files, (1, 2), strict=True):
        file.write_text(
            "ts_event,symbol,price,qty,side,ord_type,trade_id\n"
            f"2024-11-12T06:0{minute}:00Z,BTC/USD,10.0,1.0,buy,limit,\n"
        )
    assert not bars(files, "1min")["suspect"].any()


_HEALING = "ts_event,ts_recv,symbol,price,qty,side,ord_type,trade_id,seq,flags\n"


def _row(number: int, flags: int, *, micros: int = 0, qty: str = "1.0") -> str:
    time = f"2024-11-12T06:00:{number:02}.{micros:06}000Z"
    return (
        f"{time},2024-11-12T06:01:00.000000000Z,BTC/USD,10.0,{qty},buy,limit,{number},1,{flags}\n"
    )


def test_a_trade_that_rest_gave_later_fills_the_hole(tmp_path: Path) -> None:
    text = _HEALING + _row(1, 128) + _row(4, 128) + _row(2, 1) + _row(3, 129)
    (tmp_path / "trades.csv").write_text(text)
    trades = load_trades(tmp_path)
    assert trades["trade_id"].tolist() == [1, 2, 3, 4]
    assert (trades["flags"] & 4 == 0).all()
    assert bars(tmp_path, "1min")["volume"].tolist() == [4.0]


def test_a_trade_of_the_stream_counts_where_rest_gave_it_too(tmp_path: Path) -> None:
    text = _HEALING + _row(1, 129, micros=1) + _row(1, 128) + _row(2, 128) + _row(2, 1, micros=1)
    (tmp_path / "trades.csv").write_text(text)
    trades = load_trades(tmp_path)
    assert (trades["trade_id"].tolist(), trades["flags"].tolist()) == ([1, 2], [128, 128])


def test_times_of_rest_that_differ_by_a_microsecond_make_no_hole(tmp_path: Path) -> None:
    later = _row(2, 1).replace("06:00:02.000000", "06:00:03.000001")
    (tmp_path / "trades.csv").write_text(_HEALING + _row(1, 128) + later + _row(3, 128))
    assert (load_trades(tmp_path)["flags"] & 4 == 0).all()


def test_healed_trades_from_before_the_recording_make_no_bars(tmp_path: Path) -> None:
    text = _HEALING + _row(1, 160) + _row(3, 160) + _row(4, 128) + _row(2, 1)
    (tmp_path / "trades.csv").write_text(text)
    assert bars(tmp_path, "1min")["volume"].tolist() == [1.0]
    assert bars(tmp_path, "1min", history=True)["volume"].tolist() == [4.0]
