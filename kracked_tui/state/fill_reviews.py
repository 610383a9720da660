"""The reviews of own fills, by symbol, fed by the store's events: live, on paper and in a replay.

Nothing is followed before the account has told of itself. A fill is marked by the book that was
watched when it happened: of a pair that was not shown then, its marks are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kracked.book.l2 import L2Book
from kracked.flow.facts import Outcome
from kracked.flow.ledger import Ledger
from kracked.flow.review import FillReview, FillSummary, ReviewedFill
from kracked.flow.review.fill_review import MOST_FILLS
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.times import NS_PER_S
from kracked_tui.view.queue.own_place import OwnPlace


class FirstPlace(NamedTuple):
    """The first and the last place of an order that rested in no book of the exchange."""

    first: OwnPlace
    last: OwnPlace


class FillReviews:
    """Owner of the reviews; the store gives it every event, with what the ledgers told."""

    def __init__(self) -> None:
        self.begun = False
        """Whether an account has told of itself."""
        self.places: dict[str, FirstPlace] = {}
        """Of orders on paper, by order id."""
        self._reviews: dict[str, FillReview] = {}
        self._precisions: dict[str, Precision] = {}
        self._by_id: dict[str, ReviewedFill] = {}
        self._counted: dict[str, int] = {}
        """Fills of each symbol that `_by_id` has, those that made room too."""
        self._summary: tuple[object, FillSummary | None] = (None, None)

    # --- feeding ----------------------------------------------------------------------------

    def follow(
        self, event: Event, outcomes: Sequence[Outcome], ledgers: Mapping[str, Ledger]
    ) -> None:
        """Follow one event, after the ledgers have applied it."""
        if type(event) is events.Executions:
            self._apply(event)
        if not self.begun:
            return
        if isinstance(event, events.L3Update | events.L3Snapshot | events.Trades):
            self._precisions[event.symbol] = event.precision
            if (ledger := ledgers.get(event.symbol)) is not None:
                self._review(event.symbol).follow(ledger, event.precision, outcomes)
        else:
            self.take(outcomes, ledgers)

    def take(self, outcomes: Sequence[Outcome], ledgers: Mapping[str, Ledger]) -> None:
        """Take what ledgers told without an event of theirs: late decisions, and holes."""
        for symbol in dict.fromkeys(outcome.symbol for outcome in outcomes if self.begun):
            ledger, precision = ledgers.get(symbol), self._precisions.get(symbol)
            if ledger is not None and precision is not None:
                told = [one for one in outcomes if one.symbol == symbol]
                self._review(symbol).follow(ledger, precision, told)

    def _apply(self, event: events.Executions) -> None:
        self.begun = True
        for report in event.reports:
            if isinstance(symbol := report.get("symbol"), str):
                self._review(symbol)
        for symbol, review in self._reviews.items():
            review.apply(event)
            told = review.dropped + len(review.fills)
            new = told - self._counted.get(symbol, 0)
            self._counted[symbol] = told
            for fill in list(review.fills)[-new:] if new > 0 else ():
                self._by_id[fill.exec_id] = fill
        while len(self._by_id) > MOST_FILLS:
            del self._by_id[next(iter(self._by_id))]

    def _review(self, symbol: str) -> FillReview:
        review = self._reviews.get(symbol)
        if review is None:
            review = self._reviews[symbol] = FillReview(symbol)
        return review

    def pass_time(self, symbol: str, now: int, *, followed: bool, book: L2Book | None) -> None:
        """Let time pass for the pair shown; call it before each frame.

        Args:
            symbol: The pair.
            now: On the exchange's clock.
            followed: Whether its orders are known now; else the level 2 book gives the mids.
            book: The level 2 book; None without one.
        """
        review = self._reviews.get(symbol)
        if review is None:
            return
        if followed:
            review.elapse(now)
        elif book is None or not book.verified or not (book.best_bid and book.best_ask):
            review.lose(now)
        else:
            at = book.exchange_time or now
            review.quote(at, book.best_bid.price, book.best_ask.price, book.precision)
            review.elapse(now)

    def see_places(self, places: Mapping[str, OwnPlace]) -> None:
        """Remember where orders on paper stand: no ledger tells it."""
        for order_id, place in places.items():
            known = self.places.get(order_id)
            if known is None or known.last != place:
                self.places[order_id] = FirstPlace(known.first if known else place, place)
        while len(self.places) > MOST_FILLS:
            del self.places[next(iter(self.places))]

    # --- reading ----------------------------------------------------------------------------

    def of(self, exec_ids: Iterable[str]) -> Mapping[str, ReviewedFill]:
        """Return the reviewed fills of these ids, as far as they are known."""
        return {each: found for each in exec_ids if (found := self._by_id.get(each)) is not None}

    def summary(self, symbol: str, now: int) -> FillSummary | None:
        """Return what the fills of a pair were worth together, made anew once a second."""
        review = self._reviews.get(symbol)
        if review is None or not review.fills:
            return None
        made_of = (symbol, len(review.fills), now // NS_PER_S)
        if made_of != self._summary[0]:
            self._summary = (made_of, review.summary())
        return self._summary[1]
