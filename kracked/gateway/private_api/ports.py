"""What stands behind the private API: a market, and a broker that keeps accounts in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.accounts.amounts import Amounts
from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.accounts.order_request import AmendRequest, OrderRequest
from kracked.gateway.listing import ListedAsset, ListedPair


class Placed(NamedTuple):
    """An order that was accepted, or would have been."""

    request: OrderRequest
    order_id: str = ""
    """Empty when it was only validated."""


class Cancelled(NamedTuple):
    """The outcome of a cancel."""

    orders: int
    """How many it ends."""
    pending: bool = False
    """Whether one of them may still be filled by what came before the cancel."""


class Market(Protocol):
    """The market that orders are for."""

    def listing(self, symbol: str) -> ListedPair:
        """Return the instrument as it is now, its status included."""

    def last_price(self, symbol: str) -> int:
        """Return the price of the latest trade, scaled."""


class Broker(Protocol):
    """Keeps accounts, and takes their orders to the market."""

    @property
    def accounts(self) -> Mapping[str, ClientAccount]:
        """The accounts by name."""

    @property
    def amounts(self) -> Mapping[str, Amounts]:
        """The arithmetic of each pair, by symbol."""

    @property
    def assets(self) -> Mapping[str, ListedAsset]:
        """The assets of the pairs, by the WebSocket's names."""

    @property
    def scales(self) -> Mapping[str, int]:
        """The decimals that ledgers count each asset in."""

    def bought_for(self, account: ClientAccount, symbol: str, cash: int) -> int:
        """Return the quantity that a market buy of a value gets; both are scaled."""

    def check(self, account: ClientAccount, request: OrderRequest, now: int) -> None:
        """Check an order before it is charged for; raises `Refusal`."""

    def add(self, account: ClientAccount, request: OrderRequest, now: int) -> str:
        """Place a checked order, and return its id; raises `Refusal`."""

    def cancel(self, account: ClientAccount, orders: Iterable[OrderRecord], now: int) -> Cancelled:
        """Cancel open orders; raises `Refusal`."""

    def cancel_all_at(self, account: ClientAccount, until: int | None, now: int) -> None:
        """Set the time when the dead-man's switch cancels everything; None disarms it."""


class Amender(Protocol):
    """Changes open orders."""

    def amend(
        self, account: ClientAccount, order: OrderRecord, read: Callable[[], AmendRequest], now: int
    ) -> str:
        """Change an open order in place, and return the id of the amend; raises `Refusal`."""

    def edit(
        self,
        account: ClientAccount,
        order: OrderRecord,
        read: Callable[[], OrderRequest],
        now: int,
        *,
        validate: bool = False,
    ) -> Placed:
        """Cancel an order and place its successor; raises `Refusal`."""
