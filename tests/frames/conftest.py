"""A recording for the tests of frames, written by the recorder itself."""

from __future__ import annotations
