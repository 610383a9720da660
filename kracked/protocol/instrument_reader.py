"""Reads the rows of the `instrument` channel: what can be read of a row counts.

An odd member costs that member alone: it takes a value that is safe to trade by, and is named,
so that somebody hears of it. A row without its name or its precisions is no instrument.

Source: docs.kraken.com/api/docs/websocket-v2/instrument
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import gcd
from typing import Annotated, TypeVar

import msgspec

from kracked import units
from kracked.errors import ProtocolError, says
from kracked.instruments import Asset, Instrument, Precision
from kracked.protocol import wire
from kracked.protocol.events import Event
from kracked.protocol.number_parser import LARGEST, decimal, is_present
from kracked.protocol.replies import UNREADABLE, malformed
from kracked.units import MOST_DECIMALS

MAX_MALFORMED = 100
"""Reports about one message's rows; a message with more damage is hardly worth more words."""
MAX_ROWS = 20_000
"""Rows of a damaged message, or of an instrument list, that are read one by one."""

Decimals = Annotated[int, msgspec.Meta(ge=0, le=MOST_DECIMALS)]

_pair = msgspec.json.Decoder(wire.PairData).decode
_asset = msgspec.json.Decoder(wire.AssetData).decode
_text = msgspec.json.Decoder(wire.Text, strict=False).decode
_decimals = msgspec.json.Decoder(Decimals, strict=False).decode
_flag = msgspec.json.Decoder(bool, strict=False).decode

_T = TypeVar("_T")


@says("its {member} cannot be read: {value}")
class UnreadableMember(ProtocolError):
    """A member that an instrument or asset cannot do without is missing or odd."""

    member: str
    value: str


class RowReader:
    """Reads the members of one row, and remembers the names of those that are odd."""

    def __init__(self, row: wire.PairData | wire.AssetData) -> None:
        self._row = row
        self.odd: list[str] = []

    def required(self, member: str, read: Callable[[msgspec.Raw], _T]) -> _T:
        """Return a member's value.

        Raises:
            UnreadableMember: It is missing, null or odd.
        """
        raw: msgspec.Raw = getattr(self._row, member)
        try:
            return read(raw)
        except UNREADABLE:
            shown = bytes(raw)[:40].decode(errors="replace") or "missing"
            raise UnreadableMember(member, shown) from None

    def optional(self, member: str, read: Callable[[msgspec.Raw], _T], default: _T) -> _T:
        """Return a member's value; the default where it is missing, null or odd."""
        raw: msgspec.Raw = getattr(self._row, member)
        if not is_present(raw):
            return default
        try:
            return read(raw)
        except UNREADABLE:
            self.odd.append(member)
            return default


def read_instrument(row: msgspec.Raw) -> tuple[Instrument, list[str]]:
    """Return the rules of a pair, and the names of the members that could not be read.

    A step or minimum with more decimals than its precision becomes the smallest one above it
    that prices or quantities of that precision can keep.

    Raises:
        UnreadableMember: Its symbol or a precision cannot be read.
        msgspec.MsgspecError: The row is no object, or no text.
    """
    pair = _pair(row)
    reader = RowReader(pair)
    symbol = reader.required("symbol", _text)
    price = reader.required("price_precision", _decimals)
    qty = reader.required("qty_precision", _decimals)
    tick = "price_increment" if is_present(pair.price_increment) else "tick_size"
    base, _, quote = symbol.partition("/")
    instrument = Instrument(
        symbol=symbol,
        base=reader.optional("base", _text, base),
        quote=reader.optional("quote", _text, quote),
        status=reader.optional("status", _text, "online"),
        precision=Precision(price, qty),
        price_increment=reader.optional(tick, lambda raw: _step(raw, price), 1),
        qty_increment=reader.optional("qty_increment", lambda raw: _step(raw, qty), 1),
        qty_min=reader.optional("qty_min", lambda raw: _minimum(raw, qty), 0),
        cost_precision=reader.optional("cost_precision", _decimals, 0),
        cost_min=reader.optional("cost_min", _amount, Decimal(0)),
        marginable=reader.optional("marginable", _flag, default=False),
        has_index=reader.optional("has_index", _flag, default=False),
    )
    return instrument, reader.odd


def read_asset(row: msgspec.Raw) -> tuple[Asset, list[str]]:
    """Return the rules of an asset, and the names of the members that could not be read.

    Raises:
        UnreadableMember: Its code or its precision cannot be read.
        msgspec.MsgspecError: The row is no object, or no text.
    """
    reader = RowReader(_asset(row))
    precision = reader.required("precision", _decimals)
    asset = Asset(
        id=reader.required("id", _text),
        status=reader.optional("status", _text, "enabled"),
        precision=precision,
        precision_display=reader.optional("precision_display", _decimals, precision),
        borrowable=reader.optional("borrowable", _flag, default=False),
    )
    return asset, reader.odd


_Listed = TypeVar("_Listed", Instrument, Asset)


def read_rows(
    rows: list[msgspec.Raw] | None,
    read: Callable[[msgspec.Raw], tuple[_Listed, list[str]]],
    unreadable: list[Event],
    received: int,
) -> list[_Listed]:
    """Return the rows that can be read; add a `Malformed` to `unreadable` for what cannot.

    A row of which something can be read counts, and what cannot is named.
    """
    found: list[_Listed] = []
    if rows and len(rows) > MAX_ROWS:
        raise ProtocolError(f"a list of {len(rows)} instruments or assets")
    for row in rows or ():
        try:
            listed, odd = read(row)
        except UNREADABLE as error:
            reason = str(error)
        else:
            found.append(listed)
            if not odd:
                continue
            reason = f"its {', '.join(odd)} cannot be read; the rest counts"
        if len(unreadable) < MAX_MALFORMED:
            problem = malformed(bytes(row), received, reason)
            unreadable.append(msgspec.structs.replace(problem, channel="instrument"))
    return found


def _step(raw: msgspec.Raw, precision: int) -> int:
    """Return the smallest multiple of a step that numbers of this precision can hold.

    Every multiple of it is a multiple of the step: 0.25 at one decimal becomes 0.5.
    """
    text = bytes(raw)
    digits = max(units.decimals(text), precision)
    step = units.scale(text, digits)
    if not 0 < step <= LARGEST:
        raise ValueError("a step is above zero")
    return step // gcd(step, 10 ** (digits - precision))


def _minimum(raw: msgspec.Raw, precision: int) -> int:
    """Return the smallest number of this precision that is not below the minimum."""
    text = bytes(raw)
    digits = max(units.decimals(text), precision)
    least = units.scale(text, digits)
    if not 0 <= least <= LARGEST:
        raise ValueError("a minimum is not negative")
    units_of_it: int = 10 ** (digits - precision)
    return -(-least // units_of_it)


def _amount(raw: msgspec.Raw) -> Decimal:
    amount = decimal(raw)
    if amount < 0:
        raise ValueError("a minimum is not negative")
    return amount
