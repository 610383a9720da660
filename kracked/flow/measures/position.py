"""The position that own fills make: average entry, realised and open result, fees, break-even.

By average cost, exact: only the cost of a part that is closed is rounded, at the thirtieth
decimal, and what is rounded away stays in the cost of the rest. Fees are kept apart, so the
average is the price that was paid; `net` has them in. A fill that goes through zero closes the
position and opens another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from kracked.errors import TooPrecise
from kracked.protocol.events import Side
from kracked.protocol.own_orders import Fill
from kracked.units import to_decimal

_DIGITS = 30
_MONEY_DIGITS = 2 * _DIGITS
_ONE: int = 10**_DIGITS


class MarkedBy(StrEnum):
    """The source of the price that a position is marked at."""

    EXIT = "exit"
    """The average price at which the book would take all of it now."""
    MID = "mid"
    LAST = "last"


class ExitMark(NamedTuple):
    """A price at which an open position is valued."""

    price: Fraction
    """In the unit of the levels' prices."""
    by: MarkedBy


def exit_mark(
    qty: int,
    bids: Iterable[tuple[int, int]],
    asks: Iterable[tuple[int, int]],
    last: int | None = None,
) -> ExitMark | None:
    """Return the price at which a position could be left now.

    Where the known book does not hold all of it, it is the mid, else the last trade: the book
    is never continued beyond what is known.

    Args:
        qty: The position, negative when short; scaled.
        bids: Prices and quantities, best first; scaled.
        asks: Prices and quantities, best first; scaled.
        last: The price of the last trade; scaled.

    Returns:
        None for no position, and where no price is known.
    """
    bids, asks = list(bids), list(asks)
    left, value = abs(qty), 0
    for price, here in bids if qty > 0 else asks:
        taken = min(left, here)
        value += taken * price
        left -= taken
        if not left:
            break
    if not qty:
        return None
    if not left:
        return ExitMark(Fraction(value, abs(qty)), MarkedBy.EXIT)
    if bids and asks:
        return ExitMark(Fraction(bids[0][0] + asks[0][0], 2), MarkedBy.MID)
    return ExitMark(Fraction(last), MarkedBy.LAST) if last is not None else None


class FeesPaid(NamedTuple):
    """Fees as charged."""

    maker: Decimal
    """In the quote currency; those in the base currency at the price of their fill."""
    taker: Decimal
    others: dict[str, Decimal]
    """Fees in third assets, by asset: no part of any result."""


