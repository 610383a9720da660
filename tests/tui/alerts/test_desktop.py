"""Desktop notifications: the exact bytes, and which terminal gets which."""

from __future__ import annotations

import pytest

from kracked_tui.alerts.desktop import notification, sequence_for
from kracked_tui.config import Desktop

BYTES = {
    Desktop.OSC9: "\x1b]9;kracked: BTC/USD is high\x1b\\",
    Desktop.OSC777: "\x1b]777;notify;kracked;BTC/USD is high\x1b\\",
    Desktop.OSC99: (
        "\x1b]99;i=kracked:d=0;kracked\x1b\\\x1b]99;i=kracked:p=body;BTC/USD is high\x1b\\"
    ),
    Desktop.OFF: "",
}


@pytest.mark.parametrize("how", BYTES)
def test_each_sequence_has_these_bytes(how: Desktop) -> None:
    assert notification(how, "kracked", "BTC/USD is high") == BYTES[how]


def test_tmux_passes_a_sequence_on_in_one_of_its_own() -> None:
    assert notification(Desktop.OSC9, "kracked", "up", tmux=True) == (
        "\x1bPtmux;\x1b\x1b]9;kracked: up\x1b\x1b\\\x1b\\"
    )


@pytest.mark.parametrize("bad", ["\x1b]52;c;aGk=\x07", "\x9c", "a;b", "\u202eup", "x\x07y\n"])
def test_no_text_from_outside_ends_a_sequence_or_begins_one(bad: str) -> None:
    said = notification(Desktop.OSC777, "kracked", bad)
    inside = said.removeprefix("\x1b]777;notify;kracked;").removesuffix("\x1b\\")
    assert inside.isprintable()
    assert ";" not in inside


@pytest.mark.parametrize(
    ("environment", "how"),
    [
        ({"TERM": "xterm-kitty"}, Desktop.OSC99),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, Desktop.OSC99),
        ({"TERM": "foot"}, Desktop.OSC777),
        ({"TERM": "xterm-ghostty"}, Desktop.OSC777),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, Desktop.OSC777),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, Desktop.OSC9),
        ({"TERM": "xterm-256color", "WT_SESSION": "1"}, Desktop.OFF),
        ({"TERM": "xterm-256color"}, Desktop.OFF),
        ({}, Desktop.OFF),
    ],
)
def test_a_terminal_gets_the_sequence_that_it_is_known_to_take(
    environment: dict[str, str], how: Desktop
) -> None:
    assert sequence_for(Desktop.AUTO, environment) is how


def test_the_setting_goes_before_what_is_known_of_the_terminal() -> None:
    assert sequence_for(Desktop.OFF, {"TERM": "xterm-kitty"}) is Desktop.OFF
    assert sequence_for(Desktop.OSC9, {}) is Desktop.OSC9
