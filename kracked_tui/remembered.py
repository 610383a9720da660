"""What the monitor remembers from one start to the next: a small file in the state folder.

What is remembered comes last: a flag, the environment and the configuration go before it. The file
never keeps the monitor from starting: one that cannot be read is told, and set aside.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from kracked import units
from kracked.errors import NotANumber, TooPrecise, says
from kracked.flow.alerts import NotAnAlert, parse_alert
from kracked.state_files import replace_file
from kracked_tui.config_checks import PAIR

VERSION = 1
FILE_NAME = "monitor.json"
MOST_BYTES = 1 << 18
MOST_PAIRS = 100
"""Pairs with choices of their own; those changed longest ago are forgotten first."""
MOST_WATCHED = 20
MOST_ALERTS = 100
"""Alerts of one exchange that were set by hand."""
_MOST_TEXT = 40
"""Characters of a remembered word or number: a longer one is not ours."""


class PairChoices(msgspec.Struct, frozen=True):
    """The choices that belong to one pair; numbers are decimal text, empty where none was made."""

    row: str = ""
    """Price difference of neighbouring rows of the ladder."""
    least_print: str = ""
    """Quantity below which the tape leaves trades out."""
    columns: str = ""
    """The ladder's set of columns."""


class Choices(msgspec.Struct, frozen=True):
    """Everything remembered; a default stands for no choice."""

    version: int = VERSION
    theme: str = ""
    layout: str = ""
    timeframe_s: int = 0
    watch_order: str = ""
    """The column that sorts the watch list."""
    units: str = ""
    """`quote` where the tape writes money in place of quantities."""
    starts: int = 0
    """How often the monitor was started: the first starts show more hints."""
    shown: dict[str, str] = {}
    """The pair shown last, by exchange."""
    watched: dict[str, tuple[str, ...]] = {}
    """The pairs watched last, by exchange."""
    alerts: dict[str, tuple[str, ...]] = {}
    """The alerts that were set by hand, by exchange."""
    pairs: dict[str, PairChoices] = {}

    def pair(self, symbol: str) -> PairChoices:
        """Return the choices of a pair."""
        return self.pairs.get(symbol, PairChoices())


class Memory:
    """Owner of the file. What another monitor wrote meanwhile stays, except what changed here."""

    def __init__(
        self,
        file: Path | None = None,
        choices: Choices | None = None,
        problem: str = "",
        folder: Path | None = None,
    ) -> None:
        """
        Args:
            file: The file to save to; None remembers nothing.
            choices: The choices of earlier starts.
            problem: Why earlier choices are not used, for people.
            folder: Where other files of this user's state lie; by default beside the file.
        """
        self.folder = folder or (file.parent if file else None)
        self.choices = choices or Choices()
        self.problem = problem
        self._file = file
        self._changed: dict[str, Any] = {}
        self._changed_pairs: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        """Held while either is changed: the file is written in a thread."""

    @property
    def unsaved(self) -> bool:
        """Whether there is something to save."""
        return self._file is not None and bool(self._changed or self._changed_pairs)

    def change(self, **fields: Any) -> None:
        """Take in choices, by the names of `Choices`."""
        new = {name: it for name, it in fields.items() if getattr(self.choices, name) != it}
        self.choices = msgspec.structs.replace(self.choices, **new)
        with self._lock:
            self._changed.update(new)

    def change_exchange(self, exchange: str, shown: str, watched: Iterable[str]) -> None:
        """Take in the pairs shown and watched on one exchange."""
        kept = tuple(dict.fromkeys((shown, *watched)))[:MOST_WATCHED]
        before = self.choices.watched.get(exchange, ())
        self.change(
            shown=self.choices.shown | {exchange: shown},
            watched=self.choices.watched | {exchange: before if set(before) == set(kept) else kept},
        )

    def change_pair(self, symbol: str, **fields: str) -> None:
        """Take in choices of one pair, by the names of `PairChoices`."""
        self.choices = _with_pair(self.choices, symbol, fields)
        with self._lock:
            self._changed_pairs.setdefault(symbol, {}).update(fields)

    def forget(self) -> None:
        """Forget everything, the content of the file too."""
        self.choices = Choices()
        with self._lock:
            self._changed = msgspec.structs.asdict(self.choices)
            self._changed_pairs = {}

    def save(self) -> None:
        """Write what changed. It waits for the disk: call it in a thread.

        A file that was damaged meanwhile is set aside, and every choice written anew. That of a
        later version stays as it is, and nothing is saved any more.

        Raises:
            OSError: It cannot be read or written; the changes wait for the next call. Or a later
                version wrote it.
        """
        if self._file is None or not self.unsaved:
            return
        with self._lock:
            fields, pairs = self._changed, self._changed_pairs
            self._changed, self._changed_pairs = {}, {}
        try:
            saved = msgspec.structs.replace(self._saved(self._file), **fields)
            for symbol, changes in pairs.items():
                saved = _with_pair(saved, symbol, changes)
            replace_file(self._file, msgspec.json.format(msgspec.json.encode(saved)) + b"\n")
        except NewerFile as error:
            file, self._file = self._file, None
            raise OSError(f"{error}; {file} stays as it is") from error
        except OSError:
            with self._lock:
                self._changed = fields | self._changed
                for symbol, changes in self._changed_pairs.items():
                    pairs[symbol] = pairs.get(symbol, {}) | changes
                self._changed_pairs = pairs
            raise

    def _saved(self, file: Path) -> Choices:
        """Return what the file has; every choice known here where it was damaged meanwhile.

        Raises:
            NewerFile: A later version wrote it.
            OSError: It cannot be read, or a damaged one cannot be set aside.
        """
        try:
            return _read(file)
        except FileNotFoundError:
            return Choices()
        except NewerFile:
            raise
        except ValueError as error:
            _move_aside(file)
            self.problem = self.problem or f"{file} was damaged ({error}) and is written anew"
            return self.choices


