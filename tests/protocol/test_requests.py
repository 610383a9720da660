"""Requests: a server reads what a client encodes, and refuses bad ones in the exchange's words."""

from __future__ import annotations

import json

import pytest

from kracked.protocol.requests import (
    InvalidRequest,
    Ping,
    Request,
    Subscribe,
    UnknownMethod,
    Unsubscribe,
    encode,
    read,
)


@pytest.mark.parametrize(
    "request_",
    [
        Subscribe(channel="book", symbol=("BTC/USD", "ETH/USD"), depth=25, snapshot=True),
        Subscribe(channel="level3", symbol=("BTC/USD",), depth=1000, token="a/b+c"),
        Subscribe(channel="ohlc", symbol=("BTC/USD",), interval=5),
        Subscribe(channel="ticker", symbol=("BTC/USD",), event_trigger="bbo"),
        Subscribe(channel="instrument", snapshot=False, include_tokenized_assets=True),
        Subscribe(channel="executions", token="t", snap_orders=True, snap_trades=False),
        Unsubscribe(channel="book", symbol=("BTC/USD",), depth=25),
        Ping(),
    ],
)
def test_a_server_reads_what_a_client_encodes(request_: Request) -> None:
    assert read(encode(request_, 7)) == (request_, 7)


def test_what_was_not_said_is_not_sent() -> None:
    sent = json.loads(encode(Subscribe(channel="trade", symbol=("BTC/USD",)), 1))
    assert sent["params"] == {"channel": "trade", "symbol": ["BTC/USD"]}


def test_a_ping_carries_no_parameters() -> None:
    assert json.loads(encode(Ping(), 3)) == {"method": "ping", "req_id": 3}


def refusal(text: str | bytes) -> InvalidRequest:
    request, _ = read(text)
    assert isinstance(request, InvalidRequest)
    return request


def params(**fields: object) -> str:
    return json.dumps({"method": "subscribe", "params": {"channel": "book", **fields}})


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "7", "{}", '{"method":7}', b"\xff", "[" * 100_000),
        '{"method":"ping","req_id":1e9999999999999999999999}',
    ],
)
def test_what_is_no_request_is_malformed(text: str | bytes) -> None:
    assert read(text) == (InvalidRequest("error", "Malformed request"), None)


def test_a_ping_with_parameters_is_refused_in_recorded_words() -> None:
    assert refusal('{"method":"ping","params":{}}') == InvalidRequest(
        "ping", "Unsupported field: 'params' for the given msg type: ping"
    )


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"depth": "10"}, "Depth field must be a number_integer"),
        ({"depth": True}, "Depth field must be a number_integer"),
        ({"depth": 10.5}, "Depth field must be a number_integer"),
        ({"snapshot": 1}, "Snapshot field must be a boolean"),
        ({"symbol": "BTC/USD"}, "Symbol field must be a array"),
        ({"symbol": [1]}, "Symbol field must be a array"),
        ({"token": 5}, "Token field must be a string"),
        ({"channel": None}, "Channel field must be a string"),
        (
            {"maxratecount": 60},
            "Unsupported field: 'maxratecount' for the given msg type: subscribe",
        ),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], error: str) -> None:
    assert refusal(params(**fields)) == InvalidRequest("subscribe", error)


def test_a_request_id_must_be_an_integer() -> None:
    assert refusal('{"method":"ping","req_id":"7"}').error == (
        "Req_id field must be a number_integer"
    )


def test_parameters_must_be_an_object() -> None:
    assert refusal('{"method":"subscribe","params":[]}').error == ("Params field must be a object")


def test_a_subscription_without_a_channel_is_an_unsupported_event() -> None:
    assert refusal('{"method":"subscribe","params":{}}').error == "Unsupported event"


def test_other_methods_are_handed_on_with_their_parameters() -> None:
    text = '{"method":"add_order","params":{"side":"buy"},"req_id":4}'
    assert read(text) == (UnknownMethod("add_order", {"side": "buy"}), 4)
