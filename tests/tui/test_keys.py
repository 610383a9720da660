"""Every key is named, helped, reachable and remappable."""

from __future__ import annotations

import pytest

from kracked_tui import keys
from kracked_tui.view.chrome.help import help_lines, pages
from kracked_tui.widgets.bindings import Presses
from kracked_tui.widgets.panels.ticket_panel import TicketPanel
from tests.tui.conftest import Opened


def test_every_binding_has_an_id_and_a_help_line() -> None:
    listed = "\n".join(words for page in pages(keys.KEYS, 20, 200) for _, words in page)
    for key in keys.KEYS:
        assert key.id
        assert key.help
        assert key.help in listed or key.id.startswith(("pane-", "size-"))


async def test_every_action_exists(opened: Opened) -> None:
    async with opened() as (monitor, _):
        for key in keys.KEYS:
            owner, _, action = key.action.partition("(")[0].rpartition(".")
            place = {"": monitor.trade, "app": monitor, "focused": TicketPanel}[owner]
            assert hasattr(place, f"action_{action}"), key.id


def test_no_key_does_two_things() -> None:
    assert keys.clashes(keys.KEYS) == []


def test_a_clash_of_the_configuration_is_described() -> None:
    table = keys.active({"zoom": "c"})
    assert keys.clashes(table) == ["c: recentre and zoom"]
    assert "clash: c: recentre and zoom" in keys.listing({"zoom": "c"})


def test_the_listing_has_the_keys_of_a_replay_too() -> None:
    assert "play             Play, or pause" in keys.listing({})


def test_the_listing_names_keys_as_people_do() -> None:
    assert "f1 I             pane-help        Help of the focused pane" in keys.listing({})


def test_the_longest_keys_leave_the_columns_straight() -> None:
    helps = {key.help for key in keys.active({})}
    rows = keys.listing({}).splitlines()
    found = {row.index(each) for row in rows for each in helps if row.endswith(f"  {each}")}
    assert len(found) == 1


@pytest.mark.parametrize("rows", [3, 18, 20, 50])
def test_no_page_of_the_help_is_longer_than_the_screen(rows: int) -> None:
    assert all(len(page) <= rows for page in pages(keys.KEYS, rows, 76))


@pytest.mark.parametrize("width", [38, 58, 76, 118])
def test_no_word_of_the_help_is_cut(width: int) -> None:
    for page in pages(keys.KEYS, 20, width):
        for (key, words), line in zip(page, help_lines(page, width), strict=True):
            assert line.text.rstrip() == f"{key or ' '}{words}".rstrip()


def test_groups_of_keys_share_a_page_where_there_is_room() -> None:
    small, large = (len(pages(keys.KEYS, rows, 118)) for rows in (18, 50))
    assert (small, large) == (9, 4)


@pytest.mark.parametrize("key", keys.KEYS, ids=lambda key: key.id)
def test_no_key_needs_what_terminals_do_not_send(key: keys.Key) -> None:
    for name in key.keys.split(","):
        assert not name.startswith(("alt+", "ctrl+shift+"))
    assert not all(name.startswith("f") and name[1:].isdigit() for name in key.keys.split(","))


@pytest.mark.parametrize(
    ("arrivals", "repeats"),
    [
        ((0.0, 0.03, 0.06), [False, True, True]),
        ((0.0, 0.66, 0.69), [False, True, True]),
        ((0.0, 0.8), [False, False]),
        ((0.0, 0.1, 0.59), [False, True, True]),
        ((0.0, 0.1, 0.6), [False, True, False]),
    ],
)
def test_a_repeat_is_a_key_that_was_not_quiet(
    arrivals: tuple[float, ...], repeats: list[bool]
) -> None:
    presses, found = Presses(), []
    for at_s in arrivals:
        presses.hear("B", at_s)
        found.append(presses.repeat)
    assert found == repeats


def test_another_key_between_does_not_make_a_repeat_a_press() -> None:
    presses = Presses()
    for name in "BSB":
        presses.hear(name, 0.0)
    assert presses.repeat


def test_a_click_after_a_repeat_is_no_repeat() -> None:
    presses = Presses()
    presses.hear("B", 0.0)
    presses.hear("B", 0.1)
    presses.point()
    assert not presses.repeat


@pytest.mark.parametrize("word", ["flatten", "reverse", "page up"])
def test_the_help_is_searched_by_the_names_of_keys_too(word: str) -> None:
    found = [row for page in pages(keys.KEYS, 20, 200, word=word) for row in page]
    named = next(key for key in keys.KEYS if key.id == word.replace(" ", "-"))
    assert named.help in [words for _, words in found]


def test_the_help_of_the_queue_names_its_key_first() -> None:
    first = pages(keys.KEYS, 20, 200, pane="queue")[0]
    follow = next(key for key in keys.KEYS if key.id == "follow")
    assert [words for _, words in first].index(follow.help) <= 4