def scaled(text: str, decimals: int) -> int:
    """Return a remembered number as a scaled integer; 0 where there is none that fits."""
    try:
        return max(0, units.scale(text.encode(), decimals))
    except (NotANumber, TooPrecise):
        return 0


def recalled(file: Path, *, fresh: bool = False) -> Memory:
    """Read what is remembered.

    Args:
        file: The file, whether it exists or not.
        fresh: Forget it instead.

    Returns:
        The memory. Its `problem` says why nothing is remembered, where something was; a damaged
        file then lies beside, with ``.damaged`` after its name.
    """
    if fresh:
        memory = Memory(file)
        memory.forget()
        return memory
    try:
        return Memory(file, _read(file))
    except FileNotFoundError:
        return Memory(file)
    except NewerFile as error:
        problem = f"nothing is remembered: {error}; {file} stays as it is"
        return Memory(None, problem=problem, folder=file.parent)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        problem = f"nothing is remembered: {file}: {reason}"
        return Memory(None, problem=problem, folder=file.parent)
    except ValueError as error:
        return _set_aside(file, str(error))


@says(f"a later kracked wrote it, as version {{version}}; this one knows version {VERSION}")
class NewerFile(ValueError):
    """The file was written by a later version."""

    version: int


def _set_aside(file: Path, reason: str) -> Memory:
    try:
        aside = _move_aside(file)
    except OSError as error:
        problem = f"nothing is remembered: {file} is damaged: {error}"
        return Memory(None, problem=problem, folder=file.parent)
    return Memory(
        file, problem=f"nothing is remembered: {file} was damaged ({reason}); see {aside}"
    )


def _move_aside(file: Path) -> Path:
    """Set a file aside; return where it lies now."""
    return file.replace(file.with_name(f"{file.name}.damaged"))


def _read(file: Path) -> Choices:
    """Read the file, and leave out what no version of this program wrote.

    Raises:
        NewerFile: A later version wrote it.
        ValueError: It is damaged.
        OSError: It cannot be read.
    """
    if file.exists() and not file.is_file():
        raise OSError("it is no file")
    with file.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"larger than {MOST_BYTES} bytes")
    try:
        version = msgspec.json.decode(content, type=_Version).version
        if version > VERSION:
            raise NewerFile(version)
        return _cleaned(msgspec.json.decode(content, type=Choices))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error


class _Version(msgspec.Struct):
    """The field that every version has."""

    version: int


def _cleaned(choices: Choices) -> Choices:
    """Drop what cannot be a choice: it is shown on the screen and sent to the exchange."""
    shown = {
        exchange: symbol
        for exchange, symbol in list(choices.shown.items())[-MOST_WATCHED:]
        if PAIR.fullmatch(symbol)
    }
    watched = {
        exchange: tuple(each for each in symbols if PAIR.fullmatch(each))[:MOST_WATCHED]
        for exchange, symbols in list(choices.watched.items())[-MOST_WATCHED:]
    }
    alerts = {
        exchange: tuple(each for each in texts if _is_alert(each))[:MOST_ALERTS]
        for exchange, texts in list(choices.alerts.items())[-MOST_WATCHED:]
    }
    pairs = {
        symbol: pair
        for symbol, pair in list(choices.pairs.items())[-MOST_PAIRS:]
        if PAIR.fullmatch(symbol)
        and all(len(text) <= _MOST_TEXT for text in msgspec.structs.astuple(pair))
    }
    words = {
        name: text if len(text := getattr(choices, name)) <= _MOST_TEXT else ""
        for name in ("theme", "layout", "watch_order", "units")
    }
    return msgspec.structs.replace(
        choices, shown=shown, watched=watched, alerts=alerts, pairs=pairs, **words
    )


def _is_alert(text: str) -> bool:
    try:
        parse_alert(text)
    except NotAnAlert:
        return False
    return True


def _with_pair(choices: Choices, symbol: str, fields: dict[str, str]) -> Choices:
    """Return the choices with those of one pair changed, which is then the newest."""
    pairs = dict(choices.pairs)
    changed = msgspec.structs.replace(pairs.pop(symbol, PairChoices()), **fields)
    pairs[symbol] = changed
    return msgspec.structs.replace(choices, pairs=dict(list(pairs.items())[-MOST_PAIRS:]))
