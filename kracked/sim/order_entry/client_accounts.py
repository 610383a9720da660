"""Every client's account, and what a new one begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from kracked import units
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.amounts import scales
from kracked.gateway.accounts.fees import Volume
from kracked.gateway.accounts.ledger import AccountLedger
from kracked.gateway.exchange_ids import ExchangeIds
from kracked.gateway.listing import ListedAsset
from kracked.instruments import Instrument
from kracked.protocol import limits
from kracked.protocol.limits import Tier

USD = "USD"
_USD_DECIMALS = 4
STARTING_BALANCES: Mapping[str, str] = {
    "USD": "100000",
    "BTC": "2",
    "ETH": "20",
    "SOL": "200",
    "XRP": "20000",
    "DOGE": "200000",
    "BONK": "1000000000",
}
"""What a new account owns, of what is listed: decimal text by asset."""


class AccountOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The terms that a new account begins with."""

    tier: Tier = limits.PRO
    balances: Mapping[str, str] = msgspec.field(default_factory=lambda: STARTING_BALANCES)
    """Decimal text by asset; what is not listed is left out."""
    volume: str = "0"
    """What it traded in the thirty days before, in USD: it decides the fees."""


class ClientAccounts(dict[str, ClientAccount]):
    """Accounts by name; each is opened when it is first asked for."""

    def __init__(
        self,
        instruments: list[Instrument],
        assets: Iterable[ListedAsset],
        options: AccountOptions,
    ) -> None:
        """Prepare to open accounts.

        Args:
            instruments: What is traded.
            assets: The assets of these instruments.
            options: What every account begins with.

        Raises:
            TooPrecise: A balance has too many decimals.
        """
        super().__init__()
        self.assets = {listed.asset.id: listed for listed in assets}
        self._shown = {name: listed.asset.precision for name, listed in self.assets.items()}
        self.scales = {USD: _USD_DECIMALS} | scales(instruments, self._shown)
        """The decimals that ledgers count each asset in."""
        self._options = options
        self._deposits = {
            asset: self._amount(asset, text)
            for asset, text in options.balances.items()
            if asset in self.scales
        }
        self._ledger_ids = ExchangeIds("L", start=0)

    def __missing__(self, name: str) -> ClientAccount:
        ledger = AccountLedger(self.scales, self._shown, self._ledger_ids)
        for asset, amount in self._deposits.items():
            ledger.deposit(asset, amount)
        volume = Volume(self._amount(USD, self._options.volume))
        usd = self._amount(USD, "1")
        account = self[name] = ClientAccount(name, ledger, self._options.tier, volume, usd)
        return account

    def _amount(self, asset: str, text: str) -> int:
        return units.scale(text.encode(), self.scales[asset])
