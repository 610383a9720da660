"""Encodes typed requests as the bytes that are signed and sent. Pure, and the only encoder.

Numbers are sent as decimal text, plain digits and never an exponent, because the exchange
refuses ``1e-05`` and a double would lose digits. Members that are unset or off are left
out: a flag sent as false was once read as set.

Source: docs.kraken.com/api/docs/guides/spot-rest-auth
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum

import msgspec

from kracked.errors import ConfigError, says
from kracked.protocol.events import Side
from kracked.times import NS_PER_S


class BadOrder(ConfigError):
    """A request whose parts do not fit together; it was not sent."""


@says("{value} cannot be sent: it is not a finite number")
class UnsendableNumber(ConfigError):
    """A number the exchange has no text for."""

    value: Decimal


def plain(value: Decimal) -> str:
    """Return a number with all its digits and no exponent.

    Raises:
        UnsendableNumber: The number is not finite.

    >>> plain(Decimal("1E-8")), plain(Decimal("63005.0"))
    ('0.00000001', '63005.0')
    """
    if not value.is_finite():
        raise UnsendableNumber(value)
    return format(value, "f")


class RelativePrice(msgspec.Struct, frozen=True):
    """A price relative to the last trade, or to the trigger for types with a trigger and limit."""

    sign: str
    """`+`, `-`, or `#`: the sign that suits the order's type and side."""
    value: Decimal
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.sign}{plain(self.value)}{'%' if self.percent else ''}"


def fields(request: msgspec.Struct) -> dict[str, object]:
    """Return a request's members as the exchange names and spells them; unset ones are left out."""
    members = {}
    # Not `msgspec.structs.fields`: it evaluates the types anew, 2 ms at every key press.
    for name, spelled in zip(
        request.__struct_fields__, request.__struct_encode_fields__, strict=True
    ):
        value = getattr(request, name)
        if value is not None and value is not False and value != ():
            members[spelled] = _spell(value)
    return members


def _spell(value: object) -> object:
    match value:
        case Side():
            spelled: object = "buy" if value is Side.BID else "sell"
        case Decimal():
            spelled = plain(value)
        case RelativePrice():
            spelled = str(value)
        case Enum():
            spelled = value.value
        case msgspec.Struct():
            spelled = fields(value)
        case tuple():
            spelled = [_spell(item) for item in value]
        case _:
            spelled = value
    return spelled


def encode(members: dict[str, object], nonce: str, otp: str | None = None) -> bytes:
    """Return the body of a private call: the exact bytes to sign and to send."""
    password = {} if otp is None else {"otp": otp}
    return msgspec.json.encode({"nonce": nonce, **password, **members})


# --- members of queries ---------------------------------------------------------------------


def present(**members: object) -> dict[str, object]:
    """Return the members that are set; a flag that is off is left out."""
    return {name: value for name, value in members.items() if value not in (None, False, 0)}


def joined_ids(ids: Sequence[str], most: int) -> str:
    """Return ids as one text.

    Raises:
        BadOrder: There is none, or there are more than the call takes.
    """
    if not 1 <= len(ids) <= most:
        raise BadOrder(f"ask for 1 to {most} ids at once, not {len(ids)}")
    return ",".join(ids)


def pair_params(pairs: Sequence[str]) -> dict[str, str]:
    """Return the parameter that names pairs; nothing for all of them."""
    return {"pair": ",".join(pairs)} if pairs else {}


def time_span(start: int | str | None, end: int | str | None) -> dict[str, object]:
    """Return both bounds: ns as whole seconds, widened to them; ids as they are."""
    members: dict[str, object] = {}
    if start is not None:
        members["start"] = start if isinstance(start, str) else str(start // NS_PER_S)
    if end is not None:
        members["end"] = end if isinstance(end, str) else str(-(-end // NS_PER_S))
    return members
