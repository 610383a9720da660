"""A fixture that runs a test once with each transport."""

from __future__ import annotations

import pytest

from kracked.feed import transport as transports


@pytest.fixture(params=["websockets", "picows"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Choose the transport of the feeds that a test makes; skip what is not installed."""
    name: str = request.param
    if name == "picows" and (missing := transports.picows_missing()):
        pytest.skip(f"picows: {missing}")
    monkeypatch.setenv(transports.VARIABLE, name)
    return name
