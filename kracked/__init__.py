"""Watch, verify, record and trade Kraken spot: the framework.

Everything public is reachable from here and loaded when first used, so importing `kracked` costs
next to nothing and never loads pandas or a screen. What belongs to orders is in `kracked.orders`,
what belongs to REST calls in `kracked.rest`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kracked import times
    from kracked.book.keeper import BookKeeper
    from kracked.book.l2 import L2Book
    from kracked.book.l3 import L3Book
    from kracked.book.queue import LevelQueue, QueuePosition
    from kracked.credentials import Credentials
    from kracked.durations import parse_duration_ns
    from kracked.endpoints import Endpoints
    from kracked.errors import (
        ConfigError,
        ConnectionLost,
        KrackedError,
        ProtocolError,
        RecordError,
        RequestRejected,
    )
    from kracked.feed.account import Account
    from kracked.feed.fanout import Consumer, Policy
    from kracked.feed.stats import FeedStats
    from kracked.feed_manager import FeedManager
    from kracked.flow.order_flow import OrderFlow
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
    from kracked.instruments import Asset, Instrument, Precision
    from kracked.protocol import events
    from kracked.protocol.codec import Codec
    from kracked.protocol.events import Level, Side
    from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent
    from kracked.protocol.maintenance.tracker import (
        Announcement,
        MaintenanceNews,
        MaintenanceTracker,
    )
    from kracked.protocol.maintenance.trading_effect import NewOrders, SwitchAdvice, TradingEffect
    from kracked.protocol.own_orders import Fill, OwnOrder
    from kracked.record.read.recording import Recording, open_recording
    from kracked.record.replay import Player, Replay
    from kracked.recorder import recording
    from kracked.rest.client import RestClient

__version__ = "1.0.0.dev0"

__all__ = [
    "Account",
    "Announcement",
    "Asset",
    "BookKeeper",
    "Codec",
    "ConfigError",
    "ConnectionLost",
    "Consumer",
    "Credentials",
    "Endpoints",
    "FeedManager",
    "FeedStats",
    "Fill",
    "Incident",
    "Instrument",
    "KrackedError",
    "L2Book",
    "L3Book",
    "Level",
    "LevelQueue",
    "MaintenanceEvent",
    "MaintenanceNews",
    "MaintenanceTracker",
    "NewOrders",
    "OrderFlow",
    "OwnOrder",
    "Player",
    "Policy",
    "Precision",
    "ProtocolError",
    "QueuePosition",
    "RecordError",
    "Recording",
    "Replay",
    "RequestRejected",
    "RestClient",
    "Side",
    "SwitchAdvice",
    "TradingEffect",
    "bars",
    "best_bid_offer",
    "events",
    "fit_odds",
    "imbalance",
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
    "open_recording",
    "parse_duration_ns",
    "queue_position",
    "recording",
    "sampled_books",
    "times",
]

_HOMES = {
    "kracked.book.keeper": ("BookKeeper",),
    "kracked.book.l2": ("L2Book",),
    "kracked.book.l3": ("L3Book",),
    "kracked.book.queue": (
        "LevelQueue",
        "QueuePosition",
    ),
    "kracked.credentials": ("Credentials",),
    "kracked.durations": ("parse_duration_ns",),
    "kracked.endpoints": ("Endpoints",),
    "kracked.errors": (
        "ConfigError",
        "ConnectionLost",
        "KrackedError",
        "ProtocolError",
        "RecordError",
        "RequestRejected",
    ),
    "kracked.feed.account": ("Account",),
    "kracked.feed.fanout": (
        "Consumer",
        "Policy",
    ),
    "kracked.feed.stats": ("FeedStats",),
    "kracked.feed_manager": ("FeedManager",),
    "kracked.flow.order_flow": ("OrderFlow",),
    "kracked.frames.bars": ("bars",),
    "kracked.frames.fill_reviews": (
        "load_fill_review",
        "load_fill_summary",
    ),
    "kracked.frames.flow": (
        "best_bid_offer",
        "imbalance",
        "microprice",
        "ofi",
        "queue_position",
        "sampled_books",
    ),
    "kracked.frames.loaders": (
        "load_balances",
        "load_book",
        "load_book_wide",
        "load_connections",
        "load_executions",
        "load_ohlc",
        "load_orders",
        "load_ticker",
        "load_trades",
    ),
    "kracked.frames.order_lives": (
        "load_fills",
        "load_lifetimes",
    ),
    "kracked.frames.order_odds": ("fit_odds",),
    "kracked.instruments": (
        "Asset",
        "Instrument",
        "Precision",
    ),
    "kracked.protocol.codec": ("Codec",),
    "kracked.protocol.events": (
        "Level",
        "Side",
    ),
    "kracked.protocol.maintenance.announcements": (
        "Incident",
        "MaintenanceEvent",
    ),
    "kracked.protocol.maintenance.tracker": (
        "Announcement",
        "MaintenanceNews",
        "MaintenanceTracker",
    ),
    "kracked.protocol.own_orders": (
        "Fill",
        "OwnOrder",
    ),
    "kracked.protocol.maintenance.trading_effect": (
        "NewOrders",
        "SwitchAdvice",
        "TradingEffect",
    ),
    "kracked.record.read.recording": (
        "Recording",
        "open_recording",
    ),
    "kracked.record.replay": (
        "Player",
        "Replay",
    ),
    "kracked.recorder": ("recording",),
    "kracked.rest.client": ("RestClient",),
}
"""The modules that define the public names."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = {"events": "kracked.protocol.events", "times": "kracked.times"}
"""The public names that are modules."""
_MACHINERY = {"TYPE_CHECKING", "annotations", "import_module"}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'kracked' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__} - _MACHINERY)
