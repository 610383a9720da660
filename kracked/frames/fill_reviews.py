"""Own fills of a recording, each against the mids that followed: `kracked.flow.review` on tables.

Where level 3 was recorded mids are by the exchange's clock, and a fill has the way of its order
through the queue. Else they are those of the level 2 book, by the time of their arrival.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from kracked.flow.facts import Taker
from kracked.flow.review import HORIZONS_S, FillReview, FillSummary, ReviewedFill
from kracked.format.session_info import read_table_info
from kracked.format.tables import Flag
from kracked.frames.books.order_messages import times_ns
from kracked.frames.books.order_rows import TooManyDigits
from kracked.frames.books.quote_ends import FOREVER
from kracked.frames.flow import best_bid_offer
from kracked.frames.loaders import load_executions
from kracked.frames.order_lives import RecordedTrades, ledger_steps, level3_symbols
from kracked.frames.read.table_files import Source, paths
from kracked.instruments import Precision
from kracked.protocol.events import Executions, Side
from kracked.times import NS_PER_S, to_rfc3339

log = logging.getLogger(__name__)

_MEMBERS = (
    "order_id", "exec_id", "exec_type", "trade_id", "symbol", "side", "order_type", "order_status",
    "limit_price", "order_qty", "last_price", "last_qty", "cum_qty", "cum_cost", "avg_price",
    "liquidity_ind", "reason", "cl_ord_id",
)  # fmt: skip
"""The columns of a recorded report that are members of the exchange's own."""
_LIQUIDITY = {True: "m", False: "t", None: None}
_SIDES = {Side.BID: "buy", Side.ASK: "sell"}
_FINE = Precision(20, 20)
"""Decimals that hold every number of an exchange."""


def load_fill_review(
    source: Source, *, symbols: Iterable[str] | str | None = None, exact: bool = False
) -> pd.DataFrame:
    """Return every own fill with what it was worth, by symbol and time.

    A mark-out compares the fill's price with the mid 1, 10 and 60 s later, signed so that
    positive was good for the account, in basis points of the price. It is what was earned (the
    mid at the fill against the price) and what drifted (the mid afterwards against that).

    Args:
        source: A recording, its folder, files, or several of these.
        symbols: The symbols; by default all with a fill.
        exact: Return prices and quantities as `Decimal` and basis points as `Fraction`.

    Returns:
        Columns symbol, ts_event (of the fill), exec_id, order_id, trade_id, side (buy or sell),
        price (quote currency), qty (base), liquidity_ind (m maker, t taker), fees (text),
        wait_s (since the order was accepted, or was first seen in the book); of makers on
        level 3: place (how its place was learnt when it joined), joined_position,
        joined_qty_ahead, position (at the fill), ahead_filled and ahead_left (what was ahead and
        was filled, or cancelled and amended away; missing where that is not told any more),
        taker_qty and taker_levels (what the taker took in all, and at how many prices); mid (at
        the fill), earned_bp, and for each horizon markout_1s_bp, drift_1s_bp, mark_1s (known;
        missing: the book was not known for a while in between, or not recorded; pending: the
        data ended before).

    Raises:
        RecordError: A file is damaged.
    """
    fills = [
        fill
        for symbol in _symbols(source, symbols)
        for fill in sorted(review_fills(source, symbol).fills, key=lambda fill: fill.time)
    ]
    return pd.DataFrame({
        name: _column(kind, values, exact=exact)
        for name, (kind, values) in _columns(fills).items()
    })  # fmt: skip


def load_fill_summary(
    source: Source, *, symbols: Iterable[str] | str | None = None
) -> dict[str, FillSummary]:
    """Return what the own fills of a recording were worth together, by symbol.

    Args:
        source: A recording, its folder, files, or several of these.
        symbols: The symbols; by default all with a fill.

    Returns:
        Each symbol's summary: mark-outs at 1, 10, 60 s beside those of all makers at the touch
        in the same minutes, the adverse share with its interval, maker share, median wait,
        fill ratio.

    Raises:
        RecordError: A symbol was not recorded, or a file is damaged.
    """
    return {symbol: review_fills(source, symbol).summary() for symbol in _symbols(source, symbols)}


