"""An account's assets, what its open orders hold of them, and every change of both.

Amounts are integers in the asset's ledger scale. A balance is its deposits plus the sum
of its entries, to the last digit; what is held never exceeds it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kracked import units
from kracked.gateway.exchange_ids import ExchangeIds


class LedgerMovement(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of one asset."""

    ledger_id: str
    ref_id: str
    """The trade's id, shared by both its movements."""
    time: int
    asset: str
    amount: int
    """Signed, the fee not included."""
    fee: int
    balance: int
    """The balance afterwards, the fee taken off."""


class AccountLedger:
    """Owner of one account's balances and holds."""

    def __init__(
        self, scales: Mapping[str, int], shown: Mapping[str, int], ids: ExchangeIds
    ) -> None:
        """Open an empty ledger.

        Args:
            scales: The decimals each asset is counted in.
            shown: The decimals each asset is always written with.
            ids: Where entries take their ids from.
        """
        self._scales, self._shown, self._ids = scales, shown, ids
        self.balances: dict[str, int] = {}
        self.entries: dict[str, LedgerMovement] = {}
        """By their own ids, oldest first."""
        self._holds: dict[str, tuple[str, int]] = {}
        """Asset and amount by order id."""
        self._held: dict[str, int] = {}
        """Sums of the holds, by asset."""

    def deposit(self, asset: str, amount: int) -> None:
        """Add to a balance without an entry: what the account begins with."""
        self.balances[asset] = self.balances.get(asset, 0) + amount

    def book(self, asset: str, amount: int, fee: int, *, ref_id: str, time: int) -> LedgerMovement:
        """Move an asset and take a fee in it; return the entry.

        Args:
            asset: What moves.
            amount: How much, signed, the fee not included.
            fee: The fee, positive.
            ref_id: The trade's id.
            time: When, ns since the Unix epoch.
        """
        balance = self.balances.get(asset, 0) + amount - fee
        self.balances[asset] = balance
        entry = LedgerMovement(
            ledger_id=self._ids.take(),
            ref_id=ref_id,
            time=time,
            asset=asset,
            amount=amount,
            fee=fee,
            balance=balance,
        )
        self.entries[entry.ledger_id] = entry
        return entry

    def forget(self, ledger_id: str) -> None:
        """Forget an entry; what it moved stays moved."""
        self.entries.pop(ledger_id, None)

    # --- holds ------------------------------------------------------------------------

    def hold(self, order_id: str, asset: str, amount: int) -> None:
        """Reserve exactly this much for an order, whatever was reserved for it before."""
        self.release(order_id)
        if amount:
            self._holds[order_id] = (asset, amount)
            self._held[asset] = self._held.get(asset, 0) + amount

    def release(self, order_id: str) -> None:
        """Reserve nothing for an order any more."""
        asset, amount = self._holds.pop(order_id, ("", 0))
        if amount:
            self._held[asset] -= amount

    def held_by(self, order_id: str) -> int:
        """Return what is reserved for an order."""
        return self._holds.get(order_id, ("", 0))[1]

    def held(self, asset: str) -> int:
        """Return what is reserved of an asset for all open orders."""
        return self._held.get(asset, 0)

    def available(self, asset: str) -> int:
        """Return what is owned of an asset and not reserved."""
        return self.balances.get(asset, 0) - self.held(asset)

    # --- text -------------------------------------------------------------------------

    def text(self, asset: str, amount: int) -> str:
        """Return an amount with the asset's own decimals, and more where they are not zeros."""
        scale = self._scales[asset]
        text, shown = units.to_text(amount, scale), self._shown.get(asset, scale)
        surplus = scale - max(shown, 1)
        if surplus <= 0:
            return text
        return text[:-surplus] + text[-surplus:].rstrip("0")
