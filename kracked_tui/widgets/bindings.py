"""The keyboard: the table of keys as the toolkit's bindings, and presses apart from repeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.binding import Binding

from kracked_tui.keys import Key


def bindings(table: Iterable[Key], namespace: str = "") -> Iterator[Binding]:
    """Yield a binding for each key.

    Args:
        table: The keys.
        namespace: The owner of the actions, such as ``screen.``; empty for the widget itself.
    """
    for key in table:
        action = key.action if "." in key.action.partition("(")[0] else namespace + key.action
        yield Binding(key.keys, action, key.short or key.help, show=False, id=key.id)


QUIET_S = 0.5
"""How long a key that sends at once must have been quiet before it sends again."""
FIRST_REPEAT_S = 0.75
"""The same after a single press: terminals wait up to 0.66 s before a held key repeats."""


class Presses:
    """Tells a press from the repeats of a held key, which no terminal marks as such."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}
        """When each key was last heard."""
        self._repeated: set[str] = set()
        """Keys whose last event was a repeat."""
        self.repeat = False
        """Whether the latest event is the repeat of a held key."""
        self.at_s = 0.0
        """When the latest key arrived, by the clock of `hear`."""

    def hear(self, key: str, at_s: float) -> None:
        """Take a key's event.

        Args:
            key: The key's name.
            at_s: When it arrived, by a clock that never jumps. The time it is handled would not
                do: after a stall of the program, repeats look like presses.
        """
        before = self._heard.get(key)
        quiet_s = QUIET_S if key in self._repeated else FIRST_REPEAT_S
        self.repeat = before is not None and at_s - before < quiet_s
        self._heard[key] = self.at_s = at_s
        (self._repeated.add if self.repeat else self._repeated.discard)(key)

    def point(self) -> None:
        """Take a click, or whatever is no key."""
        self.repeat = False
