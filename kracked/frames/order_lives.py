"""The lives of recorded orders, and the order that each recorded trade filled.

The ledger of `kracked.flow` reads the level 3 table and the trades of a recording in the order
of their arrival: the same code as on a live feed, so the same answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from kracked.errors import RecordError
from kracked.flow.facts import Link, Outcome
from kracked.flow.ledger import Ledger
from kracked.flow.life import Life
from kracked.format import tables
from kracked.format.session_info import read_table_info
from kracked.format.tables import Flag
from kracked.frames.books.order_messages import depth_of, order_messages, times_ns
from kracked.frames.books.order_rows import TooManyDigits
from kracked.frames.loaders import load
from kracked.frames.precision_periods import PrecisionPeriod
from kracked.frames.read.table_files import Source, paths
from kracked.instruments import Precision
from kracked.protocol.events import Side, Trade

_LIFE_COLUMNS = {
    "symbol": "category",
    "order_id": "str",
    "side": "category",
    "birth": "category",
    "ts_born": "time",
    "ts_entered": "time",
    "first_price": "price",
    "first_qty": "qty",
    "price": "price",
    "qty": "qty",
    "filled": "qty",
    "trades": "object",
    "certainty": "category",
    "end": "category",
    "ts_end": "time",
    "amended": "int64",
    "resized": "int64",
    "slices": "int64",
    "departures": "int64",
    "holes": "int64",
    "place": "category",
    "joined_orders": "int64",
    "joined_qty": "qty",
}
_FILL_COLUMNS = {
    "ts_event": "time",
    "symbol": "category",
    "trade_id": "int64",
    "side": "category",
    "price": "price",
    "qty": "qty",
    "order_id": "str",
    "certainty": "category",
    "taker_order_id": "str",
}
_SIDES = {Side.BID: "b", Side.ASK: "a"}
_TAKERS = {Side.BID: "buy", Side.ASK: "sell"}


def load_lifetimes(
    source: Source, *, symbols: Iterable[str] | str | None = None, exact: bool = False
) -> pd.DataFrame:
    """Return the life of every order that level 3 showed, an order a row, by first sight.

    Args:
        source: A recording, its folder, files, or several of these.
        symbols: The symbols; by default all whose level 3 was recorded.
        exact: Return prices and quantities as `Decimal`, in the exchange's own digits.

    Returns:
        Columns symbol, order_id, side (b, a); birth (seen, came into view, snapshot), ts_born
        (when it was first seen), ts_entered (when it entered the book at its last price);
        first_price, first_qty, price, qty (what it showed at first and last); filled and trades
        (a tuple of trade ids), certainty (the worst of its links: exact, likely, guess); end
        (live, filled, cancelled, left view, taker, unknown) with ts_end; how often it was
        amended (its place lost), resized in place, refilled (slices: an iceberg), out of view
        (departures), in a hole of the data (holes); how its last place was learnt (place) and
        what was ahead when it joined (joined_orders, joined_qty).

        `left view` says that its level fell below the depth and did not come back while it was
        recorded: most such orders were cancelled there, and nobody told. `taker` is the
        remainder of a taker that was shown for some nanoseconds and never rested.

    Raises:
        RecordError: A symbol's level 3 was not recorded, or a file is damaged.
    """
    rows: list[tuple[object, ...]] = []
    scales: list[Precision] = []
    for symbol in level3_symbols(source, symbols):
        for found in _stretches(source, symbol):
            lives = sorted(found.lives, key=lambda life: life.born)
            rows += [_life(symbol, life) for life in lives]
            scales += [found.precision] * len(lives)
    return _frame(rows, scales, _LIFE_COLUMNS, exact=exact)


def load_fills(
    source: Source, *, symbols: Iterable[str] | str | None = None, exact: bool = False
) -> pd.DataFrame:
    """Return which resting order each trade filled, by time and trade.

    A trade has several rows where it was printed for several orders. A row without `order_id`
    is quantity that no visible order explains: hidden, out of view, or in a hole of the data.

    Args:
        source: A recording, its folder, files, or several of these.
        symbols: The symbols; by default all whose level 3 was recorded.
        exact: Return prices and quantities as `Decimal`, in the exchange's own digits.

    Returns:
        Columns ts_event (of the match), symbol, trade_id, side (buy or sell, of the taker),
        price, qty, order_id, certainty (exact, likely, guess, unknown), taker_order_id (where
        level 3 showed what was left of the taker).

    Raises:
        RecordError: A symbol's level 3 was not recorded, or a file is damaged.
    """
    rows: list[tuple[object, ...]] = []
    scales: list[Precision] = []
    for symbol in level3_symbols(source, symbols):
        for found in _stretches(source, symbol):
            links = sorted(found.links, key=lambda link: (link.instant, link.trade_id))
            rows += [_fill(link) for link in links]
            scales += [found.precision] * len(links)
    return _frame(rows, scales, _FILL_COLUMNS, exact=exact)


class _Stretch(NamedTuple):
    """Findings of a ledger in a stretch of the recording with the same decimals."""

    precision: Precision
    lives: list[Life]
    links: list[Link]


def _stretches(source: Source, symbol: str) -> list[_Stretch]:
    """Let a ledger read a symbol's level 3 and trades."""
    try:
        return list(_read(source, symbol, exact=False))
    except TooManyDigits:
        return list(_read(source, symbol, exact=True))


