"""The position that own fills of this session made, and what it is worth. Pure."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from kracked.flow.measures.position import MarkedBy, Position, exit_mark
from kracked.instruments import Instrument

if TYPE_CHECKING:
    from collections.abc import Iterable

_CENTS = frozenset(("USD", "EUR", "GBP", "CHF", "CAD", "AUD", "USDT", "USDC", "DAI"))


class PositionView(NamedTuple):
    """A position as the screen shows it; what is None or empty is not known, and never zero."""

    reason: str = ""
    """Why nothing is known of it; empty where it is known."""
    fills: int = 0
    """Own fills of the session."""
    qty: Decimal = Decimal(0)
    """Base currency, negative when more was sold than bought."""
    average: Fraction | None = None
    """Price paid, in the quote currency and without fees."""
    break_even: Fraction | None = None
    """The price at which leaving brings nothing, fees included."""
    open_result: Fraction | None = None
    """The result of leaving now, without fees."""
    realised: Fraction | None = None
    """The result of what was closed, without fees."""
    fees: Fraction | None = None
    """Fees in the quote currency."""
    net: Fraction | None = None
    """All of it less the fees."""
    marked_by: str = ""
    """`mid` or `last` where the book does not hold all of it; empty where it does."""
    held_before: str = ""
    """What the account holds besides, with an entry that is not known."""
    decimals: int = 2
    """Decimals of money in the quote currency."""

    def result_at(self, price: Fraction) -> Fraction | None:
        """Return the result of leaving at a price, without fees; None without a known entry."""
        return None if self.average is None else Fraction(self.qty) * (price - self.average)


def position_view(
    position: Position,
    instrument: Instrument,
    *,
    bids: Iterable[tuple[int, int]],
    asks: Iterable[tuple[int, int]],
    last: int | None,
    taker_fee_percent: Decimal | None,
    held: Decimal | None,
) -> PositionView:
    """Value a position by the price at which the book would take it now.

    Args:
        position: The position.
        instrument: Its pair.
        bids: Prices and quantities of the verified book, best first; scaled.
        asks: As `bids`.
        last: The price of the last trade; scaled.
        taker_fee_percent: The fee to leave; None while it is not known.
        held: The account's balance of the base currency; None while it is not known.
    """
    qty, fees = position.qty, position.fees
    scaled = int(qty.scaleb(instrument.precision.qty))
    mark = exit_mark(scaled, bids, asks, last)
    price = None if mark is None else mark.price / 10**instrument.precision.price
    rate = None if taker_fee_percent is None else Fraction(taker_fee_percent) / 100
    flat = Fraction(0) if not qty else None
    others = None if held is None else held - qty
    return PositionView(
        fills=position.fills,
        qty=qty,
        average=position.average,
        break_even=None if rate is None else position.break_even(rate),
        open_result=flat if price is None else position.open_result(price),
        realised=None if position.incomplete else Fraction(position.realised),
        fees=Fraction(fees.maker + fees.taker),
        net=position.net(price or Fraction(0)) if price is not None or not qty else None,
        marked_by="" if mark is None or mark.by is MarkedBy.EXIT else mark.by.value,
        held_before=amount_of(others, instrument),
        decimals=2 if instrument.quote in _CENTS else min(8, instrument.cost_precision or 8),
    )


def amount_of(qty: Decimal | None, instrument: Instrument) -> str:
    """Write an amount of the base currency with its name; empty for none."""
    return f"{qty.normalize():f} {instrument.base}" if qty else ""


def money(value: Fraction | None, decimals: int, *, signed: bool = True) -> str:
    """Write an amount of money, with its sign; a dash for one that is not known.

    >>> money(Fraction(8142, 100), 2), money(Fraction(-1, 1000), 2), money(None, 2)
    ('+81.42', '0.00', '–')
    """
    if value is None:
        return "–"
    units = round(abs(value) * 10**decimals)
    text = f"{Decimal(units).scaleb(-decimals):f}"
    sign = "" if not units else "-" if value < 0 else "+" if signed else ""
    return sign + text


def price(value: Fraction | None, decimals: int) -> str:
    """Write an average price with the decimals of the pair; a dash for one that is not known."""
    return "–" if value is None else f"{Decimal(round(value * 10**decimals)).scaleb(-decimals):f}"
