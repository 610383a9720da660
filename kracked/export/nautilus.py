"""nautilus_trader: a catalog of Parquet files with level 3 deltas, trades and the instrument.

Source: nautilustrader.io/docs/latest/concepts/data, nautilus_trader 1.231 (`ParquetDataCatalog`)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from kracked.errors import RecordError, says
from kracked.export.rows import Action, Flags, NormalRow, Why
from kracked.export.writing import DoesNotFit, Target, Written
from kracked.protocol.events import Side
from kracked.times import to_rfc3339
from kracked.units import to_text

VENUE = "KRAKEN"
DECIMALS = 16
"""A number is an integer of 128 bits with so many decimals."""
MOST_PRICE, MOST_SIZE = 17_014_118_346_046, 34_028_236_692_093
NUMBER_BYTES = 16
_KINDS = {Action.CLEAR: 4, Action.ADD: 1, Action.MODIFY: 2, Action.CANCEL: 3}
_SIDES = {Side.BID: 1, Side.ASK: 2}
MAKER_FEE, TAKER_FEE = "0.0025", "0.0040"
"""Fees of Kraken's first tier: a recording has none, and a backtest without them is too good."""
_LAST, _CLEAR, _TRADE, _FILL = int(Flags.LAST), Action.CLEAR, Action.TRADE, Action.FILL
_BATCH = 1 << 15
_FILLS = "fills of orders, left out: the trades and the changes tell them"
_RAISED = "times of arrival that fell, raised: a catalog must be in their order"


@says("nautilus needs pyarrow: pip install pyarrow")
class ParquetMissing(RecordError):
    """A catalog is made of Parquet files, which pyarrow writes."""


