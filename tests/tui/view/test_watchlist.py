"""The watch list: sorted by a column, the unknown last."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.times import NS_PER_S
from kracked_tui.state.watch_rows import watch_rows
from kracked_tui.view.chrome import watchlist
from kracked_tui.view.chrome.watchlist import WatchRow
from tests.tui.conftest import Opened

ROWS = (
    WatchRow("ETH/USD", change=Decimal(2), imbalance=-9, spread_bp=Decimal(3), turnover=Decimal(5)),
    WatchRow("XRP/USD"),
    WatchRow(
        "BTC/USD", change=Decimal(-1), imbalance=40, spread_bp=Decimal(1), turnover=Decimal(9)
    ),
)


@pytest.mark.parametrize(
    ("order", "symbols"),
    [
        ("listed", "ETH XRP BTC"),
        ("", "ETH XRP BTC"),
        ("symbol", "BTC ETH XRP"),
        ("change", "ETH BTC XRP"),
        ("spread", "ETH BTC XRP"),
        ("leans", "BTC ETH XRP"),
        ("volume", "BTC ETH XRP"),
        ("of another version", "ETH XRP BTC"),
    ],
)
def test_rows_are_sorted_by_a_column_with_the_unknown_last(order: str, symbols: str) -> None:
    found = watchlist.ordered(ROWS, order)
    assert [row.symbol for row in found] == [f"{name}/USD" for name in symbols.split()]


@pytest.mark.parametrize("width", [30, 44, 52, 60, 66, 100])
def test_heads_stand_over_their_columns(width: int) -> None:
    head = watchlist.head_line(width, "leans").text
    row = watchlist.watch_line(ROWS[0]._replace(spread="0.37", volume="12.5"), width).text
    assert len(head) == len(row) == width
    if width >= 52:
        assert head.index("leans") + 5 == row.index("-9%") + 3


@pytest.mark.parametrize(("silent_s", "word"), [(1, ""), (9, "STALE")])
async def test_a_watched_pair_says_when_nothing_comes_any_more(
    opened: Opened, silent_s: int, word: str
) -> None:
    async with opened() as (monitor, _):
        monitor.source.time = monitor.store.last_received + silent_s * NS_PER_S  # type: ignore[attr-defined]
        words = {row.symbol: row.word for row in watch_rows(monitor.view_model)}
        assert words["ETH/USD"] == words["BTC/USD"] == word
