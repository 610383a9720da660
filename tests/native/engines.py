"""Choosing an engine, and a fixture that runs a test once with each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kracked import _native
from kracked.errors import ConfigError


@contextmanager
def chosen(name: str) -> Iterator[None]:
    """Choose the engine of the keepers that are made meanwhile."""
    before = os.environ.get(_native.VARIABLE)
    os.environ[_native.VARIABLE] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ[_native.VARIABLE]
        else:
            os.environ[_native.VARIABLE] = before


@pytest.fixture(params=["python", "native"], autouse=True, scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Choose the engine of the keepers that a test makes; skip what is not built."""
    name: str = request.param
    with chosen(name):
        try:
            _native.load()
        except ConfigError as error:
            if os.environ.get("KRACKED_NATIVE") == "require":
                raise
            pytest.skip(str(error))
        yield name