def review_fills(source: Source, symbol: str) -> FillReview:
    """Return the review of a symbol's own fills.

    Args:
        source: A recording, its folder, files, or several of these.
        symbol: The symbol.

    Raises:
        RecordError: The symbol was not recorded, or a file is damaged.
    """
    reports = list(_reports(source))
    if symbol not in level3_symbols(source, None):
        if _without_book(source, symbol):
            return _told(symbol, reports, known=False)
        return _by_level2(source, symbol, reports)
    try:
        return _by_level3(source, symbol, reports, exact=False)
    except TooManyDigits:
        return _by_level3(source, symbol, reports, exact=True)


def _symbols(source: Source, asked: Iterable[str] | str | None) -> list[str]:
    if asked is not None:
        return [asked] if isinstance(asked, str) else sorted(set(asked))
    frame = load_executions(source, columns=["symbol", "exec_type", "order_id"])
    filled = frame.loc[frame["exec_type"] == "trade", "order_id"]
    # A report may leave out what an earlier one of its order said.
    return sorted(frame.loc[frame["order_id"].isin(filled), "symbol"].dropna().unique())


def _reports(source: Source) -> Iterator[Executions]:
    """Yield the recorded reports on own orders, but for fills of before the recording."""
    frame = load_executions(source, exact=True)
    received, times = times_ns(frame["ts_recv"]), times_ns(frame["ts_event"])
    snapshots = (frame["flags"].to_numpy("int64", na_value=0) & Flag.SNAPSHOT > 0).tolist()
    begin = min(received, default=0)
    columns = [frame[name].tolist() for name in _MEMBERS]
    rows = zip(received, times, snapshots, frame["fees"].tolist(), *columns, strict=True)
    for arrived, time, snapshot, fees, *values in rows:
        told = zip(_MEMBERS, values, strict=True)
        report = {name: value for name, value in told if not pd.isna(value)}
        if report.get("exec_type") == "trade" and snapshot and time < begin:
            continue
        report["timestamp"] = to_rfc3339(time, 9)
        if isinstance(fees, str):
            report["fees"] = msgspec.json.decode(fees)
        yield Executions(arrived, (report,), snapshot=snapshot)


def _without_book(source: Source, symbol: str) -> bool:
    """Whether a recording says which books it has, and none is the symbol's."""
    folders = [path if path.is_dir() else path.parent for path in paths(source)]
    infos = [info for path in folders if (info := read_table_info(path)) is not None]
    found = [one for info in infos if (one := info.symbols.get(symbol)) is not None]
    return bool(infos) and not any(one.level3 or one.book for one in found)


def _told(symbol: str, reports: Iterable[Executions], *, known: bool = True) -> FillReview:
    """Return a review that knows all reports, and no market yet; or that there will be none."""
    review = FillReview(symbol, bounded=False)
    if not known:
        log.warning("%s: fills without a recorded book have no marks", symbol)
        review.lose(FOREVER)
    for event in reports:
        review.apply(event)
    if review.unreadable:
        log.warning("%s: %s reports on own orders cannot be read", symbol, review.unreadable)
    return review


def _by_level3(
    source: Source, symbol: str, reports: list[Executions], *, exact: bool
) -> FillReview:
    review = _told(symbol, reports)
    for step in ledger_steps(source, symbol, exact=exact):
        review.follow(step.ledger, step.precision, step.outcomes)
        step.lives.clear()  # nobody asks for the orders' lives
    return review


