"""One client's account: its money, its orders, its counters, and who follows it.

Several API keys may act for one account; all of them see and move the same things.
"""

from __future__ import annotations

from kracked.gateway.accounts.fees import SCHEDULE, Rates, Volume, step_of
from kracked.gateway.accounts.ledger import AccountLedger
from kracked.gateway.accounts.order_records import FillRecord, OrderRecord, OrderRecords
from kracked.gateway.accounts.private_streams import StreamAudience
from kracked.gateway.accounts.rate_counters import OrderCounts
from kracked.protocol.limits import Tier


class ClientAccount:
    """Owner of everything one client has. The `Brokerage` alone changes it."""

    def __init__(
        self,
        name: str,
        ledger: AccountLedger,
        tier: Tier,
        volume: Volume,
        usd: int,
        *,
        fixed: Rates | None = None,
    ) -> None:
        """Open an account.

        Args:
            name: What its keys call it.
            ledger: Its money, with the deposits it begins with.
            tier: Its rate limits.
            volume: What it has traded.
            usd: One dollar in ledger units.
            fixed: Fee rates in place of those of the schedule.
        """
        self.name, self.ledger, self.volume = name, ledger, volume
        self.counts = OrderCounts(tier)
        self.orders = OrderRecords(self._forget_fills)
        self.fills: dict[str, FillRecord] = {}
        """By their own ids, oldest first."""
        self.streams = StreamAudience()
        """The subscriptions to its channels."""
        self.cancel_all_at: int | None = None
        """When the dead-man's switch fires; None while it is disarmed."""
        self.fixed = fixed
        self._usd = usd

    @property
    def tier(self) -> Tier:
        """The account's rate limits."""
        return self.counts.tier

    def fee_step(self, now: int) -> int:
        """Return the account's place in the fee schedule."""
        return step_of(self.volume.total(now) // self._usd)

    def rates(self, now: int) -> Rates:
        """Return the fee rates of an order accepted now."""
        return self.fixed or SCHEDULE[self.fee_step(now)].rates

    def _forget_fills(self, order: OrderRecord) -> None:
        """Forget the fills of an order that is forgotten, and their ledger entries."""
        for exec_id in order.trades:
            fill = self.fills.pop(exec_id, None)
            for ledger_id in fill.ledgers if fill else ():
                self.ledger.forget(ledger_id)
