"""The frozen market with sightings of every kind, at the same times each time."""

from __future__ import annotations

from kracked.flow.detectors.sighting import Evidence, Kind, Sighting, Sureness
from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.app import Monitor
from tests.tui.frozen_market import BEST_ASK, BEST_BID, NOW, SYMBOL

IDS = ("OABCDE-FGHIJ-K00001", "OABCDE-FGHIJ-K00002")


def ago(seconds: float) -> int:
    return NOW - int(seconds * NS_PER_S)


def sightings() -> list[Sighting]:
    """Return one of each kind and certainty, the oldest first."""
    hidden = {"kind": Kind.HIDDEN, "side": Side.BID, "price": BEST_BID, "last_price": BEST_BID}
    refills = tuple(
        Evidence(ago(30 - 4 * n), what, IDS[0], BEST_BID, 40_000_000, 0)
        for n, what in enumerate(("filled", "refilled", "filled", "refilled"))
    )
    return [
        Sighting(
            **hidden, first=ago(300), last=ago(290), qty=31_000_000, count=0,
            sureness=Sureness.MATCHED, detail={"shown": 0},
            evidence=(Evidence(ago(290), "traded unseen", "", BEST_BID, 31_000_000),),
        ),
        Sighting(
            kind=Kind.SAME_SIZE, side=Side.BID, price=BEST_ASK, last_price=BEST_ASK + 10,
            first=ago(120), last=ago(46), qty=9 * 11_733_000, count=9,
            sureness=Sureness.PATTERN, detail={"each": 11_733_000},
            evidence=tuple(
                Evidence(ago(120 - 9 * n), "taker", "", BEST_ASK, 11_733_000) for n in range(9)
            ),
            numbers={"takers": 5, "within ns": 120 * NS_PER_S},
        ),
        Sighting(
            kind=Kind.PULLED_BACK, side=Side.ASK, price=BEST_ASK + 20, last_price=BEST_ASK + 40,
            first=ago(40), last=ago(40), qty=9_10000000, count=3, sureness=Sureness.PATTERN,
            detail={"percent": 41}, evidence=(),
        ),
        Sighting(
            kind=Kind.SWEEP, side=Side.BID, price=BEST_ASK, last_price=BEST_ASK + 10,
            first=ago(35), last=ago(35), qty=4_90000000, count=3, sureness=Sureness.EXACT,
            detail={"came back % in 1 s": 60}, numbers={"large taker": 87_000_000, "prices": 3},
            evidence=tuple(
                Evidence(ago(35), "trade", "", BEST_ASK + 5 * n, 1_60000000) for n in range(3)
            ),
        ),
        Sighting(
            kind=Kind.ABSORBED, side=Side.BID, price=BEST_BID - 20, last_price=BEST_BID - 20,
            first=ago(31), last=ago(22), qty=6_10000000, count=11, sureness=Sureness.PATTERN,
            detail={"shown": 80_000_000}, numbers={"at least": 2_00000000, "times shown": 3},
            evidence=tuple(
                Evidence(ago(31 - n), "taker", "", BEST_BID - 20, 55_000_000) for n in range(9)
            ),
        ),
        Sighting(
            **hidden, first=ago(30), last=ago(18), qty=80_000_000, count=2,
            sureness=Sureness.EXACT, detail={"shown": 40_000_000, "at most": 15 * 40_000_000},
            evidence=refills,
        ),
        Sighting(
            kind=Kind.PULLED, side=Side.ASK, price=BEST_ASK + 40, last_price=BEST_ASK + 40,
            first=ago(15), last=ago(7), qty=3_20000000, count=1, sureness=Sureness.PATTERN,
            detail={"stood ns": 84 * NS_PER_S // 10, "came at bp/100": 260, "went at bp/100": 80},
            numbers={"large order": 73_000_000, "levels": 3, "near bp": 1},
            evidence=(
                Evidence(ago(15), "new", IDS[1], BEST_ASK + 40, 3_20000000, 170),
                Evidence(ago(7), "cancelled", IDS[1], BEST_ASK + 40, 3_20000000, 40),
            ),
        ),
    ]  # fmt: skip


def plant(monitor: Monitor, *chosen: Sighting) -> None:
    """Let the detectors of the shown market report these, or all kinds."""
    found = monitor.store.flows[SYMBOL].detectors.sightings
    if not chosen:
        found.by_number.clear()  # what the frozen trades made
    for number, each in enumerate(chosen or sightings()):
        found.report(("planted", number, each.first), each)
