"""What a session's channels carry: books, trades, tickers, candles and instruments."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from kracked.book.keeper import BookKeeper
from kracked.gateway.auth import ApiKeys
from kracked.gateway.channels import Socket
from kracked.protocol.events import Resync
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S, parse_ns
from tests.sim.session_client import NOW, Client, Join, run


def test_books_of_every_depth_stay_verified(exchange: Exchange, join: Join, token: str) -> None:
    keepers = {}
    for depth in (10, 25, 100, 500, 1000):
        listener = join(Socket.ALL)
        listener.session.send = keepers.setdefault(("book", depth), Heard()).hear
        listener.subscribe("instrument")
        listener.subscribe("book", "BTC/USD", "ETH/USD", "BONK/USD", depth=depth)
    for depth in (10, 100, 1000):
        listener = join(Socket.ALL)
        listener.session.send = keepers.setdefault(("level3", depth), Heard()).hear
        listener.subscribe("instrument")
        listener.subscribe("level3", "BTC/USD", "BONK/USD", depth=depth, token=token)
    run(exchange, 5)
    for (channel, depth), received in keepers.items():
        assert received.resyncs == []
        tally = received.keeper.stats["BTC/USD", channel]
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
    received = [m for m in client.take() if m.get("type") == "update"]
    trades, ticks, candles = (
        [m for m in received if m["channel"] == channel] for channel in ("trade", "ticker", "ohlc")
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


def test_a_pairs_new_status_is_sent_to_subscribers(exchange: Exchange, client: Client) -> None:
    client.subscribe("instrument", snapshot=False)
    exchange.set_pair_status("ETH/USD", "cancel_only")
    (update,) = updates(client, "instrument")
    exchange.set_pair_status("ETH/USD", "online")
    assert update["data"]["assets"] == []
    assert [pair["status"] for pair in update["data"]["pairs"]] == ["cancel_only"]


def test_nothing_is_sent_after_unsubscribing(exchange: Exchange, client: Client) -> None:
    client.subscribe("book", "BTC/USD")
    client.ask("unsubscribe", channel="book", symbol=["BTC/USD"])
    run(exchange, 2)
    assert updates(client, "book") == []


def test_a_client_that_is_gone_is_forgotten(exchange: Exchange, client: Client) -> None:
    client.subscribe("book", "BTC/USD")
    client.subscribe("ticker", "BTC/USD")
    exchange.disconnect(client.session)
    run(exchange, 2)
    assert client.take() == []
    assert exchange.publishers["BTC/USD"].watched == frozenset()


def test_subscribing_anew_brings_a_fresh_snapshot(exchange: Exchange, client: Client) -> None:
    client.subscribe("book", "BTC/USD")
    run(exchange, 1)
    client.ask("unsubscribe", channel="book", symbol=["BTC/USD"])
    acknowledgement, snapshot = client.subscribe("book", "BTC/USD")
    assert acknowledgement["success"]
    assert snapshot["type"] == "snapshot"


def test_a_seed_gives_the_same_words_however_time_is_cut() -> None:
    def received(step_ns: int) -> list[bytes]:
        market = SimulatedMarket(listings.listings(["ETH/USD"]), seed=4).opened(NOW)
        exchange = Exchange(market, ApiKeys(), NOW)
        client = Client(exchange, Socket.ALL)
        client.session.receive(
            '{"method":"subscribe","params":{"channel":"book","symbol":["ETH/USD"]}}', NOW
        )
        for moment in range(NOW, NOW + 3 * NS_PER_S + 1, step_ns):
            exchange.advance(moment)
        return [raw for raw in client.raw if b"heartbeat" not in raw]

    assert received(NS_PER_S // 100) == received(NS_PER_S // 4)