class NautilusWriter:
    """Writes deltas and trades as they come; a file's name has its first and its last time."""

    def __init__(self, target: Target) -> None:
        """Open the files.

        Raises:
            ParquetMissing: pyarrow is not installed.
            DoesNotFit: Numbers have more than sixteen decimals.
        """
        try:
            self._arrow, self._parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ImportError as error:
            raise ParquetMissing from error
        self._target = target
        price, size = target.precision.price, target.precision.qty
        if max(price, size) > DECIMALS:
            advice = "numbers have at most sixteen decimals there"
            raise DoesNotFit("nautilus", target.symbol, "the numbers", advice)
        self._price_scale: int = 10 ** (DECIMALS - price)
        self._size_scale: int = 10 ** (DECIMALS - size)
        self._most_price, self._most_size = MOST_PRICE * 10**price, MOST_SIZE * 10**size
        self._prices: dict[int, bytes] = {}
        numbers = {
            "instrument_id": self._id,
            "price_precision": str(price),
            "size_precision": str(size),
        }
        self._deltas = self._open("order_book_deltas", _DELTA, numbers)
        self._trades = self._open("trade_tick", _TRADE_TICK, numbers)
        self._whys: list[Why] = []
        self._told: Counter[str] = Counter()

    def write(self, rows: Iterable[NormalRow]) -> None:
        """Take rows, in order."""
        deltas, whys = self._deltas, self._whys
        for row in rows:
            action = row.action
            if action is _FILL:
                self._told[_FILLS] += 1
                continue
            if action is _CLEAR:
                side, price, size = 0, bytes(NUMBER_BYTES), bytes(NUMBER_BYTES)
            else:
                side, price, size = _SIDES[row.side], self._price(row), self._size(row)
            if action is _TRADE:
                self._trades.add((price, size, side, str(row.trade), row.ts_engine), row.ts_recv)
                continue
            whys.append(row.why)
            flags, number = row.flags, len(whys)
            told = (_KINDS[action], side, price, size, row.order, flags, number, row.ts_engine)
            deltas.add(told, row.ts_recv)
            if flags & _LAST and len(deltas.rows) >= _BATCH:
                self._pack()

    def finish(self) -> Written:
        """Write the instrument, and give the files their places in the catalog."""
        self._pack()
        self.close()
        self._told[_RAISED] = self._deltas.raised + self._trades.raised
        made = (self._deltas, self._trades, self._instrument())
        files = [path for file in made if (path := self._placed(file))]
        rows, precision = self._deltas.count + self._trades.count, self._target.precision
        readme = _README.format(price=precision.price, size=precision.qty)
        # The reason of each delta has a file of its own: a catalog has no room for it.
        pa, path = self._arrow, self._target.folder / "why.parquet"
        whys = pa.array([str(why) for why in self._whys], pa.string()).dictionary_encode()
        self._parquet.write_table(pa.table({"why": whys}), path)
        return Written([*files, path], rows, self._told, Counter(), readme)

    def close(self) -> None:
        """Close the files."""
        for file in (self._deltas, self._trades):
            file.writer.close()

    # --- numbers ------------------------------------------------------------------------------

    def _price(self, row: NormalRow) -> bytes:
        price = self._prices.get(row.price)
        if price is None:
            if row.price > self._most_price:
                raise self._too_large("price", self._target.precision.price_text(row.price))
            price = (row.price * self._price_scale).to_bytes(NUMBER_BYTES, "little")
            self._prices[row.price] = price
        return price

    def _size(self, row: NormalRow) -> bytes:
        if row.qty > self._most_size:
            raise self._too_large("size", self._target.precision.qty_text(row.qty))
        return (row.qty * self._size_scale).to_bytes(NUMBER_BYTES, "little")

    def _too_large(self, what: str, text: str) -> DoesNotFit:
        advice = f"the largest {what} there is {MOST_PRICE if what == 'price' else MOST_SIZE:,}"
        return DoesNotFit("nautilus", self._target.symbol, f"the {what} {text}", advice)

    # --- files --------------------------------------------------------------------------------

    @property
    def _id(self) -> str:
        return f"{self._target.symbol}.{VENUE}"

    def _open(
        self, kind: str, columns: Mapping[str, str], metadata: Mapping[str, str]
    ) -> CatalogFile:
        """Begin a file in the symbol's own folder; null is for an instrument alone."""
        types = {name: self._type(word) for name, word in columns.items()}
        nullable = columns is _CURRENCY_PAIR
        fields = [self._arrow.field(*column, nullable=nullable) for column in types.items()]
        schema = self._arrow.schema(fields, metadata=dict(metadata))
        path = self._target.folder / f"{kind}.parquet"
        return CatalogFile(path, schema, self._parquet.ParquetWriter(path, schema))

    def _type(self, word: str) -> Any:
        """Return pyarrow's type of a column."""
        pa = self._arrow
        if word == "number":
            return pa.binary(NUMBER_BYTES)
        if word.startswith("code"):
            return pa.dictionary(pa.int64() if word == "code64" else pa.int16(), pa.string())
        return getattr(pa, word)()

    def _pack(self) -> None:
        """Write what was taken since the last time."""
        self._deltas.pack(self._arrow)
        self._trades.pack(self._arrow)

    def _placed(self, file: CatalogFile) -> Path | None:
        """Move a file to where a catalog looks for it; one without rows is none."""
        if not file.count:
            file.path.unlink()
            return None
        first, last = (to_rfc3339(at, 9).translate(_IN_NAMES) for at in (file.first, file.last))
        folder = self._target.folder.parent / "data" / file.path.stem / self._id.replace("/", "")
        folder.mkdir(parents=True)
        return file.path.rename(folder / f"{first}_{last}.parquet")

    def _instrument(self) -> CatalogFile:
        """Write the pair's names, decimals and fees."""
        symbol, precision, first = self._target.symbol, self._target.precision, self._deltas.first
        base, _, quote = symbol.partition("/")
        known: dict[str, Any] = {
            "id": self._id,
            "raw_symbol": symbol,
            "base_currency": base,
            "quote_currency": quote,
            "price_precision": precision.price,
            "size_precision": precision.qty,
            "price_increment": to_text(1, precision.price),
            "size_increment": to_text(1, precision.qty),
            "multiplier": "1",
            "margin_init": "0",
            "margin_maint": "0",
            "maker_fee": MAKER_FEE,
            "taker_fee": TAKER_FEE,
            "info": b"null",
            "ts_event": first,
        }
        file = self._open("currency_pair", _CURRENCY_PAIR, {"class": "CurrencyPair"})
        file.add(tuple(known.get(name) for name in _CURRENCY_PAIR if name != "ts_init"), first)
        file.pack(self._arrow)
        file.writer.close()
        return file