def _read(source: Source, symbol: str, *, exact: bool) -> Iterator[_Stretch]:
    found: _Stretch | None = None
    ledger: Ledger | None = None
    links: list[Link] = []
    for step in ledger_steps(source, symbol, exact=exact):
        if step.ledger is not ledger:
            if found is not None:
                yield found
            ledger = step.ledger
            found = _Stretch(step.precision, step.lives, [])
            links = found.links
        for one in step.outcomes:
            if type(one) is Link:
                links.append(one)
    if found is not None:
        yield found


class LedgerStep(NamedTuple):
    """A ledger's outcomes of one recorded message."""

    precision: Precision
    ledger: Ledger
    """Another one where the symbol's decimals changed."""
    lives: list[Life]
    """The orders of which the ledger expects no more."""
    outcomes: list[Outcome]


def ledger_steps(source: Source, symbol: str, *, exact: bool) -> Iterator[LedgerStep]:
    """Let a ledger read a symbol's level 3 and trades in the order of their arrival.

    Args:
        source: The recording.
        symbol: The symbol.
        exact: Read decimals, not doubles: slower, and needed for numbers of many digits.

    Raises:
        TooManyDigits: Doubles do not hold the numbers.
        RecordError: The symbol's level 3 was not recorded, or a file is damaged.
    """
    ledger: Ledger | None = None
    before: PrecisionPeriod | None = None
    trades = RecordedTrades(source, symbol)
    lives: list[Life] = []
    for period, messages in order_messages(source, symbol, exact=exact):
        precision = period.precision
        if ledger is not None and before is not None and not period.continues(before):
            yield LedgerStep(before.precision, ledger, lives, ledger.finish())
            ledger = None
        before = period
        for message in messages:
            if ledger is None:
                if not message.snapshot:
                    continue
                lives = []
                depth = depth_of(period, message)
                remembered = 1 << 22  # a file is read to its end: nothing need be forgotten
                ledger = Ledger(symbol, depth, remembered=remembered, finished=lives.append)
            for received, traded in trades.until(message.received, precision):
                yield LedgerStep(precision, ledger, lives, ledger.traded(traded, received))
            if message.suspect:
                told = ledger.lose(message.received)
            else:
                take = ledger.snapshot if message.snapshot else ledger.update
                told = take(message.bids, message.asks, message.at, message.received)
            yield LedgerStep(precision, ledger, lives, told)
    if ledger is None or before is None:
        raise RecordError(f"no level 3 of {symbol} was recorded")
    for received, traded in trades.until(None, before.precision):
        yield LedgerStep(before.precision, ledger, lives, ledger.traded(traded, received))
    yield LedgerStep(before.precision, ledger, lives, ledger.finish())


