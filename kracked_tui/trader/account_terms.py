"""What a key may do, what the exchange calls its pairs, and what the account pays on them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

from kracked.errors import ConfigError, ConnectionLost, RequestRejected
from kracked.orders import Fees
from kracked.orders.rules.fees import account_fees, pair_fees
from kracked.orders.rules.funds import dearest_taker, feed_code
from kracked.rest.account import KeyInfo
from kracked.rest.client import RestClient
from kracked.rest.market import PairInfo

log = logging.getLogger(__name__)

_RETRY_S = 5.0


class UnfitKey(ConfigError):
    """A key that will not be traded with."""


class AccountTerms:
    """Owner of what is asked once: pair names and fees."""

    def __init__(self, client: RestClient) -> None:
        self._client = client
        self._listed: dict[str, tuple[str, PairInfo]] = {}
        self.pairs: dict[str, str] = {}
        """The names REST knows symbols by."""
        self.fees: dict[str, Fees] = {}

    async def learn(self, waiting: Callable[[str], None]) -> None:
        """Asks until the exchange answers; `waiting` is told why it takes so long.

        Raises `UnfitKey`, or `RequestRejected` when the key is refused.
        """
        while True:
            try:
                check_fit(await self._client.api_key_info())
                assets, pairs = await self._client.assets(), await self._client.asset_pairs()
                break
            except ConnectionLost as error:
                waiting(f"The exchange does not answer: {error}")
                await asyncio.sleep(_RETRY_S)
        for id_, pair in pairs.items():
            symbol = f"{feed_code(pair.base, assets)}/{feed_code(pair.quote, assets)}"
            self._listed[symbol] = (id_, pair)
            self.pairs[symbol] = pair.altname

    async def learn_fees(self, symbol: str) -> None:
        """What the account pays on this pair; the pair's own table where it may not ask."""
        id_, pair = self._listed.get(symbol, ("", None))
        if pair is None or symbol in self.fees:
            return
        try:
            found = account_fees(await self._client.trade_volume(pair.altname), id_)
        except (RequestRejected, ConnectionLost) as error:
            log.info("fees not told", extra={"symbol": symbol, "reason": str(error)})
            found = None
        found = found or pair_fees(pair, Decimal(0))
        if found is not None:
            self.fees[symbol] = found

    @property
    def dearest_fee(self) -> Decimal:
        """Per cent; what open orders are taken to hold for their fees."""
        return dearest_taker(self.fees.values())


def check_fit(key: KeyInfo) -> None:
    """Raises `UnfitKey` for one that may do too much, or too little."""
    if key.may_withdraw:
        raise UnfitKey("This key may withdraw funds; make one that may only query and trade.")
    if not key.may_trade:
        raise UnfitKey("This key may not place orders: it lacks 'Create & modify orders'.")
