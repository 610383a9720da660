"""Encodes the exchange's answers to requests, as `kracked.protocol.encode` does the channels.

Source: docs.kraken.com/api/docs/websocket-v2/, the answers below each method
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kracked.protocol.encode import json_text, micros


def pong(req_id: int | None, *, time_in: int, time_out: int) -> str:
    """Return the answer to a ping; it has no `success` field."""
    return json_text({"method": "pong", **_echo(req_id), **_times(time_in, time_out)})


def granted(
    method: str,
    result: Mapping[str, object] | Sequence[object],
    req_id: int | None = None,
    *,
    time_in: int,
    time_out: int,
) -> str:
    """Return the answer to a request that succeeded.

    Args:
        method: The method of the request.
        result: The parameters in force, or the result.
        req_id: The request's id, if it had one.
        time_in: When the request came, ns since the Unix epoch.
        time_out: When the answer is sent, ns since the Unix epoch.
    """
    return json_text(
        {
            "method": method,
            **_echo(req_id),
            "result": result,
            "success": True,
            **_times(time_in, time_out),
        }
    )


def refused(
    method: str,
    error: str,
    req_id: int | None = None,
    *,
    time_in: int,
    time_out: int,
    symbol: str | None = None,
    status: str | None = None,
) -> str:
    """Return the answer to a request that failed; other arguments as in `granted`.

    Args:
        error: The exchange's words.
        symbol: The symbol that the refusal names, if any.
        status: "error" for a bad session, which alone has this field.
    """
    return json_text(
        {
            "error": error,
            "method": method,
            **_echo(req_id),
            **({} if status is None else {"status": status}),
            "success": False,
            **({} if symbol is None else {"symbol": symbol}),
            **_times(time_in, time_out),
        }
    )


def _echo(req_id: int | None) -> dict[str, object]:
    return {} if req_id is None else {"req_id": req_id}


def _times(time_in: int, time_out: int) -> dict[str, object]:
    return {"time_in": micros(time_in), "time_out": micros(time_out)}
