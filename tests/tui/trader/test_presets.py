"""The sizes of the keys 1 to 5: what the configuration names is used, or said to be rounded."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.instruments import Instrument, Precision
from kracked_tui.trader.presets import Presets, sizes_of
from kracked_tui.view.ticket.ticket import TicketMarket


def market(*, step: int = 1, least: int = 1, ask: int | None = 640_000) -> TicketMarket:
    """Return a pair with prices of one decimal and quantities of four."""
    instrument = Instrument(
        symbol="BTC/USD",
        base="BTC",
        quote="USD",
        precision=Precision(1, 4),
        price_increment=1,
        qty_increment=step,
        qty_min=least,
        cost_min=Decimal("0.5"),
    )
    return TicketMarket(instrument, ask - 1 if ask else None, ask)


def told(market: TicketMarket, *named: str) -> list[str]:
    """Return what is told of sizes that are used several times."""
    said: list[str] = []
    presets = Presets({"BTC/USD": named}, lambda text, _role: said.append(text))
    for _ in range(3):
        presets.sizes(market)
        presets.size(market)
    assert presets.remarks(market) == tuple(said)
    return said


def test_sizes_of_the_configuration_are_used_as_they_are_and_nothing_is_said() -> None:
    assert sizes_of(market(), ("0.01", "0.05", "1")) == (100, 500, 10_000)
    assert told(market(), "0.01", "0.05", "1") == []


def test_a_size_with_more_decimals_than_the_pair_is_rounded_down_and_told_once() -> None:
    assert sizes_of(market(), ("0.01", "0.12349")) == (100, 1234)
    (said,) = told(market(), "0.01", "0.12349")
    assert said.startswith("Size 2 of BTC/USD in the configuration is 0.12349, finer than")
    assert said.endswith("steps of 0.0001 that the pair has: 0.1234 is used.")


def test_a_size_between_lot_steps_is_rounded_down_and_told() -> None:
    assert sizes_of(market(step=25), ("0.0125", "0.0126")) == (125, 125)
    (said,) = told(market(step=25), "0.0125", "0.0126")
    assert "steps of 0.0025" in said
    assert "0.0125 is used" in said


def test_without_named_sizes_round_ones_cost_about_ten_to_a_thousand() -> None:
    assert sizes_of(market(ask=1_000), ()) == (1000, 2000, 10_000, 20_000, 100_000)


@pytest.mark.parametrize(
    ("ask", "number", "size"),
    [(105, 1, 9_000), (84, 2, 20_000), (503, 3, 10_000), (834, 4, 20_000), (5_003, 5, 10_000)],
)
def test_a_round_size_costs_no_more_than_its_amount_in_the_quote_currency(
    ask: int, number: int, size: int
) -> None:
    assert sizes_of(market(ask=ask), ())[number - 1] == size


def test_remarks_are_there_before_the_sizes_have_been_used() -> None:
    presets = Presets({"BTC/USD": ("0.12349",)})
    assert len(presets.remarks(market())) == 1


def test_a_round_size_of_few_lots_is_as_many_lots_as_its_cost_buys() -> None:
    assert sizes_of(market(ask=200_000), ())[:2] == (5, 10)


def test_no_round_size_is_below_the_least_quantity_or_a_lot_step() -> None:
    assert sizes_of(market(least=7), ())[0] == 7
    assert sizes_of(market(step=9), ())[0] == 9


def test_without_a_price_the_only_size_is_the_least_one() -> None:
    assert sizes_of(market(ask=None, least=7), ()) == (7,)


def test_the_bid_stands_in_for_a_missing_ask() -> None:
    full = market(ask=1_000)
    assert sizes_of(full._replace(ask=None, bid=1_000), ()) == sizes_of(full, ())


def test_the_size_in_use_is_the_first_until_another_is_chosen() -> None:
    presets = Presets({"BTC/USD": ("0.01", "0.05")})
    assert (presets.chosen, presets.size(market())) == (1, 100)
    presets.choose(2)
    assert (presets.chosen, presets.size(market())) == (2, 500)


def test_a_pair_with_fewer_sizes_uses_its_last_one() -> None:
    presets = Presets({"BTC/USD": ("0.01", "0.05")})
    presets.choose(5)
    assert presets.size(market()) == 500


@pytest.mark.parametrize("symbol", ["ETH/USD", "BTC/EUR"])
def test_sizes_of_another_pair_are_not_used(symbol: str) -> None:
    presets = Presets({symbol: ("0.01",)})
    assert presets.sizes(market()) == sizes_of(market(), ())
