"""The simulator's REST: shapes, names and refusals of the real one."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import islice, pairwise
from typing import Any

import pytest

from kracked.gateway.auth import ApiKey, ApiKeys, Call, Permission, new_key
from kracked.protocol.events import Side
from kracked.protocol.signing import sign
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.sim.rest import RestApi
from kracked.times import NS_PER_S

NOW = 1_790_000_123_456_789_012
KEY, SECRET = new_key()


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    market = SimulatedMarket(listings.listings(["BTC/USD", "DOGE/USD", "BONK/USD"]), seed=5).opened(
        NOW
    )
    accounts = ApiKeys()
    accounts.add(ApiKey(KEY, SECRET))
    exchange = Exchange(market, accounts, NOW)
    exchange.advance(NOW + 5 * NS_PER_S)
    return exchange


@pytest.fixture(scope="module")
def rest(exchange: Exchange) -> RestApi:
    return RestApi(exchange)


def reply(rest: RestApi, method: str, **query: str) -> dict[str, Any]:
    call = Call(f"/0/public/{method}", {}, b"")
    return json.loads(rest.answer("GET", call, query, NOW + 5 * NS_PER_S), parse_float=Decimal)


def result(rest: RestApi, method: str, **query: str) -> Any:
    answer = reply(rest, method, **query)
    assert answer["error"] == []
    return answer["result"]


def refusal(rest: RestApi, method: str, **query: str) -> list[str]:
    answer = reply(rest, method, **query)
    assert "result" not in answer
    return answer["error"]


def test_time_is_stated_twice(rest: RestApi) -> None:
    assert result(rest, "Time") == {
        "unixtime": 1_790_000_128,
        "rfc1123": "Mon, 21 Sep 2026 14:15:28 GMT",
    }


def test_the_system_status_is_the_exchanges_mode(rest: RestApi) -> None:
    status = result(rest, "SystemStatus")
    assert (status["status"], status["timestamp"]) == ("online", "2026-09-21T14:15:28Z")


def test_assets_are_keyed_by_id(rest: RestApi) -> None:
    assets = result(rest, "Assets")
    assert list(assets) == ["ZUSD", "XXBT", "XXDG", "BONK"]
    assert assets["XXBT"]["altname"] == "XBT"


@pytest.mark.parametrize("name", ["XXBT", "XBT", "BTC"])
def test_an_asset_answers_to_each_of_its_names(rest: RestApi, name: str) -> None:
    assert list(result(rest, "Assets", asset=name)) == ["XXBT"]


def test_an_unknown_asset_is_refused(rest: RestApi) -> None:
    assert refusal(rest, "Assets", asset="WWW") == ["EQuery:Unknown asset"]


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ("XXBTZUSD", "XXBTZUSD"),
        ("XBTUSD", "XXBTZUSD"),
        ("BTC/USD", "BTC/USD"),
        ("XBT/USD", "XBT/USD"),
    ],
)
def test_a_pair_is_keyed_by_its_id_unless_asked_with_a_slash(
    rest: RestApi, asked: str, key: str
) -> None:
    assert list(result(rest, "AssetPairs", pair=asked)) == [key]


def test_several_pairs_are_asked_with_commas(rest: RestApi) -> None:
    assert list(result(rest, "AssetPairs", pair="XBTUSD,XDGUSD")) == ["XXBTZUSD", "XDGUSD"]


def test_a_pair_states_its_rules_as_recorded(rest: RestApi) -> None:
    pair = result(rest, "AssetPairs", pair="XBTUSD")["XXBTZUSD"]
    told = {name: pair[name] for name in ("wsname", "pair_decimals", "lot_decimals", "ordermin")}
    assert told == {
        "wsname": "XBT/USD",
        "pair_decimals": 1,
        "lot_decimals": 8,
        "ordermin": "0.00005",
    }
    assert (pair["costmin"], pair["tick_size"], pair["base"]) == ("0.5", "0.1", "XXBT")


@pytest.mark.parametrize("method", ["AssetPairs", "Ticker", "OHLC", "Depth", "Trades", "Spread"])
def test_an_unknown_pair_is_refused(rest: RestApi, method: str) -> None:
    assert refusal(rest, method, pair="WWWUSD") == ["EQuery:Unknown asset pair"]


@pytest.mark.parametrize("method", ["OHLC", "Depth", "Trades", "Spread"])
def test_a_pair_must_be_named(rest: RestApi, method: str) -> None:
    assert refusal(rest, method) == ["EGeneral:Invalid arguments"]


def test_the_ticker_gives_every_pair_when_none_is_named(rest: RestApi) -> None:
    assert list(result(rest, "Ticker")) == ["XXBTZUSD", "XDGUSD", "BONKUSD"]


def test_the_ticker_matches_the_book_and_the_tape(rest: RestApi, exchange: Exchange) -> None:
    ticker = result(rest, "Ticker", pair="XBTUSD")["XXBTZUSD"]
    publisher = exchange.publishers["BTC/USD"]
    assert Decimal(ticker["a"][0]) * 10 == publisher.matcher.best_price(Side.ASK)
    assert Decimal(ticker["b"][0]) * 10 == publisher.matcher.best_price(Side.BID)
    assert ticker["t"][1] == publisher.history.day.trades
    assert ticker["t"][0] <= ticker["t"][1]


def test_ohlc_ends_with_the_candle_still_forming(rest: RestApi) -> None:
    answer = result(rest, "OHLC", pair="BTC/USD", interval="5")
    rows = answer["BTC/USD"]
    assert len(rows) == 720
    assert rows[-1][0] == 1_790_000_128 // 300 * 300
    assert answer["last"] == rows[-2][0]
    assert {later[0] - row[0] for row, later in pairwise(rows)} == {300}


def test_ohlc_since_its_own_last_gives_two_rows(rest: RestApi) -> None:
    last = result(rest, "OHLC", pair="BTC/USD")["last"]
    assert len(result(rest, "OHLC", pair="BTC/USD", since=str(last))["BTC/USD"]) == 2


def test_an_interval_nobody_offers_is_refused(rest: RestApi) -> None:
    assert refusal(rest, "OHLC", pair="XBTUSD", interval="7") == ["EGeneral:Invalid arguments"]


def test_depth_is_the_book_best_first(rest: RestApi, exchange: Exchange) -> None:
    rows = result(rest, "Depth", pair="XBTUSD", count="5")["XXBTZUSD"]
    levels = islice(exchange.publishers["BTC/USD"].matcher.levels(Side.ASK), 5)
    assert [Decimal(row[0]) * 10 for row in rows["asks"]] == [level.price for level in levels]
    assert len(rows["bids"]) == 5


@pytest.mark.parametrize("count", ["0", "501", "-1", "x"])
def test_depth_gives_one_to_five_hundred_levels(rest: RestApi, count: str) -> None:
    assert refusal(rest, "Depth", pair="XBTUSD", count=count) == ["EGeneral:Invalid arguments"]


def test_trades_come_oldest_first_with_consecutive_ids(rest: RestApi) -> None:
    rows = result(rest, "Trades", pair="XBTUSD", count="50")["XXBTZUSD"]
    ids = [row[6] for row in rows]
    assert ids == list(range(ids[0], ids[0] + 50))
    assert {row[3] for row in rows} <= {"b", "s"}
    assert {row[4] for row in rows} <= {"m", "l"}


def test_trades_since_last_are_none(rest: RestApi) -> None:
    last = result(rest, "Trades", pair="XBTUSD")["last"]
    assert result(rest, "Trades", pair="XBTUSD", since=last) == {"XXBTZUSD": [], "last": last}


def test_trades_give_the_time_with_seven_decimals_and_last_with_nine(
    rest: RestApi, exchange: Exchange
) -> None:
    answer = result(rest, "Trades", pair="XBTUSD")
    newest = exchange.publishers["BTC/USD"].history.trades[-1]
    assert answer["last"] == str(newest.time)
    assert answer["XXBTZUSD"][-1][2] == Decimal(newest.time // 100).scaleb(-7)


def test_spreads_end_with_the_current_best_prices(rest: RestApi, exchange: Exchange) -> None:
    row = result(rest, "Spread", pair="XBTUSD")["XXBTZUSD"][-1]
    assert Decimal(row[1]) * 10 == exchange.publishers["BTC/USD"].matcher.best_price(Side.BID)


@pytest.mark.parametrize(
    ("info", "names"),
    [
        ("leverage", {"leverage_buy", "leverage_sell"}),
        ("fees", {"fees", "fees_maker", "fee_volume_currency"}),
        ("margin", {"margin_call", "margin_stop"}),
    ],
)
def test_info_picks_a_part_of_each_pair(rest: RestApi, info: str, names: set[str]) -> None:
    (pair,) = result(rest, "AssetPairs", pair="XBTUSD", info=info).values()
    assert set(pair) == names


def test_info_of_an_unknown_kind_is_refused(rest: RestApi) -> None:
    assert refusal(rest, "AssetPairs", info="everything") == ["EGeneral:Invalid arguments"]


def test_no_tokenized_asset_is_listed(rest: RestApi) -> None:
    assert result(rest, "AssetPairs", aclass_base="tokenized_asset") == {}
    assert refusal(rest, "Depth", pair="XBTUSD", asset_class="tokenized_asset") == [
        "EQuery:Unknown asset pair"
    ]


def test_a_public_call_may_be_a_post(rest: RestApi) -> None:
    headers = {"Content-Type": "application/json"}
    call = Call("/0/public/Depth", headers, b'{"pair":"XBTUSD","count":3}')
    book = json.loads(rest.answer("POST", call, {}, NOW))["result"]["XXBTZUSD"]
    assert len(book["bids"]) == 3


def test_a_grouped_book_rounds_asks_up_and_bids_down(rest: RestApi, exchange: Exchange) -> None:
    book = result(rest, "GroupedBook", pair="XBTUSD", depth="25", grouping="50")
    assert (book["pair"], book["grouping"], len(book["bids"])) == ("XXBTZUSD", 50, 25)
    bid, ask = exchange.publishers["BTC/USD"].matcher.touch
    assert bid is not None
    assert ask is not None
    assert book["bids"][0]["price"] == f"{bid // 50 * 50 / 10:.1f}"
    assert book["asks"][0]["price"] == f"{-(-ask // 50) * 50 / 10:.1f}"


@pytest.mark.parametrize("query", [{"depth": "11"}, {"grouping": "3"}])
def test_a_grouped_book_comes_in_few_shapes(rest: RestApi, query: dict[str, str]) -> None:
    assert refusal(rest, "GroupedBook", pair="XBTUSD", **query) == ["EGeneral:Invalid arguments"]


def test_an_unknown_method_is_refused(rest: RestApi) -> None:
    assert refusal(rest, "Nothing") == ["EGeneral:Unknown method"]


# --- the token -------------------------------------------------------------------------

PATH = "/0/private/GetWebSocketsToken"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def ask(
    rest: RestApi,
    nonce: int,
    *,
    body: bytes | None = None,
    kind: str = FORM,
    key: str = KEY,
    signature: str | None = None,
    http_method: str = "POST",
) -> dict[str, Any]:
    body = f"nonce={nonce}".encode() if body is None else body
    signature = signature or sign(PATH, str(nonce), body, ApiKey(KEY, SECRET).secret)
    headers = {"API-Key": key, "API-Sign": signature, "Content-Type": kind}
    return json.loads(rest.answer(http_method, Call(PATH, headers, body), {}, NOW))


@pytest.fixture
def private() -> RestApi:
    market = SimulatedMarket((), seed=1).opened(NOW)
    accounts = ApiKeys()
    accounts.add(ApiKey(KEY, SECRET))
    return RestApi(Exchange(market, accounts, NOW))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b"nonce=7"),
        (JSON, b'{"nonce":7}'),
        (JSON, b'{"nonce": "7"}'),
        (JSON + "; charset=utf-8", b'{"nonce":"7"}'),
    ],
)
def test_a_signed_call_gets_a_token_for_fifteen_minutes(
    private: RestApi, kind: str, body: bytes
) -> None:
    answer = ask(private, 7, body=body, kind=kind)
    assert answer["error"] == []
    assert answer["result"]["expires"] == 900


def test_no_two_tokens_are_alike(private: RestApi) -> None:
    assert ask(private, 1)["result"]["token"] != ask(private, 2)["result"]["token"]


def test_an_unknown_key_is_refused(private: RestApi) -> None:
    assert ask(private, 1, key="nobody") == {"error": ["EAPI:Invalid key"]}


def test_a_wrong_signature_is_refused(private: RestApi) -> None:
    assert ask(private, 1, signature="AAAA") == {"error": ["EAPI:Invalid signature"]}


def test_a_body_changed_after_signing_is_refused(private: RestApi) -> None:
    signature = sign(PATH, "1", b"nonce=1", ApiKey(KEY, SECRET).secret)
    answer = ask(private, 1, body=b"nonce=1&a=b", signature=signature)
    assert answer == {"error": ["EAPI:Invalid signature"]}


def test_a_nonce_must_rise(private: RestApi) -> None:
    ask(private, 5)
    assert ask(private, 5) == {"error": ["EAPI:Invalid nonce"]}
    assert ask(private, 6)["error"] == []


def test_a_wrongly_signed_call_does_not_use_its_nonce_up(private: RestApi) -> None:
    ask(private, 9, signature="AAAA")
    assert ask(private, 9)["error"] == []


def test_a_body_without_a_nonce_is_refused(private: RestApi) -> None:
    assert ask(private, 1, body=b"a=b") == {"error": ["EAPI:Invalid nonce"]}


@pytest.mark.parametrize("nonce", [b"1e9999999999999999999999", b"1e2000", b"1.5"])
def test_a_nonce_that_is_no_whole_number_is_refused(private: RestApi, nonce: bytes) -> None:
    answer = ask(private, 1, body=b'{"nonce":' + nonce + b"}", kind=JSON)
    assert answer == {"error": ["EAPI:Invalid nonce"]}


def test_a_nonce_window_lets_late_calls_through() -> None:
    key = ApiKey(KEY, SECRET, nonce_window=10)
    assert [key.accept(nonce) for nonce in (100, 95, 90, 89, 101)] == [
        True,
        True,
        True,
        False,
        True,
    ]


def test_a_key_without_the_permission_is_refused() -> None:
    accounts = ApiKeys()
    accounts.add(ApiKey(KEY, SECRET, permissions=frozenset([Permission.QUERY_FUNDS])))
    rest = RestApi(Exchange(SimulatedMarket((), seed=1).opened(NOW), accounts, NOW))
    assert ask(rest, 1) == {"error": ["EGeneral:Permission denied"]}


def test_level3_gives_every_order_of_the_best_levels(exchange: Exchange) -> None:
    path, body = "/0/private/Level3", b"nonce=99999999&pair=XBTUSD&depth=10"
    headers = {
        "API-Key": KEY,
        "API-Sign": sign(path, "99999999", body, ApiKey(KEY, SECRET).secret),
        "Content-Type": FORM,
    }
    answer = json.loads(RestApi(exchange).answer("POST", Call(path, headers, body), {}, NOW))
    bids = answer["result"]["bids"]
    matcher = exchange.publishers["BTC/USD"].matcher
    levels = list(islice(matcher.levels(Side.BID), 10))
    queued = [order for level in levels for order in matcher.queue(Side.BID, level.price)]
    assert [(bid["order_id"], bid["timestamp"]) for bid in bids] == [
        (order.order_id, order.entered) for order in queued
    ]
    assert bids[0]["price"] == f"{levels[0].price / 10:.5f}"


def test_a_get_is_an_unknown_method(private: RestApi) -> None:
    assert ask(private, 1, http_method="GET") == {"error": ["EGeneral:Unknown method"]}


def test_a_token_dies_unused_after_fifteen_minutes() -> None:
    accounts = ApiKeys()
    key = ApiKey(KEY, SECRET)
    accounts.add(key)
    token = accounts.issue(key, NOW)
    assert accounts.holder(token, NOW + 899 * NS_PER_S) is key
    assert accounts.holder(token, NOW + 900 * NS_PER_S) is None


def test_a_key_never_shows_its_secret() -> None:
    assert SECRET not in repr(ApiKey(KEY, SECRET))


def test_a_number_too_long_to_read_is_a_bad_argument(rest: RestApi) -> None:
    answer = refusal(rest, "Trades", pair="XBTUSD", since="9" * 5000)
    assert answer == ["EGeneral:Invalid arguments"]
