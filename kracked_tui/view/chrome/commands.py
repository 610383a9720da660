"""The commands of the `:` line: their names, their arguments, and what completes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import NamedTuple

from kracked.instruments import similar_symbol
from kracked_tui.keys import MONEY, Key, shown

PAIR, WATCH, GROUP, FILTER, CANDLES = "pair", "watch", "group", "filter", "candles"
THEME, LAYOUT, GO, SORT = "theme", "layout", "go", "sort"
ALERT = "alert"
HELP, FORGET, QUIT = "help", "forget", "quit"
_MOST_NAMED = 12
"""Known names that a sentence lists."""
_MOST_OFFERED = 100


class Command(NamedTuple):
    """One command."""

    name: str
    argument: str
    """The name of its argument, for people; empty for none. One in brackets may be left out."""
    help: str
    action: str = ""
    """The action of the key it stands for; empty for a command that has no key."""


_OWN = (
    Command(PAIR, "PAIR", "Show a pair, such as ETH/USD"),
    Command(WATCH, "PAIR", "Add a pair to the watch list"),
    Command(GROUP, "PRICE", "Set the price difference of the ladder's rows"),
    Command(FILTER, "QUANTITY", "Leave smaller trades out of the tape; 0 shows all"),
    Command(CANDLES, "TIME", "Set the length of a candle"),
    Command(THEME, "NAME", "Set the colours"),
    Command(LAYOUT, "NAME", "Set the arrangement of the panes"),
    Command(GO, "PANE", "Go to a pane; one without room is shown alone"),
    Command(SORT, "COLUMN", "Sort the watch list"),
    Command(ALERT, "[WHAT]", "Tell when it happens: 64250, taker 5, remove 2; alone: the list"),
    Command(HELP, "[WORD]", "Search the help"),
    Command(FORGET, "", "Forget pair, grouping, theme and all that is remembered"),
    Command(QUIT, "", "End the program"),
)


def commands(table: Sequence[Key]) -> tuple[Command, ...]:
    """Return all commands: our own, then one for each key that moves no money."""
    own = {command.name for command in _OWN}
    of_keys = (
        Command(key.id, "", f"{key.help} ({shown(key.keys)})", key.action)
        for key in table
        if key.group not in MONEY and key.id not in own
    )
    return (*_OWN, *of_keys)


Choices = Mapping[str, Sequence[str]]
"""What can be said after a command, by its name; commands that take any text have none."""


class Typed(NamedTuple):
    """A command line that was typed, or why it is none."""

    command: Command | None = None
    argument: str = ""
    error: str = ""


def typed(text: str, known: Sequence[Command], choices: Choices) -> Typed:
    """Read a command line. A part of a name will do where it fits one alone."""
    word, _, rest = text.strip().removeprefix(":").strip().partition(" ")
    rest = rest.strip()
    if not word:
        return Typed(error="Type a command; tab completes it.")
    command = _named(word.lower(), known)
    if command is None:
        return Typed(error=_unknown(f"no command is called {word}", word.lower(), names(known)))
    if not command.argument:
        return Typed(error=f"{command.name} takes no argument") if rest else Typed(command)
    if not rest:
        if command.argument.startswith("["):
            return Typed(command)
        return Typed(error=_listed(f"{command.name} needs a {command.argument.lower()}",
                                   choices.get(command.name, ())))  # fmt: skip
    return _with_argument(command, rest, choices.get(command.name))


def names(known: Sequence[Command]) -> list[str]:
    """Return the names of the commands."""
    return [command.name for command in known]


def _named(word: str, known: Sequence[Command]) -> Command | None:
    exact = [command for command in known if command.name == word]
    begun = exact or [command for command in known if command.name.startswith(word)]
    return begun[0] if len(begun) == 1 or (begun and begun[0] in _OWN) else None


def _with_argument(command: Command, rest: str, offered: Sequence[str] | None) -> Typed:
    if offered is None or command.name == ALERT:  # what is offered are only examples
        return Typed(command, rest)
    if command.name in (PAIR, WATCH):
        # Spelled as listed, or meant: btcusd and XBT/USD are BTC/USD.
        found = next((one for one in offered if one.upper() == rest.upper()), None)
        found = found or similar_symbol(rest, offered)
    else:
        begun = [one for one in offered if one.lower().startswith(rest.lower())]
        found = next((one for one in offered if one.lower() == rest.lower()), None)
        found = found or next((one for one in offered if _same_number(one, rest)), None)
        found = found or (begun[0] if len(begun) == 1 else None)
    if found is not None:
        return Typed(command, found)
    if command.name in (PAIR, WATCH) and not offered:
        return Typed(command, rest.upper())  # the exchange alone knows which there are
    what = f"no {command.argument.lower()} is called {rest}"
    if command.name == GROUP and offered:
        return Typed(error=f"{what}; known are {', '.join(offered)}")  # a dozen or two, all useful
    return Typed(error=_unknown(what, rest, offered))


def _same_number(one: str, other: str) -> bool:
    """Whether both are decimal numbers of one value: ``5`` and ``5.0``."""
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def _unknown(what: str, given: str, known: Sequence[str]) -> str:
    lower = {name.lower(): name for name in known}
    near = get_close_matches(given.lower(), lower, 1)
    return f"{what}; did you mean {lower[near[0]]}?" if near else _listed(what, known)


def _listed(what: str, known: Sequence[str]) -> str:
    if not known:
        return what
    more = len(known) - _MOST_NAMED
    listed = ", ".join(known[:_MOST_NAMED])
    return f"{what}; known are {listed}{f' and {more} more' if more > 0 else ''}"


def completions(
    text: str, known: Sequence[Command], choices: Choices
) -> tuple[tuple[str, str], ...]:
    """Return the lines that the text may become, each with its help.

    Args:
        text: What is typed so far.
        known: All commands.
        choices: What can be said after a command.
    """
    word, space, rest = text.lstrip().removeprefix(":").lstrip().partition(" ")
    word, rest = word.lower(), rest.strip().lower()
    if not space:
        begun = [command for command in known if command.name.startswith(word)]
        inside = [command for command in known if word in command.name and command not in begun]
        return tuple(
            (f"{one.name} ", f"{one.argument}  {one.help}")
            if one.argument
            else (one.name, one.help)
            for one in (*begun, *inside)
        )
    command = _named(word, known)
    offered = choices.get(command.name, ()) if command else ()
    bare = rest.replace("/", "").replace("xbt", "btc")
    begun_with = [one for one in offered if one.lower().replace("/", "").startswith(bare)]
    within = [one for one in offered if bare in one.lower().replace("/", "")]
    found = dict.fromkeys((*begun_with, *within))
    return tuple((f"{word} {one}", "") for one in list(found)[:_MOST_OFFERED])
