"""A request the exchange refuses, in the exchange's own words.

It leaves the depths of a request's checks as an exception and is answered at the edge,
over REST as `{"error": [...]}`, over WebSocket as `"success": false`.
"""

from __future__ import annotations


class Refusal(Exception):
    """Nothing was done; `error` is what the client reads."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error
