"""Where faults are injected, what new connections meet, and when the market is paused."""

from __future__ import annotations

import json

import pytest

from kracked.gateway.channels import Socket
from kracked.protocol.requests import Subscribe, encode
from kracked.sim.faults.schedule import Fault, FaultKind
from kracked.sim.injection.injector import FaultInjector, Handshake
from kracked.sim.server import SimOptions, SimServer

S = 10**9
NOW = 1_790_000_000 * S


class Client:
    """A connection to an exchange that has no sockets."""

    def __init__(self, server: SimServer, role: Socket = Socket.PUBLIC, depth: int = 10) -> None:
        self.received: list[bytes] = []
        self.ended: list[str] = []
        self.connection = server.injector.attach(
            role, self, lambda send: server.exchange.connect(role, send, NOW)
        )
        request = Subscribe(channel="book", symbol=("BTC/USD",), depth=depth)
        self.connection.receive(encode(request, 1), NOW)

    def send(self, message: bytes) -> None:
        self.received.append(message)

    def abort(self) -> None:
        self.ended.append("aborted")

    def write(self, data: bytes) -> None:
        self.received.append(data)

    def close(self, reason: str) -> None:
        self.ended.append(reason)

    def updates(self) -> list[bytes]:
        return [message for message in self.received if b'"type":"update","data":[{"sy' in message]


@pytest.fixture
def server() -> SimServer:
    return SimServer(SimOptions(seed=3, symbols=["BTC/USD"], faults=""), clock=lambda: NOW)


def inject(server: SimServer, kind: FaultKind, where: str = "", detail: str = "") -> bool:
    return server.injector.inject(Fault(kind, where, detail))


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.MAINTENANCE])
def test_without_connections_nothing_is_injected(server: SimServer, kind: FaultKind) -> None:
    assert not inject(server, kind)
    assert not server.injector.log


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.LOST, FaultKind.BURST])
def test_a_symbol_that_nobody_follows_is_spared(server: SimServer, kind: FaultKind) -> None:
    Client(server)
    assert not inject(server, kind, "ETH/USD")


def test_a_fault_is_injected_only_into_a_connection_of_the_named_role(server: SimServer) -> None:
    public, level3 = Client(server), Client(server, Socket.LEVEL3)
    assert inject(server, FaultKind.DROP, "level3")
    assert (public.ended, len(level3.ended)) == ([], 1)


@pytest.mark.parametrize(
    ("kind", "handshake", "lasts_s"),
    [(FaultKind.REFUSE, Handshake.REFUSED, 3), (FaultKind.SLOW_ACCEPT, Handshake.SLOW, 3)],
)
def test_a_closed_door_opens_again(
    server: SimServer, kind: FaultKind, handshake: Handshake, lasts_s: int
) -> None:
    client = Client(server)
    inject(server, kind)
    assert client.ended == ["aborted"]
    assert server.injector.handshake("public") is handshake
    assert server.injector.handshake("level3") is Handshake.OPEN
    server.advance(NOW + lasts_s * S)
    assert server.injector.handshake("public") is Handshake.OPEN


def test_noise_is_met_once(server: SimServer) -> None:
    Client(server)
    inject(server, FaultKind.GARBAGE)
    met = [server.injector.handshake("public") for _ in range(2)]
    assert met == [Handshake.NOISE, Handshake.OPEN]


def test_a_burst_is_a_thousand_messages_in_a_tenth_of_a_second(server: SimServer) -> None:
    client = Client(server)
    server.injector.hold(0)
    quiet = len(client.updates())
    inject(server, FaultKind.BURST)
    for hundredth in range(11):
        server.exchange.pause(NOW + hundredth * S // 100)
        server.injector.advance(server.exchange.time)
    assert len(client.updates()) - quiet == 1_000
    assert not server.injector.busy


def test_in_maintenance_nothing_is_traded_and_afterwards_it_is(server: SimServer) -> None:
    client = Client(server)
    inject(server, FaultKind.MAINTENANCE)
    server.advance(NOW + 2 * S)
    assert (server.exchange.system, client.updates()) == ("maintenance", [])
    server.advance(NOW + 3 * S)
    server.advance(NOW + 8 * S)
    assert server.exchange.system == "online"
    assert client.updates()


def test_maintenance_is_not_begun_twice(server: SimServer) -> None:
    assert inject(server, FaultKind.MAINTENANCE)
    assert not inject(server, FaultKind.MAINTENANCE)


def test_in_calm_nothing_is_injected() -> None:
    options = SimOptions(seed=3, symbols=["BTC/USD"], faults="maintenance:1s")
    server = SimServer(options, clock=lambda: NOW)
    server.injector.calm(60 * S)
    for second in range(1, 60):
        server.advance(NOW + second * S)
    assert not server.injector.log
    for second in range(60, 90):
        server.advance(NOW + second * S)
    assert server.injector.log


def test_every_injected_fault_is_noted() -> None:
    told = []
    options = SimOptions(seed=3, symbols=["BTC/USD"], faults="")
    server = SimServer(options, clock=lambda: NOW, note=told.append)
    inject(server, FaultKind.MAINTENANCE)
    assert told == list(server.injector.log)


def test_nothing_is_injected_into_a_connection_that_has_ended(server: SimServer) -> None:
    client = Client(server)
    server.injector.connections.remove(client.connection)
    assert isinstance(server.injector, FaultInjector)
    assert not inject(server, FaultKind.DROP)


def test_a_silent_channel_loses_its_frames_for_a_while_and_no_other_does(
    server: SimServer,
) -> None:
    client = Client(server)
    assert not inject(server, FaultKind.SILENT, "", "ticker")
    assert inject(server, FaultKind.SILENT, "BTC/USD", "book/5s")
    server.advance(NOW + 4 * S)
    assert client.updates() == []
    server.advance(NOW + 6 * S)
    server.advance(NOW + 8 * S)
    assert client.updates()


def test_an_order_under_an_expired_token_is_refused_and_the_socket_stays_open(
    server: SimServer,
) -> None:
    client = Client(server, Socket.PRIVATE)
    assert inject(server, FaultKind.TOKEN, "private")
    request = {"method": "add_order", "params": {"token": "t"}, "req_id": 9}
    client.connection.receive(json.dumps(request), NOW)
    answer = json.loads(client.received[-1])
    assert (answer["error"], answer["req_id"]) == ("EAPI:Invalid token", 9)
    assert client.ended == []