def _by_level2(source: Source, symbol: str, reports: list[Executions]) -> FillReview:
    review = _told(symbol, reports)
    quotes = best_bid_offer(source, symbol)
    takers = _takers(source, symbol)
    waiting = next(takers, None)
    columns = (quotes["bid"].tolist(), quotes["ask"].tolist(), quotes["suspect"].tolist())
    for time, bid, ask, suspect in zip(times_ns(quotes.index.to_series()), *columns, strict=True):
        while waiting is not None and waiting.instant <= time:
            review.taken(waiting, _FINE)
            waiting = next(takers, None)
        if suspect or np.isnan(bid) or np.isnan(ask):
            review.lose(time)
        else:  # the shortest text of a double is what the exchange wrote
            review.quote_mid(time, (Decimal(repr(bid)) + Decimal(repr(ask))) / 2)
    return review


def _takers(source: Source, symbol: str) -> Iterator[Taker]:
    """Yield the takers of recorded trades: those of one instant and side."""
    trades = [
        trade for _, told in RecordedTrades(source, symbol).until(None, _FINE) for trade in told
    ]
    trades.sort(key=lambda one: (one[0], one[1].trade_id))
    for (instant, side), group in groupby(trades, key=lambda one: (one[0], one[1].side)):
        yield Taker(
            symbol=symbol,
            instant=instant,
            side=side,
            trades=tuple(trade for _, trade in group),
            links=(),
            order_id=None,
            killed=None,
        )


# --- frames -----------------------------------------------------------------------------------


def _columns(fills: list[ReviewedFill]) -> dict[str, tuple[str, list[Any]]]:
    """Return the kind and the values of each column."""
    passages = [fill.passage for fill in fills]
    columns: dict[str, tuple[str, list[Any]]] = {
        "symbol": ("category", [fill.symbol for fill in fills]),
        "ts_event": ("time", [fill.time for fill in fills]),
        "exec_id": ("str", [fill.exec_id for fill in fills]),
        "order_id": ("str", [fill.order_id for fill in fills]),
        "trade_id": ("Int64", [fill.trade_id for fill in fills]),
        "side": ("category", [_SIDES[fill.side] for fill in fills]),
        "price": ("number", [fill.price for fill in fills]),
        "qty": ("number", [fill.qty for fill in fills]),
        "liquidity_ind": ("category", [_LIQUIDITY[fill.maker] for fill in fills]),
        "fees": ("str", [", ".join(f"{fee.qty} {fee.asset}" for fee in f.fees) for f in fills]),
        "wait_s": ("seconds", [fill.wait_ns for fill in fills]),
        "place": ("category", [one and one.known.value for one in passages]),
        "joined_position": ("Int64", [one and one.joined_position for one in passages]),
        "joined_qty_ahead": ("number", [one and one.joined_qty_ahead for one in passages]),
        "position": ("Int64", [one and one.position for one in passages]),
        "ahead_filled": ("number", [one and one.ahead_filled for one in passages]),
        "ahead_left": ("number", [one and one.ahead_left for one in passages]),
        "taker_qty": ("number", [fill.taker_qty for fill in fills]),
        "taker_levels": ("Int64", [fill.taker_levels for fill in fills]),
        "mid": ("number", [fill.mid for fill in fills]),
        "earned_bp": ("number", [fill.bp(fill.earned) for fill in fills]),
    }
    for at, seconds in enumerate(HORIZONS_S):
        columns |= {
            f"markout_{seconds}s_bp": ("number", [fill.bp(fill.markout(at)) for fill in fills]),
            f"drift_{seconds}s_bp": ("number", [fill.bp(fill.drift(at)) for fill in fills]),
            f"mark_{seconds}s": ("category", [fill.marks[at].state.value for fill in fills]),
        }
    return columns


def _column(kind: str, values: list[Any], *, exact: bool) -> pd.Series[Any]:
    match kind:
        case "time":
            return pd.to_datetime(pd.Series(values, dtype="Int64"), unit="ns", utc=True)
        case "seconds":
            return pd.Series(
                [np.nan if ns is None else ns / NS_PER_S for ns in values], dtype=float
            )
        case "number" if exact:
            return pd.Series(values, dtype="object")
        case "number":
            return pd.Series([np.nan if one is None else float(one) for one in values], dtype=float)
        case _:
            return pd.Series(values, dtype=kind)
