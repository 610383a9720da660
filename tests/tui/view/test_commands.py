"""What is typed after a colon: read, completed, and refused with what is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked_tui import keys
from kracked_tui.view.chrome import commands

KNOWN = commands.commands(keys.active({}))
CHOICES = {
    "pair": ["BTC/USD", "ETH/USD", "ETH/EUR"],
    "theme": ["night", "day", "mono"],
    "group": ["0.1", "0.2", "0.5"],
}


def read(text: str) -> commands.Typed:
    return commands.typed(text, KNOWN, CHOICES)


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("pair ETH/USD", "pair", "ETH/USD"),
        (":pair eth/usd", "pair", "ETH/USD"),
        ("pair ethusd", "pair", "ETH/USD"),
        ("pair XBT/USD", "pair", "BTC/USD"),
        ("theme d", "theme", "day"),
        ("th mono", "theme", "mono"),
        ("quit", "quit", ""),
        ("filter 0.05", "filter", "0.05"),
        ("help", "help", ""),
        ("help cancel all", "help", "cancel all"),
        ("recentre", "recentre", ""),
    ],
)
def test_a_command_may_be_spelled_otherwise(text: str, name: str, argument: str) -> None:
    found = read(text)
    assert found.command is not None
    assert (found.command.name, found.argument) == (name, argument)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "Type a command; tab completes it."),
        ("grp 5", "no command is called grp; did you mean group?"),
        ("theme noon", "no name is called noon; known are night, day, mono"),
        ("pair btcusdt", "no pair is called btcusdt; did you mean BTC/USD?"),
        ("pair", "pair needs a pair; known are BTC/USD, ETH/USD, ETH/EUR"),
        ("quit now", "quit takes no argument"),
        ("group 3", "no price is called 3; known are 0.1, 0.2, 0.5"),
    ],
)
def test_what_cannot_be_run_says_what_is_known(text: str, error: str) -> None:
    assert read(text) == commands.Typed(error=error)


@pytest.mark.parametrize("text", ["5", "5.0", "5.00", "05"])
def test_a_price_of_rows_is_found_by_its_value(text: str) -> None:
    found = commands.typed(f"group {text}", KNOWN, {"group": ("0.5", "5.0", "50.0")})
    assert found.argument == "5.0"


def test_a_price_that_no_rows_can_have_names_all_they_can() -> None:
    steps = [f"{step}.0" for step in range(1, 21)]
    found = commands.typed("group 0.3", KNOWN, {"group": steps})
    assert found.error.endswith(f"known are {', '.join(steps)}")


def test_no_command_is_a_key_that_moves_money() -> None:
    money = {key.id for key in keys.KEYS if key.group in keys.MONEY}
    assert not money & set(commands.names(KNOWN))


def test_the_first_word_completes_to_commands_and_the_next_to_what_is_known() -> None:
    assert commands.completions("pa", KNOWN, CHOICES)[0] == (
        "pair ",
        "PAIR  Show a pair, such as ETH/USD",
    )
    lines = [line for line, _ in commands.completions("pair et", KNOWN, CHOICES)]
    assert lines == ["pair ETH/USD", "pair ETH/EUR"]


@given(st.text(max_size=40))
def test_any_text_is_read_without_an_error_of_ours(text: str) -> None:
    found = read(text)
    assert (found.command is None) == bool(found.error)
    commands.completions(text, KNOWN, CHOICES)
