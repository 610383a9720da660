"""The time bar: every width, every state, and the times people type."""

from __future__ import annotations

import pytest

from kracked.times import NS_PER_S, NotATime, parse_ns
from kracked_tui.view.replay.timebar import TimeView, instant_of, time_at, time_line

START = parse_ns("2026-11-22T23:50:00Z")
VIEW = TimeView(
    START,
    START + 1200 * NS_PER_S,
    START + 300 * NS_PER_S,
    gaps=((START + 600 * NS_PER_S, START + 660 * NS_PER_S),),
)


def test_the_bar_shows_the_position_and_the_gaps() -> None:
    assert time_line(VIEW, 80).text == (
        " ‖ 1x   23:55:00.000 ━━━━━━━━━●────────░░───────────────── 5m00 of 20m00  1 gap "
    )


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_it_is_as_wide_as_the_screen_and_ascii_has_a_twin(width: int) -> None:
    line = time_line(VIEW, width)
    assert len(line.text) == width
    assert line.plain().text.isascii()


@pytest.mark.parametrize(
    ("view", "sign"),
    [
        (VIEW, "‖"),
        (VIEW._replace(playing=True), "▶"),
        (VIEW._replace(ended=True), "■"),
        (VIEW._replace(seeking=True), "»"),
    ],
)
def test_its_first_sign_says_what_it_does(view: TimeView, sign: str) -> None:
    assert time_line(view, 80).text.startswith(f" {sign} ")


def test_the_words_of_a_step_stand_where_the_length_was() -> None:
    text = time_line(VIEW._replace(step="add bid 1 @ 2 (1/2)"), 80).text
    assert text.endswith(" add bid 1 @ 2 (1/2) ")


def test_a_click_means_the_time_under_it() -> None:
    text = time_line(VIEW, 100).text
    first, last = text.index("━"), len(text) - 1 - text[::-1].index("─")
    assert time_at(VIEW, first, 100) == VIEW.start
    assert time_at(VIEW, last, 100) == VIEW.end
    assert time_at(VIEW, 0, 100) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("23:51", "2026-11-22T23:51:00Z"),
        ("00:05:30", "2026-11-23T00:05:30Z"),
        ("23:51:02.5", "2026-11-22T23:51:02.5Z"),
        ("2026-11-23T00:01:00Z", "2026-11-23T00:01:00Z"),
        ("2026-11-23 00:01:00", "2026-11-23T00:01:00Z"),
    ],
)
def test_a_time_of_day_is_of_the_day_the_recording_has_it_on(text: str, meant: str) -> None:
    assert instant_of(text, VIEW) == parse_ns(meant)


def test_text_that_is_no_time_is_refused() -> None:
    with pytest.raises(NotATime):
        instant_of("noon", VIEW)
