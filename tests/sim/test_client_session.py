"""A client's conversation with the exchange, by the words recordings and documents give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from kracked.book.keeper import BookKeeper
from kracked.protocol.events import Resync
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.auth import Accounts, ApiKey, new_key
from kracked.sim.channels import Socket
from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S, parse_ns

NOW = 1_790_000_000_000_000_000


class Client:
    """A client without a socket: what it hears is a list."""

    def __init__(self, exchange: Exchange, socket: Socket) -> None:
        self.exchange = exchange
        self.raw: list[bytes] = []
        self.conversation = exchange.connect(socket, self.raw.append, exchange.time)
        self.greeting = self.take()

    def take(self) -> list[dict[str, Any]]:
        """What came since last asked."""
        messages = [json.loads(raw, parse_float=Decimal) for raw in self.raw]
        self.raw.clear()
        return messages

    def say(self, text: str, later_s: float = 0) -> list[dict[str, Any]]:
        self.conversation.receive(text, self.exchange.time + int(later_s * NS_PER_S))
        return self.take()

    def ask(
        self, method: str, *, req_id: int | None = 7, later_s: float = 0, **params: Any
    ) -> list[dict[str, Any]]:
        body = {"method": method, "params": params}
        body = body if req_id is None else {**body, "req_id": req_id}
        return self.say(json.dumps(body), later_s)

    def subscribe(self, channel: str, *symbols: str, **params: Any) -> list[dict[str, Any]]:
        if symbols:
            params["symbol"] = list(symbols)
        return self.ask("subscribe", channel=channel, **params)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    """One exchange for all: opening a market takes longer than any of these tests."""
    listed = listings.listings(["BTC/USD", "ETH/USD", "BONK/USD"])
    return Exchange(SimulatedMarket(listed, seed=11).opened(NOW), Accounts(), NOW)


Join = Callable[[Socket], Client]


@pytest.fixture
def join(exchange: Exchange) -> Iterator[Join]:
    """Connects clients, and disconnects them when the test is over."""
    with ExitStack() as leaving:

        def connect(socket: Socket) -> Client:
            client = Client(exchange, socket)
            leaving.callback(exchange.disconnect, client.conversation)
            return client

        yield connect


@pytest.fixture
def client(join: Join) -> Client:
    return join(Socket.ALL)


@pytest.fixture
def token(exchange: Exchange) -> str:
    key = ApiKey(*new_key())
    exchange.accounts.add(key)
    return exchange.accounts.issue(key, exchange.time)


def run(exchange: Exchange, seconds: float) -> None:
    """Time passes in the server's small steps."""
    end = exchange.time + int(seconds * NS_PER_S)
    while exchange.time < end:
        exchange.advance(min(end, exchange.time + NS_PER_S // 100))


def errors(replies: list[dict[str, Any]]) -> list[str]:
    return [reply["error"] for reply in replies]


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
    assert not client.conversation.idle(exchange.time + 59 * NS_PER_S)
    assert client.conversation.idle(exchange.time + 60 * NS_PER_S)


def test_a_subscription_keeps_a_silent_connection_open(exchange: Exchange, client: Client) -> None:
    client.subscribe("trade", "BTC/USD")
    assert not client.conversation.idle(exchange.time + 600 * NS_PER_S)


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


# --- data --------------------------------------------------------------------------------


def test_books_of_every_depth_stay_verified(exchange: Exchange, join: Join, token: str) -> None:
    keepers = {}
    for depth in (10, 25, 100, 500, 1000):
        listener = join(Socket.ALL)
        listener.conversation.send = keepers.setdefault(("book", depth), Heard()).hear
        listener.subscribe("instrument")
        listener.subscribe("book", "BTC/USD", "ETH/USD", "BONK/USD", depth=depth)
    for depth in (10, 100, 1000):
        listener = join(Socket.ALL)
        listener.conversation.send = keepers.setdefault(("level3", depth), Heard()).hear
        listener.subscribe("instrument")
        listener.subscribe("level3", "BTC/USD", "BONK/USD", depth=depth, token=token)
    run(exchange, 5)
    for (channel, depth), heard in keepers.items():
        assert heard.resyncs == []
        tally = heard.keeper.stats["BTC/USD", channel]
        assert (tally.depth, tally.mismatched) == (depth, 0)
        assert tally.verified > 20


class Heard:
    def __init__(self) -> None:
        self.keeper = BookKeeper()
        self.resyncs: list[Resync] = []

    def hear(self, raw: bytes) -> None:
        self.resyncs += [event for event in self.keeper.receive(raw) if isinstance(event, Resync)]


def test_a_snapshot_has_as_many_levels_as_were_asked_for(client: Client) -> None:
    snapshot = client.subscribe("book", "BTC/USD", depth=1000)[1]["data"][0]
    assert (len(snapshot["bids"]), len(snapshot["asks"])) == (1000, 1000)


def test_a_late_subscriber_starts_from_the_present(
    exchange: Exchange, join: Join, client: Client
) -> None:
    run(exchange, 2)
    client.subscribe("book", "BTC/USD")
    snapshot = join(Socket.ALL).subscribe("book", "BTC/USD")[1]["data"][0]
    assert abs(parse_ns(snapshot["timestamp"]) - exchange.time) < NS_PER_S


def test_the_trade_snapshot_is_the_last_fifty(client: Client) -> None:
    snapshot = client.subscribe("trade", "BTC/USD", snapshot=True)[1]
    ids = [trade["trade_id"] for trade in snapshot["data"]]
    assert ids == list(range(ids[0], ids[0] + 50))


def updates(client: Client, channel: str) -> list[dict[str, Any]]:
    return [m for m in client.take() if m.get("channel") == channel and m["type"] == "update"]


def test_one_message_holds_all_fills_of_a_taker(exchange: Exchange, client: Client) -> None:
    client.subscribe("trade", "BTC/USD")
    run(exchange, 60)
    messages = updates(client, "trade")
    stamps = [{trade["timestamp"] for trade in message["data"]} for message in messages]
    assert all(len(group) == 1 for group in stamps)
    assert len({frozenset(group) for group in stamps}) == len(messages) > 3


def test_a_trade_brings_ticker_and_candle_of_the_same_time(
    exchange: Exchange, client: Client
) -> None:
    client.subscribe("trade", "BTC/USD")
    client.subscribe("ticker", "BTC/USD")
    client.subscribe("ohlc", "BTC/USD", interval=5)
    run(exchange, 60)
    heard = [m for m in client.take() if m.get("type") == "update"]
    trades, ticks, candles = (
        [m for m in heard if m["channel"] == channel] for channel in ("trade", "ticker", "ohlc")
    )
    times = [message["data"][0]["timestamp"] for message in trades]
    assert times
    assert [message["data"][0]["timestamp"] for message in ticks] == times
    assert [message["timestamp"][:26] + "Z" for message in candles] == times


def test_a_candle_names_its_beginning_and_ends_an_interval_later(
    exchange: Exchange, client: Client
) -> None:
    client.subscribe("ohlc", "BTC/USD", interval=15)
    run(exchange, 10)
    candle = updates(client, "ohlc")[-1]["data"][0]
    begin, end = parse_ns(candle["interval_begin"]), parse_ns(candle["timestamp"])
    assert (begin % (900 * NS_PER_S), end - begin) == (0, 900 * NS_PER_S)


def test_the_bbo_ticker_speaks_when_a_best_price_moves(exchange: Exchange, client: Client) -> None:
    first = client.subscribe("ticker", "BTC/USD", event_trigger="bbo")[1]["data"][0]
    run(exchange, 90)
    tops = [(first["bid"], first["ask"])]
    tops += [(m["data"][0]["bid"], m["data"][0]["ask"]) for m in updates(client, "ticker")]
    assert len(tops) > 5
    assert all(top != earlier for earlier, top in pairwise(tops))


def test_digits_are_the_pairs_own(client: Client) -> None:
    level = client.subscribe("book", "BONK/USD")[1]["data"][0]["bids"][0]
    assert (level["price"].as_tuple().exponent, level["qty"].as_tuple().exponent) == (-9, -5)


def test_instruments_have_the_recorded_fields(client: Client) -> None:
    data = client.subscribe("instrument")[1]["data"]
    pairs = {pair["symbol"]: pair for pair in data["pairs"]}
    assert list(pairs["BTC/USD"]) == [
        "symbol",
        "base",
        "quote",
        "status",
        "qty_precision",
        "qty_increment",
        "price_precision",
        "cost_precision",
        "marginable",
        "has_index",
        "cost_min",
        "margin_initial",
        "position_limit_long",
        "position_limit_short",
        "tick_size",
        "price_increment",
        "qty_min",
    ]
    assert "margin_initial" not in pairs["BONK/USD"]


def test_a_pairs_new_status_is_told_to_those_who_listen(exchange: Exchange, client: Client) -> None:
    client.subscribe("instrument", snapshot=False)
    exchange.set_pair_status("ETH/USD", "cancel_only")
    (update,) = updates(client, "instrument")
    exchange.set_pair_status("ETH/USD", "online")
    assert update["data"]["assets"] == []
    assert [pair["status"] for pair in update["data"]["pairs"]] == ["cancel_only"]


def test_nothing_is_told_after_leaving(exchange: Exchange, client: Client) -> None:
    client.subscribe("book", "BTC/USD")
    client.ask("unsubscribe", channel="book", symbol=["BTC/USD"])
    run(exchange, 2)
    assert updates(client, "book") == []


def test_a_client_that_is_gone_is_forgotten(exchange: Exchange, client: Client) -> None:
    client.subscribe("book", "BTC/USD")
    client.subscribe("ticker", "BTC/USD")
    exchange.disconnect(client.conversation)
    run(exchange, 2)
    assert client.take() == []
    assert exchange.desks["BTC/USD"].watched == frozenset()


def test_subscribing_anew_brings_a_fresh_snapshot(exchange: Exchange, client: Client) -> None:
    client.subscribe("book", "BTC/USD")
    run(exchange, 1)
    client.ask("unsubscribe", channel="book", symbol=["BTC/USD"])
    acknowledgement, snapshot = client.subscribe("book", "BTC/USD")
    assert acknowledgement["success"]
    assert snapshot["type"] == "snapshot"


def test_a_seed_gives_the_same_words_however_time_is_cut() -> None:
    def heard(step_ns: int) -> list[bytes]:
        market = SimulatedMarket(listings.listings(["ETH/USD"]), seed=4).opened(NOW)
        exchange = Exchange(market, Accounts(), NOW)
        client = Client(exchange, Socket.ALL)
        client.conversation.receive(
            '{"method":"subscribe","params":{"channel":"book","symbol":["ETH/USD"]}}', NOW
        )
        for moment in range(NOW, NOW + 3 * NS_PER_S + 1, step_ns):
            exchange.advance(moment)
        return [raw for raw in client.raw if b"heartbeat" not in raw]

    assert heard(NS_PER_S // 100) == heard(NS_PER_S // 4)
