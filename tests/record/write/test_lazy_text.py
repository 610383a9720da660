"""Text that is made when it is written."""

from __future__ import annotations

import pytest

from kracked.format import lazy_text
from kracked.format.lazy_text import LazyText


def test_text_that_is_wanted_at_once_is_made_without_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lazy_text.time, "sleep", lambda _: pytest.fail("it rested"))
    assert lazy_text.render(["a", LazyText(lambda: iter("bc"), 2, 2)]) == "abc"
