"""Watch, verify, record and trade Kraken spot: the framework.

Everything public is reachable from here and loaded when first used, so that importing
`kracked` costs next to nothing and never loads pandas or a screen.
"""

from __future__ import annotations

from importlib import import_module

_HOME = {
    "BookKeeper": "kracked.book.keeper",
    "L2Book": "kracked.book.l2",
    "L3Book": "kracked.book.l3",
    "Codec": "kracked.protocol.codec",
    "Instrument": "kracked.instruments",
    "Precision": "kracked.instruments",
    "Level": "kracked.protocol.events",
    "Side": "kracked.protocol.events",
    "KrackedError": "kracked.errors",
}
"""Public name to the module it lives in."""

__version__ = "1.0.0.dev0"


def __getattr__(name: str) -> object:
    if name == "events":
        return import_module("kracked.protocol.events")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'kracked' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *_HOME, "events"))
