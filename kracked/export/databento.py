"""Databento: market by order (MBO) in a `.dbn.zst` file, its header by `databento_dbn`.

Source: databento.com/docs/schemas-and-data-formats/mbo
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import numpy as np
import zstandard

from kracked.errors import RecordError, says
from kracked.export.rows import Action, Flags, NormalRow
from kracked.export.writing import DoesNotFit, Target, Written
from kracked.protocol.events import Side

RECORD = np.dtype(
    [
        ("length", "u1"),
        ("rtype", "u1"),
        ("publisher_id", "<u2"),
        ("instrument_id", "<u4"),
        ("ts_event", "<u8"),
        ("order_id", "<u8"),
        ("price", "<i8"),
        ("size", "<u4"),
        ("flags", "u1"),
        ("channel_id", "u1"),
        ("action", "S1"),
        ("side", "S1"),
        ("ts_recv", "<u8"),
        ("ts_in_delta", "<i4"),
        ("sequence", "<u4"),
    ]
)
"""`databento_dbn.MBOMsg`, 56 bytes."""
RTYPE_MBO = 0xA0
PRICE_DECIMALS = 9
NO_PRICE = (1 << 63) - 1
MOST = (1 << 32) - 1
"""The largest size."""
NO_CHANNEL = 255
_BATCH = 1 << 16
_HIDDEN = "fills without an order, left out: their trades tell them"
_ROUNDED = "sizes rounded, an order of less than one unit to one"


@says("databento-mbo needs a package that is not installed: pip install databento-dbn")
class DatabentoMissing(RecordError):
    """The header of a DBN file is made by Databento's own package."""


class DatabentoWriter:
    """Writes records as they come; the header has the time of the first one."""

    def __init__(self, target: Target) -> None:
        """Open the file.

        Raises:
            DatabentoMissing: `databento_dbn` is not installed.
            DoesNotFit: Prices have more than nine decimals.
        """
        try:
            self._dbn = import_module("databento_dbn")
        except ImportError as error:
            raise DatabentoMissing from error
        self._target = target
        precision = target.precision
        if precision.price > PRICE_DECIMALS:
            advice = "prices have at most nine decimals there"
            raise DoesNotFit("databento-mbo", target.symbol, "the prices", advice)
        asked = target.size_decimals
        self._decimals = precision.qty if asked is None else min(asked, precision.qty)
        self._unit: int = 10 ** (precision.qty - self._decimals)
        self._price_scale = 10 ** (PRICE_DECIMALS - precision.price)
        self._path = target.folder / f"{target.name}.mbo.dbn.zst"
        self._raw = self._path.open("wb")
        self._file: Any = zstandard.ZstdCompressor().stream_writer(self._raw)
        self._pending: list[tuple[Any, ...]] = []
        self._rows = 0
        self._told: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()

    def write(self, rows: Iterable[NormalRow]) -> None:
        """Take rows, in order."""
        for row in rows:
            if not self._rows and not self._pending:
                self._file.write(self._header(row.ts_engine))
            if row.action is Action.FILL and not row.order:
                self._told[_HIDDEN] += 1
                if row.flags & Flags.LAST:  # then the row before is the last of its message
                    last = self._pending[-1]
                    self._pending[-1] = (*last[:8], last[8] | Flags.LAST, *last[9:])
                continue
            if row.action is Action.CLEAR:
                price, size, side = NO_PRICE, 0, b"N"
            else:
                price, size = row.price * self._price_scale, self._size(row.qty)
                side = b"B" if row.side is Side.BID else b"A"
            self._pending.append(
                (
                    RECORD.itemsize // 4,
                    RTYPE_MBO,
                    0,
                    1,
                    row.ts_engine,
                    row.order,
                    price,
                    size,
                    row.flags,
                    NO_CHANNEL,
                    row.action.encode(),
                    side,
                    row.ts_recv,
                    0,
                    0,
                )
            )
            if row.flags & Flags.LAST and len(self._pending) >= _BATCH:
                self._pack()

    def finish(self) -> Written:
        """Complete the file."""
        self._pack()
        self.close()
        readme = _README.format(decimals=self._decimals, unit=f"1e-{self._decimals}")
        return Written([self._path], self._rows, self._told, self._lost, readme)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()

    def _header(self, start: int) -> bytes:
        dbn = self._dbn
        metadata = dbn.Metadata(
            dataset="KRAKEN.SPOT",
            start=start,
            stype_in=dbn.SType.RAW_SYMBOL,
            stype_out=dbn.SType.INSTRUMENT_ID,
            schema=dbn.Schema.MBO,
            symbols=[self._target.symbol],
        )
        return bytes(metadata)

    def _size(self, qty: int) -> int:
        size, rest = divmod(qty, self._unit)
        if rest:
            self._lost[_ROUNDED] += 1
            size = max(1, size + (2 * rest >= self._unit))
        if size > MOST:
            text = self._target.precision.qty_text(qty)
            advice = "sizes have 32 bits there; give fewer --size-decimals"
            raise DoesNotFit("databento-mbo", self._target.symbol, f"the size {text}", advice)
        return size

    def _pack(self) -> None:
        self._file.write(np.array(self._pending, dtype=RECORD).tobytes())
        self._rows += len(self._pending)
        self._pending.clear()


_README = """\
- DBN, schema mbo, zstd: publisher 0, instrument 1. Price: 1e-9. Size: units of {unit}
  ({decimals} decimals), 32 bits.
- Flags: 128 last row of a message, 32 snapshot. R comes first, and after lost messages.
- C has the whole size of its order, M the new one; F and T leave the book as it is.
- C is also an order that left view, which most readers take for a cancel.
"""
