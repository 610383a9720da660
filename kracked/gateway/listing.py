"""A pair and an asset with the names that REST has for them."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kracked.instruments import Asset, Instrument


class ListedPair(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument and its REST names."""

    instrument: Instrument
    rest_id: str
    """`XXBTZUSD`: the key of REST replies."""
    altname: str
    wsname: str
    """The v1 WebSocket name, `XBT/USD`, still in AssetPairs."""

    @property
    def symbol(self) -> str:
        """The WebSocket's name, `BTC/USD`."""
        return self.instrument.symbol


class ListedAsset(msgspec.Struct, frozen=True, kw_only=True):
    """A currency and its REST names."""

    asset: Asset
    rest_id: str
    altname: str
    collateral_value: Decimal = Decimal(0)
    margin_rate: Decimal | None = None
