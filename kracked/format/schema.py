"""The data dictionary of a recording: every table, column, unit, word and flag, for strangers.

It is made from the definitions that the recorder writes by, for `kracked schema` and for the
`README.md` in every recording.
"""

from __future__ import annotations

from kracked.format import tables
from kracked.format.tables import Column, ColumnKind, Flag, Table

README = "README.md"

_EXAMPLE = "BTC/USD"
_KINDS = {
    ColumnKind.TIME: "time",
    ColumnKind.DECIMAL: "decimal",
    ColumnKind.LABEL: "word",
    ColumnKind.TEXT: "text",
    ColumnKind.COUNT: "whole number",
}
_MEANINGS = {
    "symbol": "pair, as the exchange writes it: BTC/USD",
    "ts_event": "when it happened, by the exchange; level 3: when the order entered the book there",
    "ts_recv": "when the message reached the recorder, by its clock",
    "ts_msg": "when the matching engine sent the message",
    "timestamp": "L1, wide books: when; OHLC: end of the interval; connections: when it was noted",
    "side": "b bid, a ask, n the row that clears a book; trades: buy or sell, the taker's",
    "price": "in the quote currency; empty in a row that clears a book",
    "qty": "in the base currency; books: the level's new total, 0 removes it",
    "size": "in the base currency: what is left of the order",
    "action": "A added, M changed, C gone, R everything before is void",
    "order_id": "the exchange's id of the order",
    "seq": "number of the message in this recording; rows of one message share it",
    "flags": "bits, see Flags",
    "checksum": "CRC-32 the exchange gives for the book after the message; on its last row",
    "bid": "best bid, quote currency",
    "ask": "best ask, quote currency",
    "bid_qty": "quantity at the best bid, base currency",
    "ask_qty": "quantity at the best ask, base currency",
    "last": "price of the last trade, quote currency",
    "volume": "L1: of 24 hours, OHLC: of the interval, base currency",
    "vwap": "volume weighted price of the same time, quote currency",
    "low": "lowest price of the same time",
    "high": "highest price of the same time",
    "change": "price change of 24 hours, quote currency",
    "change_pct": "the same in per cent",
    "ord_type": "type of the taker's order: limit or market",
    "trade_id": "number of the trade in its market, without holes; executions: of the own fill",
    "open": "first price of the interval",
    "close": "last price of the interval so far: the last row of an interval holds",
    "trades": "trades in the interval",
    "tstart": "begin of the interval: key of a candle, with symbol",
    "ttrue": "when the message with it was sent",
    "exec_type": "what happened to the own order: new, trade, filled, canceled, ...",
    "exec_id": "id of the execution",
    "cl_ord_id": "the client's own id of the order",
    "order_type": "limit, market, stop-loss, ...",
    "order_status": "state of the own order after it",
    "limit_price": "its limit, quote currency",
    "order_qty": "its quantity, base currency",
    "last_price": "price of this fill",
    "last_qty": "quantity of this fill, base currency",
    "cum_qty": "filled so far, base currency",
    "cum_cost": "paid or got for it so far, quote currency",
    "avg_price": "average price of its fills",
    "fees": "fees as a JSON list of asset and quantity",
    "liquidity_ind": "m maker, t taker",
    "reason": "why it ended",
    "sequence": "the exchange's number of the report",
    "asset": "code of the asset",
    "balance": "after the entry, in units of the asset",
    "amount": "change of the balance",
    "fee": "fee in units of the asset",
    "type": "kind of ledger entry",
    "subtype": "its finer kind",
    "category": "its category",
    "wallet_type": "wallet it is in",
    "ledger_id": "id of the ledger entry",
    "ref_id": "what caused it: a trade's id, for instance",
    "feed": "name of the connection or channel",
    "event": "what happened: gap, disconnect, reconnect, subscribe, refused, disk_full, "
    "tables_stopped, clock, ...",
    "close_status_code": "close code of the WebSocket",
    "close_msg": "details in words",
    "conn": "the same as feed",
    "seq_last": "number of the last message before it",
    "lost": "messages that are missing",
    "base": "base currency",
    "quote": "quote currency",
    "status": "online, cancel_only, ...",
    "price_precision": "decimals of prices",
    "price_increment": "tick size, quote currency",
    "qty_precision": "decimals of quantities",
    "qty_increment": "step of quantities, base currency",
    "qty_min": "least quantity of an order",
    "cost_precision": "decimals of costs",
    "cost_min": "least cost of an order, quote currency",
    "marginable": "whether margin is offered",
    "has_index": "whether there is an index price",
    "id": "code of the asset",
    "precision": "decimals of the asset",
    "precision_display": "decimals to show",
    "borrowable": "whether it can be borrowed",
}
_WIDE = {
    "ask_px": "price of the ask level of this rank, 0 the best",
    "ask_sz": "its quantity, base currency",
    "bid_px": "price of the bid level of this rank, 0 the best",
    "bid_sz": "its quantity, base currency",
}
_INTRODUCTION = f"""\
# A recording of Kraken spot markets, by kracked

`session.json` tells when it began and ended, what it is worth (`verdict`, `coverage` in per cent),
and each symbol's decimals and depths. `kracked check` proves all of it.

- Times: RFC 3339, UTC, nine decimals; typed nanoseconds in Parquet.
- Prices and quantities: the exchange's own digits. In SQLite each is there twice: `price` is a
  number, `price_text` its exact text.
- An empty cell: the exchange did not say.
- CSV: `NAME.csv` is the hour under way, `NAME-YYYYMMDDTHHZ.csv[.zst]` are hours that are over.
  Parquet: `parquet/channel=.../date=.../pair=...`. SQLite: `recording.sqlite`.

## Books

Rows of one message share `seq`, the last has bit {int(Flag.LAST)} of `flags`; only then the book
is whole. A row of side `n` clears the book. `L2_updates`: set each level, 0 removes it.
`L3_ticks`: A adds an order, M changes it, C removes it. Rows with bit {int(Flag.CUT)} remove what
the depth of the subscription has cut: the exchange does not tell, so leave them out to have its
messages alone. Rows with bit {int(Flag.SUSPECT)} come after a hole: distrust the book up to the
next snapshot.

## The raw log

`raw/*.jsonl.zst` has every message, byte for byte, in the order it came: one JSON object a line,
`ts_recv` in ns since the Unix epoch, `seq`, `conn`, and `msg`. Any zstd tool reads it:

    zstd -dc raw/*.jsonl.zst | head
    polars.read_ndjson("raw/20241112T0600Z-00.jsonl.zst")

Lines with `event` in place of `msg` are the recorder's: a gap, a lost connection, or
`healed_trades`, trades that the stream left out and REST gave later, their prices and quantities
as whole numbers of the decimals in `precision`. Messages of type `keyframe` are the recorder's
too: a whole book or another state, for readers that begin there.
"""


