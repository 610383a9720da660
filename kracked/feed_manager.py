"""`kracked.FeedManager`: the feed with credentials in place of a token function.

The feed and the REST client are siblings that never meet; this is where they do.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Unpack

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed import manager
from kracked.feed.channels import Channels
from kracked.feed.clock import Clock
from kracked.feed.connection import Token
from kracked.protocol.sliding_window import SlidingWindow
from kracked.rest.client import RestClient


class FeedManager(manager.FeedManager):
    """Verified books and every event of the symbols asked for; an async context manager.

        async with kracked.FeedManager(["BTC/USD"], book=25, trade=True) as feed:
            async for event in feed: ...

    `level3` and `account` need `credentials`; without, those of the environment are
    taken. A program that has a `RestClient` already gives its `websockets_token` as
    `token` instead.
    """

    def __init__(
        self,
        symbols: Iterable[str] = (),
        *,
        credentials: Credentials | None = None,
        account: bool = False,
        token: Token | None = None,
        endpoints: Endpoints | None = None,
        clock: Clock | None = None,
        budget: SlidingWindow | None = None,
        **channels: Unpack[Channels],
    ) -> None:
        self._rest: RestClient | None = None
        if token is None:
            credentials = credentials or Credentials.from_environment()
        if token is None and credentials is not None:
            self._rest = RestClient(credentials, endpoints)
            token = self._rest.websockets_token
        super().__init__(
            symbols,
            account=account,
            token=token,
            endpoints=endpoints,
            clock=clock,
            budget=budget,
            **channels,
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            if self._rest is not None:
                await self._rest.close()
