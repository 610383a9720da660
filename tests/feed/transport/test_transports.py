"""What a connection does, the same with each transport."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kracked.feed.transport import Closed, Limits, NotConnected, Socket, choose
from tests.feed.transport.rough_server import (
    BINARY,
    CERTIFICATE,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Line,
    Talk,
    close_frame,
    frame,
    serving,
)
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.usefixtures("transport")

MESSAGE = b'{"channel":"heartbeat"}'
LONG = b'{"channel":"' + b"x" * 300 + b'"}'
LIMITS = Limits(open_s=PATIENCE_S, close_s=0.05, message_bytes=10_000)


async def heard(
    talk: Talk, *, deflate: bool = False, limits: Limits = LIMITS
) -> tuple[list[bytes], Closed]:
    """Return the messages that a client hears of a server, and how it ended."""
    messages: list[bytes] = []
    chosen = choose()
    chosen.limits = limits
    async with (
        asyncio.timeout(PATIENCE_S),
        serving(talk) as port,
        chosen.connect(f"ws://127.0.0.1:{port}/v2", proxy=None, deflate=deflate) as socket,
    ):
        closed = await socket.listen(messages.append)
    return messages, closed


@asynccontextmanager
async def talking(talk: Talk, *, tls: bool = False) -> AsyncIterator[Socket]:
    """Connect to a server."""
    chosen = choose()
    chosen.limits = LIMITS
    async with asyncio.timeout(PATIENCE_S), serving(talk, tls=tls) as port:
        url = f"wss://localhost:{port}" if tls else f"ws://127.0.0.1:{port}"
        async with chosen.connect(url, proxy=None, deflate=False) as socket:
            yield socket


def ignore(_message: bytes) -> None:
    pass


def sending(*frames: bytes, headers: tuple[str, ...] = ()) -> Talk:
    """Return a server that sends these frames, and waits for the client's close frame."""

    async def talk(line: Line) -> None:
        await line.upgrade(*headers)
        line.writer.write(b"".join(frames))
        while (await line.frame())[0] != CLOSE:
            pass

    return talk


# --- messages ---------------------------------------------------------------------------


async def test_messages_come_whole_and_in_order() -> None:
    sent = [b'{"number":%d,"fill":"%s"}' % (at, b"x" * at) for at in range(1, 500)]
    messages, _ = await heard(sending(*(frame(TEXT, one) for one in sent), close_frame(1000)))
    assert messages == sent


async def test_a_message_right_behind_the_handshake_is_heard() -> None:
    async def talk(line: Line) -> None:
        await line.upgrade(more=frame(TEXT, MESSAGE) + frame(TEXT, LONG) + close_frame(1000))
        await line.frame()

    messages, closed = await heard(talk)
    assert (messages, closed.code) == ([MESSAGE, LONG], 1000)


async def test_a_message_cut_into_network_packets_is_whole() -> None:
    async def talk(line: Line) -> None:
        await line.upgrade()
        for byte in frame(TEXT, LONG):
            line.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        line.writer.write(close_frame(1000))
        await line.frame()

    messages, _ = await heard(talk)
    assert messages == [LONG]


async def test_fragments_are_joined_and_control_frames_may_stand_between() -> None:
    messages, _ = await heard(
        sending(
            frame(TEXT, LONG[:100], fin=False),
            frame(PING, b"?"),
            frame(CONTINUATION, LONG[100:250], fin=False),
            frame(PONG, b"!"),
            frame(CONTINUATION, LONG[250:]),
            frame(TEXT, LONG),
            close_frame(1000),
        )
    )
    assert messages == [LONG, LONG]


async def test_binary_and_empty_messages_are_heard_too() -> None:
    messages, _ = await heard(
        sending(frame(BINARY, LONG), frame(TEXT, b""), frame(BINARY, b"\xff"), close_frame(1000))
    )
    assert messages == [LONG, b"", b"\xff"]


async def test_a_ping_is_answered() -> None:
    answers = []

    async def talk(line: Line) -> None:
        await line.upgrade()
        line.writer.write(frame(PING, b"still there?"))
        answers.append(await line.frame())
        line.writer.write(close_frame(1000))
        await line.frame()

    await heard(talk)
    assert answers == [(PONG, b"still there?")]


async def test_messages_of_a_flood_come_in_order_and_before_the_end() -> None:
    sent = [b'{"number":%d,"fill":"%s"}' % (at, b"x" * 150) for at in range(20_000)]
    messages, closed = await heard(
        sending(*(frame(TEXT, one) for one in sent), close_frame(1012, "soon back"))
    )
    assert messages == sent
    assert closed.code == 1012


