"""Streams of wire messages to measure with: seeded, from the simulated exchange."""

from __future__ import annotations

from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.engine.matching import Matcher
from kracked.sim.listings import listings
from kracked.sim.market_data.book_publisher import BookPublisher
from kracked.sim.market_data.public_book import VisibleBook

START = 1_790_000_000 * 10**9
STEP_NS = 1_000_000_000


def stream(channel: str, depth: int, messages: int, *, seed: int = 7) -> tuple[bytes, list[bytes]]:
    """A snapshot of BTC/USD and the updates that follow it."""
    [listing] = listings(["BTC/USD"])
    market = SimulatedMarket([listing], seed=seed).opened(START)
    book = public_book(market.matcher(listing.symbol), listing.instrument.precision)
    publisher = BookPublisher(listing.instrument, book, START)
    publisher.watch(channel, depth)
    snapshot = publisher.snapshot(channel, depth, START).encode()
    updates: list[bytes] = []
    now = START
    while len(updates) < messages:
        now += STEP_NS
        for _, batch in market.advance(now):
            updates += [cutting.text.encode() for cutting in publisher.apply(batch)]
    return snapshot, updates[:messages]


def public_book(matcher: Matcher, precision: Precision) -> VisibleBook:
    book = VisibleBook(precision)
    for side in Side:
        resting = [
            (order.order_id, order.price, order.visible_qty, order.entered)
            for level in matcher.levels(side)
            for order in matcher.queue(side, level.price)
        ]
        book.fill(side, resting)
    return book