def described_tables() -> tuple[Table, ...]:
    """Return every table, with one wide book as an example of all."""
    return (*tables.MARKET, tables.wide(_EXAMPLE), *tables.RECORDER)


def meaning(column: Column) -> str:
    """Return what a column holds, with its unit."""
    return _MEANINGS.get(column.name) or _WIDE[column.name.rpartition("_")[0]]


def markdown() -> str:
    """Return the data dictionary for people."""
    lines = [_INTRODUCTION, "## Flags", "", "| bit | name | meaning |", "|---|---|---|"]
    lines += [f"| {int(flag)} | {flag.name} | {FLAGS[flag]} |" for flag in Flag]
    for table in described_tables():
        lines += ["", f"## {table.name}", "", "| column | kind | meaning |", "|---|---|---|"]
        lines += [
            f"| {each.name} | {_KINDS[each.kind]} | {meaning(each)} |" for each in table.columns
        ]
    return "\n".join(lines) + "\n"


def data_package() -> dict[str, object]:
    """Return the data dictionary for programs: resources and fields as a Frictionless package has.

    Source: specs.frictionlessdata.io/table-schema
    """
    return {
        "profile": "tabular-data-package",
        "name": "kracked-recording",
        "flags": {flag.name: {"bit": int(flag), "description": FLAGS[flag]} for flag in Flag},
        "resources": [
            {
                "name": table.name.lower(),
                "title": table.name,
                "path": f"{table.name}.csv",
                "schema": {"fields": [_field(column) for column in table.columns]},
            }
            for table in described_tables()
        ],
    }


def _field(column: Column) -> dict[str, str]:
    kinds = {ColumnKind.TIME: "datetime", ColumnKind.DECIMAL: "number", ColumnKind.COUNT: "integer"}
    return {
        "name": column.name,
        "type": kinds.get(column.kind, "string"),
        "description": meaning(column),
    }


FLAGS = {
    Flag.LAST: "last row of its message: only after it is the book whole, only here is `checksum`",
    Flag.SNAPSHOT: "part of a snapshot: it repeats what was there already",
    Flag.BAD_CLOCK: "the computer's clock had jumped: do not trust `ts_recv`",
    Flag.SUSPECT: "messages before it are missing: distrust the book up to the next snapshot",
    Flag.CUT: "not told by the exchange: the depth of the subscription has cut it",
    Flag.HEALED: "a trade the stream left out, fetched later by REST: `ts_recv` is when",
}
