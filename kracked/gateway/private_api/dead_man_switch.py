"""The dead-man's switch: a timer at the exchange that cancels everything unless renewed.

Its times are whole seconds, rounded up. There is no way to ask for its state.

Source: docs.kraken.com/api/docs/rest-api/cancel-all-orders-after
"""

from __future__ import annotations

from kracked.gateway import refusals
from kracked.gateway.accounts.account import ClientAccount
from kracked.gateway.private_api.ports import Broker
from kracked.gateway.refusals import Refusal
from kracked.times import NS_PER_S, to_rfc3339

_LONGEST_S = 86_400


def renew(broker: Broker, account: ClientAccount, timeout_s: int, now: int) -> dict[str, object]:
    """Start the timer anew, or stop it with 0, and return what the exchange answers.

    Raises:
        Refusal: The time is out of bounds.
    """
    if not 0 <= timeout_s < _LONGEST_S:
        raise Refusal(refusals.argument("timeout"))
    current = -(-now // NS_PER_S) * NS_PER_S
    until = current + timeout_s * NS_PER_S if timeout_s else None
    broker.cancel_all_at(account, until, now)
    trigger_time = to_rfc3339(until, 0) if until else "0"
    return {"currentTime": to_rfc3339(current, 0), "triggerTime": trigger_time}
