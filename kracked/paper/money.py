"""The money of a paper account: balances, what open orders hold, fees. Nothing is rounded.

Amounts are integers in a scale of each asset that is fine enough for every product of price,
quantity and fee rate. Kraken rounds costs and fees to the pair's `cost_decimals`; here a sum of
parts is the whole, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from kracked import units
from kracked.errors import ConfigError, says
from kracked.instruments import Instrument
from kracked.paper.terms import RATE_DECIMALS, FeeRates, PaperRequest
from kracked.protocol.events import Side

_ONE = 10**RATE_DECIMALS


@says("the paper account's {asset} would fall to {amount}")
class Overdrawn(ConfigError):
    """A movement that the account cannot pay for: an error of the engine, or a false log."""

    asset: str
    amount: Decimal


class Money:
    """Owner of the balances and of the holds; the account alone changes it."""

    def __init__(
        self, instruments: Iterable[Instrument], balances: Mapping[str, str], rates: FeeRates
    ) -> None:
        """Deposit what the account begins with.

        Raises:
            TooPrecise: A balance has more decimals than its asset is counted in.
            Overdrawn: A balance is negative.
        """
        self.rates = rates
        self._instruments: dict[str, Instrument] = {}
        self._scales: dict[str, int] = {}
        self._balances: dict[str, int] = {}
        self._holds: dict[str, tuple[str, int]] = {}
        """Asset and amount by order id."""
        for instrument in instruments:
            self.list(instrument)
        for asset, text in balances.items():
            scale = self._scales.setdefault(asset, units.decimals(text.encode()))
            self._balances[asset] = 0
            self._move(asset, units.scale(text.encode(), scale))

    def list(self, instrument: Instrument) -> None:
        """Count the assets of a pair as fine as its fills need; amounts keep their value."""
        self._instruments[instrument.symbol] = instrument
        precision = instrument.precision
        fine = max(precision.price + precision.qty + RATE_DECIMALS, instrument.cost_precision)
        lots = precision.qty + RATE_DECIMALS
        for asset, scale in ((instrument.base, lots), (instrument.quote, fine)):
            old = self._scales.get(asset, 0)
            finer: int = 10 ** max(0, scale - old)
            self._scales[asset] = max(old, scale)
            self._balances[asset] = self._balances.get(asset, 0) * finer
            for order_id, (held, amount) in self._holds.items():
                if held == asset:
                    self._holds[order_id] = (held, amount * finer)

    @property
    def scales(self) -> Mapping[str, int]:
        """The decimals that each asset is counted in."""
        return self._scales

    def amount(self, asset: str) -> int:
        """Return what is owned of an asset, in its scale."""
        return self._balances.get(asset, 0)

    def hold_of(self, order_id: str) -> tuple[str, int]:
        """Return the asset and the amount, in its scale, that an order holds."""
        return self._holds.get(order_id, ("", 0))

    def moved(
        self, symbol: str, price: int, qty: int, *, maker: bool, in_base: bool = False
    ) -> tuple[int, int, int]:
        """Return what a fill moves, in the scales: the base, the quote, and the fee.

        Args:
            symbol: The pair.
            price: The price of the fill, scaled.
            qty: Its quantity, scaled.
            maker: Whether the order rested.
            in_base: Whether the fee is taken in the base asset; else in the quote currency.
        """
        (_, unit), (_, lot) = self._quote(symbol), self._base(symbol)
        rate = self.rates.maker if maker else self.rates.taker
        weight = self.weight(price, qty, rate, in_base=in_base)
        fee = self.fee_of(symbol, weight, in_base=in_base)
        return qty * lot * _ONE, price * qty * unit * _ONE, fee

    @staticmethod
    def weight(price: int, qty: int, rate: int, *, in_base: bool) -> int:
        """Return what a fee is taken from, times its rate."""
        return qty * rate if in_base else price * qty * rate

    def fee_of(self, symbol: str, weight: int, *, in_base: bool = False) -> int:
        """Return the fee of a weight, in the scale of the asset that it is taken in."""
        return weight * (self._base(symbol) if in_base else self._quote(symbol))[1]

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset that the account may own."""
        return tuple(self._balances)

    def balance(self, asset: str) -> Decimal:
        """Return what is owned of an asset."""
        return self._decimal(asset, self._balances.get(asset, 0))

    def held(self, asset: str) -> Decimal:
        """Return what open orders hold of an asset."""
        return self._decimal(asset, self._held(asset))

    def available(self, asset: str) -> Decimal:
        """Return what is owned of an asset and not held."""
        return self.balance(asset) - self.held(asset)

    def hold(self, order_id: str, need: tuple[str, int]) -> None:
        """Hold exactly this much for an order, whatever was held for it before."""
        self._holds.pop(order_id, None)
        if need[1]:
            self._holds[order_id] = need

    def need(self, request: PaperRequest, notional: int, qty: int, rate: int) -> tuple[str, int]:
        """Return the asset that an order pays with and how much it needs, its fee included.

        Args:
            request: The order.
            notional: What it may cost: price times quantity, both scaled.
            qty: What it may sell.
            rate: The fee rate that it may have to pay.
        """
        symbol, in_base = request.symbol, request.fee_in_base
        if request.side is Side.BID:
            quote, unit = self._quote(symbol)
            return quote, notional * (_ONE if in_base else _ONE + rate) * unit
        base, lot = self._base(symbol)
        return base, qty * (_ONE + rate if in_base else _ONE) * lot

    def affords(self, need: tuple[str, int], order_id: str = "") -> bool:
        """Whether what is free pays for it; what the order itself holds counts as free."""
        asset, amount = need
        own = self._holds.get(order_id, ("", 0))
        free = self._balances.get(asset, 0) - self._held(asset)
        return amount <= free + (own[1] if own[0] == asset else 0)

    def settle(self, request: PaperRequest, price: int, qty: int, *, maker: bool) -> None:
        """Move both assets of a fill, and take its fee in the one that the order names.

        Raises:
            Overdrawn: The account cannot pay for it; nothing has moved.
        """
        symbol, in_base = request.symbol, request.fee_in_base
        (quote, _), (base, _) = self._quote(symbol), self._base(symbol)
        lots, cost, fee = self.moved(symbol, price, qty, maker=maker, in_base=in_base)
        base_fee, quote_fee = (fee, 0) if in_base else (0, fee)
        if request.side is Side.BID:
            self._move(quote, -cost - quote_fee)
            self._move(base, lots - base_fee)
        else:
            self._move(base, -lots - base_fee)
            self._move(quote, cost - quote_fee)

    def fee(
        self, request: PaperRequest, price: int, qty: int, *, maker: bool
    ) -> tuple[str, Decimal]:
        """Return the fee of a fill: the asset it is taken in, and how much."""
        symbol, in_base = request.symbol, request.fee_in_base
        fee = self.moved(symbol, price, qty, maker=maker, in_base=in_base)[2]
        instrument = self._instruments[symbol]
        asset = instrument.base if in_base else instrument.quote
        return asset, self._decimal(asset, fee)

    def _quote(self, symbol: str) -> tuple[str, int]:
        """Return the quote asset, and its amount for the least notional and the least rate."""
        one = self._instruments[symbol]
        fine = one.precision.price + one.precision.qty + RATE_DECIMALS
        return one.quote, int(10 ** (self._scales[one.quote] - fine))

    def _base(self, symbol: str) -> tuple[str, int]:
        """Return the base asset, and its amount for the least quantity and the least rate."""
        one = self._instruments[symbol]
        fine = one.precision.qty + RATE_DECIMALS
        return one.base, int(10 ** (self._scales[one.base] - fine))

    def _held(self, asset: str) -> int:
        return sum(amount for held, amount in self._holds.values() if held == asset)

    def _move(self, asset: str, amount: int) -> None:
        balance = self._balances[asset] + amount
        if balance < 0:
            raise Overdrawn(asset, self._decimal(asset, balance))
        self._balances[asset] = balance

    def _decimal(self, asset: str, amount: int) -> Decimal:
        return units.to_decimal(amount, self._scales.get(asset, 0))
