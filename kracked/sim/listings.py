"""What the simulated exchange lists: instruments, their REST names, and how busy each is.

Precisions, increments and minimums are the real exchange's (its `instrument` snapshot;
the minimum of BTC/USD and the prices are of 2026). `made_up` adds pairs that exist
nowhere, to fill a screen with hundreds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from itertools import islice, product
from random import Random

import msgspec

from kracked import units
from kracked.errors import ConfigError
from kracked.instruments import Asset, Instrument, Precision


class NotListed(ConfigError):
    """The simulated exchange has no such pair."""

    def __init__(self, symbol: str, listed: Sequence[str]) -> None:
        super().__init__(symbol, listed)
        self.symbol, self.listed = symbol, tuple(listed)

    def __str__(self) -> str:
        near = get_close_matches(self.symbol.upper(), self.listed, n=1)
        hint = f"did you mean {near[0]}?" if near else f"listed are {', '.join(self.listed[:12])}"
        return f"{self.symbol} is not listed; {hint}"


class Nature(msgspec.Struct, frozen=True, kw_only=True):
    """How an instrument trades, at `rate` 1."""

    makers_per_s: float
    """Quotes placed, moved and pulled by market makers."""
    orders_per_s: float
    """Orders placed by everybody else; about as many are cancelled."""
    takers_per_s: float
    """Takers who come by themselves; each draws on average one and a half more."""
    daily_volatility: float
    """Standard deviation of a day's return."""
    typical_value: int
    """Median order, in the quote currency."""
    depth: int
    """Levels a side when the market opens."""
    gap_bps: float
    """Mean distance of two levels near the touch, in 1/10,000 of the price."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument, the names REST has for it, and its nature."""

    instrument: Instrument
    rest_id: str
    """`XXBTZUSD`: the key of REST replies."""
    altname: str
    wsname: str
    """The v1 WebSocket name, `XBT/USD`, still in AssetPairs."""
    base_id: str
    quote_id: str
    opening_price: int
    """Where the market opens, scaled by the price precision."""
    nature: Nature
    margin_initial: Decimal | None = None
    position_limit_long: int | None = None
    position_limit_short: int | None = None

    @property
    def symbol(self) -> str:
        return self.instrument.symbol


class ListedAsset(msgspec.Struct, frozen=True, kw_only=True):
    """A currency and the names REST has for it."""

    asset: Asset
    rest_id: str
    altname: str
    collateral_value: Decimal = Decimal(0)
    margin_rate: Decimal | None = None


def _asset(
    asset_id: str,
    rest_id: str,
    altname: str,
    decimals: tuple[int, int],
    collateral: str = "0.0",
    margin_rate: str | None = None,
) -> ListedAsset:
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
    _asset("USD", "ZUSD", "USD", (4, 2), "1.0", "0.025"),
    _asset("BTC", "XXBT", "XBT", (10, 5), "1.0", "0.01"),
    _asset("ETH", "XETH", "ETH", (10, 5), "1.0", "0.02"),
    _asset("SOL", "SOL", "SOL", (10, 5), "0.9", "0.02"),
    _asset("XRP", "XXRP", "XRP", (8, 5), "0.0", "0.02"),
    _asset("DOGE", "XXDG", "XDG", (8, 2), "0.0", "0.02"),
    _asset("BONK", "BONK", "BONK", (2, 0)),
)


def _listing(
    symbol: str,
    names: tuple[str, str, str],
    digits: tuple[int, int, int],
    price_text: str,
    qty_min_text: str,
    nature: Nature,
    limits: tuple[str, int, int] | None = None,
) -> Listing:
    """One line of the table: REST names are id, altname, base; digits are price, qty, cost."""
    base, quote = symbol.split("/")
    precision = Precision(digits[0], digits[1])
    rest_base = names[1].removesuffix(quote)
    return Listing(
        instrument=Instrument(
            symbol=symbol,
            base=base,
            quote=quote,
            precision=precision,
            price_increment=1,
            qty_increment=1,
            qty_min=units.scale(qty_min_text.encode(), precision.qty),
            cost_precision=digits[2],
            cost_min=Decimal("0.5"),
            marginable=limits is not None,
            has_index=limits is not None,
        ),
        rest_id=names[0],
        altname=names[1],
        wsname=f"{rest_base}/{quote}",
        base_id=names[2],
        quote_id="ZUSD",
        opening_price=units.scale(price_text.encode(), precision.price),
        nature=nature,
        margin_initial=None if limits is None else Decimal(limits[0]),
        position_limit_long=None if limits is None else limits[1],
        position_limit_short=None if limits is None else limits[2],
    )


