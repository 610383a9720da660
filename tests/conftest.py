"""Fixtures of all tests. Recordings are beside the project, if there are any."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.shared import CAPTURES, VECTORS

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The first example that fails is enough to know a mutant by, and every run draws the same ones.
settings.register_profile(
    "mutation",
    settings.get_profile("unhurried"),
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile(os.environ.get("KRACKED_HYPOTHESIS", "unhurried"))


@pytest.fixture(scope="session")
def captures() -> Path:
    """Return the folder of Kraken's own messages; skip the test without recordings."""
    folder = CAPTURES
    if not folder.is_dir():
        pytest.skip("the recordings are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Return the folder of worked examples; skip the test without them."""
    folder = VECTORS
    if not folder.is_dir():
        pytest.skip("the protocol vectors are not beside this checkout")
    return folder
