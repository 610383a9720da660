"""The encoder: the codec reads what `encode` writes."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.instruments import Asset, Instrument, Precision
from kracked.protocol import encode, encode_replies, events
from kracked.protocol.codec import Codec
from kracked.protocol.events import OrderAction, OrderChange, Side
from kracked.times import parse_ns
from tests.shared import VECTORS

FRAMES = VECTORS / "frames.json"
TENTHS = Precision(1, 8)

prices = st.integers(1, 10**14)
quantities = st.integers(0, 10**17)
levels = st.lists(st.tuples(prices, quantities), max_size=4).map(tuple)
instants = st.integers(0, 4 * 10**18)


def decoded(text: str, precision: Precision = TENTHS) -> events.Event:
    (event,) = Codec({"BTC/USD": precision}).decode(text.encode())
    return event


@given(levels, levels, st.integers(0, 2**32 - 1), instants, st.integers(0, 12), st.booleans())
def test_a_book_survives_the_wire(bids, asks, checksum, instant, digits, snapshot) -> None:
    kind = events.BookSnapshot if snapshot else events.BookUpdate
    precision = Precision(digits, 8)
    event = kind(0, "BTC/USD", precision, bids, asks, checksum, encode.micros(instant))
    assert decoded(encode.message(event), precision) == event


@given(
    st.lists(
        st.builds(
            OrderChange,
            st.sampled_from(OrderAction),
            st.just("OBTZGX-GVXAB-XZV4AL"),
            prices,
            quantities,
            instants.map(encode.nanos),
        ),
        max_size=3,
    ).map(tuple),
    instants,
)
def test_order_events_survive_the_wire(changes, instant) -> None:
    event = events.L3Update(0, "BTC/USD", TENTHS, changes, (), 7, encode.nanos(instant))
    assert decoded(encode.message(event)) == event


def test_a_level3_snapshot_names_no_events() -> None:
    order = OrderChange(OrderAction.ADD, "OBTZGX", 665792, 100, "2024-05-19T18:55:20.910159752Z")
    event = events.L3Snapshot(0, "BTC/USD", TENTHS, (order,), (), 7, None)
    assert '"event"' not in encode.message(event)
    assert decoded(encode.message(event)) == event


def test_digits_keep_their_trailing_zeros() -> None:
    event = events.BookUpdate(0, "BTC/USD", TENTHS, ((630050, 0),), (), 1, None)
    assert '{"price":63005.0,"qty":0.00000000}' in encode.message(event)


def test_a_book_without_a_time_leaves_the_field_out() -> None:
    assert "timestamp" not in encode.book("snapshot", "BTC/USD", [], [], 0, None)


def test_a_ticker_of_an_empty_market_has_nulls() -> None:
    event = events.Ticker(
        0, "BTC/USD", TENTHS, None, 0, None, 0, None, 0, None, None, None, None, None, 0
    )
    text = encode.message(event)
    assert json.loads(text)["data"][0]["bid"] is None
    assert decoded(text) == event


def test_instruments_survive_the_wire() -> None:
    pair = Instrument(
        symbol="PEPE/USD",
        base="PEPE",
        quote="USD",
        status="post_only",
        precision=Precision(9, 5),
        price_increment=1,
        qty_increment=1,
        qty_min=4,
        cost_precision=10,
        cost_min=Decimal("0.5"),
    )
    asset = Asset(id="PEPE", precision=5, precision_display=5)
    event = events.Instruments(0, (pair,), (asset,), snapshot=True)
    assert decoded(encode.message(event)) == event


def test_reports_keep_their_decimals() -> None:
    event = events.Executions(0, ({"last_qty": Decimal("0.00016000")},), 1, snapshot=True)
    assert decoded(encode.message(event)) == event


def test_what_no_channel_sends_cannot_be_encoded() -> None:
    with pytest.raises(TypeError, match="Gap"):
        encode.message(events.Gap(0, "book", ("BTC/USD",), 0, 1, "lost"))


@pytest.mark.parametrize(
    "event",
    [
        events.Status(0, "online", "2.0.10", "v2", 2**64 - 1),
        events.Heartbeat(0),
        events.Balances(0, (), 1, snapshot=True),
        events.Candles(
            0,
            "BTC/USD",
            TENTHS,
            (events.Candle(5, 1716144900 * 10**9, 10, 20, 5, 15, 12, 300, 4),),
            timestamp="2024-05-19T18:55:20.910159752Z",
        ),
        events.Trades(
            0,
            "BTC/USD",
            TENTHS,
            (events.Trade(Side.ASK, 10, 20, "market", 7, "2024-05-19T18:55:20.910159Z"),),
            snapshot=True,
        ),
    ],
    ids=lambda event: type(event).__name__,
)
def test_every_other_message_survives_the_wire(event: events.Event) -> None:
    assert decoded(encode.message(event)) == event


def test_an_acknowledgement_echoes_the_request() -> None:
    text = encode_replies.granted("subscribe", {"channel": "book"}, 7, time_in=0, time_out=1_000)
    assert text == (
        '{"method":"subscribe","req_id":7,"result":{"channel":"book"},"success":true,'
        '"time_in":"1970-01-01T00:00:00.000000Z","time_out":"1970-01-01T00:00:00.000001Z"}'
    )


def test_a_refusal_escapes_what_the_client_wrote() -> None:
    text = encode_replies.refused("subscribe", 'No "X"', symbol='"X"', time_in=0, time_out=0)
    assert json.loads(text)["symbol"] == '"X"'


def recorded(name: str) -> str:
    if not FRAMES.exists():
        pytest.skip("the recorded frames are not next to this checkout")
    frames = json.loads(FRAMES.read_text())["frames"]
    return str(next(frame["text"] for frame in frames if frame["name"] == name))


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("status-with-notice-lists", TENTHS),
        ("heartbeat", TENTHS),
        ("ticker-update", TENTHS),
        ("ticker-snapshot-without-timestamp", TENTHS),
        ("trade-update", TENTHS),
        ("trade-update-two", TENTHS),
        ("trade-snapshot", TENTHS),
        ("ohlc-update", TENTHS),
        ("book-snapshot", TENTHS),
        ("book-update", TENTHS),
        ("book-update-same-price-twice", TENTHS),
    ],
)
def test_recorded_messages_come_out_letter_for_letter(name: str, precision: Precision) -> None:
    text = recorded(name)
    assert encode.message(decoded(text, precision)) == text


def test_a_recorded_pong_comes_out_letter_for_letter() -> None:
    stamps = {
        "time_in": parse_ns("2024-05-20T11:08:49.272922Z"),
        "time_out": parse_ns("2024-05-20T11:08:49.272940Z"),
    }
    assert encode_replies.pong(1, **stamps) == recorded("pong")


def test_a_recorded_acknowledgement_comes_out_letter_for_letter() -> None:
    result = {
        "channel": "ohlc",
        "interval": 60,
        "snapshot": True,
        "symbol": "ETH/USD",
        "warnings": ["timestamp is deprecated, use interval_begin"],
    }
    stamps = {
        "time_in": parse_ns("2024-05-19T19:06:57.002983Z"),
        "time_out": parse_ns("2024-05-19T19:06:57.003037Z"),
    }
    assert encode_replies.granted("subscribe", result, 121, **stamps) == recorded(
        "ack-ohlc-with-warning"
    )


def test_a_recorded_refusal_comes_out_letter_for_letter() -> None:
    text = encode_replies.refused(
        "subscribe",
        "Currency pair not supported WWW/USD",
        0,
        symbol="WWW/USD",
        time_in=parse_ns("2025-08-26T00:09:18.071184Z"),
        time_out=parse_ns("2025-08-26T00:09:18.071225Z"),
    )
    assert text == recorded("refused-symbol")


def test_a_recorded_bad_session_comes_out_letter_for_letter() -> None:
    text = encode_replies.refused(
        "subscribe",
        "ESession:Invalid session",
        42,
        status="error",
        time_in=parse_ns("2023-04-19T12:04:41.320119Z"),
        time_out=parse_ns("2023-04-19T12:04:41.980119Z"),
    )
    assert text == recorded("refused-bad-token")


@pytest.mark.parametrize("word", ['"', "\\", "a\nline", "\u2028"])
def test_whatever_words_an_exchange_has_survive_the_wire(word: str) -> None:
    change = OrderChange(OrderAction.ADD, word, 1, 1, word)
    rules = Instrument(
        symbol=word, base=word, quote=word, status=word, precision=TENTHS,
        price_increment=1, qty_increment=1, qty_min=1,
    )  # fmt: skip
    trade = events.Trade(Side.BID, 1, 1, word, 7, encode.micros(0))
    for event in (
        events.L3Update(0, "BTC/USD", TENTHS, (change,), (), 7, word),
        events.Instruments(0, (rules,), (Asset(id=word, status=word),)),
        events.Trades(0, "BTC/USD", TENTHS, (trade,)),
    ):
        message = encode.message(event)
        assert decoded(message) == event
        assert "\n" not in message