LISTED: tuple[Listing, ...] = (
    _listing(
        "BTC/USD",
        ("XXBTZUSD", "XBTUSD", "XXBT"),
        (1, 8, 5),
        "63005.0",
        "0.00005",
        Nature(
            makers_per_s=42,
            orders_per_s=28,
            takers_per_s=0.11,
            daily_volatility=0.02,
            typical_value=2_000,
            depth=1_150,
            gap_bps=0.26,
        ),
        ("0.20", 350, 250),
    ),
    _listing(
        "ETH/USD",
        ("XETHZUSD", "ETHUSD", "XETH"),
        (2, 8, 5),
        "1877.30",
        "0.002",
        Nature(
            makers_per_s=28,
            orders_per_s=19,
            takers_per_s=0.05,
            daily_volatility=0.026,
            typical_value=1_400,
            depth=1_150,
            gap_bps=0.48,
        ),
        ("0.20", 2_700, 1_700),
    ),
    _listing(
        "SOL/USD",
        ("SOLUSD", "SOLUSD", "SOL"),
        (2, 8, 5),
        "76.52",
        "0.05",
        Nature(
            makers_per_s=18,
            orders_per_s=13,
            takers_per_s=0.08,
            daily_volatility=0.038,
            typical_value=900,
            depth=1_150,
            gap_bps=2.0,
        ),
        ("0.25", 37_000, 24_000),
    ),
    _listing(
        "XRP/USD",
        ("XXRPZUSD", "XRPUSD", "XXRP"),
        (5, 8, 8),
        "1.08100",
        "10",
        Nature(
            makers_per_s=24,
            orders_per_s=16,
            takers_per_s=0.11,
            daily_volatility=0.033,
            typical_value=800,
            depth=1_150,
            gap_bps=0.7,
        ),
        ("0.20", 2_000_000, 1_200_000),
    ),
    _listing(
        "DOGE/USD",
        ("XDGUSD", "XDGUSD", "XXDG"),
        (7, 8, 9),
        "0.0951200",
        "60",
        Nature(
            makers_per_s=20,
            orders_per_s=14,
            takers_per_s=0.09,
            daily_volatility=0.04,
            typical_value=600,
            depth=1_150,
            gap_bps=0.5,
        ),
        ("0.20", 10_700_000, 6_100_000),
    ),
    _listing(
        "BONK/USD",
        ("BONKUSD", "BONKUSD", "BONK"),
        (9, 5, 5),
        "0.000005320",
        "400000",
        Nature(
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
"""The six pairs of a plain `kracked sim`."""


def listings(
    symbols: Sequence[str] | None = None, *, count: int | None = None
) -> tuple[Listing, ...]:
    """What to list: the named pairs, or the first `count`, or the six of `LISTED`.

    Past the sixth the pairs are made up, always the same ones. Raises `NotListed`.
    """
    if symbols is None:
        return LISTED if count is None else _first(count)
    known = {listing.symbol: listing for listing in _first(count or len(LISTED))}
    for symbol in symbols:
        if symbol not in known:
            raise NotListed(symbol, list(known))
    return tuple(known[symbol] for symbol in dict.fromkeys(symbols))


def assets(chosen: Sequence[Listing]) -> tuple[ListedAsset, ...]:
    """The currencies the listings trade, each once, known ones first."""
    wanted = dict.fromkeys(
        asset_id
        for listing in chosen
        for asset_id in (listing.instrument.quote, listing.instrument.base)
    )
    known = {listed.asset.id: listed for listed in ASSETS}
    return tuple(known.get(name) or _asset(name, name, name, (8, 5)) for name in wanted)


@cache
def _first(count: int) -> tuple[Listing, ...]:
    return (*LISTED, *islice(_made_up(), max(0, count - len(LISTED))))[:count]


def _made_up() -> Iterator[Listing]:
    """Pairs that exist nowhere, from lively to nearly dead, in a fixed order."""
    random = Random(1)  # the list is part of the catalogue: no seed of the caller's changes it
    syllables = [a + b for a, b in product("BDFGKLMNPRSTVZ", "AEIOU")]
    bases = [f"{first}{last}" for first, last in product(syllables, syllables) if first != last]
    random.shuffle(bases)
    for place, base in enumerate(bases):
        yield _invent(base, random, liveliness=6.0 / (place + 3))


def _invent(base: str, random: Random, *, liveliness: float) -> Listing:
    magnitude = random.uniform(-5.5, 3.5)
    price_decimals = min(10, max(0, round(4.5 - magnitude)))
    price = max(200, int(10 ** (magnitude + price_decimals)))
    qty_decimals = 5 if magnitude < -3 else 8
    return _listing(
        f"{base}/USD",
        (f"{base}USD", f"{base}USD", base),
        (price_decimals, qty_decimals, 5),
        units.to_text(price, price_decimals),
        units.to_text(int(5 / 10**magnitude * 10**qty_decimals) or 1, qty_decimals),
        Nature(
            makers_per_s=liveliness,
            orders_per_s=liveliness / 2,
            takers_per_s=liveliness / 50,
            daily_volatility=random.uniform(0.04, 0.12),
            typical_value=random.randint(60, 400),
            depth=random.randint(20, 120),
            gap_bps=random.uniform(3, 15),
        ),
    )
