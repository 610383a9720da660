"""Finding pairs and assets by any of the names that REST has for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from kracked.gateway import refusals
from kracked.gateway.listing import ListedAsset, ListedPair
from kracked.gateway.refusals import Refusal

_Pair = TypeVar("_Pair", bound=ListedPair)


class RestNames(Generic[_Pair]):
    """The names of one exchange's pairs and assets."""

    def __init__(
        self,
        current: Callable[[str], _Pair],
        listings: Iterable[_Pair],
        assets: Iterable[ListedAsset],
    ) -> None:
        """`current` returns the listing of a symbol as it is now, its status included."""
        self._current = current
        self._symbols = {
            name: listing.symbol
            for listing in listings
            for name in (listing.rest_id, listing.altname, listing.wsname, listing.symbol)
        }
        self._assets = {
            name: listed
            for listed in assets
            for name in (listed.rest_id, listed.altname, listed.asset.id)
        }

    def pair(self, name: str) -> _Pair:
        """Return the pair with this id, altname, wsname or symbol.

        Raises:
            Refusal: No pair has the name.
        """
        symbol = self._symbols.get(name)
        if symbol is None:
            raise Refusal(refusals.UNKNOWN_PAIR)
        return self._current(symbol)

    def asset(self, name: str) -> ListedAsset:
        """Return the asset with this id, altname or WebSocket name.

        Raises:
            Refusal: No asset has the name.
        """
        listed = self._assets.get(name)
        if listed is None:
            raise Refusal(refusals.UNKNOWN_ASSET)
        return listed

    def lists(self, symbol: str) -> bool:
        """Whether a WebSocket symbol is listed."""
        return self._symbols.get(symbol) == symbol


def reply_key(name: str, listing: ListedPair) -> str:
    """Return the key of a pair in a reply: its id, or the requested name if that has a slash."""
    return name if "/" in name else listing.rest_id
