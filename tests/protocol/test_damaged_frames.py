"""No input makes the codec, or what keeps books, raise; and a bad row costs that row alone."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.book.keeper import BookKeeper
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec
from kracked.protocol.instrument_reader import MAX_MALFORMED, MAX_ROWS
from kracked.protocol.number_parser import LARGEST, MOST_LEVELS
from kracked.protocol.own_orders import OwnOrders
from tests.damaged_frames import FRAMES, HOSTILE, STAMP, damaged

BTC = {"BTC/USD": Precision(1, 8)}
SEEDS = range(40)
ROUNDS = 150


@pytest.mark.parametrize("seed", SEEDS)
def test_no_structured_damage_makes_the_codec_raise(seed: int) -> None:
    random = Random(seed)
    stated, inferring = Codec(BTC), Codec()
    for _ in range(ROUNDS):
        frame = damaged(random)
        for codec in (stated, inferring):
            found = codec.decode(frame, 7)
            assert found or b'"data": []' in frame, frame
            assert all(isinstance(event, events.Event) for event in found), frame


@pytest.mark.parametrize("seed", SEEDS)
def test_no_structured_damage_makes_a_book_or_an_order_list_raise(seed: int) -> None:
    random = Random(seed)
    keeper, orders = BookKeeper(depth=None if seed % 2 else 10), OwnOrders()
    for _ in range(ROUNDS):
        for event in keeper.receive(damaged(random), 7):
            if isinstance(event, events.Executions):
                orders.apply(event)


@given(st.sampled_from(FRAMES), st.binary(max_size=6), st.integers(0, 2**32))
def test_no_bytes_within_a_frame_make_the_codec_raise(
    frame: dict[str, object], junk: bytes, seed: int
) -> None:
    whole = damaged(Random(seed), frame)
    at = seed % (len(whole) + 1)
    assert isinstance(Codec().decode(whole[:at] + junk + whole[at:]), list)


@pytest.mark.parametrize("junk", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("member", ["symbol", "base", "status", "marginable", "qty_min"])
def test_a_bad_member_of_a_pair_never_costs_its_neighbours(member: str, junk: bytes) -> None:
    good = (
        b'{"symbol":"ETH/USD","base":"ETH","quote":"USD","qty_precision":8,"qty_increment":1e-8,'
        b'"price_precision":2,"price_increment":0.01,"qty_min":0.001}'
    )
    bad = b'{"%b":%b,"price_precision":1,"qty_precision":8}' % (member.encode(), junk)
    text = b'{"channel":"instrument","type":"snapshot","data":{"pairs":[%b,%b],"assets":[]}}'
    found = Codec().decode(text % (bad, good))
    listed = [pair.symbol for event in found for pair in getattr(event, "pairs", ())]
    whole_frame_broken = junk == b"NaN" or junk.startswith((b"[[[", b'{"a":'))
    assert "ETH/USD" in listed or whole_frame_broken


def trade(trade_id: object, price: str = "100.5", qty: str = "1.0", side: str = "buy") -> str:
    return (
        f'{{"symbol":"BTC/USD","side":"{side}","price":{price},"qty":{qty},"ord_type":"limit",'
        f'"trade_id":{trade_id},"timestamp":"{STAMP}"}}'
    )


def trades(*rows: str, kind: str = "update") -> list[events.Event]:
    text = '{"channel":"trade","type":"%s","data":[%s]}' % (kind, ",".join(rows))
    return Codec(BTC).decode(text.encode(), 7)


@pytest.mark.parametrize(
    "bad",
    [
        trade(2, price="-100.5"),
        trade(2, price="0.0"),
        trade(2, qty="-1.0"),
        trade(2, qty="0"),
        trade(2, price="1e38"),
        trade(2, price="100.55"),
        trade(2, side="both"),
        trade(-2),
        trade(2**63),
        trade('"x"'),
        trade("null"),
        "null",
        "[]",
    ],
)
def test_a_bad_trade_costs_that_trade_and_is_told(bad: str) -> None:
    found = trades(trade(1), bad, trade(3))
    [event] = [one for one in found if isinstance(one, events.Trades)]
    [problem] = [one for one in found if isinstance(one, events.Malformed)]
    assert [one.trade_id for one in event.trades] == [1, 3]
    assert (problem.channel, problem.received) == ("trade", 7)


def test_a_snapshot_with_a_bad_trade_is_still_one_snapshot() -> None:
    [event, _] = trades(trade(1), trade(2, price="-1"), trade(3), kind="snapshot")
    assert isinstance(event, events.Trades)
    assert event.snapshot
    assert [one.trade_id for one in event.trades] == [1, 3]


def test_a_trade_without_an_order_type_is_a_trade() -> None:
    text = trade(1).replace('"ord_type":"limit",', "")
    [event] = trades(text)
    assert isinstance(event, events.Trades)
    assert event.trades[0].ord_type == ""


@pytest.mark.parametrize(
    "member", ["bid", "ask", "last", "vwap", "low", "high", "bid_qty", "ask_qty", "volume"]
)
def test_a_negative_number_of_a_ticker_is_out_of_range(member: str) -> None:
    text = f'{{"channel":"ticker","type":"update","data":[{{"symbol":"BTC/USD","{member}":-1.0}}]}}'
    [event] = Codec(BTC).decode(text.encode())
    assert isinstance(event, events.Malformed)
    assert "-1.0 is out of range" in event.reason


def test_the_change_of_a_ticker_may_be_negative() -> None:
    text = b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","change":-1.0}]}'
    [event] = Codec(BTC).decode(text)
    assert isinstance(event, events.Ticker)
    assert event.change == -10


def book(level: str, kind: str = "update") -> bytes:
    text = '{"channel":"book","type":"%s","data":[{"symbol":"BTC/USD","bids":[%s],"checksum":1}]}'
    return (text % (kind, level)).encode()


@pytest.mark.parametrize("price", ["0.0", "-0.1", "-5", f"{LARGEST}.0"])
def test_a_level_without_a_possible_price_is_reported(price: str) -> None:
    [event] = Codec(BTC).decode(book(f'{{"price":{price},"qty":1.00000000}}'))
    assert isinstance(event, events.Malformed)
    assert (event.symbol, event.channel) == ("BTC/USD", "book")


@pytest.mark.parametrize("digits", [31, 32, 38, 39, 200])
def test_a_quantity_beyond_reason_is_reported_however_it_is_written(digits: int) -> None:
    [event] = Codec(BTC).decode(book(f'{{"price":1.0,"qty":{"9" * digits}.00000000}}'))
    assert isinstance(event, events.Malformed)


def test_a_quantity_of_thirty_digits_is_read_exactly() -> None:
    [event] = Codec(BTC).decode(book(f'{{"price":1.0,"qty":{"9" * 30}.00000000}}'))
    assert isinstance(event, events.BookUpdate)
    assert event.bids == ((10, int("9" * 30) * 10**8),)


def test_a_message_of_more_levels_than_any_book_has_is_reported() -> None:
    level = '{"price":1.0,"qty":1.00000000}'
    [event] = Codec(BTC).decode(book(",".join([level] * (MOST_LEVELS + 1)), "snapshot"))
    assert isinstance(event, events.Malformed)
    assert "more than the exchange shows" in event.reason


def test_a_snapshot_deeper_than_any_subscription_is_never_a_book() -> None:
    levels = ",".join(f'{{"price":{1000 + n}.0,"qty":1.00000000}}' for n in range(1001))
    keeper = BookKeeper(precisions=BTC)
    _, resync = keeper.receive(book(levels, "snapshot"))
    assert isinstance(resync, events.Resync)
    assert "1001 levels" in resync.detail
    assert "BTC/USD" not in keeper.l2


@pytest.mark.parametrize("side", ['"bids":null,"asks":null,', '"bids":[],"asks":[],', ""])
@pytest.mark.parametrize("channel", ["book", "level3"])
def test_a_side_that_is_null_is_the_same_as_absent_and_empty(channel: str, side: str) -> None:
    text = '{"channel":"%s","type":"snapshot","data":[{"symbol":"BTC/USD",%s"checksum":0}]}'
    [event] = Codec(BTC).decode((text % (channel, side)).encode())
    assert isinstance(event, events.BookSnapshot | events.L3Snapshot)
    assert event.bids == event.asks == ()


@pytest.mark.parametrize("lists", ['"pairs":null,"assets":null', '"pairs":[],"assets":[]', ""])
def test_an_instrument_list_that_is_null_is_the_same_as_absent_and_empty(lists: str) -> None:
    text = '{"channel":"instrument","type":"update","data":{%s}}' % lists
    [event] = Codec().decode(text.encode())
    assert event == events.Instruments(0, (), ())


@pytest.mark.parametrize("warnings", ["null", "[]", "[1]", '"text"', "{}"])
def test_odd_warnings_never_cost_an_acknowledgement(warnings: str) -> None:
    text = '{"method":"subscribe","success":true,"result":{"channel":"book","warnings":%s}}'
    [event] = Codec().decode((text % warnings).encode())
    assert event == events.Subscribed(0, "book")


def test_a_list_with_more_bad_rows_than_anyone_reads_is_told_in_few_words() -> None:
    rows = ",".join(["0"] * (MAX_MALFORMED + 50))
    text = '{"channel":"instrument","type":"update","data":{"pairs":[%s]}}' % rows
    assert len(Codec().decode(text.encode())) == MAX_MALFORMED + 1


def test_a_list_longer_than_any_exchange_s_is_not_read_at_all() -> None:
    rows = ",".join(["0"] * (MAX_ROWS + 1))
    text = '{"channel":"instrument","type":"update","data":{"pairs":[%s]}}' % rows
    [event] = Codec().decode(text.encode())
    assert isinstance(event, events.Malformed)
