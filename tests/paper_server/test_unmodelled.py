"""What is not modelled is refused by name, and stands where users read."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.cli.main import main
from kracked.paper_exchange.terms import UNMODELLED

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "paper.md"


def test_the_help_and_the_page_name_all_that_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["paper", "--help"])
    for text in (capsys.readouterr().out, PAGE.read_text()):
        words = " ".join(text.split())
        assert [what for what in UNMODELLED if what not in words] == []
