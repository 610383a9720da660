"""The position of a session: from own fills alone, exact, and never a made-up zero."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from kracked.feed.account import MAX_FILLS, Account
from kracked.flow.measures.position import Position
from kracked.protocol import events
from kracked.protocol.events import Side
from kracked.protocol.own_orders import Fee, Fill
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.state.session_positions import SNAPSHOT_TRADES, RecordedPositions, SessionPositions
from kracked_tui.view.account.position import PositionView, money, position_view
from kracked_tui.view.chrome.trade_strip import StripLimits, StripView, strip_line
from kracked_tui.view.format import clock
from tests.tui.frozen_market import INSTRUMENT, NOW, PRECISION, SYMBOL

BIDS = [(642_100, 100_000_000)]
ASKS = [(642_105, 100_000_000)]
LIMITS = StripLimits(Decimal("0.5"), Decimal(50_000), Decimal(50_000))


def report(number: int, side: str = "buy", qty: str = "0.25", ago_s: int = 0) -> dict[str, object]:
    return {
        "exec_type": "trade", "exec_id": f"T{number}", "order_id": f"O{number}", "symbol": SYMBOL,
        "side": side, "last_qty": Decimal(qty), "last_price": Decimal("63880.0"),
        "liquidity_ind": "t", "trade_id": number, "order_status": "filled",
        "timestamp": to_rfc3339(NOW - ago_s * NS_PER_S), "fees": [],
    }  # fmt: skip


def told(account: Account, *reports: dict[str, object], snapshot: bool = False) -> None:
    account.apply(events.Executions(NOW, reports, 1, snapshot=snapshot))


def view(position: Position, **known: object) -> PositionView:
    terms = {"bids": BIDS, "asks": ASKS, "last": None, "taker_fee_percent": None, "held": None}
    return position_view(position, INSTRUMENT, **{**terms, **known})  # type: ignore[arg-type]


def bought(qty: str, price: str, fee: str = "3.11") -> Position:
    position = Position(SYMBOL)
    position.add(
        Fill(
            exec_id="1", order_id="O", symbol=SYMBOL, side=Side.BID, last_qty=Decimal(qty),
            last_price=Decimal(price), timestamp=to_rfc3339(NOW), liquidity_ind="t",
            fees=(Fee("USD", Decimal(fee)),),
        )
    )  # fmt: skip
    return position


def test_fills_from_before_the_session_are_no_part_of_its_position() -> None:
    account, positions = Account(), SessionPositions()
    told(account, report(1, ago_s=60), snapshot=True)
    positions.look(account, NOW)
    assert positions.of(SYMBOL).fills == 0
    told(account, report(2))
    positions.look(account, NOW)
    positions.look(account, NOW)
    assert positions.of(SYMBOL).qty == Decimal("0.25")


def test_while_the_stream_is_down_the_position_is_unknown_and_then_goes_on() -> None:
    account, positions = Account(), SessionPositions()
    positions.look(account, NOW)
    assert positions.unknown == "waiting for the account's stream"
    told(account, snapshot=True)
    positions.look(account, NOW)
    assert positions.unknown == ""
    account.distrust("executions")
    positions.look(account, NOW)
    assert positions.unknown == "the account's stream is down"
    told(account, report(3), snapshot=True)
    positions.look(account, NOW)
    assert (positions.unknown, positions.of(SYMBOL).fills) == ("", 1)


def test_more_fills_than_a_snapshot_tells_make_the_position_unknown() -> None:
    account, positions = Account(), SessionPositions()
    told(account, snapshot=True)
    positions.look(account, NOW)
    account.distrust("executions")
    positions.look(account, NOW)
    told(account, *(report(n, qty="0.01") for n in range(SNAPSHOT_TRADES)), snapshot=True)
    positions.look(account, NOW + 60 * NS_PER_S)
    assert positions.unknown == f"fills may be missing since {clock(NOW)}"


def test_a_stream_that_went_and_came_between_two_looks_may_have_lost_fills() -> None:
    account, positions = Account(), SessionPositions()
    told(account, snapshot=True)
    positions.look(account, NOW)
    told(account, report(0))
    account.distrust("executions")
    told(account, *(report(n, qty="0.01") for n in range(1, 51)), snapshot=True)
    positions.look(account, NOW + NS_PER_S)
    assert positions.unknown == f"fills may be missing since {clock(NOW)}"


def test_a_stream_that_went_and_came_with_few_fills_has_lost_none() -> None:
    account, positions = Account(), SessionPositions()
    told(account, snapshot=True)
    positions.look(account, NOW)
    account.distrust("executions")
    told(account, *(report(n, qty="0.01") for n in range(49)), snapshot=True)
    positions.look(account, NOW)
    assert (positions.unknown, positions.of(SYMBOL).fills) == ("", 49)


def test_at_an_instant_of_the_past_the_position_is_what_it_was_then() -> None:
    account, then, positions = Account(), Account(), SessionPositions()
    for each in (account, then):
        told(each, report(1, ago_s=60), snapshot=True)
    positions.look(account, NOW)
    assert positions.then(then, NOW) == ({}, "")
    for each in (account, then):
        told(each, report(2))
    told(account, report(3), report(4, side="sell", qty="0.1"))
    positions.look(account, NOW)
    found, unknown = positions.then(then, NOW)
    assert (found[SYMBOL].qty, found[SYMBOL].fills, unknown) == (Decimal("0.25"), 1, "")
    assert positions.of(SYMBOL).qty == Decimal("0.40")


def test_a_position_of_the_past_is_unknown_where_the_fills_are_too_old_or_missing() -> None:
    account, then, positions = Account(), Account(), SessionPositions()
    assert positions.then(then, NOW) == ({}, "the account was not known then")
    for each in (account, then):
        told(each, snapshot=True)
    positions.look(account, NOW)
    for number in range(MAX_FILLS + 1):
        told(account, report(number, qty="0.01"))
        positions.look(account, NOW)
    told(then, report(0, qty="0.01"))
    assert positions.then(then, NOW) == ({}, "known after the newest 1000 fills alone")


def test_fills_of_a_recording_make_its_position_from_its_beginning_on() -> None:
    account, positions = Account(), RecordedPositions(NOW - 30 * NS_PER_S)
    positions.look(account, NOW)
    assert positions.unknown == "the account was not known then"
    told(account, report(1, ago_s=60), snapshot=True)
    told(account, report(2))
    positions.look(account, NOW)
    positions.look(account, NOW)
    assert (positions.unknown, positions.of(SYMBOL).qty) == ("", Decimal("0.25"))


def test_a_recording_whose_account_began_twice_may_lack_fills() -> None:
    account, positions = Account(), RecordedPositions(NOW)
    told(account, snapshot=True)
    account.distrust("executions")
    told(account, report(2), snapshot=True)
    positions.look(account, NOW)
    assert positions.unknown == "fills of this recording may be missing"


@pytest.mark.parametrize(("between", "unknown"), [(MAX_FILLS, False), (MAX_FILLS + 1, True)])
def test_more_fills_between_two_looks_than_are_retained_make_it_unknown(
    between: int, unknown: bool
) -> None:
    account, positions = Account(), SessionPositions()
    told(account, snapshot=True)
    positions.look(account, NOW)
    told(account, *(report(n, qty="0.01") for n in range(between)))
    positions.look(account, NOW + NS_PER_S)
    positions.look(account, NOW + 2 * NS_PER_S)
    assert (positions.unknown == f"fills may be missing since {clock(NOW)}") is unknown
    assert positions.of(SYMBOL).fills == MAX_FILLS


def test_an_account_of_another_moment_begins_anew() -> None:
    account, positions = Account(), SessionPositions()
    told(account, snapshot=True)
    positions.look(account, NOW)
    told(account, report(1))
    positions.look(account, NOW)
    positions.look(Account(), NOW)
    assert positions.of(SYMBOL).fills == 0


def test_the_open_result_is_marked_where_the_book_would_take_it() -> None:
    seen = view(bought("0.25", "63880.0"), taker_fee_percent=Decimal("0.25"))
    assert seen.open_result == Fraction("82.5")
    assert seen.net == Fraction("79.39")
    assert seen.break_even is not None
    assert seen.break_even > Fraction(63_880)
    assert seen.marked_by == ""


def test_a_position_larger_than_the_book_is_marked_at_the_middle_and_says_so() -> None:
    seen = view(bought("3", "63880.0"))
    assert seen.marked_by == "mid"


def test_without_a_price_the_result_is_not_known_and_no_zero() -> None:
    seen = view(bought("0.25", "63880.0"), bids=[], asks=[])
    assert (seen.open_result, seen.net) == (None, None)
    assert money(seen.net, 2) == "–"


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (80, " BTC/USD  │ session LONG 0.25 @ 63880.0  open +82.50  fees 3.11  net +79.39"),
        (60, " BTC/USD  │ session LONG 0.25 @ 63880.0  net +79.39"),
        (
            180,
            " BTC/USD  SIZE 0.01  at most 0.5 BTC, 50000 USD, 50000 open  │ session LONG 0.25 @ "
            "63880.0  open +82.50  realised 0.00  fees 3.11  net +79.39",
        ),
    ],
)
def test_the_strip_keeps_the_position_and_drops_the_rest_by_its_weight(
    width: int, text: str
) -> None:
    shown = StripView(SYMBOL, PRECISION, view(bought("0.25", "63880.0")), "0.01", LIMITS)
    drawn = strip_line(shown, width).text
    assert len(drawn) == width
    if width != 80:
        assert drawn.rstrip() == text
    assert "LONG 0.25 @ 63880.0" in drawn
    assert "net +79.39" in drawn


def test_the_strip_says_what_is_held_besides_with_an_unknown_entry() -> None:
    shown = StripView(SYMBOL, PRECISION, view(Position(SYMBOL), held=Decimal("3.25")))
    text = strip_line(shown, 120).text
    assert "no fill this session  3.25 BTC from before, entry unknown" in text
    assert "0.00" not in text


def test_the_strip_says_why_a_position_is_unknown() -> None:
    shown = StripView(SYMBOL, PRECISION, PositionView("the account's stream is down"))
    assert "position unknown: the account's stream is down" in strip_line(shown, 80).text
