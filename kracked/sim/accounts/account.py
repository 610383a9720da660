"""One client's account: its money, its orders, its counters, and who listens to it.

Several API keys may act for one account; all of them see and move the same things.
"""

from __future__ import annotations

from kracked.protocol.limits import Tier
from kracked.sim.accounts.fees import SCHEDULE, Rates, Volume, step_of
from kracked.sim.accounts.ledger import Ledger
from kracked.sim.accounts.order_records import FillRecord, OrderRecord, OrderRecords
from kracked.sim.accounts.private_streams import StreamAudience
from kracked.sim.accounts.rate_counters import OrderCounts


class ClientAccount:
    """Owner of everything one client has. Changed by the `Brokerage` alone."""

    def __init__(self, name: str, ledger: Ledger, tier: Tier, volume: Volume, usd: int) -> None:
        """`usd`: one dollar in ledger units."""
        self.name, self.ledger, self.volume = name, ledger, volume
        self.counts = OrderCounts(tier)
        self.orders = OrderRecords(self._forget)
        self.fills: dict[str, FillRecord] = {}
        """By their own ids, oldest first."""
        self.audience = StreamAudience()
        self.cancel_all_at: int | None = None
        """When the dead-man's switch fires; None while it is disarmed."""
        self._usd = usd

    @property
    def tier(self) -> Tier:
        return self.counts.tier

    def fee_step(self, now: int) -> int:
        """Its place in the fee schedule."""
        return step_of(self.volume.total(now) // self._usd)

    def _forget(self, order: OrderRecord) -> None:
        """An order is remembered no more, and so are its fills and what they moved."""
        for exec_id in order.trades:
            fill = self.fills.pop(exec_id, None)
            for ledger_id in fill.ledgers if fill else ():
                self.ledger.forget(ledger_id)

    def rates(self, now: int) -> Rates:
        return SCHEDULE[self.fee_step(now)].rates
