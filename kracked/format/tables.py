"""The tables of a recording: their names, their columns, and what each column holds.

The recorder writes by them and the loaders read by them, so a column is named once. The
first columns of a table are the original project's, in its order and spelling; ours come
after them. `renamed` has the names in the original's older files.

Every text is the exchange's own: prices with all their digits, times as RFC 3339 in UTC with
nine decimals.
"""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum
from typing import NamedTuple


class ColumnKind(StrEnum):
    """The meaning of a column's text."""

    TIME = "time"
    DECIMAL = "decimal"
    """A price or a quantity: exact as text, a float only in a frame."""
    LABEL = "label"
    """One of a few words: a symbol, a side."""
    TEXT = "text"
    COUNT = "count"
    """A whole number."""


class Flag(IntEnum):
    """Bits of the column `flags`, with the values of Databento's encoding."""

    LAST = 128
    """Last row of its message: only after it is the book whole, and only here is `checksum`."""
    SNAPSHOT = 32
    """Part of a snapshot: it repeats what was there already."""
    BAD_CLOCK = 8
    """The computer's clock had jumped: do not trust `ts_recv`."""
    CUT = 2
    """No message of the exchange: the depth of the subscription has cut this level or order,
    which the exchange does not tell. Set and removed row by row the book is right."""
    SUSPECT = 4
    """Messages before this one are missing: the book may be wrong until the next snapshot."""
    HEALED = 1
    """A trade that the stream left out, fetched later from REST: `ts_recv` is when."""


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: ColumnKind


class Table(NamedTuple):
    """A table of a recording."""

    name: str
    """Name of its file without `.csv`, and of its table in a database."""
    columns: tuple[Column, ...]
    clock: str
    """The column that time ranges and the index of a frame go by."""
    channel: str
    """Name of its Hive folder."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Other names of columns and ours: those of the original project's older files, and of the
    exact text beside each number in a database."""

    @property
    def header(self) -> str:
        """The first line of its CSV file, without the newline."""
        return ",".join(column.name for column in self.columns)


def _columns(words: str) -> tuple[Column, ...]:
    """Parse `name:kind` pairs; a kind is one letter, and `d` when it is left out."""
    kinds = {
        "t": ColumnKind.TIME,
        "d": ColumnKind.DECIMAL,
        "l": ColumnKind.LABEL,
        "x": ColumnKind.TEXT,
        "n": ColumnKind.COUNT,
    }
    pairs = (word.partition(":") for word in words.split())
    return tuple(Column(name, kinds[kind or "d"]) for name, _, kind in pairs)


def exact_name(column: str) -> str:
    """Return the name that a database has for the exact text of a price or a quantity."""
    return f"{column}_text"


def _table(
    name: str, words: str, *, clock: str, channel: str, older: tuple[tuple[str, str], ...] = ()
) -> Table:
    columns = _columns(words)
    exact = (
        (exact_name(column.name), column.name)
        for column in columns
        if column.kind is ColumnKind.DECIMAL
    )
    return Table(name, columns, clock, channel, (*older, *exact))


ORDERS = _table(
    "L3_ticks",
    "side:l ts_event:t ts_recv:t price size action:l order_id:x symbol:l"
    " seq:n ts_msg:t flags:n checksum:n",
    clock="ts_recv",
    channel="l3",
)
BOOK = _table(
    "L2_updates",
    "symbol:l ts_event:t ts_recv:t side:l price qty seq:n flags:n checksum:n",
    clock="ts_recv",
    channel="l2",
)
TICKER = _table(
    "L1",
    "timestamp:t symbol:l bid bid_qty ask ask_qty last volume vwap low high change change_pct"
    " ts_event:t ts_recv:t seq:n flags:n",
    clock="ts_recv",
    channel="l1",
)
TRADES = _table(
    "trades",
    "ts_event:t ts_recv:t symbol:l price qty side:l ord_type:l trade_id:n seq:n flags:n",
    clock="ts_event",
    channel="trades",
)
CANDLES = _table(
    "OHLC",
    "timestamp:t symbol:l open high low close volume vwap trades:n tstart:t ttrue:t"
    " ts_recv:t seq:n flags:n",
    clock="tstart",
    channel="ohlc",
)
EXECUTIONS = _table(
    "executions",
    "ts_event:t ts_recv:t symbol:l exec_type:l exec_id:x trade_id:n order_id:x cl_ord_id:x"
    " side:l order_type:l order_status:l limit_price order_qty last_price last_qty cum_qty"
    " cum_cost avg_price fees:x liquidity_ind:l reason:x sequence:n seq:n flags:n",
    clock="ts_recv",
    channel="executions",
)
BALANCES = _table(
    "balances",
    "ts_event:t ts_recv:t asset:l balance amount fee type:l subtype:l category:l wallet_type:l"
    " ledger_id:x ref_id:x sequence:n seq:n flags:n",
    clock="ts_recv",
    channel="balances",
)
CONNECTIONS = _table(
    "connections",
    "feed:l event:l timestamp:t close_status_code:n close_msg:x conn:l seq_last:n lost:n",
    clock="timestamp",
    channel="connections",
)
PAIRS = _table(
    "kraken_pairs",
    "symbol:l base:l quote:l status:l price_precision:n price_increment qty_precision:n"
    " qty_increment qty_min cost_precision:n cost_min marginable:l has_index:l ts_recv:t",
    clock="ts_recv",
    channel="pairs",
)
ASSETS = _table(
    "kraken_assets",
    "id:l status:l precision:n precision_display:n borrowable:l ts_recv:t",
    clock="ts_recv",
    channel="assets",
)

WIDE_LEVELS = 10
_WIDE_NAME = re.compile(r"L2_(.+)_orderbook")


def wide(symbol: str) -> Table:
    """Return the table of a symbol's best ten levels a side, one row per change.

    It is the original project's L2 file.
    """
    levels = " ".join(f"ask_px_{n} ask_sz_{n} bid_px_{n} bid_sz_{n}" for n in range(WIDE_LEVELS))
    older = (("ap", "ask_px_"), ("av", "ask_sz_"), ("bp", "bid_px_"), ("bv", "bid_sz_"))
    return _table(
        f"L2_{symbol.replace('/', '_')}_orderbook",
        f"timestamp:t ts_recv:t {levels} seq:n",
        clock="ts_recv",
        channel="l2_wide",
        older=tuple((f"{old}{n}", f"{new}{n}") for n in range(WIDE_LEVELS) for old, new in older),
    )


def wide_symbol(name: str) -> str:
    """Return the symbol of a wide book by its table's or file's name; empty for other tables."""
    match = _WIDE_NAME.match(name)
    return match[1].replace("_", "/") if match else ""


MARKET = (ORDERS, BOOK, TICKER, TRADES, CANDLES, EXECUTIONS, BALANCES)
"""Tables that grow with the market. Their files are closed every hour, like the wide books'."""
RECORDER = (CONNECTIONS, PAIRS, ASSETS)
"""Tables about the recording itself: few rows, always as CSV, one file for the whole session."""
TABLES = {table.name: table for table in (*MARKET, *RECORDER)}
"""Every table by its name, but for wide books, which have one for each symbol."""


def named(name: str) -> Table:
    """Return the table of this name; raises KeyError for a name no recorder makes."""
    if _WIDE_NAME.fullmatch(name):
        return wide(wide_symbol(name))
    return TABLES[name]
