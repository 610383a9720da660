from __future__ import annotations

from tests.native.engines import engine

__all__ = ["engine"]  # every test here runs once with each engine
