"""The account at one moment: own orders, fills, balances, rates, and whether keys trade.

Like the frame it belongs to, it computes each part when a pane first asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from kracked.feed.account import Account, Fill
from kracked.flow.odds.table import NoOdds, Odds
from kracked.flow.review import FillSummary, ReviewedFill
from kracked.instruments import Precision
from kracked.orders.rules.funds import held
from kracked.protocol.events import Side
from kracked_tui.view.account.balances import Balance, balances_of
from kracked_tui.view.account.fill_card import FillStory
from kracked_tui.view.account.orders import OrderRow, rows_of
from kracked_tui.view.account.own_levels import OwnLevel, own_levels
from kracked_tui.view.account.position import PositionView, amount_of, position_view
from kracked_tui.view.account.rates import RateView
from kracked_tui.view.chrome.trade_strip import StripLimits, StripView
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.view.ladder.l3_levels import FrameLevels
from kracked_tui.view.ladder.selection import Selection
from kracked_tui.view.queue.own_lines import A_MINUTE, OrderOdds, own_facts
from kracked_tui.view.queue.own_place import OwnPlace, exact, own_places
from kracked_tui.view.ticket.ticket import Ticket, TicketMarket

if TYPE_CHECKING:
    from kracked_tui.state.view_model import ViewModel

_HOW_TO_ORDER = "No order of yours. b buys and s sells at the cursor's price."


class AccountState:
    """The account, for one frame."""

    def __init__(
        self,
        model: ViewModel,
        levels: FrameLevels,
        now: int,
        symbol: str,
        chosen_order: Callable[[], str],
    ) -> None:
        self._model, self._levels = model, levels
        self._now, self._symbol = now, symbol
        self._chosen_order = chosen_order

    @cached_property
    def _account(self) -> Account | None:
        """The live account of the key, or the recorded one; None without either."""
        access, store = self._model.source.access, self._model.store
        if access is not None:
            return access.account
        return store.account if store.account.orders_known else None

    @property
    def known(self) -> bool:
        """Whether there is an account whose streams have sent their snapshots."""
        return self._account is not None and self._account.orders_known

    @cached_property
    def market(self) -> TicketMarket | None:
        """The market an order of the shown pair is checked against; None before it is known."""
        return self._model.ticket_market(self._symbol, self._levels)

    @cached_property
    def status(self) -> TradingStatus:
        """Whether keys trade, and why not."""
        trader = self._model.trader
        if trader is None or self._account is None:
            return self._model.status_without_trader
        status, market = trader.status(self._symbol), self.market
        if not status.armed or market is None:
            return status
        size = trader.presets.size(market)
        return status._replace(size=exact(size, market.instrument.precision))

    @cached_property
    def position(self) -> PositionView:
        """The position of the shown pair that own fills of this session made."""
        model, account = self._model, self._account
        instrument, book = model.store.instruments.get(self._symbol), self._levels.book
        if account is None or instrument is None:
            return PositionView("waiting for the account's stream")
        model.positions.look(account, self._now)
        if reason := model.positions.unknown:
            return PositionView(reason)
        trader, position = model.trader, model.positions.of(self._symbol)
        held = account.balances.get(instrument.base) if account.balances_known else None
        if not position.fills:
            return PositionView(held_before=amount_of(held, instrument))
        fees = trader.terms.fees.get(self._symbol) if trader else None
        marks = book is not None and book.verified and position.qty
        return position_view(
            position,
            instrument,
            bids=self._levels.both[0] if marks else (),
            asks=self._levels.both[1] if marks else (),
            last=model.market.last,
            taker_fee_percent=fees.taker if fees else None,
            held=held,
        )

    @cached_property
    def strip(self) -> StripView:
        """The line for whoever trades."""
        model, market = self._model, self.market
        trader, precision = model.trader, model.market.precision or Precision(2, 8)
        size, limits = "", StripLimits()
        if trader is not None and market is not None:
            precision = market.instrument.precision
            size = exact(trader.presets.size(market), precision)
            limits = trader.limits
        access = model.source.access
        paper = access is not None and access.paper
        return StripView(self._symbol, precision, self.position, size, limits, paper)

    @cached_property
    def order_rows(self) -> tuple[OrderRow, ...]:
        """Own orders of every pair, those of unknown outcome first."""
        if self._account is None:
            return ()
        model, open_orders = self._model, tuple(self._account.orders.values())
        instruments = model.store.instruments
        precisions = {
            order.symbol: instruments[order.symbol].precision
            for order in open_orders
            if order.symbol in instruments
        }
        sent = model.trader.sent() if model.trader else ()
        closed = self._account.closed
        precisions |= {
            each.symbol: instruments[each.symbol].precision
            for each in sent
            if each.symbol in instruments
        }
        places = self.places
        # The reason of an order on paper says since when its queue is unknown.
        paper = model.source.access is not None and model.source.access.paper
        doubted = [
            o.order_id for o in open_orders if paper and o.reason and o.order_id not in places
        ]
        return rows_of(
            open_orders, sent, places, precisions, self._now, closed=closed, doubted=doubted
        )

    @cached_property
    def places(self) -> Mapping[str, OwnPlace]:
        """The places in the queue of own orders of every pair, by order id."""
        orders = self._account.orders.values() if self._account else ()
        access = self._model.source.access
        paper = access.paper_place if access is not None else None
        instruments = self._model.store.instruments
        precisions = {symbol: one.precision for symbol, one in instruments.items()}
        found = own_places(orders, self._model.source.l3, paper, precisions)
        if paper is not None:
            exact_ones = {name: place for name, place in found.items() if not place.bounded}
            self._model.store.reviews.see_places(exact_ones)
        return found

    def place_at(self, selection: Selection) -> OwnPlace | None:
        """Return the place of the first own order to fill at these prices; None without one."""
        orders = self._account.orders.values() if self._account else ()
        here = [
            place
            for order in orders
            if order.symbol == self._symbol
            and order.side is selection.side
            and (place := self.places.get(order.order_id)) is not None
            and selection.low <= place.price <= selection.high
        ]
        sign = -1 if selection.side is Side.BID else 1
        return min(here, key=lambda it: (sign * it.price, it.position), default=None)

    def facts_of(self, place: OwnPlace, precision: Precision) -> list[tuple[str, str]]:
        """Return what the place of an own order of the shown pair is worth, in words."""
        store = self._model.store
        flow, ledger = store.flows[self._symbol], store.flows.order_flow.ledgers.get(self._symbol)
        told = None if ledger is None else ledger.place(place.order_id)
        live, table = store.odds.live.get(self._symbol), store.odds.table(self._symbol)
        odds: Odds | NoOdds = table if isinstance(table, NoOdds) else NoOdds("not followed yet")
        if live is not None and told is not None and ledger is not None:
            odds = live.of_order(ledger, told, flow.now(self._now))
        proof = None if isinstance(table, NoOdds) else table.outcomes[A_MINUTE].reliability
        score = live.score if live is not None else None
        proofs = (score.observed[A_MINUTE], score.own[A_MINUTE]) if score is not None else ()
        return own_facts(place, told, OrderOdds(odds, proof, *proofs), precision)

    def odds_of(self, ticket: Ticket) -> Odds | NoOdds:
        """Return the odds of a ticket's order if it joins the queue now."""
        store, symbol = self._model.store, ticket.symbol
        table, live = store.odds.table(symbol), store.odds.live.get(symbol)
        if isinstance(table, NoOdds):
            return table
        ledger = store.flows.order_flow.ledgers.get(symbol)
        if live is None or ledger is None:
            return NoOdds("not known: no level 3 of this pair is followed")
        now = store.flows[symbol].now(self._now)
        return live.of_new(ledger, ticket.side, ticket.price, ticket.qty, now)

    @cached_property
    def own_levels(self) -> Mapping[int, OwnLevel]:
        """Resting orders of the shown pair, by scaled price."""
        book = self._levels.book
        precision = book.precision if book else self._model.market.precision
        if precision is None or self._account is None:
            return {}
        return own_levels(self._account.orders.values(), self._symbol, self.places, precision)

    @cached_property
    def order_ids(self) -> frozenset[str]:
        """Ids of the open orders."""
        return frozenset(self._account.orders) if self._account else frozenset()

    @cached_property
    def fills(self) -> Sequence[Fill]:
        """The latest fills of every pair, oldest first."""
        return tuple(self._account.fills) if self._account else ()

    @cached_property
    def balances(self) -> tuple[Balance, ...]:
        """Assets with their total, held and free amounts."""
        if self._account is None:
            return ()
        trader = self._model.trader
        fee_percent = trader.terms.highest_fee if trader else Decimal(0)
        holds = held(self._account.orders.values(), fee_percent)
        prices = {self.quote: Decimal(1)} if self.quote else {}  # of the pairs watched
        for symbol, market in self._model.store.markets.items():
            base, _, quote = symbol.partition("/")
            if quote == self.quote and market.last is not None and market.precision is not None:
                prices[base] = market.precision.price_decimal(market.last)
        return balances_of(self._account.balances, holds, prices)

    @property
    def balances_known(self) -> bool:
        """Whether the balances are current."""
        return self._account is not None and self._account.balances_known

    @property
    def quote(self) -> str:
        """The quote currency of the pair shown."""
        return self._symbol.partition("/")[2]

    # --- reviews ------------------------------------------------------------------------

    def reviews(self, fills: Sequence[Fill]) -> Mapping[str, ReviewedFill]:
        """Return what followed each fill, by its `exec_id`, as far as it was reviewed."""
        return self._model.store.reviews.of(fill.exec_id for fill in fills)

    def story(self, fill: Fill) -> FillStory:
        """Return everything that is known of one fill."""
        store = self._model.store
        market, now = store.market(fill.symbol), store.flows[fill.symbol].now(self._now)
        seen = store.reviews.places.get(fill.order_id)
        return FillStory(
            fill,
            store.reviews.of((fill.exec_id,)).get(fill.exec_id),
            store.reviews.summary(fill.symbol, now),
            None if seen is None else (seen.first, seen.last),
            market.precision,
            now,
        )

    @property
    def fill_summary(self) -> FillSummary | None:
        """The worth of all fills of the pair shown; None without one."""
        store = self._model.store
        return store.reviews.summary(self._symbol, store.flows[self._symbol].now(self._now))

    @cached_property
    def rates(self) -> RateView | None:
        """The engine's rate counter of the shown pair; None where nothing can be sent."""
        trader = self._model.trader
        if trader is None or self._account is None:
            return None
        order = self._account.orders.get(self._chosen_order())
        return trader.rates(self._symbol, order.touched if order else None)

    @property
    def empty_reason(self) -> str:
        """The reason for no order to show, or how to place one."""
        model = self._model
        if not self.known:
            return self.status.reason or "Waiting for the account's streams."
        if model.source.access is None:
            return "No order of yours was open then."
        if model.trader is None:
            return "No order of yours is open."
        # A screen that names b as the key that buys must have a b that buys.
        return _HOW_TO_ORDER if model.trader.ready else self.status.reason
