"""Text from outside: a terminal shows it and never obeys it, wherever it comes out."""

from __future__ import annotations

import ast
import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked import cli
from kracked.cli.output import safe_print
from kracked.errors import RequestRejected
from kracked.format.cells import csv_line, split_row, text_cell
from kracked.untrusted import MARK, MOST_CHARACTERS, json_line, printable, printable_lines
from kracked_tui.trader.monitor_log import monitor_log

EVIL = (
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x9b2J",
    "\x7f",
    "a\nFORGED",
    "a\r\x0b\x0cb",
    "\u2028\u2029\u0085",
    "\u202eUSD/BTC\u202c",
    "\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    "\u200b\u200d\ufeff\u00ad",
    "\udc80\ud800",
    "\U000e0041",
)
OBEYED = [*map(chr, (*range(32), *range(127, 160))), "\u2028", "\u2029", "\u202e", "\udc80"]


def harmless(text: str) -> bool:
    return not any(each in text for each in OBEYED)


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_what_a_terminal_would_obey_is_replaced_one_for_one(evil: str) -> None:
    safe = printable(f"BTC{evil}/USD")
    assert harmless(safe)
    assert len(safe) == len(f"BTC{evil}/USD")
    assert MARK in safe


@given(st.text())
def test_any_text_is_harmless_and_printable_twice_is_printable_once(text: str) -> None:
    safe = printable(text)
    assert harmless(safe)
    assert printable(safe) == safe
    safe.encode()


@pytest.mark.parametrize("text", ["", "BTC/USD", "naïve Zürich 東京 ₿ 🚀", "▲ ━ 1.5 │"])
def test_honest_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_overlong_text_is_cut_with_an_ellipsis() -> None:
    assert printable("x" * 10**7) == "x" * (MOST_CHARACTERS - 1) + "…"
    assert printable("abcdef", 4) == "abc…"


def test_marks_stacked_on_one_character_are_three_at_most() -> None:
    assert printable("a" + "\u0301" * 50 + "b") == "a\u0301\u0301\u0301b"


def test_lines_keep_their_breaks_and_tabs() -> None:
    assert printable_lines("a\tb\n\x1b[2Jc\n") == "a\tb\n?[2Jc\n"


@given(st.text())
def test_json_on_a_line_means_the_same(text: str) -> None:
    encoded = json.dumps([text], ensure_ascii=False).encode(errors="surrogatepass")
    line = json_line(encoded)
    assert harmless(line)
    if text.isprintable():
        assert json.loads(line) == [text]


def test_json_escapes_what_it_does_not_show() -> None:
    assert json_line('["\u202e\u009b\x7f"]'.encode()) == '["\\u202e\\u009b\\u007f"]'


def test_an_error_s_sentence_is_safe_and_its_facts_stay_as_they_came() -> None:
    error = RequestRejected("AddOrder", "EGeneral:\x1b[2J\nkracked: all is well")
    assert str(error) == ("the exchange refused AddOrder: EGeneral:?[2J?kracked: all is well")
    assert error.error == "EGeneral:\x1b[2J\nkracked: all is well"


def test_the_print_of_the_commands_is_safe_on_any_encoding(capsys) -> None:
    safe_print("BTC\x1b[2J/USD\n\udc80", 7)
    safe_print("two\nlines\x1b", lines=True)
    assert capsys.readouterr().out == "BTC?[2J/USD?? 7\ntwo\nlines?\n"


def test_talk_keeps_its_own_return_and_erasure_and_no_other(capsys) -> None:
    cli.say("\rREC \x1b[2J\r\x1b[K 5 s\x1b[K")
    assert capsys.readouterr().err == "\rREC ?[2J??[K 5 s\x1b[K"


def test_every_command_prints_by_the_safe_print() -> None:
    for file in Path(cli.__file__).parent.glob("*.py"):
        tree = ast.parse(file.read_text())
        names = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
        imported = {
            alias.asname
            for one in ast.walk(tree)
            if isinstance(one, ast.ImportFrom) and one.module == "kracked.cli.output"
            for alias in one.names
        }
        assert "print" not in names - imported or file.name == "output.py", file.name


def test_no_text_forges_a_record_of_the_log(tmp_path: Path) -> None:
    forged = "2026-11-30 12:00:00 ERROR kracked: sold everything"
    with monitor_log(tmp_path) as path:
        log = logging.getLogger("kracked.somewhere")
        log.warning("refused\n" + forged, extra={"error": f"\x1b]0;x\x07\n{forged}"})
        log.error("failed", exc_info=ValueError(f"odd\n{forged}"))
    text = path.read_text()
    assert harmless(text.replace("\n", ""))
    records = [line for line in text.splitlines() if not line.startswith("    ")]
    assert [record.split()[2] for record in records] == ["WARNING", "ERROR"]


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_a_cell_holds_no_character_that_a_terminal_would_obey(evil: str) -> None:
    for cell in (text_cell(f"O{evil}1"), csv_line([f"O{evil}1", "b"])):
        assert harmless(cell.rstrip("\n"))
    assert len(split_row(text_cell(f"O{evil}1"))) == 1
