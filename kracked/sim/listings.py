"""The listings of the simulated exchange: instruments, their REST names, and how busy each is.

Precisions, increments and minimums are the real exchange's (its `instrument` snapshot;
the minimum of BTC/USD and the prices are of 2026). Past the sixth, pairs are made up, to
fill a screen with hundreds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from itertools import islice, product
from random import Random
from typing import NamedTuple

import msgspec

from kracked import units
from kracked.errors import ConfigError, says
from kracked.gateway.listing import ListedAsset, ListedPair
from kracked.instruments import Asset, Instrument, Precision


@says("{symbol} is not listed; {hint}")
class NotListed(ConfigError):
    """The simulated exchange has no such pair, or no such asset."""

    symbol: str
    listed: tuple[str, ...]

    @property
    def hint(self) -> str:
        """The listed name that is most like it, or some of those that are listed."""
        near = get_close_matches(self.symbol.upper(), self.listed, n=1)
        return f"did you mean {near[0]}?" if near else f"listed are {', '.join(self.listed[:12])}"


class Nature(msgspec.Struct, frozen=True, kw_only=True):
    """The pace and the size of an instrument's trade, at `rate` 1."""

    makers_per_s: float
    """Quotes that market makers place, move and pull."""
    orders_per_s: float
    """Orders that everybody else places; about as many are cancelled."""
    takers_per_s: float
    """Takers who come by themselves; each draws one and a half more on average."""
    daily_volatility: float
    """Standard deviation of a day's return."""
    typical_value: int
    """Median value of an order, in the quote currency."""
    depth: int
    """Levels a side when the market opens."""
    gap_bps: float
    """Mean distance of two levels near the touch, in 1/10,000 of the price."""


class Listing(ListedPair, frozen=True, kw_only=True):
    """An instrument, its REST names, and its nature."""

    base_id: str
    quote_id: str
    opening_price: int
    """Where the market opens, scaled by the price precision."""
    nature: Nature
    margin_initial: Decimal | None = None
    position_limit_long: int | None = None
    position_limit_short: int | None = None


def _asset(
    asset_id: str,
    *,
    rest_id: str,
    altname: str,
    decimals: tuple[int, int],
    collateral: str = "0.0",
    margin_rate: str | None = None,
) -> ListedAsset:
    """Return one row of the table; `decimals` are those counted in and those displayed."""
    return ListedAsset(
        asset=Asset(
            id=asset_id,
            precision=decimals[0],
            precision_display=decimals[1],
            borrowable=margin_rate is not None,
        ),
        rest_id=rest_id,
        altname=altname,
        collateral_value=Decimal(collateral),
        margin_rate=None if margin_rate is None else Decimal(margin_rate),
    )


ASSETS: tuple[ListedAsset, ...] = (
    _asset(
        "USD",
        rest_id="ZUSD",
        altname="USD",
        decimals=(4, 2),
        collateral="1.0",
        margin_rate="0.025",
    ),
    _asset(
        "BTC",
        rest_id="XXBT",
        altname="XBT",
        decimals=(10, 5),
        collateral="1.0",
        margin_rate="0.01",
    ),
    _asset(
        "ETH",
        rest_id="XETH",
        altname="ETH",
        decimals=(10, 5),
        collateral="1.0",
        margin_rate="0.02",
    ),
    _asset(
        "SOL",
        rest_id="SOL",
        altname="SOL",
        decimals=(10, 5),
        collateral="0.9",
        margin_rate="0.02",
    ),
    _asset("XRP", rest_id="XXRP", altname="XRP", decimals=(8, 5), margin_rate="0.02"),
    _asset("DOGE", rest_id="XXDG", altname="XDG", decimals=(8, 2), margin_rate="0.02"),
    _asset("BONK", rest_id="BONK", altname="BONK", decimals=(2, 0)),
)


class _RestNames(NamedTuple):
    """REST's names of a pair and its base."""

    pair: str
    altname: str
    base: str


class _Margin(NamedTuple):
    """The terms on which a pair is traded on margin."""

    initial: str
    limit_long: int
    limit_short: int


def _listing(
    symbol: str,
    *,
    names: _RestNames,
    precision: Precision,
    cost_decimals: int,
    opening_price: str,
    qty_min: str,
    nature: Nature,
    margin: _Margin | None = None,
) -> Listing:
    """Return one row of the table."""
    base, quote = symbol.split("/")
    return Listing(
        instrument=Instrument(
            symbol=symbol,
            base=base,
            quote=quote,
            precision=precision,
            price_increment=1,
            qty_increment=1,
            qty_min=units.scale(qty_min.encode(), precision.qty),
            cost_precision=cost_decimals,
            cost_min=Decimal("0.5"),
            marginable=margin is not None,
            has_index=margin is not None,
        ),
        rest_id=names.pair,
        altname=names.altname,
        wsname=f"{names.altname.removesuffix(quote)}/{quote}",
        base_id=names.base,
        quote_id="ZUSD",
        opening_price=units.scale(opening_price.encode(), precision.price),
        nature=nature,
        margin_initial=None if margin is None else Decimal(margin.initial),
        position_limit_long=None if margin is None else margin.limit_long,
        position_limit_short=None if margin is None else margin.limit_short,
    )