async def test_what_is_sent_arrives() -> None:
    arrived = []

    async def talk(line: Line) -> None:
        await line.upgrade()
        arrived.append(await line.frame())

    async with talking(talk) as socket:
        await socket.send(MESSAGE)
        await socket.listen(ignore)
    assert arrived == [(TEXT, MESSAGE)]


# --- compression ------------------------------------------------------------------------


def packed(*messages: bytes, fresh: bool = False) -> list[bytes]:
    """Return messages as RFC 7692 packs them."""
    found, pack = [], zlib.compressobj(wbits=-15)
    for message in messages:
        pack = zlib.compressobj(wbits=-15) if fresh else pack
        found.append((pack.compress(message) + pack.flush(zlib.Z_SYNC_FLUSH))[:-4])
    return found


DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


@pytest.mark.parametrize(
    ("options", "fresh"),
    [("", False), ("; server_no_context_takeover", True), ("; server_max_window_bits=15", False)],
)
async def test_compressed_messages_are_unpacked(options: str, fresh: bool) -> None:
    first, second, third = packed(LONG, MESSAGE, LONG, fresh=fresh)
    frames = [
        frame(TEXT, first, reserved=4),
        frame(TEXT, LONG),
        frame(TEXT, second, reserved=4),
        frame(TEXT, third[:3], fin=False, reserved=4),
        frame(CONTINUATION, third[3:]),
        close_frame(1000),
    ]
    messages, _ = await heard(sending(*frames, headers=(DEFLATE + options,)), deflate=True)
    assert messages == [LONG, LONG, MESSAGE, LONG]


async def test_compression_is_offered_only_where_it_is_wanted() -> None:
    requests = []

    async def talk(line: Line) -> None:
        requests.append(await line.upgrade(more=close_frame(1000)))
        await line.frame()

    for deflate in (True, False):
        await heard(talk, deflate=deflate)
    assert ["permessage-deflate" in request for request in requests] == [True, False]


async def test_a_small_frame_that_unpacks_to_too_much_ends_the_connection() -> None:
    [bomb] = packed(b"x" * 1_000_000)
    _, closed = await heard(
        sending(frame(TEXT, bomb, reserved=4), headers=(DEFLATE,)), deflate=True
    )
    assert closed.reason.startswith("closed by us: 1009 (message too big)")


async def test_noise_that_says_it_is_compressed_ends_the_connection() -> None:
    _, closed = await heard(
        sending(frame(TEXT, b"\xff" * 200, reserved=4), headers=(DEFLATE,)), deflate=True
    )
    assert closed.reason.startswith("closed by us: 1002")


@pytest.mark.parametrize("extension", ["permessage-deflate; whatever=1", "x-other"])
async def test_an_extension_that_was_not_offered_is_refused(extension: str) -> None:
    with pytest.raises(NotConnected):
        await heard(sending(headers=(f"Sec-WebSocket-Extensions: {extension}",)), deflate=True)


# --- ends -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (1000, "", "closed by the server: 1000 (normal)"),
        (1008, "not you", "closed by the server: 1008 (policy) not you"),
        (1012, "soon", "closed by the server: 1012 (restart) soon"),
        (4321, "ours", "closed by the server: 4321 ours"),
    ],
)
async def test_the_server_s_close_is_told_with_code_and_words(
    code: int, text: str, reason: str
) -> None:
    _, closed = await heard(sending(close_frame(code, text)))
    assert closed == (code, reason)


async def test_a_close_without_a_code_is_told() -> None:
    _, closed = await heard(sending(close_frame(None)))
    assert closed == (1005, "closed by the server: 1005 (no code)")


async def test_the_server_s_code_is_given_back_to_it() -> None:
    answers = []

    async def talk(line: Line) -> None:
        await line.upgrade(more=close_frame(1012, "soon"))
        answers.append(await line.frame())

    await heard(talk)
    [(kind, payload)] = answers
    assert (kind, payload[:2]) == (CLOSE, (1012).to_bytes(2, "big"))


async def test_a_line_that_is_cut_is_told() -> None:
    async def talk(line: Line) -> None:
        await line.upgrade(more=frame(TEXT, MESSAGE))

    messages, closed = await heard(talk)
    assert (messages, closed.code) == ([MESSAGE], None)
    assert closed.reason.startswith("no close frame received")


