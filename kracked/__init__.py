"""Watch, verify, record and trade Kraken spot: the framework.

Everything public is reachable from here and loaded when first used, so that importing
`kracked` costs next to nothing and never loads pandas or a screen.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kracked.book.keeper import BookKeeper as BookKeeper
    from kracked.book.l2 import L2Book as L2Book
    from kracked.book.l3 import L3Book as L3Book
    from kracked.credentials import Credentials as Credentials
    from kracked.endpoints import Endpoints as Endpoints
    from kracked.errors import KrackedError as KrackedError
    from kracked.feed.fanout import Policy as Policy
    from kracked.feed_manager import FeedManager as FeedManager
    from kracked.frames.bars import bars as bars
    from kracked.frames.flow import best_bid_offer as best_bid_offer
    from kracked.frames.flow import imbalance as imbalance
    from kracked.frames.flow import microprice as microprice
    from kracked.frames.flow import ofi as ofi
    from kracked.frames.flow import queue_position as queue_position
    from kracked.frames.flow import sampled_books as sampled_books
    from kracked.frames.loaders import load_balances as load_balances
    from kracked.frames.loaders import load_book as load_book
    from kracked.frames.loaders import load_book_wide as load_book_wide
    from kracked.frames.loaders import load_connections as load_connections
    from kracked.frames.loaders import load_executions as load_executions
    from kracked.frames.loaders import load_ohlc as load_ohlc
    from kracked.frames.loaders import load_orders as load_orders
    from kracked.frames.loaders import load_ticker as load_ticker
    from kracked.frames.loaders import load_trades as load_trades
    from kracked.instruments import Instrument as Instrument
    from kracked.instruments import Precision as Precision
    from kracked.protocol import events as events
    from kracked.protocol.codec import Codec as Codec
    from kracked.protocol.events import Level as Level
    from kracked.protocol.events import Side as Side
    from kracked.record.read.recording import Recording as Recording
    from kracked.record.read.recording import open_recording as open_recording
    from kracked.record.replay import Player as Player
    from kracked.record.replay import Replay as Replay
    from kracked.recorder import recording as recording
    from kracked.rest.client import RestClient as RestClient

__version__ = "1.0.0.dev0"

_HOMES = {
    "kracked.book.keeper": ("BookKeeper",),
    "kracked.book.l2": ("L2Book",),
    "kracked.book.l3": ("L3Book",),
    "kracked.credentials": ("Credentials",),
    "kracked.endpoints": ("Endpoints",),
    "kracked.errors": ("KrackedError",),
    "kracked.feed.fanout": ("Policy",),
    "kracked.frames.bars": ("bars",),
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
    "kracked.instruments": ("Instrument", "Precision"),
    "kracked.feed_manager": ("FeedManager",),
    "kracked.protocol": ("events",),
    "kracked.protocol.codec": ("Codec",),
    "kracked.protocol.events": ("Level", "Side"),
    "kracked.record.read.recording": ("Recording", "open_recording"),
    "kracked.record.replay": ("Player", "Replay"),
    "kracked.recorder": ("recording",),
    "kracked.rest.client": ("RestClient",),
}
"""Modules and the public names they are the home of."""
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'kracked' has no attribute {name!r}")
    module = import_module(home)
    return import_module(f"{home}.{name}") if name == "events" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted((*globals(), *_HOME))
