"""Own fills against a planted path of mids: figures are exact."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from kracked.flow import Taker
from kracked.flow.review import FillReview, FillSummary, MarkState, ReviewedFill
from kracked.instruments import Precision
from kracked.protocol.events import Executions, Side, Trade
from kracked.times import parse_ns, to_rfc3339

SYMBOL, PRECISION, S = "BTC/USD", Precision(1, 8), 10**9
NOON = parse_ns("2024-11-12T12:00:00Z")


class Session:
    """A review, driven by seconds after noon and prices of one decimal."""

    def __init__(self) -> None:
        self.review = FillReview(SYMBOL)
        self.count = 0

    def quote(self, seconds: float, bid: float, ask: float) -> None:
        at = NOON + int(seconds * S)
        self.review.quote(at, int(bid * 10), int(ask * 10), PRECISION)

    def lose(self, seconds: float) -> None:
        self.review.lose(NOON + int(seconds * S))

    def report(self, seconds: float, snapshot: bool = False, **members: object) -> None:
        time = to_rfc3339(NOON + int(seconds * S), 9)
        self.review.apply(
            Executions(0, ({"timestamp": time, **members},), snapshot=snapshot),
        )

    def order(self, order_id: str, seconds: float, qty: str, side: str = "buy") -> None:
        self.report(
            seconds,
            order_id=order_id,
            exec_type="new",
            symbol=SYMBOL,
            side=side,
            order_qty=Decimal(qty),
            cum_qty=Decimal(0),
            order_status="new",
        )

    def fill(
        self,
        seconds: float,
        price: str,
        qty: str,
        side: str = "buy",
        *,
        order_id: str = "O",
        maker: str = "m",
        trade_id: int | None = None,
        exec_id: str = "",
        snapshot: bool = False,
    ) -> ReviewedFill:
        self.count += 1
        self.report(
            seconds,
            snapshot,
            order_id=order_id,
            exec_id=exec_id or f"E{self.count}",
            exec_type="trade",
            symbol=SYMBOL,
            side=side,
            last_price=Decimal(price),
            last_qty=Decimal(qty),
            liquidity_ind=maker,
            trade_id=trade_id,
        )
        return self.review.fills[-1]

    def taken(self, seconds: float, taker: str, *trades: tuple[int, float, float]) -> None:
        side = Side.BID if taker == "buy" else Side.ASK
        made = tuple(
            Trade(side, int(price * 10), int(qty * 10**8), "", trade_id, "")
            for trade_id, price, qty in trades
        )
        at = NOON + int(seconds * S)
        self.review.taken(Taker(SYMBOL, at, side, made, (), None, None), PRECISION)

    def summary(self) -> FillSummary:
        return self.review.summary()


@pytest.fixture
def session() -> Session:
    """A mid of 100 at noon, 100.5 half a second later, 99 after five, 102 after thirty."""
    session = Session()
    session.quote(0, 99, 101)
    return session


def play(session: Session) -> None:
    session.quote(0.5, 99.5, 101.5)
    session.quote(5, 98, 100)
    session.quote(30, 101, 103)
    session.quote(61, 101, 103.2)


def test_what_was_earned_and_what_drifted_is_exact_for_a_purchase(session: Session) -> None:
    fill = session.fill(0.1, "99.0", "2")
    play(session)
    assert fill.mid == Decimal(100)
    assert fill.earned == Decimal(2)
    assert [fill.drift(at) for at in range(3)] == [Decimal(1), Decimal(-2), Decimal(4)]
    assert fill.bp(fill.earned) == Fraction(10_000, 99)
    assert fill.bp(fill.markout(1)) == 0
    assert fill.bp(fill.markout(2)) == Fraction(30_000, 99)


def test_for_a_sale_the_signs_turn(session: Session) -> None:
    fill = session.fill(0.1, "101.0", "2", "sell")
    play(session)
    assert fill.earned == Decimal(2)
    assert [fill.drift(at) for at in range(3)] == [Decimal(-1), Decimal(2), Decimal(-4)]


def test_marks_are_pending_until_their_time_and_at_the_end_of_the_data(session: Session) -> None:
    fill = session.fill(0.1, "99.0", "2")
    session.quote(0.5, 99.5, 101.5)
    session.quote(5, 98, 100)
    states = [mark.state for mark in fill.marks]
    assert states == [MarkState.KNOWN, MarkState.PENDING, MarkState.PENDING]
    assert [one.pending for one in session.summary().horizons] == [0, 1, 1]


def test_a_gap_between_makes_a_mark_missing_and_later_ones_too(session: Session) -> None:
    fill = session.fill(0.1, "99.0", "2")
    session.quote(0.5, 99.5, 101.5)
    session.lose(3)
    play(session)
    states = [mark.state for mark in fill.marks]
    assert states == [MarkState.KNOWN, MarkState.MISSING, MarkState.MISSING]
    assert [one.missing for one in session.summary().horizons] == [0, 1, 1]


def test_a_fill_in_a_gap_has_no_mid(session: Session) -> None:
    session.lose(0.05)
    fill = session.fill(0.1, "99.0", "2")
    play(session)
    assert fill.mid is None
    assert {mark.state for mark in fill.marks} == {MarkState.MISSING}


def test_a_fill_told_before_its_book_takes_the_mid_of_its_own_time(session: Session) -> None:
    fill = session.fill(0.6, "99.0", "2")
    session.quote(0.5, 99.5, 101.5)
    session.quote(0.7, 90, 92)
    assert fill.mid == Decimal("100.5")


def test_a_fill_told_late_is_marked_at_its_own_times(session: Session) -> None:
    play(session)
    fill = session.fill(0.1, "99.0", "2")
    assert fill.mid == Decimal(100)
    assert fill.drift(1) == Decimal(-2)


def test_the_same_fill_told_twice_counts_once(session: Session) -> None:
    session.fill(0.1, "99.0", "2", exec_id="SAME")
    session.fill(0.1, "99.0", "2", exec_id="SAME", snapshot=True)
    assert session.summary().fills == 1


def test_fills_of_another_symbol_are_not_taken(session: Session) -> None:
    session.report(0.1, order_id="X", exec_id="X", exec_type="trade", symbol="ETH/USD")
    assert (session.summary().fills, session.review.unreadable) == (0, 0)


def test_a_report_that_cannot_be_read_is_counted_and_changes_nothing(session: Session) -> None:
    session.report(0.1, order_id="X", exec_id="X", exec_type="trade", symbol=SYMBOL, side="buy")
    assert (session.summary().fills, session.review.unreadable) == (0, 1)


def test_what_the_first_report_said_holds_for_later_ones(session: Session) -> None:
    session.order("O", 0, "3", "sell")
    session.report(
        0.4,
        order_id="O",
        exec_id="E",
        exec_type="trade",
        last_price=Decimal(101),
        last_qty=Decimal(1),
        cum_qty=Decimal(1),
    )
    [fill] = session.review.fills
    assert (fill.side, fill.symbol) == (Side.ASK, SYMBOL)


def test_the_wait_runs_from_acceptance(session: Session) -> None:
    session.order("O", 0.1, "3")
    assert session.fill(2.6, "99", "1").wait_ns == int(2.5 * S)


def test_the_wait_of_an_order_from_before_is_not_known(session: Session) -> None:
    assert session.fill(2.6, "99", "1", order_id="EARLIER").wait_ns is None


def test_the_median_wait_is_weighted_by_quantity(session: Session) -> None:
    for name, wait, qty in (("A", 1, "1"), ("B", 2, "1"), ("C", 9, "5")):
        session.order(name, 0, qty)
        session.fill(wait, "99", qty, order_id=name)
    assert session.summary().median_wait_ns == 9 * S


def test_the_fill_ratio_is_filled_of_placed_quantity(session: Session) -> None:
    session.order("A", 0, "3")
    session.order("B", 0, "1")
    session.fill(1, "99", "1", order_id="A")
    assert session.summary().fill_ratio == Fraction(1, 4)


def test_the_maker_share_is_by_quantity_and_by_value(session: Session) -> None:
    session.fill(1, "100", "3")
    session.fill(1, "200", "1", maker="t")
    found = session.summary()
    assert found.maker_share == Fraction(3, 4)
    assert found.maker_share_by_value == Fraction(3, 5)


def test_the_adverse_share_is_by_quantity_and_ties_count_half(session: Session) -> None:
    session.fill(0.1, "99", "2")  # the mid falls: adverse
    session.fill(0.1, "101", "1", "sell")  # adverse for none
    session.fill(6, "99", "1")  # it stands still for ten seconds
    play(session)
    adverse = session.summary().adverse
    assert adverse is not None
    assert adverse.share == Fraction(5, 8)
    assert adverse.band.low < 5 / 8 < adverse.band.high
    assert (adverse.fills, adverse.few) == (3, True)


def test_the_sum_over_fills_is_that_of_the_session(session: Session) -> None:
    fills = [
        session.fill(0.1, "99.0", "2"),
        session.fill(0.2, "100.9", "0.5", "sell"),
        session.fill(5.5, "98.1", "0.25"),
    ]
    play(session)
    session.quote(80, 101, 103)
    for at, horizon in enumerate(session.summary().horizons):
        assert horizon.known == 3
        assert horizon.earned == sum(fill.earned or 0 for fill in fills)
        assert horizon.drift == sum(fill.drift(at) or 0 for fill in fills)
        value = Fraction(sum(fill.notional for fill in fills))
        assert horizon.markout_bp == 10_000 * Fraction(horizon.earned + horizon.drift) / value


def test_chance_is_what_other_makers_at_the_touch_had_in_the_same_minutes(
    session: Session,
) -> None:
    session.fill(0.1, "99.0", "2", trade_id=7)
    session.taken(0.1, "sell", (7, 99.0, 2), (8, 99.0, 1), (9, 98.0, 5))
    session.taken(0.2, "buy", (10, 101.0, 1))
    play(session)
    session.quote(62, 101, 103)
    found = session.summary()
    assert found.others == 2  # neither the own one nor the one behind the touch
    # One bought at 99, one sold at 101: after ten seconds the mid is 99, after a minute 102.
    assert found.horizons[1].others_bp == Fraction(10_000 * (0 + 2), 200)
    assert found.horizons[2].others_bp == Fraction(10_000 * (3 - 1), 200)


def test_minutes_without_an_own_fill_are_no_chance(session: Session) -> None:
    session.fill(0.1, "99.0", "2")
    session.quote(61, 99, 101)
    session.taken(61, "sell", (8, 99.0, 1))
    session.quote(130, 99, 101)
    assert session.summary().others == 0


@pytest.mark.parametrize("late", [False, True])
def test_the_taker_of_a_fill_is_told_in_any_order(session: Session, late: bool) -> None:
    if not late:
        session.taken(0.1, "sell", (7, 99.0, 2), (8, 98.0, 5))
    fill = session.fill(0.1, "99.0", "2", trade_id=7)
    if late:
        session.taken(0.1, "sell", (7, 99.0, 2), (8, 98.0, 5))
    assert (fill.taker_qty, fill.taker_levels) == (Decimal(7), 2)


def test_what_is_kept_live_is_bounded(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kracked.flow.review.fill_review.MOST_FILLS", 3)
    for number in range(10):
        session.fill(number, "99", "1", order_id=f"O{number}", trade_id=number)
    review = session.review
    assert (len(review.fills), review.dropped) == (3, 7)
    assert len(review._seen) == len(review._accepted) == len(review._own_trades) == 6
