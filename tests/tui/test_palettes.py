"""Every colour as the terminal shows it: readable, and sides told apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rich._palettes import STANDARD_PALETTE
from rich.color import Color, ColorSystem

from kracked_tui.app import Monitor
from kracked_tui.palettes import LIGHT, NAMES, PALETTES, Colours, default_theme
from kracked_tui.view.line import ROLES
from tests.tui.conftest import Opened

LINES = {"bid-bar", "ask-bar", "frame", "frame-focus", "frame-armed", "chart-axis"}
"""Roles of bars and frames; every other role writes text."""
SIDES = {"ask", "sell", "bid", "buy", "good", "chart-up", "chart-down"}
READABLE = 4.5
SYSTEMS = {
    Colours.TRUE: ColorSystem.TRUECOLOR,
    Colours.MANY: ColorSystem.EIGHT_BIT,
    Colours.FEW: ColorSystem.STANDARD,
}


def least(theme: str, colours: Colours, role: str) -> float:
    """Return the contrast a role needs; sixteen colours have no readable green on white."""
    if colours is Colours.FEW and role in SIDES:
        return 2.9 if theme == LIGHT else 4.2
    return READABLE


def displayed(text: str, colours: Colours) -> tuple[int, int, int]:
    """Return the red, green and blue that a terminal of so many colours shows."""
    shown = Color.parse(text).downgrade(SYSTEMS[colours])
    if colours is Colours.FEW:  # the toolkit's own idea of the sixteen
        assert shown.number is not None
        return STANDARD_PALETTE._colors[shown.number]
    return tuple(shown.get_truecolor())


def luminance(colour: tuple[int, int, int]) -> float:
    """Return the relative luminance. Source: www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    parts = [part / 255 for part in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Return the contrast ratio. Source: www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def styled(monitor: Monitor, theme: str) -> Iterator[tuple[str, str, str]]:
    """Yield each role of text, its colour, and every ground it may stand on."""
    monitor.theme = theme
    variables = monitor.theme_variables
    grounds = [variables[name] for name in ("background", "raised", "selected")]
    for role in sorted(set(ROLES) - LINES):
        style = monitor.trade.ladder.get_component_rich_style(f"rows--{role}", partial=True)
        text = style.color.name if style.color else variables["foreground"]
        for ground in [style.bgcolor.name] if style.bgcolor else grounds:
            yield role, text, ground


@pytest.mark.parametrize("colours", Colours)
async def test_every_role_of_every_theme_is_readable_on_its_ground(
    opened: Opened, colours: Colours
) -> None:
    async with opened() as (monitor, _):
        monitor.use_colours(colours)
        poor = [
            f"{theme} {role}: {text} on {ground} has {found:.2f} to 1"
            for theme in NAMES
            for role, text, ground in styled(monitor, theme)
            if (found := contrast(displayed(text, colours), displayed(ground, colours)))
            < least(theme, colours, role)
        ]
    assert poor == []


@pytest.mark.parametrize("colours", Colours)
@pytest.mark.parametrize("theme", ["night", "day"])
def test_bids_are_green_and_asks_red_on_every_terminal(theme: str, colours: Colours) -> None:
    palette = PALETTES[theme][colours]
    red, green, blue = displayed(palette["bid"], colours)
    assert green > 1.25 * red
    assert green > 1.25 * blue
    red, green, blue = displayed(palette["ask"], colours)
    assert red > 1.5 * max(green, blue)


@pytest.mark.parametrize("colours", Colours)
@pytest.mark.parametrize("theme", NAMES)
def test_sides_cursor_and_ground_stay_apart_on_every_terminal(theme: str, colours: Colours) -> None:
    palette = PALETTES[theme][colours]
    bid, ask, ground, selected = (
        displayed(palette[name], colours) for name in ("bid", "ask", "ground", "selected")
    )
    assert len({bid, ask, ground, selected}) == 4


TOLD_APART = (
    ("bid", "ask"), ("bid-bar", "ask-bar"), ("bid-bar", "ground"), ("ask-bar", "ground"),
    ("bid-bar", "bid"), ("ask-bar", "ask"), ("line", "ground"), ("line", "accent"),
    ("bid", "text"), ("ask", "text"), ("warn", "text"), ("warn", "dim"), ("large", "text"),
    ("accent", "text"), ("bright", "dim"),
)  # fmt: skip
"""Colours of one palette that say different things about what looks the same otherwise."""
ONE_COLOUR = {
    ("mono", "ask", "text", Colours.FEW): "of four greys none is left; the column says the side",
}
"""Those that sixteen colours cannot tell apart, and what does."""


@pytest.mark.parametrize("colours", Colours)
@pytest.mark.parametrize("theme", NAMES)
def test_what_must_be_told_apart_has_two_colours_on_every_terminal(
    theme: str, colours: Colours
) -> None:
    palette = PALETTES[theme][colours]
    alike = [
        (theme, one, other, colours)
        for one, other in TOLD_APART
        if displayed(palette[one], colours) == displayed(palette[other], colours)
    ]
    assert alike == [each for each in ONE_COLOUR if each[0] == theme and each[3] is colours]


@pytest.mark.parametrize("theme", NAMES)
def test_a_terminal_of_sixteen_colours_has_every_colour_exactly(theme: str) -> None:
    for text in PALETTES[theme][Colours.FEW].values():
        assert displayed(text, Colours.FEW) == tuple(Color.parse(text).get_truecolor())


@pytest.mark.parametrize(
    ("variable", "theme"),
    [("", "night"), ("15;0", "night"), ("0;15", LIGHT), ("0;default;7", LIGHT), ("x", "night")],
)
def test_a_light_terminal_starts_with_the_light_theme(variable: str, theme: str) -> None:
    assert default_theme({"COLORFGBG": variable}) == theme
