"""`kracked export`: what it prints, what it refuses, what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kracked.cli.arguments import EXPORT_FORMATS
from kracked.cli.main import main
from kracked.export import FORMATS
from kracked.sim.realism import Realism
from tests.benchmarks.queue_truth import Market, record


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "session"
    market = Market("BTC/USD", 8, 0.3, [10], Realism())
    record(path, market, 10, market.feed(10, 0, 0, seed=8))
    return path


def test_the_offered_formats_are_those_that_are_written() -> None:
    assert EXPORT_FORMATS == FORMATS


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "databento-mbo"])
def test_an_export_has_files_numbers_and_a_readme(
    form: str, session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(session), "--to", form, "--out", str(out), "--json"]) == 0
    [made] = json.loads(capsys.readouterr().out)["symbols"]
    assert made["symbol"] == "BTC/USD"
    assert made["lost"] == {}
    assert made["events"] >= made["orders"] > 100
    assert all(Path(file).is_file() for file in made["files"])
    ids = (out / "BTC-USD" / "order_ids.csv").read_text().splitlines()
    assert ids[0] == "id,order_id"
    assert len(ids) == made["orders"] + 1
    assert f"# Level 3 and trades as {form}\n" in (out / "README.md").read_text()


def test_text_says_what_was_written(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(session), "--to", "lobster", "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("BTC/USD: ")


def test_a_folder_that_is_there_is_left_alone(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(session), "--to", "lobster", "--out", str(tmp_path)]) == 1
    assert "is there already" in capsys.readouterr().err


def test_a_pair_without_level_3_is_refused_and_nothing_is_left(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["export", str(session), "--to", "lobster", "--symbols", "ETH/USD", "--out", str(out)]
    assert main(words) == 1
    assert "ETH/USD" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