class RecordedTrades:
    """The recorded trades of a symbol, in the order of arrival.

    Those that REST gave later are taken where they were made: there their fills are looked for.
    """

    def __init__(self, source: Source, symbol: str) -> None:
        columns = ["ts_event", "ts_recv", "price", "qty", "side", "trade_id", "flags"]
        frame = load(tables.TRADES, source, symbols=symbol, columns=columns, exact=True)
        healed = frame["flags"].fillna(0).to_numpy("int64") & Flag.HEALED > 0
        if healed.any():
            made = frame["ts_recv"].mask(healed, frame["ts_event"])
            frame = frame.assign(ts_recv=made).sort_values("ts_recv", kind="stable")
        self._rows = deque(
            zip(
                times_ns(frame["ts_recv"]),
                times_ns(frame["ts_event"]),
                frame["price"],
                frame["qty"],
                [Side.BID if side == "buy" else Side.ASK for side in frame["side"]],
                frame["trade_id"].tolist(),
                strict=True,
            )
        )

    def until(
        self, time: int | None, precision: Precision
    ) -> Iterator[tuple[int, list[tuple[int, Trade]]]]:
        """Take out the trades that came until an instant; all for None. Yield them by message."""
        rows = self._rows
        while rows and (time is None or rows[0][0] <= time):
            received, message = rows[0][0], list[tuple[int, Trade]]()
            while rows and rows[0][0] == received:
                _, instant, price, qty, taker, trade_id = rows.popleft()
                scaled = int(price.scaleb(precision.price)), int(qty.scaleb(precision.qty))
                message.append((instant, Trade(taker, *scaled, "", trade_id, "")))
            yield received, message


# --- frames -----------------------------------------------------------------------------


def level3_symbols(source: Source, asked: Iterable[str] | str | None) -> list[str]:
    """Return the symbols asked for, by default all whose level 3 was recorded."""
    if asked is not None:
        return [asked] if isinstance(asked, str) else sorted(set(asked))
    folders = [path if path.is_dir() else path.parent for path in paths(source)]
    infos = [info for path in folders if (info := read_table_info(path)) is not None]
    return sorted({name for info in infos for name, one in info.symbols.items() if one.level3})


def _life(symbol: str, life: Life) -> tuple[object, ...]:
    return (
        symbol,
        life.order_id,
        _SIDES[life.side],
        life.birth.value,
        life.born,
        life.entered,
        life.first_price,
        life.first_qty,
        life.price,
        life.qty,
        life.filled,
        tuple(life.trades),
        life.certainty.value if life.certainty is not None else None,
        life.state.value,
        life.ended or None,
        life.amended,
        life.resized,
        life.slices,
        life.departures,
        life.holes,
        life.known.value,
        life.joined_orders,
        life.joined_qty,
    )


def _fill(link: Link) -> tuple[object, ...]:
    return (
        link.instant,
        link.symbol,
        link.trade_id,
        _TAKERS[link.taker_side],
        link.price,
        link.qty,
        link.order_id,
        link.certainty.value,
        link.taker_order_id,
    )


def _frame(
    rows: list[tuple[object, ...]],
    scales: list[Precision],
    columns: Mapping[str, str],
    *,
    exact: bool,
) -> pd.DataFrame:
    """Return rows as a frame; `columns` has the type of each, `price` and `qty` scaled."""
    values = list(zip(*rows, strict=True)) if rows else [() for _ in columns]
    made: dict[str, Any] = {}
    for (name, kind), column in zip(columns.items(), values, strict=True):
        match kind:
            case "price" | "qty":
                decimals = [getattr(scale, kind) for scale in scales]
                made[name] = _unscaled(column, decimals, exact=exact)
            case "time":
                made[name] = pd.to_datetime(pd.Series(column, dtype="Int64"), unit="ns", utc=True)
            case _:
                made[name] = pd.Series(column, dtype=kind)
    return pd.DataFrame(made)


def _unscaled(column: Sequence[Any], decimals: Sequence[int], *, exact: bool) -> pd.Series[Any]:
    """Return scaled integers as doubles, or as decimals."""
    numbers = zip(column, decimals, strict=True)
    if exact:
        texts = (Decimal(value).scaleb(-digits) for value, digits in numbers)
        return pd.Series(list(texts), dtype="object")
    return pd.Series([value / 10**digits for value, digits in numbers], dtype="float64")
