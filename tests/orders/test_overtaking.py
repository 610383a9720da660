"""Orders and cancels under way together, on a line that may delay or lose each of them.

The manager, the client with its nonces and its turns are the real ones; behind them is an
exchange whose every request and answer takes a random number of turns of the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from kracked.endpoints import Endpoints
from kracked.errors import KrackedError
from kracked.orders import CancelOutcome, Draft, Limits, OrderManager
from kracked.orders.outbox.outbox import Outbox
from kracked.protocol.events import Side
from kracked.protocol.limits import PRO
from kracked.rest.client import RestClient
from kracked.rest.limiter import EngineLimiter
from kracked.rest.priority_lock import PriorityLock
from kracked.rest.request_executor import RequestTiming
from kracked.rest.transport import HttpTransport, NoAnswer, NotSent
from tests.orders.exchange_model import NOW
from tests.rest.scripted_http import CREDENTIALS

SESSIONS = 300
LONGEST = 15
"""Turns of the loop one way; the shortest pause of a cancel is longer than both ways."""


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Line(HttpTransport):
    """An exchange that accepts orders, and the way to it."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.nonce = 0
        self.open: set[str] = set()
        self.taken: Counter[str] = Counter()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        fate = self.random.choices(("fine", "unsent", "lost", "unanswered"), (12, 1, 1, 1))[0]
        if fate == "unsent":
            raise NotSent(url, "no connection")
        await turns(self.random.randint(0, LONGEST))
        if fate == "lost":
            raise NoAnswer(url, "lost on the way there")
        answer = await self._answer(url.rpartition("/")[2], msgspec.json.decode(body))
        if fate == "unanswered":
            raise NoAnswer(url, "lost on the way back")
        await turns(self.random.randint(0, LONGEST))
        return msgspec.json.encode(answer)

    async def _answer(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        if int(body["nonce"]) <= self.nonce:
            return {"error": ["EAPI:Invalid nonce"]}
        self.nonce = int(body["nonce"])
        match name:
            case "AddOrder":
                await turns(self.random.randint(0, 5))  # until it is in the book
                self.open.add(body["cl_ord_id"])
                self.taken[body["cl_ord_id"]] += 1
                return {"error": [], "result": {"txid": [f"O-{body['cl_ord_id']}"]}}
            case "CancelAll":
                return self._cancel(set(self.open), name)
            case "CancelOrder" | "CancelOrderBatch":
                listed = {*body.get("orders", ()), *body.get("cl_ord_ids", ())}
                named = listed | {body.get("txid"), body.get("cl_ord_id")} - {None}
                return self._cancel({id_.removeprefix("O-") for id_ in named}, name)
        return {"error": [], "result": {}}

    def _cancel(self, meant: set[str], name: str) -> dict[str, Any]:
        found = meant & self.open
        self.open -= found
        if not found and name != "CancelAll":
            return {"error": ["EOrder:Unknown order"]}
        return {"error": [], "result": {"count": len(found)}}


class Session:
    """A trader who does many things at once, and what the outcomes promise."""

    def __init__(self, random: Random, folder: Path) -> None:
        self.random, self.line = random, Line(random)
        timing = RequestTiming(sleep=lambda pause_s: turns(round(pause_s * 250)))
        self.client = RestClient(
            CREDENTIALS,
            Endpoints.at("https://nowhere"),
            state=folder,
            transport=self.line,
            timing=timing,
        )
        self.client._executor._lock = PriorityLock(overtake_after_s=0)
        self.manager = OrderManager(
            self.client,
            Outbox(lambda record: None),
            sync=self._sync,
            engine=EngineLimiter(PRO),
            timing=timing,
        )
        self.gone: set[str] = set()
        """What a cancel has said, or let believe, to be open no more."""
        self.said: list[str] = []

    async def _sync(self) -> None:
        await turns(self.random.randint(0, 8))

    async def live(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.random.randint(4, 12)):
                act = self.random.choice((self._place, self._place, self._read, self._cancel))
                tasks.create_task(act())
                await turns(self.random.randint(0, 30))

    async def _place(self) -> None:
        price = self.random.randint(248_000, 249_000)
        draft = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=price)
        await self.manager.place(draft, NOW, Limits(allow_duplicate=True))

    async def _read(self) -> None:
        with contextlib.suppress(KrackedError):
            await self.client.balance()

    async def _cancel(self) -> None:
        meant = {entry.id for entry in self.manager.outbox}
        way = self.random.choice((self._pair, self.manager.cancel_all, self.manager.cancel_own))
        outcome: CancelOutcome = await way()
        if not outcome.failed:
            self.gone |= meant
        self.said.append(f"{way.__name__}: {outcome}")

    async def _pair(self) -> CancelOutcome:
        return await self.manager.cancel_pair("BTC/USD")


async def test_what_a_cancel_says_is_gone_stays_gone(tmp_path: Path) -> None:
    for seed in range(SESSIONS):
        session = Session(Random(seed), tmp_path)
        await session.live()
        assert not session.gone & session.line.open, (seed, session.said)
        assert max(session.line.taken.values(), default=0) <= 1, seed
