"""The palette: every key's action and every `:` command by a part of its words."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

if TYPE_CHECKING:
    from kracked_tui.app import Monitor

_MOST_COMMANDS = 30


class ActionProvider(Provider):
    """Finds actions by name; what is found nowhere is said."""

    @property
    def _monitor(self) -> Monitor:
        return cast("Monitor", self.app)

    async def discover(self) -> Hits:
        """Yield every key's action."""
        for name, about, run in self._monitor.actions():
            yield DiscoveryHit(name, run, help=about)

    async def search(self, query: str) -> Hits:
        """Yield the actions and command lines that match, or a sentence."""
        matcher, found = self.matcher(query), False
        for name, about, run in self._monitor.actions():
            if (score := matcher.match(name)) > 0:
                found = True
                yield Hit(score, matcher.highlight(name), run, help=about)
        keys = self._monitor.beside.front.command_keys
        for line, about in keys.completions(query)[:_MOST_COMMANDS]:
            if line.rstrip().count(
                " "
            ):  # with its argument; a command alone is an action or needs one
                found = True
                run = partial(keys.run_or_tell, line)
                yield Hit(0.5, Content(line), run, text=line, help=about or "command")
        if not found:
            said = f"Nothing is called {query!r}. The key : takes commands, ? has all keys."
            yield Hit(0.1, Content(said), lambda: None, text=said)
