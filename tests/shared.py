"""Where recordings and worked examples of the protocol lie, beside the checkout if at all."""

from __future__ import annotations

from pathlib import Path

KRAKEN = Path(__file__).parents[2] / "shared" / "kraken"
CAPTURES = KRAKEN / "captures"
VECTORS = KRAKEN / "vectors"
