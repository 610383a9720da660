"""The file of the odds: whole or refused, bounded, replaced at once."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from kracked.flow.odds import store
from kracked.flow.odds.fitting import fit_table
from kracked.flow.odds.scoring import OddsScore
from kracked.flow.odds.store import (
    OddsFile,
    UnreadableOdds,
    keep_scores,
    odds_path,
    read_odds,
    write_odds,
)
from kracked.flow.odds.table import NoOdds
from tests.flow.odds.markets import START, invented, situation

TABLE = fit_table("X/Y", invented(2_000), fitted=START, watched_ns=1, recordings=1)


def test_it_lies_in_the_user_s_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert odds_path({"XDG_DATA_HOME": "/data"}) == Path("/data/kracked/odds.json")
    monkeypatch.setenv("HOME", "/home/me")
    assert odds_path({}) == Path("/home/me/.local/share/kracked/odds.json")


def test_what_is_read_back_says_the_same(tmp_path: Path) -> None:
    kept = OddsFile()
    kept.keep(TABLE)
    kept.symbols["X/Y"].score = score = OddsScore.of(TABLE)
    score.saw(TABLE.odds(situation(), START), invented(1)[0])
    write_odds(tmp_path / "deep" / "odds.json", kept)
    found = read_odds(tmp_path / "deep" / "odds.json")
    assert found == kept
    table = found.table("X/Y")
    assert not isinstance(table, NoOdds)
    assert table.odds(situation(), START) == TABLE.odds(situation(), START)


def test_where_there_is_no_file_nothing_is_fitted(tmp_path: Path) -> None:
    table = read_odds(tmp_path / "odds.json").table("X/Y")
    assert isinstance(table, NoOdds)
    assert table.why.startswith("not fitted: record 40 minutes")


def test_a_table_of_other_terms_is_not_used(tmp_path: Path) -> None:
    other = msgspec.structs.replace(TABLE, terms=(*TABLE.terms[:-1], "of another time"))
    kept = OddsFile()
    kept.keep(other)
    table = kept.table("X/Y")
    assert isinstance(table, NoOdds)
    assert "another version" in table.why


def damaged(path: Path, *change: object) -> Path:
    """Write a file with one value changed, by the names on the way to it."""
    kept = OddsFile()
    kept.keep(TABLE)
    write_odds(path, kept)
    content = json.loads(path.read_text())
    inner = content
    *names, last, value = change
    for name in names:
        inner = inner[name]
    inner[last] = value
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("version", 2), "is of version 2"),
        (("symbols", "X/Y", "table", "unit", 0.0), "a number is none"),
        (("symbols", "X/Y", "table", "lowest", []), "terms are missing"),
        (("symbols", "X/Y", "table", "outcomes", 0, "bands", []), "bands are not in order"),
        (("symbols", "X/Y", "table", "outcomes", 1, "bands", 0, 2, 0.9999), "bands"),
        (("symbols", "X/Y", "table", "outcomes", 1, "reliability", "cases", [1]), "counts"),
        (("symbols", "X/Y", "table", "symbol", "A/B"), "parts are missing"),
        (("symbols", "X/Y", "table", "samples", "many"), "Expected `int`"),
    ],
)
def test_a_file_that_cannot_be_true_is_refused(
    change: tuple[object, ...], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableOdds, match=reason):
        read_odds(damaged(tmp_path / "odds.json", *change))


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    path = damaged(tmp_path / "odds.json", "version", 1)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UnreadableOdds, match="is damaged"):
        read_odds(path)


def test_a_file_of_any_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 100)
    with pytest.raises(UnreadableOdds, match="has more than"):
        read_odds(damaged(tmp_path / "odds.json", "version", 1))


def test_the_table_fitted_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_SYMBOLS", 2)
    kept = OddsFile()
    gone = [
        kept.keep(msgspec.structs.replace(TABLE, symbol=name, fitted=fitted))
        for name, fitted in (("A", 3), ("B", 1), ("C", 2))
    ]
    assert gone == [[], [], ["B"]]
    assert set(kept.symbols) == {"A", "C"}


def test_scores_are_kept_beside_the_table_that_gave_the_odds(tmp_path: Path) -> None:
    path = damaged(tmp_path / "odds.json", "version", 1)
    score = OddsScore.of(TABLE)
    score.own[0].add(0.4, happened=True)
    keep_scores(path, {"X/Y": score, "NOT/FITTED": score})
    assert read_odds(path).symbols["X/Y"].score == score
    assert set(read_odds(path).symbols) == {"X/Y"}


def test_the_score_of_an_earlier_table_is_not_kept(tmp_path: Path) -> None:
    path = damaged(tmp_path / "odds.json", "version", 1)
    score = OddsScore.of(msgspec.structs.replace(TABLE, fitted=START - 1))
    keep_scores(path, {"X/Y": score})
    assert read_odds(path).symbols["X/Y"].score is None


def test_a_file_that_cannot_be_replaced_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = damaged(tmp_path / "odds.json", "version", 1)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_odds(path, OddsFile())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
