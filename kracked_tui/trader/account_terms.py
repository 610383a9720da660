"""The permissions of the API key, the exchange's names for its pairs, and the account's fees."""

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
    """A key that the monitor does not trade with."""


class AccountTerms:
    """Owner of what is fetched once: pair names and fees."""

    def __init__(self, client: RestClient) -> None:
        self._client = client
        self._listed: dict[str, tuple[str, PairInfo]] = {}
        self.pairs: dict[str, str] = {}
        """REST's names of pairs, by symbol."""
        self.fees: dict[str, Fees] = {}

    async def learn(self, waiting: Callable[[str], None]) -> None:
        """Check the key and fetch the pairs, trying until the exchange answers.

        Args:
            waiting: Called with the reason of each failed attempt.

        Raises:
            UnfitKey: The key may do too much, or too little.
            RequestRejected: The exchange refuses the key.
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
        """Fetch the account's fees of a pair, once; the pair's own table where that is refused."""
        id_, pair = self._listed.get(symbol, ("", None))
        if pair is None or symbol in self.fees:
            return
        try:
            found = account_fees(await self._client.trade_volume(pair.altname), id_)
        except (RequestRejected, ConnectionLost) as error:
            log.info("account fees unknown", extra={"symbol": symbol, "reason": str(error)})
            found = None
        found = found or pair_fees(pair, Decimal(0))
        if found is not None:
            self.fees[symbol] = found

    @property
    def highest_fee(self) -> Decimal:
        """The highest known taker fee, per cent: open orders are taken to hold it."""
        return dearest_taker(self.fees.values())


def check_fit(key: KeyInfo) -> None:
    """Check the permissions of a key.

    Raises:
        UnfitKey: It may withdraw, or may not trade.
    """
    if key.may_withdraw:
        raise UnfitKey("This key may withdraw funds; make one that may only query and trade.")
    if not key.may_trade:
        raise UnfitKey("This key may not place orders: it lacks 'Create & modify orders'.")
