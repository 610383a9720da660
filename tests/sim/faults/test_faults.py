"""Faults are specified as text, come when they are due, and do what their names say."""

from __future__ import annotations

import json
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.cli.main import main
from kracked.protocol import encode, encode_replies
from kracked.protocol.requests import Subscribe
from kracked.protocol.requests import encode as request
from kracked.sim.faults import corrupt
from kracked.sim.faults.corrupt import MessageHead
from kracked.sim.faults.grammar import BadFaults
from kracked.sim.faults.refusals import REASONS
from kracked.sim.faults.schedule import Fault, FaultKind, FaultRule, FaultSchedule, read
from kracked.sim.injection.faulty_connection import FaultyConnection, InjectedFault

S = 10**9
NOW = 1_790_000_000 * S


# --- the specification --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("drop:30s", FaultRule(kind=FaultKind.DROP, mean_ns=30 * S)),
        ("lost:0.001", FaultRule(kind=FaultKind.LOST, chance=0.001)),
        (
            "checksum:@10s:BTC/USD",
            FaultRule(kind=FaultKind.CHECKSUM, at_ns=10 * S, where="BTC/USD"),
        ),
        (
            "half-open:2m:level3",
            FaultRule(kind=FaultKind.HALF_OPEN, mean_ns=120 * S, where="level3"),
        ),
        ("refusal=pair:@0s", FaultRule(kind=FaultKind.REFUSAL, at_ns=0, detail="pair")),
        (
            "maintenance=2.5:1h",
            FaultRule(kind=FaultKind.MAINTENANCE, mean_ns=3600 * S, detail="2.5"),
        ),
        ("all:500ms", FaultRule(kind=None, mean_ns=S // 2)),
        (
            "silent=book/20s:@5s:BTC/USD",
            FaultRule(kind=FaultKind.SILENT, at_ns=5 * S, detail="book/20s", where="BTC/USD"),
        ),
        ("silent:9s", FaultRule(kind=FaultKind.SILENT, mean_ns=9 * S)),
    ],
)
def test_a_rule_says_what_when_and_where(text: str, rule: FaultRule) -> None:
    assert read(text) == (rule,)


def test_rules_are_separated_by_commas() -> None:
    kinds = [rule.kind for rule in read("drop:30s, lost:0.001,all:5s")]
    assert kinds == [FaultKind.DROP, FaultKind.LOST, None]


def test_no_rules_are_no_faults() -> None:
    assert read("") == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("drop", "it does not say when"),
        ("crash:5s", "there is no kind 'crash'"),
        ("drop:often", "'often' is no length of time"),
        ("drop:0s", "the mean time between two is zero"),
        ("drop:0.1", "a chance is for lost, duplicate, reorder, checksum, json"),
        ("lost:5s:moon", "'moon' is neither a symbol nor one of public, level3, private"),
        ("refusal=mood:5s", "'mood' is none of the reasons pair, depth"),
        ("silent=news:5s", "'news' is none of the channels book, level3"),
        ("silent=book/soon:5s", "'soon' is no length of time"),
        ("drop=3:5s", "only refusal, refuse"),
        ("maintenance=long:5s", "'long' is no length of time"),
    ],
)
def test_a_bad_rule_is_refused_with_the_reason_and_every_kind(text: str, problem: str) -> None:
    with pytest.raises(BadFaults) as refused:
        read(text)
    sentence = str(refused.value)
    assert problem in sentence
    assert all(f"\n  {kind} " in sentence for kind in FaultKind)


