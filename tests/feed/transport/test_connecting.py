"""How a connection is made, or is not: the same with each transport."""

from __future__ import annotations

import asyncio
import base64
import sys
import time

import pytest

from kracked.errors import ConfigError
from kracked.feed import transport as transports
from kracked.feed.transport import Limits, NotConnected, choose, proxy_of
from tests.feed.transport.rough_server import (
    CERTIFICATE,
    TEXT,
    Line,
    close_frame,
    frame,
    pass_on,
    serving,
)
from tests.patience import PATIENCE_S

MESSAGE = b'{"channel":"heartbeat"}'


async def hello(url: str, *, proxy: str | None = None, open_s: float = PATIENCE_S) -> list[bytes]:
    """Connect, and return what the server says until it closes."""
    messages: list[bytes] = []
    chosen = choose()
    chosen.limits = Limits(open_s=open_s)
    async with (
        asyncio.timeout(2 * PATIENCE_S),
        chosen.connect(url, proxy=proxy, deflate=False) as s,
    ):
        await s.listen(messages.append)
    return messages


async def greet(line: Line) -> None:
    await line.upgrade(more=frame(TEXT, MESSAGE) + close_frame(1000))
    await line.frame()


def answering(answer: bytes):
    async def talk(line: Line) -> None:
        await line.reader.readuntil(b"\r\n\r\n")
        line.writer.write(answer)
        await line.writer.drain()

    return talk


# --- answers to the upgrade ---------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "403 Forbidden", "503 Busy", "520 Unknown"])
async def test_a_refusal_has_the_status_of_the_answer(transport: str, status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(answer.encode())) as port:
        with pytest.raises(NotConnected) as told:
            await hello(f"ws://127.0.0.1:{port}")
    assert told.value.status == int(status[:3])
    assert f"HTTP {status[:3]}" in told.value.reason


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x0a" * 20, id="noise"),
        pytest.param(b"HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\n\r\n", id="half an upgrade"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", id="half an answer"),
        pytest.param(b"x" * 100_000, id="no end of a line"),
    ],
)
async def test_an_answer_that_is_none_is_a_failed_attempt(transport: str, answer: bytes) -> None:
    async with serving(answering(answer)) as port:
        with pytest.raises(NotConnected) as told:
            await hello(f"ws://127.0.0.1:{port}")
    assert told.value.reason
    assert told.value.status in (None, 200)


async def test_a_closed_port_is_a_failed_attempt(transport: str) -> None:
    with pytest.raises(NotConnected, match=r"127\.0\.0\.1"):
        await hello("ws://127.0.0.1:1")


async def test_a_host_that_there_is_not_is_a_failed_attempt(transport: str) -> None:
    with pytest.raises(NotConnected):
        await hello("ws://exchange.invalid")


async def silent(line: Line) -> None:
    await line.reader.read()


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_a_server_that_never_answers_is_given_up(transport: str, scheme: str) -> None:
    async with serving(silent) as port:
        with pytest.raises(NotConnected, match="timed out"):
            await hello(f"{scheme}://127.0.0.1:{port}", open_s=0.05)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_an_attempt_that_is_cancelled_ends_at_once(transport: str, scheme: str) -> None:
    reached = asyncio.Event()
    left = asyncio.Event()

    async def talk(line: Line) -> None:
        await line.reader.read(1)
        reached.set()
        await line.reader.read()
        left.set()

    async with asyncio.timeout(PATIENCE_S), serving(talk) as port:
        attempt = asyncio.ensure_future(hello(f"{scheme}://127.0.0.1:{port}"))
        await reached.wait()
        attempt.cancel()
        begun = time.monotonic()
        await asyncio.wait([attempt])
        assert attempt.cancelled()
        assert time.monotonic() - begun < PATIENCE_S / 2
        await left.wait()


# --- TLS ----------------------------------------------------------------------------------


