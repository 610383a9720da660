"""A client's session with an exchange: its replies are those of recordings and documentation."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from kracked.gateway.channels import Socket
from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S
from tests.sim.session_client import Client, Join, errors, run

# --- connecting ------------------------------------------------------------------------


def test_the_status_comes_unasked(client: Client) -> None:
    (status,) = client.greeting
    (data,) = status["data"]
    assert (status["channel"], status["type"]) == ("status", "update")
    assert (data["system"], data["api_version"], data["version"]) == ("online", "v2", "2.0.10")
    assert (data["upcoming_maintenance"], data["emergency"]) == ([], [])


def test_every_connection_has_its_own_id(join: Join) -> None:
    greetings = [join(Socket.PUBLIC).greeting[0]["data"][0] for _ in range(20)]
    assert len({data["connection_id"] for data in greetings}) == 20
    assert max(data["connection_id"] for data in greetings) > 2**53


def test_heartbeats_come_once_a_second_from_the_first_subscription_on(
    exchange: Exchange, client: Client
) -> None:
    run(exchange, 3)
    assert client.take() == []
    client.subscribe("trade", "BONK/USD")
    run(exchange, 10)
    beats = [message for message in client.take() if message == {"channel": "heartbeat"}]
    assert len(beats) == 10


def test_a_ping_is_answered_with_its_id_and_without_success(client: Client) -> None:
    (pong,) = client.say('{"method":"ping","req_id":101}')
    assert {**pong, "time_in": "", "time_out": ""} == {
        "method": "pong",
        "req_id": 101,
        "time_in": "",
        "time_out": "",
    }


def test_a_new_mode_is_announced_to_everybody_under_their_own_ids(
    exchange: Exchange, client: Client
) -> None:
    exchange.set_system("post_only")
    (status,) = client.take()
    exchange.set_system("online")
    assert status["data"][0]["system"] == "post_only"
    greeted = client.greeting[0]["data"][0]
    assert status["data"][0]["connection_id"] == greeted["connection_id"]


def test_an_idle_connection_is_hung_up_on(exchange: Exchange, client: Client) -> None:
    assert not client.session.idle(exchange.time + 59 * NS_PER_S)
    assert client.session.idle(exchange.time + 60 * NS_PER_S)


def test_a_subscription_keeps_a_silent_connection_open(exchange: Exchange, client: Client) -> None:
    client.subscribe("trade", "BTC/USD")
    assert not client.session.idle(exchange.time + 600 * NS_PER_S)


# --- acknowledgements --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "result"),
    [
        (
            {"channel": "book"},
            {"channel": "book", "depth": 10, "snapshot": True, "symbol": "BTC/USD"},
        ),
        (
            {"channel": "book", "depth": 1000, "snapshot": False},
            {"channel": "book", "depth": 1000, "snapshot": False, "symbol": "BTC/USD"},
        ),
        (
            {"channel": "ticker"},
            {
                "channel": "ticker",
                "event_trigger": "trades",
                "snapshot": True,
                "symbol": "BTC/USD",
            },
        ),
        ({"channel": "trade"}, {"channel": "trade", "snapshot": False, "symbol": "BTC/USD"}),
        (
            {"channel": "ohlc", "interval": 60},
            {
                "channel": "ohlc",
                "interval": 60,
                "snapshot": True,
                "symbol": "BTC/USD",
                "warnings": ["timestamp is deprecated, use interval_begin"],
            },
        ),
    ],
)
def test_an_acknowledgement_states_the_parameters_in_force(
    client: Client, params: dict[str, Any], result: dict[str, Any]
) -> None:
    acknowledgement = client.ask("subscribe", symbol=["BTC/USD"], **params)[0]
    assert acknowledgement["result"] == result
    assert list(acknowledgement["result"]) == sorted(result)
    assert (acknowledgement["success"], acknowledgement["req_id"]) == (True, 7)


def test_instruments_are_acknowledged_without_a_symbol(client: Client) -> None:
    assert client.subscribe("instrument")[0]["result"] == {
        "channel": "instrument",
        "snapshot": True,
        "warnings": ["tick_size is deprecated, use price_increment"],
    }


def test_level3_states_a_depth_only_if_it_was_asked_for(client: Client, token: str) -> None:
    default = client.subscribe("level3", "BTC/USD", token=token)[0]["result"]
    asked = client.subscribe("level3", "ETH/USD", token=token, depth=100)[0]["result"]
    assert default == {"channel": "level3", "snapshot": True, "symbol": "BTC/USD"}
    assert asked["depth"] == 100


def test_each_symbol_is_answered_alone_and_followed_by_its_snapshot(client: Client) -> None:
    replies = client.subscribe("book", "BTC/USD", "WWW/USD", "ETH/USD")
    assert [reply.get("method", reply.get("type")) for reply in replies] == [
        "subscribe",
        "snapshot",
        "subscribe",
        "subscribe",
        "snapshot",
    ]
    assert {reply["req_id"] for reply in replies if "method" in reply} == {7}
    assert replies[2]["symbol"] == "WWW/USD"


def test_a_request_without_an_id_is_answered_without_one(client: Client) -> None:
    (reply,) = client.ask("subscribe", req_id=None, channel="trade", symbol=["BTC/USD"])
    assert "req_id" not in reply


@pytest.mark.parametrize(
    ("params", "result"),
    [
        ({"channel": "book", "depth": 25}, {"channel": "book", "depth": 25, "symbol": "BTC/USD"}),
        ({"channel": "trade"}, {"channel": "trade", "symbol": "BTC/USD"}),
        (
            {"channel": "ohlc", "interval": 5},
            {"channel": "ohlc", "interval": 5, "symbol": "BTC/USD"},
        ),
    ],
)
def test_unsubscribing_is_acknowledged_without_a_snapshot_field(
    client: Client, params: dict[str, Any], result: dict[str, Any]
) -> None:
    client.ask("subscribe", symbol=["BTC/USD"], **params)
    (reply,) = client.ask("unsubscribe", symbol=["BTC/USD"], **params)
    assert (reply["method"], reply["result"]) == ("unsubscribe", result)


# --- refusals ----------------------------------------------------------------------------


def test_an_unknown_symbol_is_refused_by_name(client: Client) -> None:
    (reply,) = client.subscribe("book", "XBT/USD")
    assert reply["error"] == "Currency pair not supported XBT/USD"
    assert (reply["symbol"], reply["success"]) == ("XBT/USD", False)


def test_a_depth_nobody_offers_is_refused_without_naming_the_symbol(client: Client) -> None:
    (reply,) = client.subscribe("book", "BTC/USD", depth=50)
    assert reply["error"] == "Subscription depth not supported"
    assert "symbol" not in reply


def test_an_interval_nobody_offers_is_refused(client: Client) -> None:
    assert errors(client.subscribe("ohlc", "BTC/USD", interval=7)) == [
        "Subscription ohlc interval not supported"
    ]


@pytest.mark.parametrize("depth", [10, 25])
def test_one_depth_a_symbol_and_connection(client: Client, depth: int) -> None:
    client.subscribe("book", "BTC/USD", depth=10)
    assert errors(client.subscribe("book", "BTC/USD", depth=depth)) == ["Already subscribed"]


def test_several_intervals_of_one_symbol_may_be_had(client: Client) -> None:
    client.subscribe("ohlc", "BTC/USD", interval=1)
    assert client.subscribe("ohlc", "BTC/USD", interval=5)[0]["success"]


@pytest.mark.parametrize("params", [{"channel": "nothing"}, {}])
def test_an_unknown_channel_is_an_unsupported_event(client: Client, params: dict[str, Any]) -> None:
    assert errors(client.ask("subscribe", **params)) == ["Unsupported event"]


def test_an_unknown_method_is_an_unsupported_event(client: Client) -> None:
    assert errors(client.ask("resubscribe")) == ["Unsupported event"]


def test_broken_json_is_a_malformed_request(client: Client) -> None:
    (reply,) = client.say("{")
    assert (reply["error"], reply["method"]) == ("Malformed request", "error")


def test_a_ping_with_parameters_is_refused(client: Client) -> None:
    assert errors(client.ask("ping")) == [
        "Unsupported field: 'params' for the given msg type: ping"
    ]


def test_a_channel_of_symbols_needs_one(client: Client) -> None:
    assert errors(client.ask("subscribe", channel="book")) == ["Symbol(s) not found"]


def test_leaving_what_was_not_joined_is_refused(client: Client) -> None:
    assert errors(client.ask("unsubscribe", channel="book", symbol=["BTC/USD"])) == [
        "Subscription Not Found"
    ]


@pytest.mark.parametrize(
    ("socket", "channel", "beginning"),
    [
        (Socket.PUBLIC, "executions", "Private data and trading are unavailable on this endpoint"),
        (Socket.PRIVATE, "book", "Public market data subscriptions are unavailable"),
        (Socket.LEVEL3, "book", "Public market data subscriptions are unavailable"),
        (Socket.PUBLIC, "level3", "Level 3 market data subscriptions are unavailable"),
        (Socket.PRIVATE, "level3", "Level 3 market data subscriptions are unavailable"),
    ],
)
def test_each_address_refuses_what_belongs_to_another(
    join: Join, token: str, socket: Socket, channel: str, beginning: str
) -> None:
    (error,) = errors(join(socket).subscribe(channel, "BTC/USD", token=token))
    assert error.startswith(beginning)


def test_trading_is_sent_to_the_private_address(join: Join) -> None:
    (error,) = errors(join(Socket.PUBLIC).ask("add_order"))
    assert error.startswith("Private data and trading are unavailable on this endpoint")


def test_refusals_leave_the_connection_as_it_was(exchange: Exchange, client: Client) -> None:
    client.subscribe("book", "WWW/USD")
    run(exchange, 2)
    assert client.take() == [{"channel": "heartbeat"}] * 2


# --- tokens ------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["level3", "executions", "balances"])
def test_a_private_channel_needs_a_token(client: Client, channel: str) -> None:
    assert errors(client.subscribe(channel, "BTC/USD")) == ["Token(s) not found"]


def test_a_foreign_token_is_an_invalid_session(client: Client) -> None:
    (reply,) = client.subscribe("level3", "BTC/USD", token="nonsense")
    assert (reply["error"], reply["status"]) == ("ESession:Invalid session", "error")


def test_a_token_too_old_is_an_invalid_session(exchange: Exchange, join: Join, token: str) -> None:
    (reply,) = join(Socket.ALL).subscribe("executions", token=token, later_s=900)
    assert reply["error"] == "ESession:Invalid session"


def test_a_token_that_opened_a_connection_stays_good_there(
    exchange: Exchange, client: Client, token: str
) -> None:
    client.subscribe("level3", "BONK/USD", token=token)
    assert client.subscribe("executions", token=token, later_s=900)[0]["success"]


def test_an_account_without_orders_gets_an_empty_snapshot(client: Client, token: str) -> None:
    acknowledgement, snapshot = client.subscribe("executions", token=token)
    assert acknowledgement["success"]
    assert snapshot == {"channel": "executions", "type": "snapshot", "data": [], "sequence": 1}


def test_executions_are_acknowledged_as_recorded(client: Client, token: str) -> None:
    result = client.subscribe("executions", token=token)[0]["result"]
    assert list(result) == [
        "channel",
        "maxratecount",
        "snap_orders",
        "snap_trades",
        "snapshot",
        "warnings",
    ]


def test_two_deep_level3_symbols_a_second(exchange: Exchange, client: Client, token: str) -> None:
    asked = ("BTC/USD", "ETH/USD", "BONK/USD")
    replies = client.subscribe("level3", *asked, token=token, depth=1000)
    assert [reply["symbol"] for reply in replies if reply.get("success") is False] == ["BONK/USD"]
    again = client.subscribe("level3", "BONK/USD", token=token, depth=1000, later_s=0.5)
    assert again[0]["success"]


@pytest.mark.parametrize("channel", ["book", "level3", "ticker", "trade", "ohlc"])
@pytest.mark.parametrize("symbols", [("",), ("BTC/USD", "")])
def test_an_empty_symbol_is_refused_like_any_other_that_is_not_listed(
    client: Client, token: str, channel: str, symbols: tuple[str, ...]
) -> None:
    needed = {"token": token} if channel == "level3" else {}
    replies = client.subscribe(channel, *symbols, **needed)
    assert errors([reply for reply in replies if reply.get("success") is False]) == [
        "Currency pair not supported "
    ]


@pytest.mark.parametrize("seed", range(20))
def test_no_request_whatever_ends_a_client_s_session(
    client: Client, token: str, exchange: Exchange, seed: int
) -> None:
    random = Random(seed)
    values = (None, True, -1, 0, 2**70, 1.5, "", "BTC/USD", "\x00", "x" * 300, [], [""], {}, [None])
    for _ in range(200):
        channel = random.choice(("book", "level3", "ticker", "trade", "ohlc", "executions", ""))
        params = {"channel": channel, "symbol": ["BTC/USD"], "token": token}
        names = ("channel", "symbol", "depth", "interval", "token", "snapshot", "event_trigger")
        for name in random.sample(names, random.randrange(4)):
            params[name] = random.choice(values)
        method = random.choice(("subscribe", "unsubscribe", "ping", "add_order", ""))
        request = {"method": method, "params": params, "req_id": random.choice(values)}
        client.session.receive(json.dumps(request), exchange.time)
    assert client.subscribe("trade", "ETH/USD")
