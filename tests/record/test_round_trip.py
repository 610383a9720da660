"""Events to rows to frames: nothing is rounded, shortened or left out on the way."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.format import tables
from kracked.frames import load, load_orders, load_trades, loaders
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import OrderAction, OrderChange, Side, Trade
from kracked.record.write import rows
from kracked.times import to_rfc3339

times = st.integers(1_500_000_000, 2_000_000_000).flatmap(
    lambda second: st.integers(0, 999_999_999).map(lambda ns: second * 10**9 + ns)
)
scaled = st.integers(0, 10**17)
precisions = st.builds(Precision, st.integers(0, 12), st.integers(0, 10))
changes = st.builds(
    OrderChange,
    st.sampled_from(OrderAction),
    st.from_regex(r"O[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{6}", fullmatch=True),
    scaled,
    scaled,
    times.map(lambda ns: to_rfc3339(ns, 9)),
)
trades = st.builds(
    Trade,
    st.sampled_from(Side),
    scaled,
    scaled,
    st.sampled_from(["market", "limit"]),
    st.integers(1, 2**40),
    times.map(lambda ns: to_rfc3339(ns, 6)),
)


def _written(table: tables.Table, text: str, folder: str) -> Path:
    path = Path(folder) / f"{table.name}.csv"
    path.write_text(f"{table.header}\n{text}")
    return path


@pytest.mark.parametrize("arrow", [True, False])
@given(times, precisions, st.lists(changes, min_size=1, max_size=5), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_order_events_come_back_exactly(
    arrow: bool, now: int, precision: Precision, bids: list[OrderChange], checksum: int
) -> None:
    event = events.L3Update(now, "BTC/USD", precision, tuple(bids), (), checksum)
    before, loaders.HAS_ARROW = loaders.HAS_ARROW, arrow
    try:
        with TemporaryDirectory() as folder:
            path = _written(tables.ORDERS, rows.orders(event, 7), folder)
            frame = load_orders(path, exact=True)
    finally:
        loaders.HAS_ARROW = before
    assert [text.value for text in frame["ts_event"]] == [one.exchange_time for one in bids]
    assert [text.value for text in frame["ts_recv"]] == [now] * len(bids)
    assert frame["price"].tolist() == [precision.price_decimal(one.price) for one in bids]
    assert frame["size"].map(str).tolist() == [
        str(Decimal(precision.qty_text(one.qty))) for one in bids
    ]
    assert frame["order_id"].tolist() == [one.order_id for one in bids]
    assert frame["flags"].tolist() == [0] * (len(bids) - 1) + [tables.Flag.LAST]
    assert frame["checksum"].tolist()[-1] == checksum


@given(times, precisions, st.lists(trades, min_size=1, max_size=5, unique_by=lambda t: t.trade_id))
@settings(max_examples=30, deadline=None)
def test_trades_come_back_exactly(now: int, precision: Precision, told: list[Trade]) -> None:
    event = events.Trades(now, "BTC/USD", precision, tuple(told))
    with TemporaryDirectory() as folder:
        frame = load_trades(_written(tables.TRADES, rows.trades(event, 7), folder), exact=True)
    by_id = frame.set_index("trade_id")
    for trade in told:
        row = by_id.loc[trade.trade_id]
        assert row["price"] == precision.price_decimal(trade.price)
        assert row["qty"] == precision.qty_decimal(trade.qty)
        assert row["ts_event"].value == trade.exchange_time
        assert row["side"] == ("buy" if trade.side is Side.BID else "sell")


def test_words_of_the_network_cannot_break_a_row(tmp_path: Path) -> None:
    text = rows.connection(event="disconnect", at=1, feed="public", message='a,"b"\n\x1b[31m;c')
    frame = load(tables.CONNECTIONS, _written(tables.CONNECTIONS, text, str(tmp_path)))
    assert frame["close_msg"].tolist() == ['a,"b"  [31m;c']


def test_reports_on_own_orders_keep_exact_numbers(tmp_path: Path) -> None:
    report = {
        "order_id": "O1", "exec_type": "trade", "last_qty": Decimal("0.00500000"),
        "fees": [{"asset": "USD", "qty": Decimal("0.3458")}],
        "timestamp": "2023-09-22T10:33:05.709993Z",
    }  # fmt: skip
    event = events.Executions(5, ({**report, "unknown": 1},), 3)
    path = _written(tables.EXECUTIONS, rows.executions(event, 7), str(tmp_path))
    [row] = load(tables.EXECUTIONS, path, exact=True).to_dict("records")
    assert (str(row["last_qty"]), row["sequence"], row["seq"]) == ("0.00500000", 3, 7)
    assert row["fees"] == '[{"asset":"USD","qty":0.3458}]'
