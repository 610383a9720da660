"""All that a paper account is, for comparison."""

from __future__ import annotations

from kracked.paper import PaperAccount


def state(account: PaperAccount) -> dict[str, object]:
    """Return everything that must be the same after a replay."""
    money = account.money
    return {
        "open": list(account.open.items()),
        "closed": list(account.closed.items()),
        "balances": {asset: money.balance(asset) for asset in money.assets},
        "holds": {asset: money.held(asset) for asset in money.assets},
        "deadline": account.deadline,
        "counts": (account.orders, account.fills),
    }
