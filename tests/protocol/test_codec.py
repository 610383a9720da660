"""The codec: every message of the protocol in every spelling, and none that raises."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked import times
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec
from kracked.protocol.events import Side

BTC = {"BTC/USD": Precision(1, 8)}


def decode(text: str, codec: Codec | None = None) -> list[events.Event]:
    return (codec or Codec(BTC)).decode(text.encode(), 7)


def book(levels: str, kind: str = "update") -> str:
    return (
        '{"channel":"book","type":"%s","data":[{"symbol":"BTC/USD","bids":[%s],"asks":[],'
        '"checksum":1,"timestamp":"2026-08-01T02:53:53.646219Z"}]}' % (kind, levels)
    )


def test_a_book_update_keeps_every_digit_and_its_order() -> None:
    [event] = decode(book('{"price":63005.0,"qty":2.08665551},{"price":63004.9,"qty":0.00000000}'))
    assert event == events.BookUpdate(
        7,
        "BTC/USD",
        BTC["BTC/USD"],
        bids=((630050, 208665551), (630049, 0)),
        asks=(),
        checksum=1,
        timestamp="2026-08-01T02:53:53.646219Z",
    )


@pytest.mark.parametrize(
    "level",
    [
        '{"price":63005.0,"qty":0.00001000}',
        '{"qty":0.00001000,"price":63005.0}',
        '{"price":63005,"qty":1e-05}',
        '{"price":"63005.0","qty":"0.00001"}',
        '{"price":6.3005E+4,"qty":1.0E-5,"brand_new":{"a":[1]}}',
    ],
)
def test_both_spellings_and_any_key_order_give_the_same_level(level: str) -> None:
    [event] = decode(book(level))
    assert isinstance(event, events.BookUpdate)
    assert event.bids == ((630050, 1000),)


def test_a_number_with_too_many_decimals_is_reported_with_its_symbol() -> None:
    [event] = decode(book('{"price":63005.05,"qty":1.00000000}'))
    assert isinstance(event, events.Malformed)
    assert (event.symbol, event.channel) == ("BTC/USD", "book")
    assert "63005.05" in event.reason


def test_without_instruments_the_snapshot_s_digits_tell_the_precision() -> None:
    codec = Codec()
    [event] = decode(book('{"price":63005.0,"qty":2.08665551}', "snapshot"), codec)
    assert isinstance(event, events.BookSnapshot)
    assert event.precision == codec.precision("BTC/USD") == Precision(1, 8)


def test_an_inferred_precision_widens_when_more_digits_come() -> None:
    codec = Codec()
    decode(book('{"price":63005,"qty":2.5}', "snapshot"), codec)
    [event] = decode(book('{"price":63005.1,"qty":2.25}'), codec)
    assert isinstance(event, events.BookUpdate)
    assert (event.precision, event.bids) == (Precision(1, 2), ((630051, 225),))


def test_instruments_teach_the_codec_their_precision() -> None:
    codec = Codec()
    [event] = decode(
        '{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"XLM","status":"enabled",'
        '"precision":8,"precision_display":5}],"pairs":[{"symbol":"ETH/BTC","base":"ETH",'
        '"quote":"BTC","status":"online","qty_precision":8,"qty_increment":1e-08,'
        '"price_precision":5,"cost_precision":10,"cost_min":"0.00002","tick_size":0.00001,'
        '"price_increment":0.00001,"qty_min":0.00200000,"brand_new":1}]}}',
        codec,
    )
    assert isinstance(event, events.Instruments)
    [pair] = event.pairs
    assert (pair.price_increment, pair.qty_increment, pair.qty_min) == (1, 1, 200000)
    assert pair.cost_min == Decimal("0.00002")
    assert codec.precision("ETH/BTC") == Precision(5, 8)


def test_one_odd_instrument_does_not_cost_the_others() -> None:
    pair = (
        '{"symbol":"%s","base":"A","quote":"B","qty_precision":8,"qty_increment":1e-08,'
        '"price_precision":2,"price_increment":%s,"qty_min":1}'
    )
    happened = decode(
        '{"channel":"instrument","type":"update","data":{"assets":[],"pairs":[%s,%s]}}'
        % (pair % ("A/B", "0.001"), pair % ("C/D", "0.01") + ',{"symbol":"E/F"}')
    )
    [good, *odd] = happened
    assert isinstance(good, events.Instruments)
    assert [found.symbol for found in good.pairs] == ["A/B", "C/D"]
    assert [bad.symbol for bad in odd if isinstance(bad, events.Malformed)] == ["E/F"]


def test_an_order_event_carries_action_id_and_own_time() -> None:
    [event] = decode(
        '{"channel":"level3","type":"update","data":[{"checksum":2143854316,"symbol":"BTC/USD",'
        '"bids":[{"event":"delete","order_id":"O7SO4Y-RHRAK-GGAHJE","limit_price":66567.3,'
        '"order_qty":0.22540000,"timestamp":"2024-05-19T18:59:46.541105556Z"}],"asks":[]}]}'
    )
    assert isinstance(event, events.L3Update)
    [change] = event.bids
    assert change.action is events.OrderAction.DELETE
    assert (change.price, change.qty) == (665673, 22540000)
    assert change.exchange_time == 1716145186541105556
    assert event.timestamp is None


def test_an_order_event_of_an_unknown_kind_is_reported() -> None:
    [event] = decode(
        '{"channel":"level3","type":"update","data":[{"checksum":1,"symbol":"BTC/USD","bids":['
        '{"event":"explode","order_id":"O","limit_price":1.0,"order_qty":1.00000000,'
        '"timestamp":"2024-05-19T18:59:46Z"}],"asks":[]}]}'
    )
    assert isinstance(event, events.Malformed)
    assert event.symbol == "BTC/USD"


def test_the_taker_s_side_names_the_book_side_he_took_from_afar() -> None:
    [event] = decode(
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy",'
        '"price":68500.0,"qty":0.01044926,"ord_type":"limit","trade_id":70635299,'
        '"timestamp":"2024-05-27T12:43:11.798009Z"}]}'
    )
    assert isinstance(event, events.Trades)
    assert event.trades[0].side is Side.BID
    assert not event.snapshot


def test_a_candle_is_keyed_by_its_begin_and_never_by_the_inner_timestamp() -> None:
    [event] = decode(
        '{"channel":"ohlc","type":"update","timestamp":"2026-09-25T17:48:26.844359566Z","data":['
        '{"symbol":"BTC/USD","open":83729.5,"high":83745.2,"low":83729.4,"close":83744.3,'
        '"trades":33,"volume":0.21155628,"vwap":83736.4,'
        '"interval_begin":"2026-09-25T17:48:00.000000000Z","interval":1,'
        '"timestamp":"2026-09-25T17:49:00.000000Z"}]}'
    )
    assert isinstance(event, events.Candles)
    [candle] = event.candles
    assert candle.end - candle.begin == 60 * 10**9
    assert candle.close == 837443


def test_a_ticker_of_a_market_without_trades_has_no_last_price() -> None:
    [event] = decode(
        '{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":1.0,'
        '"bid_qty":0.10000000,"ask":null,"ask_qty":0.00000000,"last":null}]}'
    )
    assert isinstance(event, events.Ticker)
    assert (event.bid, event.ask, event.last, event.volume) == (10, None, None, 0)


def test_a_connection_id_may_exceed_63_bits() -> None:
    [event] = decode(
        '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",'
        '"api_version":"v2","connection_id":18125794168470749634}]}'
    )
    assert isinstance(event, events.Status)
    assert event.connection_id == 18125794168470749634


def test_an_acknowledgement_tells_the_depth_in_force() -> None:
    [event] = decode(
        '{"method":"subscribe","req_id":11,"result":{"channel":"book","depth":25,"snapshot":true,'
        '"symbol":"BTC/USD","warnings":["old"]},"success":true,"time_in":"x","time_out":"y"}'
    )
    assert event == events.Subscribed(
        7, "book", "BTC/USD", 25, snapshot=True, req_id=11, warnings=("old",)
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"error":"Already subscribed","method":"subscribe","req_id":7,"success":false}', "Alr"),
        ('{"Error":"Exceeded msg rate"}', "Exceeded"),
        (
            '{"channel":"level3","error":"ESession:Invalid session","method":"subscribe",'
            '"status":"error","success":false}',
            "ESession",
        ),
    ],
)
def test_a_refusal_keeps_the_exchange_s_words(text: str, error: str) -> None:
    [event] = decode(text)
    assert isinstance(event, events.Rejected)
    assert event.error.startswith(error)


def test_a_pong_has_no_success_field() -> None:
    [event] = decode('{"method":"pong","req_id":101,"time_in":"a","time_out":"b"}')
    assert event == events.Pong(7, 101, "a", "b")


def test_numbers_of_an_execution_stay_exact() -> None:
    [event] = decode(
        '{"channel":"executions","type":"update","data":[{"order_id":"O1","last_qty":0.10000000,'
        '"fees":[{"asset":"USD","qty":0.3458}]}],"sequence":8}'
    )
    assert isinstance(event, events.Executions)
    assert str(event.reports[0]["last_qty"]) == "0.10000000"
    assert event.sequence == 8


def test_the_proxy_s_words_are_a_notice_and_no_damage() -> None:
    text = "CloudFlare WebSocket proxy restarting"
    assert decode(text) == [events.Notice(7, text)]


@pytest.mark.parametrize(
    "text",
    [
        book('{"price":1e5000,"qty":1.0}', "snapshot"),
        book('{"price":%s,"qty":1.0}' % ("9" * 5000), "snapshot"),
        book('{"price":1.0,"qty":%s.00000000}' % ("9" * 5000)),
        '{"channel":"book","x":' + "[" * 100_000,
        '{"channel":"brand_new","x":' + "[" * 100_000,
        "[" * 100_000,
    ],
    ids=["exponent", "price", "qty", "nested", "nested elsewhere", "nested alone"],
)
def test_numbers_and_nesting_beyond_reason_are_reported(text: str) -> None:
    [event] = decode(text, Codec())
    assert isinstance(event, events.Malformed)


@pytest.mark.parametrize("number", ["1e9999999999999999999999", "-1e99999999", "0e-99999999"])
@pytest.mark.parametrize(
    "text",
    [
        '{"channel":"executions","type":"update","data":[{"order_qty":%s}],"sequence":1}',
        '{"channel":"balances","type":"update","data":[{"balance":%s}],"sequence":1}',
        '{"channel":"status","data":[{"system":"online","emergency":[{"impact":%s}]}]}',
        '{"method":"add_order","success":true,"result":{"order_id":%s}}',
    ],
)
def test_numbers_beyond_measure_are_reported_wherever_they_stand(text: str, number: str) -> None:
    *_, event = decode(text % number, Codec())
    assert isinstance(event, events.Malformed)


def test_an_instrument_with_decimals_beyond_reason_is_left_out() -> None:
    codec = Codec()
    happened = decode(
        '{"channel":"instrument","type":"update","data":{"assets":[],"pairs":[{"symbol":"A/B",'
        '"base":"A","quote":"B","qty_precision":8,"qty_increment":1e-08,"qty_min":1,'
        '"price_precision":99999999,"price_increment":1}]}}',
        codec,
    )
    assert [type(event) for event in happened] == [events.Instruments, events.Malformed]
    assert codec.precision("A/B") is None


def test_whole_numbers_may_come_as_strings_too() -> None:
    [event] = decode(
        '{"channel":"instrument","type":"update","data":{"assets":[],"pairs":[{"symbol":"A/B",'
        '"base":"A","quote":"B","qty_precision":"8","qty_increment":"1e-08","qty_min":"1",'
        '"price_precision":"2","price_increment":"0.01"}]}}'
    )
    assert isinstance(event, events.Instruments)
    assert event.pairs[0].precision == Precision(2, 8)


def test_a_channel_not_known_yet_is_no_error() -> None:
    assert decode('{"channel":"brand_new","data":1}') == [events.Unknown(7, "brand_new")]


def test_a_truncated_message_is_reported_with_what_can_be_read_of_it() -> None:
    [event] = decode('{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bi')
    assert isinstance(event, events.Malformed)
    assert (event.channel, event.symbol) == ("book", "BTC/USD")


@given(st.binary(max_size=200))
def test_no_bytes_whatever_make_the_codec_raise(data: bytes) -> None:
    assert all(isinstance(event, events.Event) for event in Codec().decode(data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["channel", "type", "data", "symbol", "bids", "asks", "price", "qty", "checksum"]
                + [
                    "method",
                    "result",
                    "success",
                    "error",
                    "req_id",
                    "pairs",
                    "limit_price",
                    "trades",
                ]
            ),
            inner
            | st.sampled_from(["book", "level3", "instrument", "ohlc", "snapshot", "subscribe"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_whatever_makes_the_codec_raise(value: object) -> None:
    assert isinstance(Codec().decode(json.dumps(value).encode()), list)


def _timed(stamp: str) -> dict[str, dict[str, object]]:
    """Return a message of every channel with times, all of them replaced by one text."""
    level, ticker = {"price": 1.0, "qty": 1.0}, {"bid": 1.0, "ask": 2.0, "last": 1.0}
    order = {"order_id": "O1", "limit_price": 1.0, "order_qty": 1.0, "timestamp": stamp}
    trade = {"side": "buy", "price": 1.0, "qty": 1.0, "ord_type": "limit", "trade_id": 1}
    prices = dict.fromkeys(("open", "high", "low", "close", "vwap", "volume"), 1.0)
    candle = {**prices, "trades": 1, "interval": 1, "interval_begin": stamp}
    both = {"asks": [], "checksum": 1}
    return {
        "book": {"bids": [level], **both},
        "level3": {"bids": [order], **both},
        "ticker": ticker,
        "trade": trade,
        "ohlc": candle,
    }


_STAMPS = (
    st.text(max_size=30)
    | st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]*)?Z?\Z")
    | st.from_regex(r"\A20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z\Z")
)


@pytest.mark.parametrize("kind", ["snapshot", "update"])
@pytest.mark.parametrize("channel", _timed(""))
@given(stamp=_STAMPS)
def test_a_spoilt_time_is_found_on_arrival_or_read_as_none(
    channel: str, kind: str, stamp: str
) -> None:
    data = {"symbol": "BTC/USD", "timestamp": stamp, **_timed(stamp)[channel]}
    message = {"channel": channel, "type": kind, "data": [data], "timestamp": stamp}
    [event] = Codec(BTC).decode(json.dumps(message).encode())
    rows = event.trades if isinstance(event, events.Trades) else getattr(event, "bids", ())
    for timed in (event, *rows):
        assert getattr(timed, "exchange_time", None) in (None, 0, times.try_parse_ns(stamp))


def test_every_recorded_kind_of_frame_is_understood(vectors: Path) -> None:
    codec = Codec()
    for frame in json.loads((vectors / "frames.json").read_text())["frames"]:
        for event in codec.decode(frame["text"].encode()):
            understood = not isinstance(event, events.Malformed | events.Notice)
            assert understood == frame["json"], frame["name"]


def test_everything_a_recorded_session_held_is_understood(captures: Path) -> None:
    codec = Codec()
    for file in captures.glob("*.jsonl"):
        for line in file.read_bytes().splitlines():
            for event in codec.decode(line):
                assert not isinstance(event, events.Malformed | events.Unknown), (file.name, line)


def test_the_whole_instrument_list_of_a_day_is_read(captures: Path) -> None:
    text = (captures / "krakendatarecorder_instrument_snapshot.json").read_bytes()
    [event] = Codec().decode(text)
    assert isinstance(event, events.Instruments)
    assert (len(event.pairs), len(event.assets)) == (683, 296)
    assert {pair.precision.qty for pair in event.pairs} == {5, 8}
    assert {pair.precision.price for pair in event.pairs} == set(range(11))


def test_a_message_whose_arrival_nobody_tells_arrived_at_zero() -> None:
    assert [event.received for event in Codec().decode(b'{"channel":"heartbeat"}')] == [0]
