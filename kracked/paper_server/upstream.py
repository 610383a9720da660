"""The public REST of the real exchange, passed on. Answers are kept for a moment.

Every client of this server asks from one address, and the exchange counts calls by address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from kracked.errors import ConnectionLost
from kracked.gateway import refusals
from kracked.gateway.rest import Params, reply
from kracked.rest.transport import HttpTransport
from kracked.times import NS_PER_S

T = TypeVar("T")
_KEPT_NS = {"Assets": 600 * NS_PER_S, "AssetPairs": 600 * NS_PER_S}
_SHORTLY_NS = NS_PER_S
_MOST = 256
"""Answers that are kept."""


class _Reply(msgspec.Struct):
    error: list[str]
    result: msgspec.Raw = msgspec.Raw(b"null")


class Upstream:
    """Calls public methods of an exchange."""

    def __init__(self, rest: str, clock: Callable[[], int]) -> None:
        """`rest`: the address without a path; `clock`: ns of any clock."""
        self._rest, self._clock = rest, clock
        self._transport = HttpTransport()
        self._kept: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[int, bytes]] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def call(self, name: str, params: Params) -> bytes:
        """Return the body that answers a call; one that failed says that it is unavailable."""
        key = (name, tuple(sorted(params.items())))
        now = self._clock()
        at, body = self._kept.get(key, (0, b""))
        if body and 0 <= now - at < _KEPT_NS.get(name, _SHORTLY_NS):
            return body
        try:
            body = await self._transport.get(f"{self._rest}/0/public/{name}", dict(params))
        except ConnectionLost:
            return reply([refusals.UNAVAILABLE])
        self._kept.pop(key, None)
        self._kept[key] = (now, body)
        while len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]
        return body

    async def result(self, name: str, params: Params, shape: type[T]) -> T:
        """Return the result of a call.

        Raises:
            ConnectionLost: It was not answered, or not with that.
        """
        body = await self.call(name, params)
        try:
            answer = msgspec.json.decode(body, type=_Reply)
            if not answer.error:
                return msgspec.json.decode(answer.result, type=shape)
            reason = "; ".join(answer.error)
        except msgspec.MsgspecError as error:
            reason = str(error)
        raise ConnectionLost(self._rest, f"{name} was not answered: {reason}")
