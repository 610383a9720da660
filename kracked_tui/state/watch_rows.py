"""The rows of the watch list: one for each subscribed symbol, from what the monitor holds."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from kracked_tui.view import format as fmt
from kracked_tui.view.chrome.data_status import data_status
from kracked_tui.view.chrome.watchlist import WatchRow, ordered

if TYPE_CHECKING:
    from kracked_tui.state.view_model import ViewModel

_MAX_WATCHED = 40


def watch_rows(model: ViewModel) -> tuple[WatchRow, ...]:
    """Return a row for each subscribed symbol."""
    symbols = dict.fromkeys((*model.store.markets, *model.source.l2, *model.source.l3))
    shown = [symbol for symbol in list(symbols)[:_MAX_WATCHED] if symbol]
    rows = [_watch_row(model, symbol) for symbol in shown]
    return ordered(rows, model.memory.choices.watch_order)


def _watch_row(model: ViewModel, symbol: str) -> WatchRow:
    market, book = model.store.market(symbol), model.book(symbol)
    precision = book.precision if book else market.precision
    if precision is None:
        return WatchRow(symbol, shown=symbol == model.symbol)
    last = market.last
    if last is None and book and book.best_bid:
        last = book.best_bid.price
    ticker = market.ticker
    spread = book.spread if book else None
    if spread is None and ticker and ticker.ask is not None and ticker.bid is not None:
        spread = ticker.ask - ticker.bid
    spread_bp = Decimal(10_000 * spread) / last if spread is not None and last else None
    imbalance = None
    if ticker is not None and (both := ticker.bid_qty + ticker.ask_qty):
        imbalance = round(100 * (ticker.bid_qty - ticker.ask_qty) / both)
    turnover = None
    if ticker is not None and last is not None:
        turnover = Decimal(last * ticker.volume).scaleb(-precision.price - precision.qty)
    # A pair that is not shown has no book, and is as current as its connection.
    verified = book is None or book.verified
    health = model.store.health(symbol, has_book=True, verified=verified)
    status = data_status(health, model.source.now())
    return WatchRow(
        symbol,
        price=precision.price_text(last) if last is not None else "",
        change=market.change,
        spark=tuple(bar.close for bar in list(market.trade_bars)[-24:]),
        spread=precision.price_text(spread) if spread is not None else "",
        volume=fmt.compact(ticker.volume, precision.qty) if ticker else "",
        imbalance=imbalance,
        spread_bp=spread_bp,
        turnover=turnover,
        word="" if status.usable else status.word,
        shown=symbol == model.symbol,
    )
