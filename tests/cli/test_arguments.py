"""The words of a command line as a user may write them."""

from __future__ import annotations

import argparse

import pytest

from kracked.cli import arguments
from kracked.cli.main import main


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("symbols", nargs="+", action=arguments.Several, type=arguments.symbols)
    parser.add_argument(
        "--channels",
        nargs="+",
        action=arguments.Several,
        type=arguments.channels,
        default=[("book", 100)],
    )
    return parser


@pytest.mark.parametrize(
    "words",
    [
        ["BTC/USD", "ETH/USD"],
        ["BTC/USD,ETH/USD"],
        ["BTC/USD,", "ETH/USD"],
        ["BTC/USD, ETH/USD"],
    ],
)
def test_symbols_stand_apart_by_blanks_or_commas(
    parser: argparse.ArgumentParser, words: list[str]
) -> None:
    assert parser.parse_args(words).symbols == ["BTC/USD", "ETH/USD"]


@pytest.mark.parametrize(
    ("word", "speed"), [("1", 1), ("10x", 10), ("0.5x", 0.5), ("max", float("inf"))]
)
def test_a_speed_may_be_written_as_the_monitor_shows_it(word: str, speed: float) -> None:
    assert arguments.speed(word) == speed


@pytest.mark.parametrize("word", ["x", "0", "-1x", "10xx", "fast"])
def test_what_is_no_speed_is_refused(word: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not a speed"):
        arguments.speed(word)


def test_what_help_shows_can_be_copied(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["sim", "--help"])
    shown = capsys.readouterr().out
    for example in (
        "drop:30s,lost:0.001,checksum:@10s:BTC/USD",
        "reply-lost:0.1,reply-late=2s:0.05:AddOrder",
    ):
        assert example in shown


def test_small_letters_stand_for_capitals_and_a_mixture_for_itself() -> None:
    assert arguments.symbols("btc/usd,TSLAx/USD") == ["BTC/USD", "TSLAx/USD"]


@pytest.mark.parametrize(
    "words",
    [
        ["--channels", "book=25", "trade"],
        ["--channels", "book=25,trade"],
        ["--channels", "book=25", "--channels", "trade"],
    ],
)
def test_channels_stand_apart_by_blanks_or_commas_or_options(
    parser: argparse.ArgumentParser, words: list[str]
) -> None:
    given = parser.parse_args(["BTC/USD", *words])
    assert given.channels == [("book", 25), ("trade", True)]


def test_without_the_option_the_default_holds(parser: argparse.ArgumentParser) -> None:
    assert parser.parse_args(["BTC/USD"]).channels == [("book", 100)]


def test_a_list_that_names_nothing_is_a_misuse(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args([","])
    assert "nothing is named" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["sim", "--rate", "0"],
        ["sim", "--rate", "-1"],
        ["sim", "--rate", "nan"],
        ["sim", "--rate", "1e6"],
        ["sim", "--port", "65536"],
        ["sim", "--list", "0"],
        ["replay", "session", "--serve", "-1"],
    ],
)
def test_a_number_that_makes_no_sense_is_a_misuse(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)


def test_every_interval_of_candles_is_meant_and_of_the_rest_the_last_choice() -> None:
    named = arguments.channels("ohlc=1,book=10,ohlc=5,ticker=bbo,book=25")
    assert arguments.chosen(named) == {"ohlc": [1, 5], "book": 25, "ticker": "bbo"}


def test_the_instrument_channel_may_be_named_although_it_always_comes() -> None:
    assert arguments.chosen(arguments.channels("instrument,trade")) == {"trade": True}


@pytest.mark.parametrize("words", ["ticker=5", "book=deep", "trade=1", "instrument=all"])
def test_a_choice_a_channel_does_not_have_is_refused(words: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="name one of book"):
        arguments.channels(words)
