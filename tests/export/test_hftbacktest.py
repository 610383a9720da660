"""hftbacktest events: literal rows, both clocks in order, and the round trip of a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kracked.export import Action, NormalRow, Why, export
from kracked.export.hftbacktest import EXCHANGE, LOCAL, HftbacktestWriter
from kracked.export.writing import Target, Written
from kracked.instruments import Precision
from kracked.protocol.events import Side

BUY, SELL = 1 << 29, 1 << 28


def row(at: int, received: int, action: str, side: str = "bid", order: int = 1) -> NormalRow:
    why = Why.NEW
    return NormalRow(at, received, Action(action), Side(side), 1000, 150, order, 0, why, 0)


def written(tmp_path: Path, *rows: NormalRow) -> tuple[np.ndarray, Written]:
    writer = HftbacktestWriter(Target(tmp_path, "BTC/USD", Precision(1, 2)))
    writer.write(rows)
    made = writer.finish()
    return np.load(made.files[0])["data"], made


def test_an_event_has_kind_side_both_clocks_and_real_numbers(tmp_path: Path) -> None:
    [event], _ = written(tmp_path, row(10, 20, "A", order=7))
    assert event.tolist() == (10 | BUY | EXCHANGE | LOCAL, 10, 20, 100.0, 1.5, 7, 0, 0.0)


def test_a_trade_has_the_taker_s_side_and_no_order(tmp_path: Path) -> None:
    [event], _ = written(tmp_path, row(10, 20, "T", "ask", 0))
    assert (event["ev"], event["order_id"]) == (2 | SELL | EXCHANGE | LOCAL, 0)


def test_what_arrived_in_another_order_is_there_for_each_clock(tmp_path: Path) -> None:
    events, _ = written(tmp_path, row(1, 30, "T"), row(2, 20, "F"), row(3, 40, "C"))
    kinds = [(event["ev"] & 0xFF, bool(event["ev"] & EXCHANGE), bool(event["ev"] & LOCAL))
             for event in events]  # fmt: skip
    assert kinds == [(2, True, False), (13, True, True), (2, False, True), (11, True, True)]


def test_a_clock_that_is_behind_is_shifted_as_a_whole_and_told(tmp_path: Path) -> None:
    events, made = written(tmp_path, row(100, 70, "A"), row(200, 190, "C"))
    assert events["local_ts"].tolist() == [100, 220]
    assert list(made.told.values()) == [30]


def test_a_fill_without_an_order_is_left_out_and_told(tmp_path: Path) -> None:
    events, made = written(tmp_path, row(1, 2, "F", order=0))
    assert len(events) == 0
    assert sum(made.told.values()) == 1


def test_a_recording_comes_back_row_by_row(
    session: Path, rows: list[NormalRow], tmp_path: Path
) -> None:
    [made] = export(session, "hftbacktest", tmp_path / "out")
    events = np.load(made.written.files[0])["data"]
    exchange, local = events[events["ev"] & EXCHANGE > 0], events[events["ev"] & LOCAL > 0]
    assert (np.diff(exchange["exch_ts"]) >= 0).all()
    assert (np.diff(local["local_ts"]) >= 0).all()
    assert len(local) == len(exchange)
    kinds = dict(zip((2, 3, 10, 11, 12, 13), "TRACMF", strict=True))
    whys = list(Why)
    back = [
        (
            kinds[int(event["ev"]) & 0xFF],
            event["exch_ts"],
            round(event["px"] * 10),
            round(event["qty"] * 10**8),
            event["order_id"],
            whys[event["ival"]],
        )
        for event in exchange
    ]
    assert back == [
        (one.action, one.ts_engine, one.price, one.qty, one.order, one.why)
        for one in rows
        if one.order or one.action is not Action.FILL
    ]