async def test_a_certificate_that_is_trusted_is_taken(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with serving(greet, tls=True) as port:
        assert await hello(f"wss://localhost:{port}") == [MESSAGE]


async def test_a_certificate_that_nobody_knows_is_refused(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    async with serving(greet, tls=True) as port:
        with pytest.raises(NotConnected, match=r"(?i)certificate.verify.failed.*self-signed"):
            await hello(f"wss://localhost:{port}")


async def test_a_certificate_of_another_name_is_refused(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with serving(greet, tls=True) as port:
        with pytest.raises(
            NotConnected, match=r"(?i)certificate.verify.failed.*IP address mismatch"
        ):
            await hello(f"wss://127.0.0.1:{port}")


# --- proxies ------------------------------------------------------------------------------


def http_proxy(requests: list[bytes], refusal: bytes = b""):
    """Return an HTTP proxy that notes what is requested of it."""

    async def talk(line: Line) -> None:
        request = await line.reader.readuntil(b"\r\n\r\n")
        requests.append(request)
        if refusal:
            line.writer.write(refusal)
            await line.writer.drain()
            return
        line.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await pass_on(line, int(request.split()[1].rpartition(b":")[2]))

    return talk


@pytest.mark.parametrize("tls", [False, True])
async def test_an_http_proxy_is_used(
    transport: str, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    requests: list[bytes] = []
    async with serving(http_proxy(requests)) as proxy, serving(greet, tls=tls) as port:
        address = f"{'wss' if tls else 'ws'}://localhost:{port}"
        assert await hello(address, proxy=f"http://me:s3cret@127.0.0.1:{proxy}") == [MESSAGE]
    assert requests[0].startswith(b"CONNECT localhost:%d " % port)
    assert base64.b64encode(b"me:s3cret") in requests[0]


async def test_a_proxy_that_refuses_is_told_without_its_password(transport: str) -> None:
    refusal = b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"
    async with serving(http_proxy([], refusal)) as proxy:
        with pytest.raises(NotConnected) as told:
            await hello("ws://localhost:1", proxy=f"http://me:s3cret@127.0.0.1:{proxy}")
    assert "407" in told.value.reason
    assert "s3cret" not in told.value.reason
    assert told.value.status is None


async def socks_proxy(line: Line) -> None:
    _, methods = await line.reader.readexactly(2)
    await line.reader.readexactly(methods)
    line.writer.write(b"\x05\x00")
    *_, length = await line.reader.readexactly(5)
    assert await line.reader.readexactly(length) == b"localhost"
    port = int.from_bytes(await line.reader.readexactly(2), "big")
    line.writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
    await pass_on(line, port)


@pytest.mark.parametrize("tls", [False, True])
async def test_a_socks_proxy_is_used(
    transport: str, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("python_socks", reason="websockets needs it for SOCKS; picows brings it")
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    async with serving(socks_proxy) as proxy, serving(greet, tls=tls) as port:
        address = f"{'wss' if tls else 'ws'}://localhost:{port}"
        assert await hello(address, proxy=f"socks5h://127.0.0.1:{proxy}") == [MESSAGE]


async def test_a_proxy_that_is_down_is_a_failed_attempt(transport: str) -> None:
    for proxy in ("http://127.0.0.1:1", "socks5://127.0.0.1:1"):
        with pytest.raises(NotConnected):
            await hello("ws://localhost:2", proxy=proxy)


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("ws", "wss", "http", "https", "socks", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "wss://ws.kraken.com/v2", None),
        ({"https_proxy": "http://p:1"}, "wss://ws.kraken.com/v2", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "wss://ws.kraken.com/v2", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "wss://ws.kraken.com/v2", None),
        ({"http_proxy": "http://p:1"}, "ws://far.example/v2", "http://p:1"),
        ({"https_proxy": "http://p:1", "wss_proxy": "http://q:2"}, "wss://k.com", "http://q:2"),
        (
            {"https_proxy": "http://p:1", "socks_proxy": "http://q:2"},
            "wss://k.com",
            "socks5h://q:2",
        ),
        ({"https_proxy": "http://p:1", "no_proxy": "k.com"}, "wss://ws.k.com/v2", None),
        ({"https_proxy": "http://p:1"}, "wss://127.0.0.1:99/v2", None),
    ],
)
def test_the_environment_names_the_proxy(
    no_proxies: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environment.items():
        no_proxies.setenv(name, value)
    assert proxy_of(url) == proxy


@pytest.mark.parametrize(
    "proxy",
    [
        *("nonsense", "ftp://p:1", "http://", "socks5:", "http://user:se[cret@p:1"),
        *("http://user:secret/word@p:1", "socks5://user:secret?@p:1", "http://user:secret#@p:1"),
    ],
)
def test_a_proxy_that_is_no_address_is_told_without_it(
    no_proxies: pytest.MonkeyPatch, proxy: str
) -> None:
    no_proxies.setenv("https_proxy", proxy)
    with pytest.raises(NotConnected, match=r"the proxy of the environment \(https_proxy\)"):
        proxy_of("wss://ws.kraken.com/v2")


async def test_a_proxy_that_the_library_refuses_is_told_without_its_user(transport: str) -> None:
    with pytest.raises(NotConnected) as refused:
        await hello("ws://localhost:2", proxy="http://secret@127.0.0.1:1")
    assert "secret" not in str(refused.value)


# --- the choice ---------------------------------------------------------------------------


def test_the_transport_that_is_asked_for_is_taken(transport: str) -> None:
    assert choose().name == transport


def test_picows_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(transports.VARIABLE, raising=False)
    missing = transports.picows_missing()
    assert choose().name == ("websockets" if missing else "picows")


def test_a_transport_that_there_is_not_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(transports.VARIABLE, "telegraph")
    with pytest.raises(ConfigError, match="KRACKED_TRANSPORT is 'telegraph', and can be auto"):
        choose()


def test_picows_that_is_not_installed_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "picows", None)
    monkeypatch.setenv(transports.VARIABLE, "picows")
    with pytest.raises(ConfigError, match=r"it .*: pip install 'kracked\[fast\]'"):
        choose()
    monkeypatch.setenv(transports.VARIABLE, "auto")
    assert choose().name == "websockets"
