"""Converts words of the command line to values, or refuses them with a sentence for argparse.

Nothing but argparse may be loaded with this module: `--help` must stay fast.
"""

from __future__ import annotations

import argparse
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeAlias

_DEPTHS = ("10", "25", "100", "500", "1000")
EXPORT_FORMATS = ("lobster", "tardis", "hftbacktest", "databento-mbo", "nautilus")
"""As in `kracked.export`, which is not loaded to parse a command line."""
_MOST_DECIMALS = 30
_LAST_PORT = 65_535
_HIGHEST_RATE = 1_000
"""Faster markets would simulate slices of time so long that signals to stop are late."""
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001
"""The object to which a command adds its parser; argparse has no public name for it."""
Choice = int | str | bool
"""The parameter of a channel: a depth, an interval, a trigger, or True for none."""
_CHANNEL_DEFAULTS: dict[str, Choice] = {
    "book": 100,
    "level3": 1000,
    "trade": True,
    "ticker": "trades",
    "ohlc": 1,
    "instrument": True,
}


class ExampleHelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Shows examples as they are written; breaks no word at a hyphen, so that it can be copied."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class Several(argparse.Action):
    """A list whose parts are separated by blanks or commas, or by repeating the option."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the parts of the words to those given before; a default is replaced."""
        present = getattr(namespace, self.dest)
        before = [] if present is self.default else present
        parts = [part for word in values or () for part in word]
        if not parts:
            parser.error(f"{option_string or self.metavar}: nothing is named")
        setattr(namespace, self.dest, [*before, *parts])


def precision(text: str) -> tuple[str, int, int]:
    """Read ``BTC/USD=1,8``: a symbol, and the decimals of price and quantity."""
    symbol, _, digits = text.rpartition("=")
    price, _, qty = digits.partition(",")
    plain = symbol and price.isdecimal() and qty.isdecimal()
    if not plain or max(int(price), int(qty)) > _MOST_DECIMALS:
        raise argparse.ArgumentTypeError(f"{text!r} is not like BTC/USD=1,8")
    return symbol, int(price), int(qty)


def decimals(text: str) -> int:
    """Read a number of decimals."""
    if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) > _MOST_DECIMALS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of decimals, 0 to 30")
    return int(text)


def depth(text: str) -> tuple[str, int]:
    """Read ``25`` or ``BTC/USD=25``: a symbol, empty for all, and a depth."""
    symbol, _, depth = text.rpartition("=")
    if depth not in _DEPTHS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not like 25 or BTC/USD=25; depths are 10, 25, 100, 500, 1000"
        )
    return symbol, int(depth)


def balances(text: str) -> dict[str, str]:
    """Read ``USD=10000,BTC=1``: decimal text by asset."""
    found = {}
    for part in text.split(","):
        asset, _, amount = part.partition("=")
        if not asset or not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", amount):
            raise argparse.ArgumentTypeError(f"{part!r} is not like USD=10000 or BTC=0.5")
        found[asset.upper()] = amount
    return found


def fees(text: str) -> tuple[int, int]:
    """Read ``0.25,0.40``: the maker's and the taker's fee in per cent; return 1/10,000."""
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?,[0-9]{1,2}(\.[0-9]{1,2})?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 0.25,0.40")
    maker, taker = (round(float(part) * 100) for part in text.split(","))
    return maker, taker


