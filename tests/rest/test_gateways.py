"""Between client and exchange: gateways, redirects, proxies, cut and slow answers."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from kracked.errors import ConnectionLost, KrackedError
from kracked.rest.client import RestClient
from kracked.rest.replies import OutcomeUnknown, Refused, UnreadableReply
from kracked.rest.transport import (
    KEPT_ALIVE_S,
    AccessDenied,
    HttpTransport,
    NoAnswer,
    NotSent,
    proxy_of,
)
from tests.patience import PATIENCE_S
from tests.rest import scripted_http as answers
from tests.rest.scripted_http import Exchange
from tests.rest.test_endpoints import ORDER

DENIALS = [400, 401, 403, 404, 405]
STATUSES = [301, 308, 429, 500, 502, 503, 504, 520, 522, 524]


def status(code: int, **headers: str) -> answers.Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    page = "<html>nobody here speaks JSON</html>"
    return lambda request: web.Response(
        status=code, text=page, content_type="text/html", headers=named
    )


def cut(request: web.Request) -> web.Response:
    return web.Response(text='{"error":[],"result":{"txid":["O', content_type="application/json")


async def shorter_than_said(request: web.Request) -> web.StreamResponse:
    """Promise more bytes than are sent, and close the connection."""
    response = web.StreamResponse(headers={"Content-Length": "500"})
    await response.prepare(request)
    await response.write(b'{"error":[],"result":{"count":1}}')
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.mark.parametrize("code", STATUSES + DENIALS)
async def test_an_order_answered_by_a_gateway_is_unknown_and_was_sent_once(
    exchange: Exchange, client: RestClient, code: int
) -> None:
    exchange.always["AddOrder"] = status(code)
    with pytest.raises(OutcomeUnknown, match=f"HTTP {code}"):
        await client.add_order(ORDER, "XBTUSD")
    assert exchange.count("AddOrder") == 1


@pytest.mark.parametrize("code", STATUSES)
async def test_a_read_answered_by_a_gateway_is_asked_again(
    exchange: Exchange, client: RestClient, code: int
) -> None:
    exchange.script["Balance"].append(status(code))
    assert await client.balance() == {}
    assert exchange.count("Balance") == 2


@pytest.mark.parametrize("code", DENIALS)
async def test_a_call_that_is_turned_away_is_not_repeated_and_says_what_to_check(
    exchange: Exchange, client: RestClient, code: int
) -> None:
    exchange.always["Balance"] = status(code)
    with pytest.raises(AccessDenied, match=f"HTTP {code}.*check the address"):
        await client.balance()
    assert exchange.count("Balance") == 1


@pytest.mark.parametrize("fault", [cut, shorter_than_said])
async def test_an_answer_cut_short_is_no_answer(
    exchange: Exchange, client: RestClient, fault: Any
) -> None:
    exchange.always["AddOrder"] = fault
    with pytest.raises(OutcomeUnknown):
        await client.add_order(ORDER, "XBTUSD")
    assert exchange.count("AddOrder") == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_signed_body_never_goes_where_a_redirect_points(
    exchange: Exchange, client: RestClient, code: int
) -> None:
    async with answers.serve() as elsewhere:
        there = f"{elsewhere.url}/0/private/AddOrder"
        exchange.always["AddOrder"] = status(code, Location=there)
        with pytest.raises(OutcomeUnknown):
            await client.add_order(ORDER, "XBTUSD")
        assert elsewhere.calls == []


async def test_a_read_comes_back_when_the_gateway_says(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    exchange.script["Balance"].append(status(503, Retry_After="7"))
    await client.balance()
    assert frozen.slept_s == [7]


async def test_a_read_does_not_wait_for_a_gateway_that_is_gone_for_long(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    exchange.always["Balance"] = status(503, Retry_After="3600")
    with pytest.raises(ConnectionLost):
        await client.balance()
    assert (exchange.count("Balance"), frozen.slept_s) == (1, [])


@pytest.mark.parametrize("text", ["Fri, 31 Dec 1999 23:59:59 GMT", "-1", "1e9", "9" * 10, ""])
async def test_a_time_to_come_back_that_is_no_whole_number_is_left_alone(
    exchange: Exchange, client: RestClient, frozen: Any, text: str
) -> None:
    exchange.script["Balance"].append(status(503, Retry_After=text))
    await client.balance()
    assert frozen.slept_s == [0.5]


async def test_after_a_gateway_named_a_time_no_order_goes_out_before_it_but_cancels_do(
    exchange: Exchange, client: RestClient, frozen: Any
) -> None:
    exchange.script["AddOrder"].append(status(429, Retry_After="5"))
    exchange.always["CancelAll"] = {"count": 0}
    with pytest.raises(OutcomeUnknown):
        await client.add_order(ORDER, "XBTUSD")
    with pytest.raises(Refused, match="held back here"):
        await client.add_order(ORDER, "XBTUSD")
    await client.cancel_all()
    assert (exchange.count("AddOrder"), exchange.count("CancelAll")) == (1, 1)


@pytest.mark.parametrize(
    "answer",
    [
        status(429, Retry_After="9" * 9),
        lambda request: answers.reply(error="EService: Throttled: 99999999999"),
    ],
    ids=["Retry-After", "Throttled"],
)
async def test_no_time_that_is_named_from_outside_holds_orders_back_for_ever(
    exchange: Exchange, client: RestClient, frozen: Any, answer: answers.Answer
) -> None:
    exchange.script["AddOrder"].append(answer)
    with pytest.raises(KrackedError):
        await client.add_order(ORDER, "XBTUSD")
    frozen.now += 59 * 10**9
    with pytest.raises(Refused, match="held back here"):
        await client.add_order(ORDER, "XBTUSD")
    frozen.now += 10**9
    exchange.always["AddOrder"] = {"txid": ["O1"]}
    assert (await client.add_order(ORDER, "XBTUSD")).txid == ("O1",)


# --- long, packed and deep answers ----------------------------------------------------------


def packed(body: bytes, encoding: str = "gzip") -> answers.Answer:
    headers = {"Content-Encoding": encoding}
    return lambda request: web.Response(body=body, headers=headers)


async def test_a_packed_answer_is_unpacked(exchange: Exchange, client: RestClient) -> None:
    exchange.always["Balance"] = packed(gzip.compress(b'{"error":[],"result":{"ZUSD":"1"}}'))
    assert await client.balance() == {"ZUSD": 1}
    assert exchange.last("Balance").headers["Accept-Encoding"] == "gzip"


UNFIT = {
    "33 MiB in 33 kB": packed(gzip.compress(b'{"error":[],"result":"' + b" " * 33 * 2**20)),
    "no gzip": packed(b"not packed at all"),
    "a cut end": packed(gzip.compress(b'{"error":[],"result":{}}')[:-9]),
    "another packing": packed(b"...", "br"),
    "200,000 levels": lambda request: web.Response(
        body=b'{"error":[],"result":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    ),
}


@pytest.mark.parametrize("answer", UNFIT.values(), ids=UNFIT)
async def test_an_answer_that_is_too_long_too_deep_or_badly_packed_is_none(
    exchange: Exchange, client: RestClient, answer: answers.Answer
) -> None:
    exchange.always |= {"AddOrder": answer, "Balance": answer}
    with pytest.raises(OutcomeUnknown):
        await client.add_order(ORDER, "XBTUSD")
    with pytest.raises((NoAnswer, UnreadableReply)):
        await client.balance()
    assert exchange.count("AddOrder") == 1


async def test_an_endless_answer_is_given_up_at_the_bound(
    exchange: Exchange, client: RestClient
) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b" " * 2**20)
                sent += 1
        return response

    exchange.always["AddOrder"] = endless
    with pytest.raises(OutcomeUnknown, match="longer than 32 MiB"):
        await client.add_order(ORDER, "XBTUSD")
    assert sent < 64


# --- proxies ------------------------------------------------------------------------------

KRAKEN = "https://api.kraken.com/0/private/AddOrder"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_proxy_is_the_one_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_of(KRAKEN) is None
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    assert proxy_of(KRAKEN) == "http://127.0.0.1:3128"
    monkeypatch.setenv("NO_PROXY", "kraken.com")
    assert proxy_of(KRAKEN) is None


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000", "localhost"])
def test_this_machine_is_reached_without_one(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:3128")
    assert proxy_of(f"http://{host}/0/public/Time") is None


@asynccontextmanager
async def refusing_proxy(heard: list[bytes]) -> AsyncIterator[str]:
    """A proxy that notes requests and forwards none."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_what_a_proxy_refuses_was_not_sent_and_its_password_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[bytes] = []
    async with refusing_proxy(heard) as address, HttpTransport(timeout_s=PATIENCE_S) as transport:
        monkeypatch.setenv("HTTPS_PROXY", f"http://trader:hunter2@{address}")
        with pytest.raises(NotSent) as told:
            await transport.post(KRAKEN, b"the order", {"API-Key": "the key"})
    assert heard[0].startswith(b"CONNECT api.kraken.com:443 ")
    assert b"the order" not in b"".join(heard)
    assert b"the key" not in b"".join(heard)
    assert "hunter2" not in str(told.value)


