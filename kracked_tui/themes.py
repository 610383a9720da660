"""The colour themes, and the only place that names colours.

Each theme sets the toolkit's variables and ours (`$bid`, `$ask`, ...), which monitor.tcss
assigns to the roles of `view.line`. Sides also differ by position and letter.
"""

from __future__ import annotations

from textual.theme import Theme

from kracked.errors import ConfigError, says


@says("no theme is called {name}; choose one of {known}")
class UnknownTheme(ConfigError):
    """No theme has this name."""

    name: str
    known: tuple[str, ...]


def _theme(name: str, colours: dict[str, str], *, dark: bool = True) -> Theme:
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


_NIGHT = {
    "ground": "#0d1117",
    "raised": "#161b22",
    "selected": "#1c2738",
    "line": "#2a323d",
    "text": "#c3ccd6",
    "bright": "#f0f4f8",
    "dim": "#7d8896",
    "faint": "#4a5461",
    "accent": "#6cb2ff",
    "bid": "#4cc38a",
    "ask": "#f2777c",
    "bid-bar": "#245c45",
    "ask-bar": "#6e373d",
    "warn": "#e8b04b",
    "large": "#ffd479",
}
_OKABE_ITO = _NIGHT | {
    "bid": "#56b4e9",
    "ask": "#e69f00",
    "bid-bar": "#1f5675",
    "ask-bar": "#6e4d07",
    "accent": "#cc79a7",
    "warn": "#f0e442",
    "large": "#ffffff",
}
_MONO = _NIGHT | {
    "bid": "#e6e6e6",
    "ask": "#a8a8a8",
    "bid-bar": "#5a5a5a",
    "ask-bar": "#3f3f3f",
    "accent": "#ffffff",
    "warn": "#ffffff",
    "large": "#ffffff",
    "ground": "#101010",
    "raised": "#1a1a1a",
    "selected": "#2b2b2b",
    "line": "#333333",
}
_DAY = {
    "ground": "#fbfbf9",
    "raised": "#f1f1ed",
    "selected": "#dfe9f7",
    "line": "#d3d5d8",
    "text": "#24292f",
    "bright": "#000000",
    "dim": "#68717b",
    "faint": "#a4abb3",
    "accent": "#0b62c4",
    "bid": "#0f7b4c",
    "ask": "#c0353d",
    "bid-bar": "#a9dcc4",
    "ask-bar": "#f3bcbf",
    "warn": "#9a6700",
    "large": "#8a4b00",
}

THEMES = (
    _theme("night", _NIGHT),
    _theme("blue-orange", _OKABE_ITO),
    _theme("mono", _MONO),
    _theme("day", _DAY, dark=False),
)
"""The first is the default. `blue-orange` is the Okabe-Ito pair, safe for colour blindness."""

NAMES = tuple(theme.name for theme in THEMES)
FALLBACKS = THEMES[0].variables
"""Our variables for the toolkit's own themes, which lack them."""
