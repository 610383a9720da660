"""The live market of a paper server: its feed, its names, and what of it is current."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from kracked.errors import ConfigError, ConnectionLost, says
from kracked.feed_manager import FeedManager
from kracked.gateway.listing import ListedAsset, ListedPair
from kracked.gateway.relay.instrument_list import InstrumentList
from kracked.instruments import Asset, Instrument, similar_symbol
from kracked.paper_server.upstream import Upstream
from kracked.protocol import encode, events

WAIT_S = 20.0
"""How long the market may take to say what it trades."""


@says("{symbol} is not traded there{hint}")
class NotTraded(ConfigError):
    """The exchange lists no such pair."""

    symbol: str
    meant: str | None

    @property
    def hint(self) -> str:
        """The pair that another spelling means."""
        return f"; did you mean {self.meant}?" if self.meant else ""


class Offer(msgspec.Struct, frozen=True):
    """The data that can be had of a symbol, as the relay reads them."""

    book: int | None
    level3: int | None
    ohlc: tuple[int, ...] = ()


async def tell_losses(feed: FeedManager, say: Callable[[str], None]) -> None:
    """Say each attempt of the feed to connect that failed, until the feed is closed."""
    with feed.consumer() as consumer:
        async for event in consumer:
            if isinstance(event, events.Reconnecting):
                when = f"attempt {event.attempt + 1} in {event.delay_s:.0f} s"
                say(f"no connection to {event.url}: {event.reason}; {when}")


async def listed(
    feed: FeedManager, upstream: Upstream, symbols: Sequence[str]
) -> tuple[list[ListedPair], list[ListedAsset]]:
    """Wait for the rules of the pairs, ask for their REST names, and return both.

    Raises:
        NotTraded: There is no such pair.
        ConnectionLost: The exchange does not answer.
    """
    try:
        async with asyncio.timeout(WAIT_S):
            with feed.consumer() as consumer:
                while not feed.instruments:
                    await consumer.batch()
            for symbol in symbols:
                if symbol not in feed.instruments:
                    raise NotTraded(symbol, similar_symbol(symbol, feed.instruments))
            found = [await _pair(feed.instruments[symbol], upstream) for symbol in symbols]
    except TimeoutError:
        what = f"it did not say within {WAIT_S:.0f} s what it trades; check address and network"
        raise ConnectionLost(feed.endpoints.rest, what) from None
    return [pair for pair, _ in found], list(_assets(feed, found).values())


class _Names(msgspec.Struct):
    """The names in a row of AssetPairs."""

    altname: str
    base: str
    quote: str
    wsname: str = ""


async def _pair(instrument: Instrument, upstream: Upstream) -> tuple[ListedPair, _Names]:
    """Return a pair with its REST names. Its key is told where it is asked for by altname."""
    rows = await upstream.result("AssetPairs", {"pair": instrument.symbol}, dict[str, _Names])
    names = next(iter(rows.values()))
    rows = await upstream.result("AssetPairs", {"pair": names.altname}, dict[str, _Names])
    pair = ListedPair(
        instrument=instrument,
        rest_id=next(iter(rows)),
        altname=names.altname,
        wsname=names.wsname or instrument.symbol,
    )
    return pair, names


def _assets(
    feed: FeedManager, found: Sequence[tuple[ListedPair, _Names]]
) -> Mapping[str, ListedAsset]:
    """Return the assets of pairs by name. An altname is the id without its class letter."""
    assets: dict[str, ListedAsset] = {}
    for pair, names in found:
        instrument = pair.instrument
        for name, rest_id in ((instrument.base, names.base), (instrument.quote, names.quote)):
            letter = len(rest_id) == 4 and rest_id[0] in "XZ"
            assets[name] = ListedAsset(
                asset=feed.assets.get(name) or Asset(id=name),
                rest_id=rest_id,
                altname=rest_id[1:] if letter else rest_id,
            )
    return assets


def instruments_now(feed: FeedManager) -> InstrumentList:
    """Return the list of instruments as a running feed knows it."""
    found = InstrumentList()
    for event in feed.current_state():
        if isinstance(event, events.Instruments):
            found.apply(encode.message(event).encode())
    return found


def is_current(feed: FeedManager, symbol: str, *, level3: bool) -> bool:
    """Whether orders may be decided: the book is verified, it and trades are current.

    Args:
        feed: The market.
        symbol: The pair.
        level3: Whether the book is that of level 3, or that of level 2.
    """
    book = feed.l3.get(symbol) if level3 else feed.l2.get(symbol)
    if book is None or not book.verified:
        return False
    channels = ("level3" if level3 else "book", "trade")
    return all(feed.freshness(symbol, channel).current for channel in channels)
