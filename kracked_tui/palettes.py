"""The colours of every theme, for terminals of 16 million, 256 and 16 colours.

A terminal of few colours would get the nearest ones, which turn asks grey and the cursor navy.
Here each theme has palettes of colours that such a terminal has, though a light grey comes out a
step darker. Text is readable on every ground it stands on: at least 4.5 to 1, as the terminal shows
it, which a test computes for every role. Sixteen colours have no green that is readable on white,
and no blue that bright red is readable on: there the sides have about 3 and 4 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

Palette = Mapping[str, str]


class Colours(Enum):
    """The number of colours that a terminal can show."""

    TRUE = "truecolor"
    MANY = "256"
    FEW = "standard"
    """The sixteen of every terminal, whose exact looks are the user's."""


_NIGHT = {
    "ground": "#0d1117",
    "raised": "#161b22",
    "selected": "#1c2738",
    "line": "#3a4452",
    "text": "#c3ccd6",
    "bright": "#f0f4f8",
    "dim": "#97a3b1",
    "faint": "#8491a0",
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
_MONO = {
    "ground": "#101010",
    "raised": "#1a1a1a",
    "selected": "#2b2b2b",
    "line": "#444444",
    "text": "#cccccc",
    "bright": "#f4f4f4",
    "dim": "#a0a0a0",
    "faint": "#929292",
    "accent": "#ffffff",
    "bid": "#e6e6e6",
    "ask": "#b0b0b0",
    "bid-bar": "#5a5a5a",
    "ask-bar": "#3f3f3f",
    "warn": "#ffffff",
    "large": "#ffffff",
}
_DAY = {
    "ground": "#fbfbf9",
    "raised": "#f1f1ed",
    "selected": "#dfe9f7",
    "line": "#bcc0c5",
    "text": "#24292f",
    "bright": "#000000",
    "dim": "#545d67",
    "faint": "#5f6872",
    "accent": "#0b5cb8",
    "bid": "#0b6a40",
    "ask": "#b02a33",
    "bid-bar": "#a9dcc4",
    "ask-bar": "#f3bcbf",
    "warn": "#7f5500",
    "large": "#8a4b00",
}

_NIGHT_256 = {
    "ground": "#121212",
    "raised": "#1c1c1c",
    "selected": "#303030",
    "line": "#444444",
    "text": "#d0d0d0",
    "bright": "#ffffff",
    "dim": "#b2b2b2",
    "faint": "#a8a8a8",
    "accent": "#5fafff",
    "bid": "#5fd787",
    "ask": "#ff8787",
    "bid-bar": "#005f5f",
    "ask-bar": "#870000",
    "warn": "#ffaf5f",
    "large": "#ffd787",
}
_OKABE_ITO_256 = _NIGHT_256 | {
    "bid": "#5fafff",
    "ask": "#ffaf00",
    "bid-bar": "#005f87",
    "ask-bar": "#875f00",
    "accent": "#d787af",
    "warn": "#ffff5f",
    "large": "#ffffff",
}
_MONO_256 = _NIGHT_256 | {
    "accent": "#ffffff",
    "bid": "#eeeeee",
    "ask": "#bcbcbc",
    "bid-bar": "#585858",
    "ask-bar": "#3a3a3a",
    "warn": "#ffffff",
    "large": "#ffffff",
}
_DAY_256 = {
    "ground": "#ffffff",
    "raised": "#e4e4e4",
    "selected": "#d7ffff",
    "line": "#b2b2b2",
    "text": "#262626",
    "bright": "#000000",
    "dim": "#585858",
    "faint": "#626262",
    "accent": "#005faf",
    "bid": "#005f00",
    "ask": "#af0000",
    "bid-bar": "#afd7af",
    "ask-bar": "#ffafaf",
    "warn": "#875f00",
    "large": "#870087",
}

_BLACK, _GREY, _SILVER, _WHITE = "#000000", "#555555", "#aaaaaa", "#ffffff"
_NIGHT_16 = {
    "ground": _BLACK,
    "raised": _BLACK,
    "selected": "#0000aa",
    "line": _GREY,
    "text": _SILVER,
    "bright": _WHITE,
    "dim": _SILVER,
    "faint": _SILVER,
    "accent": "#55ffff",
    "bid": "#55ff55",
    "ask": "#ff5555",
    "bid-bar": "#00aa00",
    "ask-bar": "#aa0000",
    "warn": "#ffff55",
    "large": _WHITE,
}
_OKABE_ITO_16 = _NIGHT_16 | {
    "bid": "#55ffff",
    "ask": "#ffff55",
    "bid-bar": "#00aaaa",
    "ask-bar": "#aa5500",
    "accent": "#ff55ff",
    "warn": _WHITE,
}
_MONO_16 = _NIGHT_16 | {
    "accent": _WHITE,
    "bid": _WHITE,
    "ask": _SILVER,
    "bid-bar": _SILVER,
    "ask-bar": _GREY,
    "warn": _WHITE,
}
_DAY_16 = {
    "ground": _WHITE,
    "raised": _WHITE,
    "selected": "#ffff55",
    "line": _SILVER,
    "text": _BLACK,
    "bright": _BLACK,
    "dim": _GREY,
    "faint": _GREY,
    "accent": "#0000aa",
    "bid": "#00aa00",
    "ask": "#aa0000",
    "bid-bar": "#55ff55",
    "ask-bar": "#ff5555",
    "warn": "#aa00aa",
    "large": "#0000aa",
}

PALETTES: Mapping[str, Mapping[Colours, Palette]] = {
    "night": {Colours.TRUE: _NIGHT, Colours.MANY: _NIGHT_256, Colours.FEW: _NIGHT_16},
    "blue-orange": {
        Colours.TRUE: _OKABE_ITO,
        Colours.MANY: _OKABE_ITO_256,
        Colours.FEW: _OKABE_ITO_16,
    },
    "mono": {Colours.TRUE: _MONO, Colours.MANY: _MONO_256, Colours.FEW: _MONO_16},
    "day": {Colours.TRUE: _DAY, Colours.MANY: _DAY_256, Colours.FEW: _DAY_16},
}
"""Every theme's colours. `blue-orange` is the Okabe-Ito pair, safe for colour blindness."""

NAMES = tuple(PALETTES)
"""The first is the default on a dark terminal."""
LIGHT = "day"
"""The default on a light one."""
_LIGHT_GROUNDS = ("7", "15")
"""Numbers of the light colours that a terminal says it has as its ground."""


def default_theme(environment: Mapping[str, str]) -> str:
    """Return the theme that suits the terminal, as far as `COLORFGBG` tells."""
    ground = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if ground in _LIGHT_GROUNDS else NAMES[0]


def after(name: str) -> str:
    """Return the name of the next palette; the first one's after the last, or any other's."""
    at = NAMES.index(name) + 1 if name in NAMES else 0
    return NAMES[at % len(NAMES)]
