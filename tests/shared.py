"""The folders of recordings and worked examples, beside the checkout if there are any."""

from __future__ import annotations

from pathlib import Path

KRAKEN = Path(__file__).parents[2] / "shared" / "kraken"
CAPTURES = KRAKEN / "captures"
VECTORS = KRAKEN / "vectors"
