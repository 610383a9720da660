"""The table of keys as the toolkit's bindings."""

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
