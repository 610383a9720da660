"""Tables of other tools: which are read under our names, and which are refused by theirs.

Sources: docs.tardis.dev/downloadable-csv-files/data-types; the fields of cryptofeed's `Trade`;
support.kraken.com "Downloadable historical OHLCVT data" and "... time and sales"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from kracked.format import tables
from kracked.format.tables import Table

_MINUTE_NS = 60 * 10**9
_NUMBER = re.compile(r"\s*[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?\s*")
_DOWNLOAD = re.compile(r"([A-Z0-9.]{5,})(?:_([0-9]+))?(?:\.[a-z0-9]+)+")
_QUOTES = ("USDT", "USDC", "PYUSD", "RLUSD", "USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF",
           "DAI", "XBT", "BTC", "ETH")  # fmt: skip
_RENAMED_ASSETS = {"XBT": "BTC", "XDG": "DOGE"}


class ForeignTable(NamedTuple):
    """A table of another tool."""

    name: str
    """Whose it is, and what it holds."""
    table: Table | None
    """The table of ours that its rows are of; None if it is not read."""
    marks: frozenset[str]
    """Columns by which it is known."""
    names: Mapping[str, str] = MappingProxyType({})
    """Our names of its columns."""


def _refused(name: str, marks: str) -> ForeignTable:
    return ForeignTable(name, None, frozenset(marks.split()))


def _trades(name: str, marks: str, **names: str) -> ForeignTable:
    return ForeignTable(name, tables.TRADES, frozenset(marks.split()), names)


KNOWN = (
    _refused("Tardis' incremental_book_L2", "local_timestamp is_snapshot side price amount"),
    _refused("Tardis' book_snapshot", "local_timestamp asks[0].price bids[0].price"),
    _refused("Tardis' quotes or book_ticker", "local_timestamp ask_amount ask_price bid_price"),
    _refused("Tardis' derivative_ticker", "local_timestamp funding_rate mark_price"),
    _refused("Tardis' options_chain", "local_timestamp strike_price expiration"),
    _refused("Tardis' liquidations", "exchange local_timestamp id side price amount liquidation"),
    _refused("Kraken's export of own trades", "txid ordertxid pair time"),
    _refused("Kraken's export of the ledger", "txid refid time aclass"),
    _refused("Databento's records", "rtype publisher_id instrument_id"),
    _refused("CCXT's trades", "datetime symbol takerOrMaker price amount"),
    _refused("cryptofeed's candles", "symbol start stop interval open close"),
    _refused("cryptofeed's ticker or books", "symbol bid ask timestamp receipt_timestamp"),
    _refused("cryptofeed's books", "symbol timestamp receipt_timestamp delta"),
    _refused("cryptofeed's books", "symbol timestamp receipt_timestamp book"),
    _trades(
        "Tardis' trades",
        "exchange symbol timestamp local_timestamp side price amount",
        timestamp="ts_event",
        local_timestamp="ts_recv",
        id="trade_id",
        amount="qty",
    ),
    *(
        _trades(
            "cryptofeed's trades",
            f"symbol side amount price timestamp {mark}",
            timestamp="ts_event",
            receipt_timestamp="ts_recv",
            id="trade_id",
            amount="qty",
            type="ord_type",
        )
        for mark in ("receipt_timestamp", "feed", "exchange id")
    ),
)

_TRADES_DOWNLOAD = ForeignTable(
    "Kraken's time and sales", tables.TRADES, frozenset(),
    {"time": "ts_event", "price": "price", "volume": "qty"},
)  # fmt: skip
_CANDLES_DOWNLOAD = ForeignTable(
    "Kraken's OHLCVT", tables.CANDLES, frozenset(),
    {
        "time": "tstart", "open": "open", "high": "high", "low": "low", "close": "close",
        "volume": "volume", "trades": "trades",
    },
)  # fmt: skip
_DOWNLOADS = {3: _TRADES_DOWNLOAD, 7: _CANDLES_DOWNLOAD}
"""Kraken's downloads by the number of their columns: they name none."""


def recognise(names: Sequence[str]) -> ForeignTable | None:
    """Return the other tool's table with these columns; None for one of ours, or an unknown one."""
    return next((one for one in KNOWN if one.marks <= set(names)), None)


def is_headless(cells: Sequence[str]) -> bool:
    """Whether a first line is a row of numbers, not of names."""
    return len(cells) > 1 and all(map(_NUMBER.fullmatch, cells))


def kraken_download(name: str, width: int) -> tuple[ForeignTable | None, str, int]:
    """Return what a file without names is, if it is one of Kraken's downloads.

    The pair, and the minutes of a candle, are in the file's name: `XBTUSD_5.csv`.

    Returns:
        Its form or None, its symbol, and ns of a candle or 0.
    """
    found, form = _DOWNLOAD.fullmatch(name), _DOWNLOADS.get(width)
    if found is None or form is None or (form is _CANDLES_DOWNLOAD and not found[2]):
        return None, "", 0
    return form, _symbol(found[1]), int(found[2] or 0) * _MINUTE_NS


def _symbol(pair: str) -> str:
    """Return the symbol of a pair as files of Kraken are named; the same text if it is unknown."""
    quote = next((one for one in _QUOTES if pair.endswith(one) and len(pair) > len(one) + 1), None)
    if quote is None:
        return pair
    base = pair.removesuffix(quote)
    return f"{_RENAMED_ASSETS.get(base, base)}/{_RENAMED_ASSETS.get(quote, quote)}"
