"""One private REST request, admitted: who asks, what, and when."""

from __future__ import annotations

from typing import NamedTuple

from kracked.gateway.auth import ApiKey
from kracked.sim.accounts.account import ClientAccount
from kracked.sim.private_api.rest_params import RestParams


class PrivateRequest(NamedTuple):
    """What an endpoint is called with."""

    account: ClientAccount
    key: ApiKey
    form: RestParams
    now: int
    seen: int
    """Queries show nothing later; it lies in the past when the REST view lags."""
