"""Text that is made when it is written."""

from __future__ import annotations

import pytest

from kracked.record import later
from kracked.record.later import Later


def test_text_that_is_wanted_at_once_is_made_without_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(later.time, "sleep", lambda _: pytest.fail("it rested"))
    assert later.whole(["a", Later(lambda: iter("bc"), 2, 2)]) == "abc"
