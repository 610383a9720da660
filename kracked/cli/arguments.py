"""Words of the command line to values; each refuses with a sentence for argparse to show."""

from __future__ import annotations

import argparse
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

_DEPTHS = ("10", "25", "100", "500", "1000")
_MOST_DECIMALS = 30
_LAST_PORT = 65_535
_HIGHEST_RATE = 1_000
"""A slice of market time must stay short enough that signals are heard between two."""
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001
"""Where a command adds its parser; argparse has no public name for it."""
Choice = int | str | bool
_CHANNEL_DEFAULTS: dict[str, Choice] = {
    "book": 100,
    "level3": 1000,
    "trade": True,
    "ticker": "trades",
    "ohlc": 1,
    "instrument": True,
}


class ExampleHelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Examples as they are written; no word is broken at a hyphen, so that it can be copied."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class Several(argparse.Action):
    """A list whose parts are told apart by blanks, by commas, or by naming the option again."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add what the words hold to what was given before; a default gives way."""
        held = getattr(namespace, self.dest)
        before = [] if held is self.default else held
        parts = [part for word in values or () for part in word]
        if not parts:
            parser.error(f"{option_string or self.metavar}: nothing is named")
        setattr(namespace, self.dest, [*before, *parts])


def precision(text: str) -> tuple[str, int, int]:
    """``BTC/USD=1,8``: symbol and decimals of price and quantity."""
    symbol, _, digits = text.rpartition("=")
    price, _, qty = digits.partition(",")
    plain = symbol and price.isdecimal() and qty.isdecimal()
    if not plain or max(int(price), int(qty)) > _MOST_DECIMALS:
        raise argparse.ArgumentTypeError(f"{text!r} is not like BTC/USD=1,8")
    return symbol, int(price), int(qty)


def depth(text: str) -> tuple[str, int]:
    """``25`` or ``BTC/USD=25``: symbol, empty for all, and levels."""
    symbol, _, depth = text.rpartition("=")
    if depth not in _DEPTHS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not like 25 or BTC/USD=25; depths are 10, 25, 100, 500, 1000"
        )
    return symbol, int(depth)


def balances(text: str) -> dict[str, str]:
    """``USD=10000,BTC=1``: decimal text by asset."""
    found = {}
    for part in text.split(","):
        asset, _, amount = part.partition("=")
        if not asset or not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", amount):
            raise argparse.ArgumentTypeError(f"{part!r} is not like USD=10000 or BTC=0.5")
        found[asset.upper()] = amount
    return found


def whole_usd(text: str) -> str:
    """An amount of whole dollars, as digits."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of USD")
    return text


def order_faults(text: str) -> str:
    """A specification of what goes wrong with orders, checked."""
    from kracked.sim.faults.order_faults import BadOrderFaults, read

    try:
        read(text)
    except BadOrderFaults as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def faults(text: str) -> str:
    """A specification of what goes wrong with market data, checked."""
    from kracked.sim.faults.schedule import BadFaults, read

    try:
        read(text)
    except BadFaults as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def add_several(
    parser: argparse.ArgumentParser,
    name: str,
    read: Callable[[str], Sequence[object]],
    metavar: str,
    *,
    help: str,  # noqa: A002 - argparse's word
    default: Sequence[object] | None = None,
) -> None:
    """An argument of one or more words, apart by blanks or commas."""
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
    """A symbol as a person may type it: all in small letters, capitals are meant.

    Capitals always would not do: tokenized stocks are written as ``TSLAx/USD``.
    """
    return symbol.upper() if symbol.islower() else symbol


def symbols(text: str) -> list[str]:
    """``BTC/USD`` or ``BTC/USD,ETH/USD``: for `Several`."""
    return [spelled(symbol) for part in text.split(",") if (symbol := part.strip())]


def channels(text: str) -> list[tuple[str, Choice]]:
    """``book=100`` or ``book=100,trade``: channels and their choices, for `Several`."""
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
    """``--endpoint``: the address of another exchange than Kraken."""
    about = "another exchange: http://127.0.0.1:PORT"
    parser.add_argument("--endpoint", type=_address, metavar="URL", help=about)


def _address(text: str) -> str:
    from kracked.endpoints import BadAddress, Endpoints

    try:
        Endpoints.at(text)
    except BadAddress as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def chosen(named: Sequence[tuple[str, Choice]]) -> dict[str, Choice | list[Choice]]:
    """Channels as a feed takes them: all intervals of `ohlc`, of the others the last choice.

    `instrument` is not among them: it comes with every feed.
    """
    wanted: dict[str, Choice | list[Choice]] = dict(named)
    wanted.pop("instrument", None)
    if "ohlc" in wanted:
        wanted["ohlc"] = [choice for name, choice in named if name == "ohlc"]
    return wanted


def seconds(text: str) -> float:
    """Return a length of time in seconds; a number without a unit counts as seconds."""
    from kracked.durations import NotADuration, parse_duration_ns

    try:
        return parse_duration_ns(text, bare_s=True) / 1e9
    except NotADuration as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def speed(text: str) -> float:
    """``1``, ``10x``, ``max``: how many times faster than life."""
    try:
        speed = float("inf") if text == "max" else float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed such as 1, 10 or max")
    return speed


def interval(text: str) -> str:
    """Check a length of time that must name its unit, and return it as it is."""
    from kracked.durations import NotADuration, parse_duration_ns

    try:
        parse_duration_ns(text)
    except NotADuration as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def count(text: str) -> int:
    """``1000``: a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def port(text: str) -> int:
    """A port of this machine; 0 for a free one."""
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to {_LAST_PORT}")
    return int(text)


def amount(text: str) -> float:
    """``2.5`` or ``5e6``: a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def rate(text: str) -> float:
    """``10`` or ``0.5``: how many times faster than life a market moves."""
    value = amount(text)
    if value > _HIGHEST_RATE:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {_HIGHEST_RATE}")
    return value
