"""What queries ask for, in the exchange's spelling. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kracked.rest.orders import AddOrder, BadOrder
from kracked.times import NS_PER_S


def names(*waiting: AddOrder) -> set[object]:
    """What a cancel may call these orders by before the exchange has named them."""
    return {name for it in waiting for name in (it.cl_ord_id, it.userref) if name is not None}


def given(**members: object) -> dict[str, object]:
    """Only what is set: a flag that is off is not sent."""
    return {name: value for name, value in members.items() if value not in (None, False, 0)}


def listed(ids: Sequence[str], most: int) -> str:
    """Ids as one text. Raises `BadOrder` for none, and for more than the call takes."""
    if not 1 <= len(ids) <= most:
        raise BadOrder(f"ask for 1 to {most} ids at once, not {len(ids)}")
    return ",".join(ids)


def pairs_asked(pairs: Sequence[str]) -> dict[str, str]:
    return {"pair": ",".join(pairs)} if pairs else {}


def span(start: int | str | None, end: int | str | None) -> dict[str, object]:
    """Both bounds in whole seconds, widened to them; ids as they are."""
    asked: dict[str, object] = {}
    if start is not None:
        asked["start"] = start if isinstance(start, str) else str(start // NS_PER_S)
    if end is not None:
        asked["end"] = end if isinstance(end, str) else str(-(-end // NS_PER_S))
    return asked