def test_the_command_ends_with_2_on_faults_it_cannot_read(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sim", "--faults", "crash:5s"])
    assert ended.value.code == 2
    assert "late-snapshot" in capsys.readouterr().err


# --- when ---------------------------------------------------------------------------------


def strikes(spec: str, seed: object, seconds: int) -> list[tuple[int, Fault]]:
    schedule = FaultSchedule(read(spec), seed, NOW)
    return [
        (tenth, fault)
        for tenth in range(seconds * 10)
        for fault in schedule.due(NOW + tenth * S // 10)
    ]


def test_a_scripted_fault_strikes_once_and_on_time() -> None:
    assert strikes("drop:@3s:public", 1, 60) == [(30, Fault(FaultKind.DROP, "public"))]


def test_the_same_seed_gives_the_same_faults() -> None:
    assert strikes("all:2s,drop:5s", 7, 60) == strikes("all:2s,drop:5s", 7, 60)
    assert strikes("all:2s,drop:5s", 7, 60) != strikes("all:2s,drop:5s", 8, 60)


def test_random_faults_keep_their_mean_interval() -> None:
    assert 400 < len(strikes("drop:2s", 1, 1_000)) < 600


def test_any_fault_is_every_kind_in_turn() -> None:
    assert {fault.kind for _, fault in strikes("all:1s", 1, 300)} == set(FaultKind)


# --- damage -------------------------------------------------------------------------------

UPDATE = (
    b'{"channel":"level3","type":"update","data":[{"symbol":"BTC/USD","bids":[],"asks":['
    b'{"event":"add","order_id":"O1","limit_price":1.0,"order_qty":2.00000000,'
    b'"timestamp":"2026-01-01T00:00:00.000000005Z"}],"checksum":2143854316,'
    b'"timestamp":"2026-01-01T00:00:01.000000007Z"}]}'
)


def test_a_message_says_what_it_is_about() -> None:
    assert corrupt.read_head(UPDATE) == MessageHead("level3", "update", "BTC/USD")
    assert corrupt.read_head(encode.HEARTBEAT.encode()) is None


def test_a_wrong_checksum_is_the_only_thing_that_is_wrong() -> None:
    right, wrong = json.loads(UPDATE), json.loads(corrupt.wrong_checksum(UPDATE))
    assert right["data"][0].pop("checksum") != wrong["data"][0].pop("checksum")
    assert right == wrong


@given(st.integers())
def test_broken_json_is_never_valid(seed: int) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(corrupt.broken_json(UPDATE, Random(seed)))


def test_a_clock_that_is_off_changes_a_messages_own_time_and_not_its_orders() -> None:
    (shifted,) = json.loads(corrupt.shifted(UPDATE, 3600 * S))["data"]
    assert shifted["timestamp"] == "2026-01-01T01:00:01.000000007Z"
    assert shifted["asks"][0]["timestamp"] == "2026-01-01T00:00:00.000000005Z"


def test_a_clock_that_is_off_shows_in_answers() -> None:
    pong = encode_replies.pong(1, time_in=NOW, time_out=NOW).encode()
    assert (
        corrupt.shifted(pong, -S)
        == encode_replies.pong(1, time_in=NOW - S, time_out=NOW - S).encode()
    )


def test_a_huge_frame_is_a_valid_message() -> None:
    assert json.loads(corrupt.huge())["channel"] == "filler"
    assert len(corrupt.huge()) > corrupt.HUGE_BYTES


def test_a_torn_frame_promises_more_than_comes() -> None:
    frame = corrupt.torn_frame(b"hello", Random(1))
    assert int.from_bytes(frame[2:10]) > len(frame) - 10


# --- a connection -------------------------------------------------------------------------------


class Client:
    """Both ends of a connection, and what came out of each."""

    def __init__(self, spec: str = "") -> None:
        self.received: list[bytes] = []
        self.asked: list[bytes] = []
        self.ended: list[str] = []
        self.injected: list[InjectedFault] = []
        self.connection = FaultyConnection(
            "public",
            self,
            lambda _: self,
            random=Random(1),
            note=self.injected.append,
            chances=read(spec),
            now=NOW,
        )

    connection_id = 7
    topics = ()

    def send(self, message: bytes) -> None:
        self.received.append(message)

    def receive(self, data, now: int) -> None:
        self.asked.append(data)

    def abort(self) -> None:
        self.ended.append("aborted")

    def write(self, data: bytes) -> None:
        self.received.append(data)

    def close(self, reason: str) -> None:
        self.ended.append(reason)


def update(symbol: str = "BTC/USD", serial: int = 0, kind: str = "update") -> bytes:
    stamp = f"2026-01-01T00:00:{serial:02}.000000Z"
    return encode.book(kind, symbol, [], [], serial, stamp).encode()


def test_a_connection_without_faults_passes_everything_on() -> None:
    client = Client()
    client.connection.send(update())
    client.connection.receive(b"ping", NOW)
    assert (client.received, client.asked, client.injected) == ([update()], [b"ping"], [])


@pytest.mark.parametrize(
    ("kind", "received"),
    [
        (FaultKind.LOST, [1, 2]),
        (FaultKind.DUPLICATE, [0, 0, 1, 2]),
        (FaultKind.REORDER, [1, 0, 2]),
    ],
)
def test_an_armed_fault_strikes_the_next_update_and_no_other(
    kind: FaultKind, received: list[int]
) -> None:
    client = Client()
    client.connection.arm(kind, ("book", "BTC/USD"))
    for serial in range(3):
        client.connection.send(update(serial=serial))
    assert client.received == [update(serial=serial) for serial in received]
    assert [injected.kind for injected in client.injected] == [kind]


def test_a_fault_of_one_book_leaves_the_others_alone() -> None:
    client = Client()
    client.connection.arm(FaultKind.LOST, ("book", "BTC/USD"))
    client.connection.send(update("ETH/USD"))
    assert client.received == [update("ETH/USD")]


def test_a_snapshot_is_never_struck() -> None:
    client = Client()
    client.connection.arm(FaultKind.LOST, ("book", "BTC/USD"))
    client.connection.send(update(kind="snapshot"))
    assert client.received == [update(kind="snapshot")]


def test_a_chance_strikes_as_often_as_it_says() -> None:
    client = Client("lost:0.1")
    for _ in range(10_000):
        client.connection.send(update())
    assert 850 < len(client.injected) < 1_150


def test_a_chance_for_one_symbol_spares_the_others() -> None:
    client = Client("lost:1:BTC/USD")
    client.connection.send(update("ETH/USD"))
    client.connection.send(update("BTC/USD"))
    assert client.received == [update("ETH/USD")]


def test_an_update_that_waits_for_its_successor_is_sent_after_a_second() -> None:
    client = Client()
    client.connection.arm(FaultKind.REORDER, ("book", "BTC/USD"))
    client.connection.send(update())
    client.connection.advance(NOW + S)
    assert client.received == [update()]


def test_a_late_snapshot_comes_before_the_updates_that_followed_it() -> None:
    client = Client()
    client.connection.delay_snapshot()
    told = [update(kind="snapshot"), update(serial=1)]
    for message in told:
        client.connection.send(message)
    client.connection.send(update("ETH/USD"))
    assert client.received == [update("ETH/USD")]
    client.connection.advance(NOW + 3 * S)
    assert client.received[1:] == told


def test_a_half_open_connection_carries_nothing_either_way() -> None:
    client = Client()
    client.connection.die()
    client.connection.send(update())
    client.connection.receive(b"ping", NOW)
    client.connection.advance(NOW + 60 * S)
    assert client.received == client.asked == client.ended == []


def test_heartbeats_come_back() -> None:
    client = Client()
    beat = encode.HEARTBEAT.encode()
    client.connection.mute(5 * S)
    for seconds in range(7):
        client.connection.advance(NOW + seconds * S)
        client.connection.send(beat)
    assert client.received == [beat, beat]


SUBSCRIBE = Subscribe(channel="book", symbol=("BTC/USD", "ETH/USD"), depth=10)


@pytest.mark.parametrize("name", [name for name, reason in REASONS.items() if not reason.session])
def test_a_refused_subscription_is_answered_in_the_exchanges_words(name: str) -> None:
    client = Client()
    client.connection.refuse_next(REASONS[name], "ETH/USD")
    client.connection.receive(request(SUBSCRIBE, 5), NOW)
    (answer,) = map(json.loads, client.received)
    words = REASONS[name].error.format(symbol="ETH/USD")
    assert answer.get("error", answer.get("Error")) == words


def test_a_refusal_of_one_symbol_lets_the_others_through() -> None:
    client = Client()
    client.connection.refuse_next(REASONS["pair"], "ETH/USD")
    client.connection.receive(request(SUBSCRIBE, 5), NOW)
    only = msgspec.structs.replace(SUBSCRIBE, symbol=("BTC/USD",))
    assert client.asked == [request(only, 5)]


def test_a_refusal_waits_for_its_symbol() -> None:
    client = Client()
    client.connection.refuse_next(REASONS["pair"], "SOL/USD")
    client.connection.receive(request(SUBSCRIBE, 5), NOW)
    assert (client.received, client.asked) == ([], [request(SUBSCRIBE, 5)])


def test_an_expired_token_is_refused_for_good() -> None:
    client = Client()
    client.connection.tokens_expired = True
    asked = Subscribe(channel="level3", symbol=("BTC/USD",), depth=10, token="t")
    for _ in range(2):
        client.connection.receive(request(asked, 5), NOW)
    answers = [json.loads(answer) for answer in client.received]
    assert [answer["error"] for answer in answers] == ["ESession:Invalid session"] * 2
    assert answers[0]["status"] == "error"


def test_a_torn_connection_ends_within_a_frame() -> None:
    client = Client()
    client.connection.tear()
    assert client.ended == ["aborted"]