LISTED: tuple[Listing, ...] = (
    _listing(
        "BTC/USD",
        names=_RestNames("XXBTZUSD", "XBTUSD", "XXBT"),
        precision=Precision(1, 8),
        cost_decimals=5,
        opening_price="63005.0",
        qty_min="0.00005",
        nature=Nature(
            makers_per_s=42,
            orders_per_s=28,
            takers_per_s=0.11,
            daily_volatility=0.02,
            typical_value=2_000,
            depth=1_150,
            gap_bps=0.26,
        ),
        margin=_Margin("0.20", 350, 250),
    ),
    _listing(
        "ETH/USD",
        names=_RestNames("XETHZUSD", "ETHUSD", "XETH"),
        precision=Precision(2, 8),
        cost_decimals=5,
        opening_price="1877.30",
        qty_min="0.002",
        nature=Nature(
            makers_per_s=28,
            orders_per_s=19,
            takers_per_s=0.05,
            daily_volatility=0.026,
            typical_value=1_400,
            depth=1_150,
            gap_bps=0.48,
        ),
        margin=_Margin("0.20", 2_700, 1_700),
    ),
    _listing(
        "SOL/USD",
        names=_RestNames("SOLUSD", "SOLUSD", "SOL"),
        precision=Precision(2, 8),
        cost_decimals=5,
        opening_price="76.52",
        qty_min="0.05",
        nature=Nature(
            makers_per_s=18,
            orders_per_s=13,
            takers_per_s=0.08,
            daily_volatility=0.038,
            typical_value=900,
            depth=1_150,
            gap_bps=2.0,
        ),
        margin=_Margin("0.25", 37_000, 24_000),
    ),
    _listing(
        "XRP/USD",
        names=_RestNames("XXRPZUSD", "XRPUSD", "XXRP"),
        precision=Precision(5, 8),
        cost_decimals=8,
        opening_price="1.08100",
        qty_min="10",
        nature=Nature(
            makers_per_s=24,
            orders_per_s=16,
            takers_per_s=0.11,
            daily_volatility=0.033,
            typical_value=800,
            depth=1_150,
            gap_bps=0.7,
        ),
        margin=_Margin("0.20", 2_000_000, 1_200_000),
    ),
    _listing(
        "DOGE/USD",
        names=_RestNames("XDGUSD", "XDGUSD", "XXDG"),
        precision=Precision(7, 8),
        cost_decimals=9,
        opening_price="0.0951200",
        qty_min="60",
        nature=Nature(
            makers_per_s=20,
            orders_per_s=14,
            takers_per_s=0.09,
            daily_volatility=0.04,
            typical_value=600,
            depth=1_150,
            gap_bps=0.5,
        ),
        margin=_Margin("0.20", 10_700_000, 6_100_000),
    ),
    _listing(
        "BONK/USD",
        names=_RestNames("BONKUSD", "BONKUSD", "BONK"),
        precision=Precision(9, 5),
        cost_decimals=5,
        opening_price="0.000005320",
        qty_min="400000",
        nature=Nature(
            makers_per_s=4,
            orders_per_s=2.5,
            takers_per_s=0.03,
            daily_volatility=0.08,
            typical_value=250,
            depth=300,
            gap_bps=2.5,
        ),
    ),
)
"""The six pairs that `kracked sim` lists by default."""


def listings(
    symbols: Sequence[str] | None = None, *, count: int | None = None
) -> tuple[Listing, ...]:
    """Return the named pairs, or the first `count`, or the six of `LISTED`.

    Past the sixth the pairs are made up, always the same ones.

    Raises:
        NotListed: A symbol is not among them.
    """
    if symbols is None:
        return LISTED if count is None else _first(count)
    known = {listing.symbol: listing for listing in _first(count or len(LISTED))}
    for symbol in symbols:
        if symbol not in known:
            raise NotListed(symbol, tuple(known))
    return tuple(known[symbol] for symbol in dict.fromkeys(symbols))


def assets(chosen: Sequence[Listing]) -> tuple[ListedAsset, ...]:
    """Return the currencies that the listings trade, each once, in the order of the listings."""
    names = dict.fromkeys(
        asset_id
        for listing in chosen
        for asset_id in (listing.instrument.quote, listing.instrument.base)
    )
    known = {listed.asset.id: listed for listed in ASSETS}
    return tuple(
        known.get(name) or _asset(name, rest_id=name, altname=name, decimals=(8, 5))
        for name in names
    )


@cache
def _first(count: int) -> tuple[Listing, ...]:
    return (*LISTED, *islice(_made_up(), max(0, count - len(LISTED))))[:count]


def _made_up() -> Iterator[Listing]:
    """Iterate pairs that exist nowhere, from lively to nearly dead, in a fixed order."""
    random = Random(1)  # the list belongs to the table: no seed of the caller's changes it
    syllables = [a + b for a, b in product("BDFGKLMNPRSTVZ", "AEIOU")]
    bases = [f"{first}{last}" for first, last in product(syllables, syllables) if first != last]
    random.shuffle(bases)
    for place, base in enumerate(bases):
        yield _invented(base, random, liveliness=6.0 / (place + 3))


def _invented(base: str, random: Random, *, liveliness: float) -> Listing:
    magnitude = random.uniform(-5.5, 3.5)
    price_decimals = min(10, max(0, round(4.5 - magnitude)))
    price = max(200, int(10 ** (magnitude + price_decimals)))
    qty_decimals = 5 if magnitude < -3 else 8
    return _listing(
        f"{base}/USD",
        names=_RestNames(f"{base}USD", f"{base}USD", base),
        precision=Precision(price_decimals, qty_decimals),
        cost_decimals=5,
        opening_price=units.to_text(price, price_decimals),
        qty_min=units.to_text(int(5 / 10**magnitude * 10**qty_decimals) or 1, qty_decimals),
        nature=Nature(
            makers_per_s=liveliness,
            orders_per_s=liveliness / 2,
            takers_per_s=liveliness / 50,
            daily_volatility=random.uniform(0.04, 0.12),
            typical_value=random.randint(60, 400),
            depth=random.randint(20, 120),
            gap_bps=random.uniform(3, 15),
        ),
    )
