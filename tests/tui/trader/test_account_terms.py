"""What the monitor asks at its start: again until it is answered, and what costs what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kracked.rest.client import RestClient
from kracked_tui.trader.account_terms import AccountTerms
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime
from tests.rest.scripted_http import CREDENTIALS, Exchange, serve

BTC = {
    "altname": "XBTUSD", "base": "XXBT", "quote": "ZUSD", "pair_decimals": 1, "lot_decimals": 8,
    "fees": [["0", "0.40"]], "fees_maker": [["0", "0.25"]],
}  # fmt: skip
ANSWERS = {
    "GetApiKeyInfo": {"permissions": ["modify-trades"]},
    "Assets": {"XXBT": {"altname": "XBT"}, "ZUSD": {"altname": "USD"}},
    "AssetPairs": {"XXBTZUSD": BTC},
}


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with serve() as exchange:
        exchange.always |= ANSWERS
        yield exchange


@pytest.fixture
async def asked(exchange: Exchange, tmp_path: Path) -> AsyncIterator[Asked]:
    timing = FrozenTime().timing
    async with RestClient(CREDENTIALS, exchange.endpoints, state=tmp_path, timing=timing) as client:
        yield Asked(client)


class Asked:
    """The terms, the reasons they give for waiting, and how long they wait."""

    def __init__(self, client: RestClient) -> None:
        self.pauses_s: list[float] = []
        self.reasons: list[str] = []
        self.terms = AccountTerms(client, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)

    async def learn(self) -> None:
        await self.terms.learn(self.reasons.append)


PASSING = {
    "too many requests": answers.refusal("EGeneral:Too many requests"),
    "calls used up": answers.refusal("EAPI:Rate limit exceeded"),
    "throttled": answers.refusal("EService: Throttled: 1754000001"),
    "a refused nonce": answers.refusal("EAPI:Invalid nonce"),
    "unavailable": answers.refusal("EService:Unavailable"),
    "a page of HTML": answers.page,
    "a gateway's page": answers.bad_gateway,
    "a dropped connection": answers.dropped,
    "nothing of the documented shape": {"permissions": 7, "XXBTZUSD": 1},
}


@pytest.mark.parametrize("name", ["GetApiKeyInfo", "AssetPairs"])
@pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING)
async def test_what_passes_by_itself_is_asked_again_soon_until_it_is_answered(
    exchange: Exchange, asked: Asked, name: str, answer: Any
) -> None:
    exchange.script[name].extend([answer] * 8)
    await asked.learn()
    assert asked.terms.pairs == {"BTC/USD": "XBTUSD"}
    assert asked.pauses_s[:2] in ([1.0], [1.0, 2.0])
    assert asked.reasons[0].endswith("Asked again in 1 s.")


async def test_a_lockout_is_waited_for_without_a_call(exchange: Exchange, asked: Asked) -> None:
    exchange.script["GetApiKeyInfo"].append(answers.refusal("EGeneral:Temporary lockout"))
    ended = 15

    def reason(text: str) -> None:
        asked.reasons.append(text)
        if len(asked.reasons) == ended:
            asked.terms._client._executor.locked_until = 0

    await asked.terms.learn(reason)
    assert exchange.count("GetApiKeyInfo") == 2
    assert asked.pauses_s == [60.0] * ended


SELDOM = {
    "a wrong key": answers.refusal("EAPI:Invalid key"),
    "a missing permission": answers.refusal("EGeneral:Permission denied"),
    "a key that may withdraw": {"permissions": ["modify-trades", "withdraw-funds"]},
    "a key that may not trade": {"permissions": ["query-funds"]},
    "turned away by a gateway": lambda _: web.Response(status=403),
}


@pytest.mark.parametrize("answer", SELDOM.values(), ids=SELDOM)
async def test_what_somebody_has_to_change_is_asked_again_seldom(
    exchange: Exchange, asked: Asked, answer: Any
) -> None:
    exchange.script["GetApiKeyInfo"].append(answer)
    await asked.learn()
    assert asked.pauses_s == [300.0]
    assert exchange.count("GetApiKeyInfo") == 2


@pytest.mark.parametrize(("window", "told"), [("0", False), ("15", True)])
async def test_a_nonce_window_is_a_caution_and_no_obstacle(
    exchange: Exchange, asked: Asked, window: str, told: bool
) -> None:
    exchange.always["GetApiKeyInfo"] = ANSWERS["GetApiKeyInfo"] | {"nonce_window": window}
    await asked.learn()
    assert (f"nonce window of {window}" in asked.terms.caution) is told
    assert asked.terms.pairs


@pytest.mark.parametrize("odd", [{"ordermin": None}, {"altname": None}, {"fees": "none"}])
async def test_an_odd_row_of_another_pair_or_asset_costs_nothing(
    exchange: Exchange, asked: Asked, odd: dict[str, Any]
) -> None:
    exchange.always["AssetPairs"] = {"ODD": {**BTC, **odd}, "XXBTZUSD": BTC}
    exchange.always["Assets"] = ANSWERS["Assets"] | {"ODD": {"display_decimals": None}}
    await asked.learn()
    assert (asked.terms.pairs, asked.reasons) == ({"BTC/USD": "XBTUSD"}, [])


@pytest.mark.parametrize("answer", [answers.page, {"fees": {"XXBTZUSD": 4}}, {"fees": None}])
async def test_fees_that_cannot_be_read_are_those_of_the_pairs_own_table(
    exchange: Exchange, asked: Asked, answer: Any
) -> None:
    exchange.always["TradeVolume"] = answer
    await asked.learn()
    await asked.terms.learn_fees("BTC/USD")
    assert str(asked.terms.fees["BTC/USD"].taker) == "0.40"