async def test_a_message_that_is_cut_in_the_middle_is_not_heard() -> None:
    async def talk(line: Line) -> None:
        await line.upgrade(more=frame(TEXT, LONG)[:-1])

    messages, closed = await heard(talk)
    assert (messages, closed.code) == ([], None)


MASKED = b"\x81\x85\x01\x02\x03\x04hello"


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([MASKED], id="a masked frame"),
        pytest.param([frame(3, LONG)], id="a kind that there is not"),
        pytest.param([frame(TEXT, MESSAGE, reserved=4)], id="compressed, which was not agreed"),
        pytest.param([frame(TEXT, MESSAGE, reserved=1)], id="a reserved bit"),
        pytest.param([frame(CONTINUATION, MESSAGE)], id="the end of no message"),
        pytest.param(
            [frame(TEXT, LONG, fin=False), frame(TEXT, LONG)], id="a message in a message"
        ),
        pytest.param([frame(PING, b"", fin=False)], id="a control frame in fragments"),
        pytest.param([frame(PING, b"x" * 126)], id="a control frame that is too long"),
        pytest.param([frame(CLOSE, b"\x03")], id="half a close code"),
    ],
)
async def test_what_the_protocol_forbids_ends_the_connection(frames: list[bytes]) -> None:
    answers = []

    async def talk(line: Line) -> None:
        await line.upgrade(more=b"".join(frames))
        answers.append(await line.frame())

    messages, closed = await heard(talk)
    assert messages == []
    assert closed.code is None
    assert closed.reason.startswith("closed by us: 1002 (protocol error)")
    [(kind, payload)] = answers
    assert (kind, payload[:2]) == (CLOSE, (1002).to_bytes(2, "big"))


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([frame(TEXT, b"x" * 10_001)], id="in one frame"),
        pytest.param([frame(TEXT, b"x" * 6_000, fin=False)] * 1, id="in fragments"),
        pytest.param([b"\x81\x7f" + (2**62).to_bytes(8, "big")], id="by its own words"),
    ],
)
async def test_a_message_beyond_the_limit_ends_the_connection(frames: list[bytes]) -> None:
    more = [frame(CONTINUATION, b"x" * 6_000, fin=False)] * 3 if len(frames[0]) < 7_000 else []
    messages, closed = await heard(sending(*frames, *more))
    assert messages == []
    assert closed.reason.startswith("closed by us: 1009 (message too big)")


async def test_a_message_at_the_limit_is_taken() -> None:
    messages, _ = await heard(sending(frame(TEXT, b"x" * 10_000), close_frame(1000)))
    assert messages == [b"x" * 10_000]


async def test_what_the_listener_raises_ends_the_connection_and_is_raised() -> None:
    codes = []

    async def talk(line: Line) -> None:
        await line.upgrade(more=frame(TEXT, LONG) * 3)
        codes.append(await line.frame())

    calls = []

    def refuse(message: bytes) -> None:
        calls.append(message)
        raise LookupError("no such book")

    with pytest.raises(LookupError, match="no such book"):
        async with talking(talk) as socket:
            await socket.listen(refuse)
    assert len(calls) == 1
    assert codes == [(CLOSE, (1011).to_bytes(2, "big"))]


async def test_who_leaves_says_a_normal_farewell() -> None:
    codes = []

    async def talk(line: Line) -> None:
        await line.upgrade()
        codes.append(await line.frame())

    async with talking(talk) as socket:
        listening = asyncio.ensure_future(socket.listen(ignore))
        await asyncio.sleep(0)
        listening.cancel()
        await asyncio.wait([listening])
    assert codes == [(CLOSE, (1000).to_bytes(2, "big"))]


@pytest.mark.parametrize("tls", [False, True])
async def test_leaving_a_server_that_never_answers_takes_a_moment(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    async def talk(line: Line) -> None:
        await line.upgrade()
        await asyncio.sleep(10 * PATIENCE_S)

    async with talking(talk, tls=tls):
        pass


async def test_an_abort_ends_the_listening() -> None:
    async def talk(line: Line) -> None:
        await line.upgrade()
        await asyncio.sleep(10 * PATIENCE_S)

    async with talking(talk) as socket:
        socket.abort()
        assert (await socket.listen(ignore)).code is None


async def test_sending_after_the_end_is_no_error() -> None:
    async with talking(sending(close_frame(1000))) as socket:
        await socket.listen(ignore)
        await socket.send(MESSAGE)
