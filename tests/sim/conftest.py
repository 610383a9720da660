from __future__ import annotations

from tests.sim.session_client import client, exchange, join, token

__all__ = ["client", "exchange", "join", "token"]
