"""Five seconds of a market recorded, then read back: tables, bars, the book at an instant.

python examples/load_example.py [ADDRESS]     ADDRESS: of `kracked sim`; none is Kraken

Level 3 needs KRAKEN_API_KEY and KRAKEN_API_SECRET, as in L3_example.py.
"""

import asyncio
import sys
from pathlib import Path

import kracked

ENDPOINTS = kracked.Endpoints.at(sys.argv[1]) if sys.argv[1:] else kracked.Endpoints.kraken()
SESSION = Path("sessions/example")


async def watch() -> None:
    feed = kracked.FeedManager(
        ["BTC/USD"], book=25, level3=100, trade=True, ticker=True, endpoints=ENDPOINTS
    )
    async with feed, kracked.recording(feed, SESSION) as recorder:
        await asyncio.sleep(5)
    last = recorder.progress()
    if not last.status.messages:
        sys.exit(f"not one message came from {ENDPOINTS.public}")
    print(f"{last.path}: {last.status.messages} messages, gaps: {last.status.gaps}\n")


def read() -> None:
    recording = kracked.open_recording(SESSION)
    trades = kracked.load_trades(recording)
    print(trades[["symbol", "side", "price", "qty"]].tail(), "\n")
    print(kracked.load_book(recording)[["side", "price", "qty"]].tail(), "\n")
    print(kracked.load_orders(recording)[["action", "side", "price", "size"]].tail(), "\n")
    bars = kracked.bars(trades, "1s", history=True)  # also trades from before the recording
    print(bars[["open", "high", "low", "close", "volume"]].tail(), "\n")
    _, end = recording.span()
    book = recording.at(end - 10**9, "BTC/USD", channel="book")
    bid, ask = book.best_bid, book.best_ask
    if bid and ask:
        price = book.precision.price_text
        touch = f"{price(bid.price)} / {price(ask.price)}"
        print(f"a second before the end: {touch}  verified {book.verified}")


asyncio.run(watch())
read()