class Position:
    """A position of one pair: begins at 0, or with a holding, and changes by own fills.

    Each execution counts once, by its id. Give it reports of trades as they happen: those of a
    snapshot are old. Deposits and withdrawals never change it.

    Attributes:
        symbol: The pair.
        fills: How many fills were counted.
        incomplete: Whether a part whose entry is unknown was closed: the realised result lacks
            it.
    """

    def __init__(
        self,
        symbol: str,
        *,
        holding: Decimal = Decimal(0),
        average: Decimal | None = None,
    ) -> None:
        """Begin with a position.

        Args:
            symbol: The pair.
            holding: What is held at the beginning, in the base currency.
            average: The entry price of the holding; unknown when left out, never guessed.
        """
        self.symbol = symbol
        self._base, _, self._quote = symbol.partition("/")
        self.fills = 0
        self.incomplete = False
        self._qty = _exact(holding, _DIGITS)
        self._cost = self._qty * _exact(average or Decimal(0), _DIGITS)
        self._unknown = average is None and self._qty != 0
        self._realised = 0
        self._maker_fees = self._taker_fees = 0
        self._others: dict[str, int] = {}
        self._before = 0
        """Realised less fees of the positions that are closed."""
        self._seen: set[str] = set()

    # --- fills ------------------------------------------------------------------------------

    def add(self, fill: Fill) -> bool:
        """Count a fill; return False where it is another pair's or was counted before.

        Raises:
            TooPrecise: An amount has more than thirty decimals.
        """
        if fill.symbol != self.symbol or fill.exec_id in self._seen:
            return False
        price = _exact(fill.last_price, _DIGITS)
        change = _exact(fill.last_qty, _DIGITS)
        change = change if fill.side is Side.BID else -change
        fee = 0
        for each in fill.fees:
            if each.asset == self._base:
                charged = _exact(each.qty, _DIGITS)
                change -= charged
                fee += charged * price
            elif each.asset == self._quote:
                fee += _exact(each.qty, _MONEY_DIGITS)
            else:
                charged = _exact(each.qty, _DIGITS)
                self._others[each.asset] = self._others.get(each.asset, 0) + charged
        self._seen.add(fill.exec_id)
        self.fills += 1
        if fill.liquidity_ind == "m":
            self._maker_fees += fee
        else:
            self._taker_fees += fee
        self._change(change, price, fee)
        return True

    def _change(self, change: int, price: int, fee: int) -> None:
        held = self._qty
        closed = 0
        if held * change < 0:
            closed = min(abs(held), abs(change)) * (1 if change > 0 else -1)
            self._close(closed, price)
        opened = change - closed
        self._qty += opened
        self._cost += opened * price
        if not self._qty or closed == -held != 0:
            opening_fee = fee * opened // change if change else 0
            fees = self._maker_fees + self._taker_fees
            self._before = self._realised - fees + opening_fee

    def _close(self, closed: int, price: int) -> None:
        """Take a part out of the position; `closed` has the other sign."""
        if self._unknown:
            self.incomplete = True
            self._qty += closed
            self._unknown = self._qty != 0
            return
        cost = _rounded(self._cost * -closed, self._qty)
        self._realised += -closed * price - cost
        self._cost -= cost
        self._qty += closed

    # --- reading ------------------------------------------------------------------------------

    @property
    def qty(self) -> Decimal:
        """The quantity held, in the base currency; negative when short."""
        return _decimal(self._qty, _DIGITS)

    @property
    def average(self) -> Fraction | None:
        """The average entry price, without fees; None when flat or unknown."""
        if not self._qty or self._unknown:
            return None
        return Fraction(self._cost, self._qty * _ONE)

    @property
    def realised(self) -> Decimal:
        """The result of what was closed, without fees, in the quote currency."""
        return _decimal(self._realised, _MONEY_DIGITS)

    @property
    def fees(self) -> FeesPaid:
        """The fees of all fills."""
        others = {asset: _decimal(qty, _DIGITS) for asset, qty in self._others.items()}
        return FeesPaid(
            _decimal(self._maker_fees, _MONEY_DIGITS),
            _decimal(self._taker_fees, _MONEY_DIGITS),
            others,
        )

    def open_result(self, mark: Fraction) -> Fraction | None:
        """Return the result of leaving at a price, without fees; None when the entry is unknown.

        Args:
            mark: The price, in the quote currency.
        """
        if self._unknown:
            return None
        cost = Fraction(self._cost, _ONE * _ONE)
        return Fraction(self._qty, _ONE) * mark - cost

    def net(self, mark: Fraction) -> Fraction | None:
        """Return realised and open result less all fees; None when an entry is unknown."""
        result = self.open_result(mark)
        if result is None or self.incomplete:
            return None
        paid = self._maker_fees + self._taker_fees
        return result + Fraction(self._realised - paid, _ONE * _ONE)

    def break_even(self, taker_fee: Fraction) -> Fraction | None:
        """Return the price at which leaving this position would bring nothing, fees included.

        What this position has realised and paid so far counts, what came before it does not.

        Args:
            taker_fee: The fee to leave, as a part of the value: 0.0026 is 26 basis points.

        Returns:
            None when flat or unknown.
        """
        if not self._qty or self._unknown:
            return None
        earned = self._realised - self._maker_fees - self._taker_fees - self._before
        worth = Fraction(self._qty) - taker_fee * abs(self._qty)
        return Fraction(self._cost - earned) / (worth * _ONE)


def _exact(amount: Decimal, digits: int) -> int:
    """Return an amount times ten to the `digits`; raise TooPrecise where a digit would be lost."""
    numerator, denominator = amount.as_integer_ratio()
    scaled, lost = divmod(numerator * 10**digits, denominator)
    if lost:
        raise TooPrecise(str(amount), digits)
    return int(scaled)


def _decimal(value: int, digits: int) -> Decimal:
    """Return a scaled integer as a `Decimal` without needless zeros."""
    while digits and not value % 10:
        value, digits = value // 10, digits - 1
    return to_decimal(value, digits)


def _rounded(dividend: int, divisor: int) -> int:
    """Return the nearest whole number, ties away from zero, whatever the signs."""
    sign = -1 if (dividend < 0) != (divisor < 0) else 1
    dividend, divisor = abs(dividend), abs(divisor)
    nearest = (2 * dividend + divisor) // (2 * divisor)
    return sign * nearest