async def test_a_proxy_that_is_not_there_means_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://trader:hunter2@127.0.0.1:9")
    async with HttpTransport(timeout_s=PATIENCE_S) as transport:
        with pytest.raises(NotSent) as told:
            await transport.post(KRAKEN, b"", {})
    assert "hunter2" not in str(told.value)


# --- time and connections -----------------------------------------------------------------


async def test_a_headline_without_a_body_is_given_up_in_time(exchange: Exchange) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    exchange.always["Time"] = endless
    async with HttpTransport(timeout_s=0.2) as transport:
        with pytest.raises(NoAnswer, match="Timeout"):
            await transport.get(f"{exchange.url}/0/public/Time", {})


def test_a_connection_outlives_the_rhythm_of_the_dead_mans_switch() -> None:
    from kracked.orders.dead_man_switch import RENEWAL_S

    assert RENEWAL_S < KEPT_ALIVE_S < 60


async def test_calls_in_a_row_use_one_connection(exchange: Exchange, client: RestClient) -> None:
    seen: set[Any] = set()
    exchange.always["Balance"] = lambda request: seen.add(id(request.transport)) or {}
    exchange.always["AddOrder"] = lambda request: (
        seen.add(id(request.transport)) or {"descr": {"order": "buy"}, "txid": ["O1"]}
    )
    for _ in range(3):
        await client.balance()
        await client.add_order(ORDER, "XBTUSD")
    assert len(seen) == 1


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:notaport", "nonsense"])
async def test_a_proxy_that_is_no_address_means_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    async with HttpTransport(timeout_s=PATIENCE_S) as transport:
        with pytest.raises(NotSent):
            await transport.post(KRAKEN, b"", {})
