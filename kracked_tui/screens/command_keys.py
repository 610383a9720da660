"""The `:` line and the palette: what their commands do. None of them touches an order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from kracked.errors import NotANumber, TooPrecise
from kracked.flow.alerts import EXAMPLES
from kracked.units import scale
from kracked_tui import palettes
from kracked_tui.keys import Key, first_shown
from kracked_tui.screens.part import ScreenPart
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.chart.candles import TIMEFRAMES, timeframe_name
from kracked_tui.view.chrome import commands, layout, layouts, watchlist
from kracked_tui.view.ladder.ladder_scroll import steps

if TYPE_CHECKING:
    from kracked_tui.app import Monitor
    from kracked_tui.screens.trade import TradeScreen


class CommandKeys(ScreenPart):
    """Opens the line, completes what is typed, and runs it."""

    def __init__(self, screen: TradeScreen, table: tuple[Key, ...]) -> None:
        self._screen, self._model = screen, screen.model
        self._table, self._commands = table, commands.commands(table)
        self._run: dict[str, Callable[[str], str]] = {
            commands.PAIR: self._pair,
            commands.WATCH: self._watch,
            commands.GROUP: self._group,
            commands.FILTER: self._filter,
            commands.CANDLES: self._candles,
            commands.THEME: self._theme,
            commands.LAYOUT: self._layout,
            commands.GO: self._go,
            commands.SORT: self._sort,
            commands.ALERT: screen.alert_keys.run,
            commands.HELP: self._help,
            commands.FORGET: self._forget,
        }

    def action_command(self) -> None:
        """Open the line, or close it."""
        panels = self._screen.panels
        panels.toggle(layout.COMMAND)
        if panels.top == layout.COMMAND:
            self._screen.commands.start(self.completions)

    def completions(self, text: str) -> tuple[tuple[str, str], ...]:
        """Return the lines that a text may become, each with its help."""
        return commands.completions(text, self._commands, self._choices())

    def actions(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Yield every key's action for the palette: its name, its help, and what runs it."""
        for key in self._table:
            if key.id not in ("palette", "back"):
                name = key.id.replace("-", " ").capitalize()
                about = f"{key.help} ({first_shown(key.keys)})"
                yield name, about, partial(self._screen.run_action, key.action)

    def run_or_tell(self, line: str) -> None:
        """Run a line; the log says why one cannot be run."""
        if error := self.run(line):
            self._model.tell(error, "warn")
        self._screen.draw()

    def _choices(self) -> commands.Choices:
        """Return what can be said after each command now."""
        frame = self._screen.frame_state()
        pairs = self._model.known_symbols()
        groups = [frame.precision.price_text(step) for step in self._steps(frame)]
        panes = [pane.id or "" for pane in self._screen.panes]
        return {
            commands.PAIR: pairs,
            commands.WATCH: pairs,
            commands.GROUP: groups,
            commands.CANDLES: [timeframe_name(seconds) for seconds in TIMEFRAMES],
            commands.THEME: palettes.NAMES,
            commands.LAYOUT: layouts.NAMES,
            commands.GO: panes,
            commands.SORT: watchlist.ORDERS,
            commands.ALERT: ("remove", *EXAMPLES),
        }

    def _steps(self, frame: FrameState) -> tuple[int, ...]:
        return steps(frame.tick, frame.quote[0]) if frame.quote else ()

    def enter(self, text: str) -> None:
        """Run a line; one that cannot be run stays open with the reason."""
        error = self.run(text)
        if error:
            self._screen.commands.refuse(error)

    def run(self, text: str) -> str:
        """Run a line. Returns why it was not run; empty where it was."""
        found = commands.typed(text, self._commands, self._choices())
        if found.command is None:
            return found.error
        panels, name = self._screen.panels, found.command.name
        if name in self._run:
            error = self._run[name](found.argument)
            if not error and panels.top == layout.COMMAND:
                panels.close()
                self._screen.draw()
            return error
        if panels.top == layout.COMMAND:
            panels.close()
        action = "app.quit" if name == commands.QUIT else found.command.action
        run = partial(self._screen.run_action, action)
        self._screen.run_in_background(run, "command", f"{name} did not finish")
        return ""

    # --- each returns why it could not ------------------------------------------------

    def _pair(self, symbol: str) -> str:
        self._screen.show_symbol(symbol)
        return ""

    def _watch(self, symbol: str) -> str:
        watch = partial(self._model.watch, symbol)
        self._screen.run_in_background(watch, "watch", f"{symbol} is not watched", drawn=True)
        return ""

    def _group(self, text: str) -> str:
        ladder = self._screen.ladder
        if ladder.frame is None or not ladder.scroll.ready:
            return "the ladder has no book yet"
        step = scale(text.encode(), ladder.frame.precision.price)
        for _ in self._steps(ladder.frame):
            if ladder.scroll.step != step:
                self._screen.view_keys.action_group(1 if ladder.scroll.step < step else -1)
        return "" if ladder.scroll.step == step else f"the ladder cannot have rows of {text} now"

    def _filter(self, text: str) -> str:
        frame, tape = self._screen.frame_state(), self._screen.tape
        try:
            least = scale(text.encode(), frame.precision.qty)
        except (NotANumber, TooPrecise):
            return f"{text} is no quantity of {frame.symbol}: write a number, 0 for all trades"
        if least < 0:
            return "a quantity is not below 0"
        tape.at_least = least
        self._model.memory.change_pair(
            frame.symbol, least_print=frame.precision.qty_text(least) if least else ""
        )
        return ""

    def _candles(self, text: str) -> str:
        seconds = next(each for each in TIMEFRAMES if timeframe_name(each) == text)
        self._screen.view_keys.show_candles(seconds)
        return ""

    def _theme(self, name: str) -> str:
        self._screen.app.theme = name
        self._model.memory.change(theme=name)
        return ""

    def _layout(self, name: str) -> str:
        self._screen.panels.lay_out_as(name)
        return ""

    def _go(self, name: str) -> str:
        self._screen.panels.close()
        self._screen.view_keys.go_to(name)
        return ""

    def _sort(self, name: str) -> str:
        self._model.memory.change(watch_order=name)
        return ""

    def _help(self, word: str) -> str:
        self._screen.panels.toggle(layout.HELP)
        self._screen.help_pages.search(word)
        return ""

    def _forget(self, _: str) -> str:
        self._model.memory.forget()
        self._model.tell("forgotten: the next start shows the defaults")
        return ""


_MOST_COMMANDS = 30


class ActionProvider(Provider):
    """Finds actions by name; what is found nowhere is said."""

    @property
    def _keys(self) -> CommandKeys:
        return cast("Monitor", self.app).beside.front.command_keys

    async def discover(self) -> Hits:
        """Yield every key's action."""
        for name, about, run in self._keys.actions():
            yield DiscoveryHit(name, run, help=about)

    async def search(self, query: str) -> Hits:
        """Yield the actions and command lines that match, or a sentence."""
        matcher, found = self.matcher(query), False
        for name, about, run in self._keys.actions():
            if (score := matcher.match(name)) > 0:
                found = True
                yield Hit(score, matcher.highlight(name), run, help=about)
        for line, about in self._keys.completions(query)[:_MOST_COMMANDS]:
            if " " in line.rstrip():  # a command alone is an action, or needs an argument
                found = True
                run = partial(self._keys.run_or_tell, line)
                yield Hit(0.5, Content(line), run, text=line, help=about or "command")
        if not found:
            said = f"Nothing is called {query!r}. The key : takes commands, ? has all keys."
            yield Hit(0.1, Content(said), lambda: None, text=said)
