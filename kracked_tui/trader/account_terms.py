"""The permissions of the API key, the exchange's names for its pairs, and the account's fees.

Nothing here is needed to cancel. What the exchange does not answer is asked again for as long as
the program runs: soon when the reason passes by itself, seldom when somebody has to act first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal

from kracked.errors import ConfigError, ConnectionLost, KrackedError
from kracked.orders import Fees
from kracked.orders.rules.fees import account_fees, pair_fees
from kracked.orders.rules.funds import dearest_taker, feed_code
from kracked.rest.account import KeyInfo
from kracked.rest.client import RestClient
from kracked.rest.market import PairInfo
from kracked.rest.replies import ErrorClass, Refused, UnreadableReply
from kracked.rest.transport import AccessDenied

log = logging.getLogger(__name__)

_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds until a question is asked again whose answer may come by itself; the last one stays."""
_LOCKED_S = 60.0
_SELDOM_S = 300.0
"""Seconds until a question is asked again whose answer changes only when somebody acts."""
_PASSING = frozenset(
    {
        ErrorClass.SLOW_DOWN,
        ErrorClass.NEW_NONCE,
        ErrorClass.NEW_TOKEN,
        ErrorClass.WAIT_FOR_MARKET,
        ErrorClass.UNKNOWN_OUTCOME,
    }
)


class UnfitKey(ConfigError):
    """A key that the monitor does not trade with."""


class AccountTerms:
    """Owner of what is fetched once: pair names and fees."""

    def __init__(
        self, client: RestClient, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._client, self._sleep = client, sleep
        self._listed: dict[str, tuple[str, PairInfo]] = {}
        self.pairs: dict[str, str] = {}
        """REST's names of pairs, by symbol."""
        self.fees: dict[str, Fees] = {}
        self.caution = ""
        """A danger of the key that does not keep it from trading; empty without one."""

    async def learn(self, waiting: Callable[[str], None]) -> None:
        """Check the key and fetch the pairs, asking until both are there.

        Args:
            waiting: Called with the reason of each failed attempt, and when the next one is.
        """
        await self._asked(self._check_key, waiting)
        await self._asked(self._learn_pairs, waiting)

    async def _asked(
        self, question: Callable[[], Awaitable[None]], waiting: Callable[[str], None]
    ) -> None:
        attempts = 0
        while True:
            try:
                return await question()
            except KrackedError as error:
                wait_s = pause_s(error, attempts)
                waiting(f"{str(error).rstrip('.')}. Asked again in {wait_s:.0f} s.")
            attempts += 1
            await self._sleep(wait_s)

    async def _check_key(self) -> None:
        key = await self._client.api_key_info()
        check_fit(key)
        if key.noncewindow:
            self.caution = (
                f"this key has a nonce window of {key.noncewindow}: an order that the network "
                "delivers twice can be carried out twice; set the window to 0"
            )

    async def _learn_pairs(self) -> None:
        assets, pairs = await self._client.assets(), await self._client.asset_pairs()
        for id_, pair in pairs.items():
            symbol = f"{feed_code(pair.base, assets)}/{feed_code(pair.quote, assets)}"
            self._listed[symbol] = (id_, pair)
            self.pairs[symbol] = pair.altname

    async def learn_fees(self, symbol: str) -> None:
        """Fetch the account's fees of a pair, once; the pair's own table where that fails."""
        id_, pair = self._listed.get(symbol, ("", None))
        if pair is None or symbol in self.fees:
            return
        try:
            found = account_fees(await self._client.trade_volume(pair.altname), id_)
        except KrackedError as error:
            log.info("account fees unknown", extra={"symbol": symbol, "reason": str(error)})
            found = None
        found = found or pair_fees(pair, Decimal(0))
        if found is not None:
            self.fees[symbol] = found

    @property
    def highest_fee(self) -> Decimal:
        """The highest known taker fee, per cent: open orders are taken to hold it."""
        return dearest_taker(self.fees.values())


def pause_s(error: KrackedError, attempts: int) -> float:
    """Return the seconds after which a failed question is asked again.

    Args:
        error: Why it failed.
        attempts: Earlier attempts that failed.
    """
    if isinstance(error, Refused) and "lockout" in error.error:
        return _LOCKED_S
    passing = (isinstance(error, Refused) and error.kind in _PASSING) or (
        isinstance(error, ConnectionLost | UnreadableReply) and not isinstance(error, AccessDenied)
    )
    return _PAUSES_S[min(attempts, len(_PAUSES_S) - 1)] if passing else _SELDOM_S


def check_fit(key: KeyInfo) -> None:
    """Check the permissions of a key.

    Raises:
        UnfitKey: It may withdraw, or may not trade.
    """
    if key.may_withdraw:
        raise UnfitKey("This key may withdraw funds; make one that may only query and trade.")
    if not key.may_trade:
        raise UnfitKey("This key may not place orders: it lacks 'Create & modify orders'.")
