"""The colour themes of the toolkit, made of our palettes.

Each theme sets the toolkit's variables and ours (`$bid`, `$ask`, ...), which monitor.tcss
assigns to the roles of `view.line`. Sides also differ by position and letter.
"""

from __future__ import annotations

from textual.theme import Theme

from kracked.errors import ConfigError, says
from kracked_tui.palettes import LIGHT, PALETTES, Colours, Palette


@says("no theme is called {name}; choose one of {known}")
class UnknownTheme(ConfigError):
    """No theme has this name."""

    name: str
    known: tuple[str, ...]


def _theme(name: str, colours: Palette, *, dark: bool) -> Theme:
    """Make a theme from one colour per idea; the toolkit derives the others."""
    return Theme(
        name=name,
        primary=colours["accent"],
        secondary=colours["dim"],
        accent=colours["accent"],
        warning=colours["warn"],
        error=colours["ask"],
        success=colours["bid"],
        foreground=colours["text"],
        background=colours["ground"],
        surface=colours["raised"],
        panel=colours["raised"],
        dark=dark,
        variables={
            "text-bright": colours["bright"],
            "text-dim": colours["dim"],
            "text-faint": colours["faint"],
            "bid": colours["bid"],
            "ask": colours["ask"],
            "bid-bar": colours["bid-bar"],
            "ask-bar": colours["ask-bar"],
            "warn": colours["warn"],
            "large": colours["large"],
            "line": colours["line"],
            "raised": colours["raised"],
            "selected": colours["selected"],
            "input-cursor-background": colours["accent"],
        },
    )


def for_terminal(colours: Colours) -> tuple[Theme, ...]:
    """Return our themes with the palettes of a terminal of so many colours."""
    return tuple(
        _theme(name, palettes[colours], dark=name != LIGHT) for name, palettes in PALETTES.items()
    )


FALLBACKS = for_terminal(Colours.TRUE)[0].variables
"""Our variables for the toolkit's own themes, which lack them."""
