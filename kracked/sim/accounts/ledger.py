"""What an account owns, what its open orders hold, and every change of it.

Amounts are integers in the asset's ledger scale. A balance is its deposits plus the sum
of its entries, to the last digit; what is held never exceeds it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kracked import units
from kracked.sim.engine.exchange_ids import ExchangeIds


class LedgerMovement(msgspec.Struct, frozen=True):
    """One movement of one asset."""

    ledger_id: str
    ref_id: str
    """The trade's id, shared by both its legs."""
    time: int
    asset: str
    amount: int
    """Signed, the fee not included."""
    fee: int
    balance: int
    """Afterwards, the fee taken off."""


class Ledger:
    """Owner of one account's balances and holds."""

    def __init__(
        self, scales: Mapping[str, int], shown: Mapping[str, int], ids: ExchangeIds
    ) -> None:
        """`scales`: decimals counted in, by asset; `shown`: decimals always written."""
        self._scales, self._shown, self._ids = scales, shown, ids
        self.balances: dict[str, int] = {}
        self.entries: dict[str, LedgerMovement] = {}
        """By their own ids, oldest first."""
        self._holds: dict[str, tuple[str, int]] = {}
        self._held: dict[str, int] = {}

    def deposit(self, asset: str, amount: int) -> None:
        """Start with this much more."""
        self.balances[asset] = self.balances.get(asset, 0) + amount

    def book(self, asset: str, amount: int, fee: int, *, ref_id: str, time: int) -> LedgerMovement:
        """Move an asset, and take a fee in it."""
        balance = self.balances.get(asset, 0) + amount - fee
        self.balances[asset] = balance
        entry = LedgerMovement(self._ids.take(), ref_id, time, asset, amount, fee, balance)
        self.entries[entry.ledger_id] = entry
        return entry

    def forget(self, ledger_id: str) -> None:
        """An entry is remembered no more; what it moved stays moved."""
        self.entries.pop(ledger_id, None)

    # --- holds ------------------------------------------------------------------------

    def hold(self, order_id: str, asset: str, amount: int) -> None:
        """Reserve exactly this much for the order, whatever it held before."""
        self.release(order_id)
        if amount:
            self._holds[order_id] = (asset, amount)
            self._held[asset] = self._held.get(asset, 0) + amount

    def release(self, order_id: str) -> None:
        asset, amount = self._holds.pop(order_id, ("", 0))
        if amount:
            self._held[asset] -= amount

    def held_by(self, order_id: str) -> int:
        return self._holds.get(order_id, ("", 0))[1]

    def held(self, asset: str) -> int:
        """What all open orders hold of the asset."""
        return self._held.get(asset, 0)

    def available(self, asset: str) -> int:
        return self.balances.get(asset, 0) - self.held(asset)

    # --- words ------------------------------------------------------------------------

    def text(self, asset: str, amount: int) -> str:
        """The asset's own decimals, and more where there is more to say."""
        scale = self._scales[asset]
        text, shown = units.to_text(amount, scale), self._shown.get(asset, scale)
        surplus = scale - max(shown, 1)
        if surplus <= 0:
            return text
        kept, cut = text[:-surplus], text[-surplus:].rstrip("0")
        return kept + cut
