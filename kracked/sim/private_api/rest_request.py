"""One private REST request, admitted: who asks, what, and when."""

from __future__ import annotations

from typing import NamedTuple

from kracked.sim.accounts.account import Account
from kracked.sim.auth import ApiKey
from kracked.sim.private_api.rest_params import Form


class Asking(NamedTuple):
    """What an endpoint is called with."""

    account: Account
    key: ApiKey
    form: Form
    now: int
    seen: int
    """Queries show nothing later; it lies in the past when the REST view lags."""
