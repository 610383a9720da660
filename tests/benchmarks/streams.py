"""Streams of wire messages to measure with, seeded, and the floor that costs are held against."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from time import process_time

import msgspec

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


def plain_seconds(messages: Iterable[bytes]) -> float:
    """CPU seconds of the least that any reader does: decode level 3, keep a dict of the orders.

    Nothing is scaled, sorted, cut to the depth or verified. Figures are held against it, since
    machines differ, and one machine from minute to minute.
    """
    raws = list(messages)
    decode = msgspec.json.decode
    book: dict[str, tuple[str, float, float]] = {}
    gc.collect()
    started = process_time()
    for raw in raws:
        for told in decode(raw).get("data", ()):
            for side in ("bids", "asks"):
                for order in told.get(side, ()):
                    if order.get("event") == "delete":
                        book.pop(order["order_id"], None)
                    else:
                        row = (side, order["limit_price"], order["order_qty"])
                        book[order["order_id"]] = row
    return process_time() - started
