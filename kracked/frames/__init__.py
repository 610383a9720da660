"""Recordings as pandas frames, bars of trades, and what an order book says."""

from kracked.frames.bars import bars
from kracked.frames.fill_reviews import load_fill_review, load_fill_summary
from kracked.frames.flow import (
    best_bid_offer,
    imbalance,
    microprice,
    ofi,
    queue_position,
    sampled_books,
)
from kracked.frames.loaders import (
    load,
    load_balances,
    load_book,
    load_book_wide,
    load_connections,
    load_executions,
    load_ohlc,
    load_orders,
    load_ticker,
    load_trades,
)
from kracked.frames.order_lives import load_fills, load_lifetimes
from kracked.frames.order_odds import fit_odds

__all__ = [
    "bars",
    "best_bid_offer",
    "fit_odds",
    "imbalance",
    "load",
    "load_balances",
    "load_book",
    "load_book_wide",
    "load_connections",
    "load_executions",
    "load_fill_review",
    "load_fill_summary",
    "load_fills",
    "load_lifetimes",
    "load_ohlc",
    "load_orders",
    "load_ticker",
    "load_trades",
    "microprice",
    "ofi",
    "queue_position",
    "sampled_books",
]
