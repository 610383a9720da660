"""A minute of the simulated exchange as a monitor would have recorded it; the same every time."""

from __future__ import annotations

from pathlib import Path

from kracked.gateway.auth import ApiKey, ApiKeys, new_key
from kracked.gateway.channels import Socket
from kracked.protocol.requests import Subscribe, encode
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S, parse_ns
from tests.record.seeded_market import record_stream

OPENED = parse_ns("2026-11-22T14:00:00Z")
SYMBOL = "BTC/USD"


def record_market(path: Path, seconds: int = 60) -> None:
    """Level 2, level 3, trades, ticker and candles of one symbol, ten times a second."""
    record_stream(path, received_market(seconds))


def received_market(seconds: int = 60) -> list[tuple[int, bytes]]:
    """Return the messages of that market, each with the time it came."""
    accounts, key = ApiKeys(), ApiKey(*new_key())
    accounts.add(key)
    market = SimulatedMarket(listings.listings((SYMBOL,)), seed=5).opened(OPENED)
    exchange = Exchange(market, accounts, OPENED)
    arrived: list[tuple[int, bytes]] = []
    now = OPENED

    def hear(data: bytes) -> None:
        # Two messages of one instant keep their order by a nanosecond.
        arrived.append((max(now, arrived[-1][0] + 1 if arrived else 0), data))

    public = exchange.connect(Socket.PUBLIC, hear, now)
    level3 = exchange.connect(Socket.LEVEL3, hear, now)
    token = accounts.issue(key, now)
    symbol = (SYMBOL,)
    for number, request in enumerate(
        (
            Subscribe(channel="instrument"),
            Subscribe(channel="trade", symbol=symbol),
            Subscribe(channel="ticker", symbol=symbol),
            Subscribe(channel="ohlc", symbol=symbol, interval=1),
            Subscribe(channel="book", symbol=symbol, depth=25),
        ),
        1,
    ):
        public.receive(encode(request, number), now)
    level3.receive(
        encode(Subscribe(channel="level3", symbol=symbol, depth=10, token=token), 1), now
    )
    while now < OPENED + seconds * NS_PER_S:
        now += NS_PER_S // 10
        exchange.advance(now)
    return arrived
