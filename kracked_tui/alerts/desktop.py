"""Desktop notifications by an escape sequence, as the terminals that know one expect it. Pure.

Sources: sw.kovidgoyal.net/kitty/desktop-notifications (99), codeberg.org/dnkl/foot and
wezterm.org/escape-sequences (777), iterm2.com/documentation-escape-codes.html (9),
github.com/tmux/tmux/wiki/FAQ (the sequence that passes through it)
"""

from __future__ import annotations

from collections.abc import Mapping

from kracked.untrusted import printable
from kracked_tui.config import Desktop

MOST_CHARACTERS = 200
_END = "\x1b\\"
_KNOWN = (
    ("KITTY_WINDOW_ID", "", Desktop.OSC99),
    ("GHOSTTY_RESOURCES_DIR", "", Desktop.OSC777),
    ("WEZTERM_PANE", "", Desktop.OSC777),
    ("ITERM_SESSION_ID", "", Desktop.OSC9),
    ("TERM", "xterm-kitty", Desktop.OSC99),
    ("TERM", "xterm-ghostty", Desktop.OSC777),
    ("TERM", "foot", Desktop.OSC777),
    ("TERM", "rxvt-unicode", Desktop.OSC777),
    ("TERM_PROGRAM", "WezTerm", Desktop.OSC777),
    ("TERM_PROGRAM", "iTerm.app", Desktop.OSC9),
)
"""What tells a terminal: a variable, how its value begins, and the sequence it takes."""


def sequence_for(wish: Desktop, environment: Mapping[str, str]) -> Desktop:
    """Return the sequence to use; `OFF` where the terminal is not known to take one.

    Args:
        wish: The setting.
        environment: The variables of the environment.
    """
    if wish is not Desktop.AUTO:
        return wish
    for variable, begin, found in _KNOWN:
        if variable in environment and environment[variable].startswith(begin):
            return found
    return Desktop.OFF


def notification(how: Desktop, title: str, body: str, *, tmux: bool = False) -> str:
    """Return what makes the terminal show a notification; empty for `OFF`.

    Args:
        how: The sequence.
        title: Its first line.
        body: Its text.
        tmux: Whether tmux must pass it on, for which it needs ``allow-passthrough on``.
    """
    title, body = _harmless(title), _harmless(body)
    match how:
        case Desktop.OSC99:
            said = f"\x1b]99;i=kracked:d=0;{title}{_END}\x1b]99;i=kracked:p=body;{body}{_END}"
        case Desktop.OSC777:
            said = f"\x1b]777;notify;{title};{body}{_END}"
        case Desktop.OSC9:
            # Digits and a semicolon at the beginning would be another command to some.
            said = f"\x1b]9;{title}: {body}{_END}"
        case _:
            return ""
    return "\x1bPtmux;" + said.replace("\x1b", "\x1b\x1b") + _END if tmux else said


def _harmless(text: str) -> str:
    """Return text that ends no sequence and begins none."""
    return printable(text, MOST_CHARACTERS).replace(";", ",")
