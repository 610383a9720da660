"""Calls with typed results: it decodes what a `RequestExecutor` returns.

An accepted write whose reply cannot be read is an `OutcomeUnknown`, like a lost reply.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from kracked.rest import market
from kracked.rest.priority_lock import Urgency
from kracked.rest.replies import OutcomeUnknown, UnreadableReply
from kracked.rest.request_executor import RequestExecutor

log = logging.getLogger(__name__)

T = TypeVar("T")

UNREADABLE = (msgspec.MsgspecError, ArithmeticError, RecursionError)
"""The errors of decoding JSON that is not what was expected, nested too deeply among it."""


_NAMED = 5
"""Rows that are named in the log; the others are counted."""


class TypedCalls:
    """Makes calls and decodes their results. Raises what the executor raises.

    In every method `name` is the endpoint, ``AddOrder``, and `shape` the type of its result.
    """

    def __init__(self, executor: RequestExecutor) -> None:
        self._executor = executor

    async def public(self, name: str, params: dict[str, str], shape: type[T]) -> T:
        """Make a public call."""
        return _decoded(name, await self._executor.public(name, params), shape)

    async def public_rows(self, name: str, params: dict[str, str], shape: type[T]) -> dict[str, T]:
        """Make a public call for a table of rows by name.

        A row that cannot be read is left out and named in the log: one odd row among 1,450 must
        not cost the others.

        Raises:
            UnreadableReply: No row can be read.
        """
        rows = _decoded(name, await self._executor.public(name, params), dict[str, msgspec.Raw])
        found, odd = dict[str, T](), dict[str, str]()
        for key, row in rows.items():
            try:
                found[key] = _typed(bytes(row), shape)
            except UNREADABLE as error:
                odd[key] = str(error)
        for key in list(odd)[:_NAMED]:
            facts = {"method": name, "row": key, "reason": odd[key], "left_out": len(odd)}
            log.warning("row left out", extra=facts)
        if odd and not found:
            raise UnreadableReply(name, next(iter(odd.values())))
        return found

    async def public_with(self, name: str, reader: Callable[[bytes], T]) -> T:
        """Make a public call without parameters, whose result needs a reader of its own."""
        return _read(name, reader, await self._executor.public(name, {}))

    async def page(
        self, name: str, params: dict[str, str], since: str | None, shape: type[T]
    ) -> tuple[T, str]:
        """Make a public call for the rows of one pair after `since`.

        Returns:
            The rows, and the next `since`.
        """
        raw = await self._executor.public(name, params | ({"since": since} if since else {}))
        page = _read(name, market.read_page, raw)
        return _decoded(name, bytes(page.rows), shape), page.last

    async def read(self, name: str, members: dict[str, object], shape: type[T]) -> T:
        """Make a private call that changes nothing."""
        return _decoded(name, await self._executor.read(name, members), shape)

    async def read_with(
        self,
        name: str,
        members: dict[str, object],
        reader: Callable[[bytes], T],
        urgency: Urgency = Urgency.READ,
    ) -> T:
        """Make a private call that changes nothing, whose result needs a reader of its own."""
        return _read(name, reader, await self._executor.read(name, members, urgency))

    async def write(
        self,
        name: str,
        members: dict[str, object],
        shape: type[T],
        urgency: Urgency = Urgency.ORDER,
        *,
        before: int | None = None,
        names: Set[object] = frozenset(),
    ) -> T:
        """Make a call that may move money; other arguments as in `RequestExecutor.write`.

        Raises:
            OutcomeUnknown: The reply is missing, doubtful or cannot be read.
        """
        raw = await self._executor.write(name, members, urgency, before=before, names=names)
        try:
            return _decoded(name, raw, shape)
        except UnreadableReply as error:
            raise OutcomeUnknown(name, error.reason) from error


def _decoded(name: str, raw: bytes, shape: type[T]) -> T:
    return _read(name, lambda text: _typed(text, shape), raw)


def _typed(raw: bytes, shape: type[T]) -> T:
    """Decode a result; an optional member may be null, which is the same as absent."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError:
        if b"null" not in raw:
            raise
        return msgspec.json.decode(_exact(_without_nulls(_any_value(raw))), type=shape)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


_any_value = msgspec.json.Decoder(float_hook=Decimal).decode
_exact = msgspec.json.Encoder(decimal_format="number").encode


def _read(name: str, reader: Callable[[bytes], T], raw: bytes) -> T:
    try:
        return reader(raw)
    except UNREADABLE as error:
        raise UnreadableReply(name, str(error)) from error