def whole_usd(text: str) -> str:
    """Read an amount of whole dollars, and return its digits."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of USD")
    return text


def faults(reader: str) -> Callable[[str], str]:
    """Return a check of faults, as this module of `kracked.sim.faults` reads them."""

    def check(text: str) -> str:
        from kracked.sim.faults.grammar import BadFaults

        try:
            import_module(f"kracked.sim.faults.{reader}").read(text)
        except BadFaults as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return check


def add_several(
    parser: argparse.ArgumentParser,
    name: str,
    read: Callable[[str], Sequence[object]],
    metavar: str,
    *,
    help: str,  # noqa: A002 - argparse's word
    default: Sequence[object] | None = None,
) -> None:
    """Add an argument of one or more words, separated by blanks or commas.

    Args:
        parser: Where to add it.
        name: Its name.
        read: Returns the values of one word.
        metavar: The name of a word in the help.
        help: The help.
        default: The values when it is not given.
    """
    parser.add_argument(
        name,
        nargs="+",
        action=Several,
        type=read,
        metavar=metavar,
        help=help,
        default=default,
    )


def spelled(symbol: str) -> str:
    """Return a symbol in capitals if it was typed in small letters only.

    Other symbols stay as they are: tokenized stocks are written as ``TSLAx/USD``.
    """
    return symbol.upper() if symbol.islower() else symbol


def symbols(text: str) -> list[str]:
    """Read ``BTC/USD`` or ``BTC/USD,ETH/USD``, for `Several`."""
    return [spelled(symbol) for part in text.split(",") if (symbol := part.strip())]


def channels(text: str) -> list[tuple[str, Choice]]:
    """Read ``book=100`` or ``book=100,trade``: channels and their choices, for `Several`."""
    return [_channel(channel) for part in text.split(",") if (channel := part.strip())]


def _channel(text: str) -> tuple[str, Choice]:
    name, _, value = text.partition("=")
    default = _CHANNEL_DEFAULTS.get(name)
    if default is None or (value and (default is True or value.isdecimal() != (name != "ticker"))):
        known = ", ".join(_CHANNEL_DEFAULTS)
        raise argparse.ArgumentTypeError(f"{text!r}: name one of {known}, as book=100")
    choice = int(value) if value.isdecimal() else value or default
    if name != "instrument":
        from kracked.errors import ConfigError
        from kracked.feed.channels import subscriptions

        try:
            subscriptions("", {name: choice})  # type: ignore[misc]  # a name of ours
        except ConfigError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return name, choice


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """Add ``--endpoint``: the REST address of another exchange than Kraken."""
    about = "address of another exchange: http://127.0.0.1:PORT"
    parser.add_argument("--endpoint", type=_address, metavar="URL", help=about)


def _address(text: str) -> str:
    from kracked.endpoints import BadAddress, Endpoints

    try:
        Endpoints.at(text)
    except BadAddress as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def chosen(named: Sequence[tuple[str, Choice]]) -> dict[str, Choice | list[Choice]]:
    """Return channels as a feed takes them: all intervals of `ohlc`, else the last choice.

    `instrument` is left out: every feed subscribes to it.
    """
    choices: dict[str, Choice | list[Choice]] = dict(named)
    choices.pop("instrument", None)
    if "ohlc" in choices:
        choices["ohlc"] = [choice for name, choice in named if name == "ohlc"]
    return choices


def seconds(text: str) -> float:
    """Read a length of time and return it in seconds; a number without a unit is seconds."""
    from kracked.durations import NotADuration, parse_duration_ns

    try:
        return parse_duration_ns(text, bare_s=True) / 1e9
    except NotADuration as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def speed(text: str) -> float:
    """Read ``1``, ``10x`` or ``max``: times the recorded speed."""
    try:
        speed = float("inf") if text == "max" else float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed such as 1, 10 or max")
    return speed


def interval(text: str) -> str:
    """Check a length of time that must have a unit, and return the word."""
    from kracked.durations import NotADuration, parse_duration_ns

    try:
        parse_duration_ns(text)
    except NotADuration as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def count(text: str) -> int:
    """Read a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def port(text: str) -> int:
    """Read a port of this machine; 0 is a free one."""
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to {_LAST_PORT}")
    return int(text)


def amount(text: str) -> float:
    """Read a number above 0: ``2.5`` or ``5e6``."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def rate(text: str) -> float:
    """Read ``10`` or ``0.5``: times the natural speed of a market."""
    value = amount(text)
    if value > _HIGHEST_RATE:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {_HIGHEST_RATE}")
    return value