class CatalogFile:
    """A Parquet file of a catalog, whose last column is the time of arrival and must not fall.

    Attributes:
        path: Where it is written.
        writer: Writes it.
        rows: Rows that are not written yet.
        count: Rows of it.
        first: The first time.
        last: The last time.
        raised: Times that fell.
    """

    def __init__(self, path: Path, schema: Any, writer: Any) -> None:
        self.path, self.writer = path, writer
        self.rows: list[tuple[Any, ...]] = []
        self.count = self.first = self.last = self.raised = 0
        self._schema = schema

    def add(self, row: tuple[Any, ...], arrived: int) -> None:
        """Add a row, given without its time of arrival."""
        if arrived < self.last:
            self.raised += 1
            arrived = self.last
        self.first = self.first or arrived
        self.last = arrived
        self.count += 1
        self.rows.append((*row, arrived))

    def pack(self, pa: Any) -> None:
        """Write the rows; `pa` is pyarrow."""
        if self.rows:
            columns = zip(*self.rows, strict=True)
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(columns, self._schema, strict=True)
            ]
            self.writer.write_batch(pa.record_batch(arrays, schema=self._schema))
            self.rows.clear()


_IN_NAMES = str.maketrans(":.", "--")
"""Times in the names of files."""
_DELTA = {
    "action": "uint8",
    "side": "uint8",
    "price": "number",
    "size": "number",
    "order_id": "uint64",
    "flags": "uint8",
    "sequence": "uint64",
    "ts_event": "uint64",
    "ts_init": "uint64",
}
_TRADE_TICK = {
    "price": "number",
    "size": "number",
    "aggressor_side": "uint8",
    "trade_id": "string",
    "ts_event": "uint64",
    "ts_init": "uint64",
}
_CURRENCY_PAIR = {
    "id": "code64",
    "raw_symbol": "string",
    "base_currency": "code",
    "quote_currency": "code",
    "price_precision": "uint8",
    "size_precision": "uint8",
    "price_increment": "code",
    "size_increment": "code",
    "multiplier": "code",
    "lot_size": "code",
    "max_quantity": "code",
    "min_quantity": "code",
    "max_notional": "code",
    "min_notional": "code",
    "max_price": "code",
    "min_price": "code",
    "margin_init": "string",
    "margin_maint": "string",
    "maker_fee": "string",
    "taker_fee": "string",
    "info": "binary",
    "ts_event": "uint64",
    "ts_init": "uint64",
}

_README = """\
- A catalog: `ParquetDataCatalog("FOLDER")` with the folder of this file. `data/` has
  `order_book_deltas` (level 3), `trade_tick` and the instrument, a `currency_pair`.
- Numbers have 128 bits and 16 decimals (nautilus' high precision, not the build for Windows);
  prices show {price} decimals, sizes {size}.
- `ts_event` is the exchange's time, `ts_init` the time of arrival. `sequence` counts the deltas.
- Flags: 128 last delta of a message, 32 snapshot. An order that grows keeps its place.
- A delete is also an order that left view: `why.parquet` has the reason of each delta, in order.
- The instrument's steps are one unit of the last decimal, its fees those of Kraken's first tier
  (maker 0.25 %, taker 0.40 %), without minimums: a recording does not have them.
- A backtest needs a venue with `book_type=L3_MBO`.
"""
