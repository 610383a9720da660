"""The bounds of every value of the configuration: what cannot work is refused at the start.

A limit that is no number, or is never reached, is worse than none: the user relies on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from shutil import which
from typing import TYPE_CHECKING

from kracked.flow.alerts import NotAnAlert, parse_alert
from kracked_tui import keys, palettes

if TYPE_CHECKING:
    from kracked_tui.config import Alerting, Settings

_MOST_FPS = 60
_MOST_ARMED_MIN = 480
_MOST = Decimal(10) ** 12
"""More than any account holds: a bound this high is a slip of the keyboard."""
_MOST_PERCENT = Decimal(100)
_MOST_SIZES = 5
_MOST_BUFFER_MIN, _MOST_BUFFER_MB = 240, 4_000
_SYMBOL = re.compile(r"[A-Z0-9.]+/[A-Z0-9.]+")
PAIR = re.compile(r"[A-Za-z0-9.]{1,20}/[A-Za-z0-9.]{1,20}")
"""What a pair can be called; the exchange alone knows which there are."""
_KEY = re.compile(r"(?:(?:ctrl|shift)\+)*(?:[a-z][a-z0-9_]*|\S)")
_OPENING = ("buy", "sell", "preview", "amend", "join-bid", "join-ask")
"""Ids of keys that open or preview an order: none of them may send it too."""


def problems(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong: the table, the name and the reason."""
    if not 1 <= settings.fps <= _MOST_FPS:
        yield "monitor", "fps", f"{settings.fps} is not a number of frames from 1 to {_MOST_FPS}"
    if not is_theme(settings.theme):
        known = ", ".join(palettes.NAMES)
        yield "monitor", "theme", f"no theme is called {settings.theme}; choose one of {known}"
    for name, reason in _trading(settings):
        yield "trading", name, reason
    for name, most in (("minutes", _MOST_BUFFER_MIN), ("megabytes", _MOST_BUFFER_MB)):
        if not 0 <= (value := getattr(settings.buffer, name)) <= most:
            yield "buffer", name, f"{value} is not a number of {name} from 0 to {most}"
    for name, reason in _alerts(settings.alerts):
        yield "alerts", name, reason
    for name, reason in _keys(settings.keys):
        yield "keys", name, reason


def is_theme(name: str) -> bool:
    """Whether a theme has this name: one of ours, or one of the toolkit's."""
    if name in palettes.NAMES or not name:
        return name in palettes.NAMES
    from textual.theme import BUILTIN_THEMES  # noqa: PLC0415  only for a theme that is not ours

    return name in BUILTIN_THEMES


def _trading(settings: Settings) -> Iterator[tuple[str, str]]:
    trading = settings.trading
    if not 1 <= trading.armed_min <= _MOST_ARMED_MIN:
        minutes = f"{trading.armed_min} is not a number of minutes from 1 to {_MOST_ARMED_MIN}"
        yield "armed_min", minutes
    for name, most in (
        ("max_notional", _MOST),
        ("max_open_notional", _MOST),
        ("max_qty", _MOST),
        ("max_distance_percent", _MOST_PERCENT),
    ):
        if (reason := _amount(getattr(trading, name), most)) is not None:
            yield name, reason
    for symbol, sizes in trading.sizes.items():
        yield from ((f"sizes.{symbol!r}", reason) for reason in _sizes(symbol, sizes))


def _alerts(alerting: Alerting) -> Iterator[tuple[str, str]]:
    for text in alerting.rules:
        try:
            parse_alert(text)
        except NotAnAlert as error:
            yield "rules", str(error)
    if alerting.command and which(alerting.command[0]) is None:
        yield "command", f"{alerting.command[0]!r} is no command that can be run"


def _amount(value: Decimal | None, most: Decimal) -> str | None:
    """Say why a value is no bound; None where it is one, or where there is none."""
    if value is None:
        return None
    if not value.is_finite():
        return f"{value} bounds nothing; write a number, or leave the line out"
    if not 0 < value <= most:
        return f"{value} is not above 0 and at most {most:f}"
    return None


def _sizes(symbol: str, sizes: tuple[str, ...]) -> Iterator[str]:
    if not _SYMBOL.fullmatch(symbol):
        yield "this is no symbol such as BTC/USD"
    if not 1 <= len(sizes) <= _MOST_SIZES:
        yield f"there are {len(sizes)} sizes; write one to {_MOST_SIZES}"
    for text in sizes:
        try:
            reason = _amount(Decimal(text), _MOST)
        except InvalidOperation:
            reason = f"{text!r} is no quantity"
        if reason is not None:
            yield reason


def _keys(changes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, given in changes.items():
        for key in given.split(","):
            if not _KEY.fullmatch(key):
                yield name, f"{key!r} is no key, such as x, ctrl+x or question_mark"
    table = keys.active(changes)
    for clash in dict.fromkeys(
        (*keys.clashes(table), *keys.clashes(keys.active(changes, replay=True, beside=True)))
    ):
        key, _, actions = clash.partition(": ")
        yield actions.partition(" and ")[2], f"{key} has two meanings, {actions}"
    by_id = {key.id: set(key.keys.split(",")) for key in table}
    for name in _OPENING:
        for key in sorted(by_id[name] & by_id["send"]):
            yield "send", f"{key} is the key of {name}, and the key that opens never sends"
