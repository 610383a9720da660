"""Fits a symbol's odds to samples: a logistic regression an outcome, proven on what it left out.

The time of the samples is cut into stretches. Each is left out once, with what overlaps it, and
its odds are given by a fit to the others: bands and calibration rest on these. The last fit is
to all. It needs numpy, so it is loaded only where odds are fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kracked.flow.odds.reliability import Reliability, bin_edges, wilson
from kracked.flow.odds.samples import EVERY_NS, HORIZON_S, Sample
from kracked.flow.odds.situation import Situation, terms
from kracked.flow.odds.table import (
    HORIZONS_S,
    OUTCOMES,
    FittedBand,
    FittedOutcome,
    OddsTable,
    WaitBand,
)
from kracked.times import NS_PER_S

Array = np.ndarray[Any, np.dtype[Any]]

FOLDS = 6
"""Stretches that are left out in turn."""
BANDS = 20
STEPS = 12
PRIOR = 2.0
"""The penalty on squared coefficients of standardized terms, in independent samples. Those that
overlap within a horizon tell together as much as one."""
_HORIZON_NS = HORIZON_S * NS_PER_S


def fit_table(
    symbol: str,
    samples: Sequence[Sample],
    *,
    fitted: int,
    watched_ns: int,
    recordings: int,
    every_ns: int = EVERY_NS,
) -> OddsTable:
    """Fit the odds of a symbol.

    Args:
        symbol: The symbol.
        samples: Samples of its recordings, in order of time within each.
        fitted: The time now, ns since the Unix epoch.
        watched_ns: How long the recordings were watched.
        recordings: How many there were.
        every_ns: The time between two instants of samples.
    """
    samples = sorted(samples, key=lambda one: one.placed)
    times = np.array([one.placed for one in samples])
    columns = Situation(*np.array([one.situation for one in samples], dtype=np.float64).T)
    unit = float(np.median(columns.own_touch))
    rows = np.column_stack(terms(columns, unit, np.log1p, np.arcsinh))
    lowest, highest = np.quantile(rows, (0.005, 0.995), axis=0)
    rows = np.clip(rows, lowest, highest)
    waits = np.array([np.inf if one.wait_ns is None else one.wait_ns / NS_PER_S for one in samples])
    happened = [waits <= seconds for seconds in HORIZONS_S]
    happened.append(np.array([one.left for one in samples]))
    instants, index = np.unique(times, return_inverse=True)
    folds = index * FOLDS // len(instants)  # a new one begins with an instant
    outcomes, scores = [], np.empty(0)
    a_second = len(samples) / (len(instants) * every_ns / NS_PER_S)
    for each, seconds in zip(happened, (*HORIZONS_S, HORIZON_S), strict=True):
        ridge = PRIOR * a_second * seconds
        weights = _weights(rows, each.astype(np.float64), ridge)
        left_out = _left_out_scores(rows, each, times, folds, ridge, weights)
        outcomes.append(_outcome(weights, left_out, each, times, folds))
        scores = left_out if len(outcomes) == len(HORIZONS_S) else scores
    assert len(outcomes) == len(OUTCOMES)
    return OddsTable(
        symbol=symbol,
        fitted=fitted,
        begin=int(times[0]),
        end=int(times[-1]),
        recordings=recordings,
        watched_s=watched_ns / NS_PER_S,
        samples=len(samples),
        unit=unit,
        usual=Situation(*(float(np.median(column)) for column in columns)),
        lowest=tuple(lowest.tolist()),
        highest=tuple(highest.tolist()),
        outcomes=(outcomes[0], outcomes[1], outcomes[2], outcomes[3]),
        waits=_wait_bands(scores, waits),
    )


def _left_out_scores(
    rows: Array, happened: Array, times: Array, folds: Array, ridge: float, start: Array
) -> Array:
    """Return the score of each sample by a fit to stretches that its own does not overlap."""
    scores = np.empty(len(rows))
    for fold in range(FOLDS):
        inside = folds == fold
        begin, end = times[inside][[0, -1]]
        apart = (times < begin - _HORIZON_NS) | (times > end + _HORIZON_NS)
        weights = _weights(rows[apart], happened[apart].astype(np.float64), ridge, start)
        scores[inside] = _chances(rows[inside] @ weights[:-1] + weights[-1])
    return scores


def _outcome(
    weights: Array, scores: Array, happened: Array, times: Array, folds: Array
) -> FittedOutcome:
    """Return the fit of an outcome. Its proof uses no band that the case itself has part in."""
    given = np.empty(len(scores))
    for fold in range(FOLDS):
        inside = folds == fold
        bands = _bands(scores[~inside], happened[~inside], times[~inside])
        given[inside] = np.interp(
            scores[inside], [band.score for band in bands], [band.rate for band in bands]
        )
    reliability = Reliability(bin_edges(np.sort(given).tolist()))
    for odds, each in zip(given.tolist(), happened.tolist(), strict=True):
        reliability.add(odds, happened=each)
    return FittedOutcome(
        coefficients=tuple(weights[:-1].tolist()),
        constant=float(weights[-1]),
        bands=_bands(scores, happened, times),
        reliability=reliability,
    )


def _bands(scores: Array, happened: Array, times: Array) -> tuple[FittedBand, ...]:
    """Return what happened at which score; frequencies that fall where scores rise are pooled."""
    order = np.argsort(scores, kind="stable")
    pools: list[list[Array]] = []
    for part in np.array_split(order, BANDS):
        pools.append([part])
        while len(pools) > 1 and _rate(pools[-2], happened) >= _rate(pools[-1], happened):
            last = pools.pop()
            pools[-1] += last
    found = []
    for pool in pools:
        members = np.concatenate(pool)
        cases = _independent(happened[members], times[members])
        rate = float(happened[members].mean())
        band = wilson(rate * cases, cases)
        found.append(FittedBand(float(scores[members].mean()), rate, *band, len(members)))
    return tuple(found)


def _rate(pool: list[Array], happened: Array) -> float:
    return float(happened[np.concatenate(pool)].mean())


def _independent(happened: Array, times: Array) -> float:
    """Return how many independent cases would tell as much as these, which overlap.

    Cases of the same five minutes depend on each other. The spread of the frequency is taken
    between blocks of that length, as for samples drawn in clusters.

    Source: W. G. Cochran, Sampling Techniques, 3rd edition, section 9A.
    """
    blocks, index = np.unique(times // _HORIZON_NS, return_inverse=True)
    counts = np.bincount(index)
    sums = np.bincount(index, weights=happened)
    number, total, rate = len(blocks), len(times), happened.mean()
    if number < 2:
        return 1.0
    spread = number / (number - 1) * ((sums - rate * counts) ** 2).sum() / total**2
    if not spread:
        return float(number)
    # Of few cases that were nearly all alike the spread says little: stay below one a block.
    return float(np.clip(rate * (1 - rate) / spread, 1.0, total))


def _wait_bands(scores: Array, waits: Array) -> tuple[WaitBand, ...]:
    """Return how long those waited that were filled in 300 s, by bins of the score."""
    filled = np.isfinite(waits)
    scores, waits = scores[filled], waits[filled]
    order = np.argsort(scores, kind="stable")
    found = []
    for part in np.array_split(order, BANDS):
        if len(part):
            low, high = np.quantile(waits[part], (0.1, 0.9))
            found.append(WaitBand(float(scores[part[0]]), float(low), float(high)))
    return tuple(found)


# --- logistic regression --------------------------------------------------------------------


def _weights(rows: Array, happened: Array, ridge: float, start: Array | None = None) -> Array:
    """Return a coefficient for each column, then the constant, by Newton's steps."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread[spread < 1e-12] = 1.0
    standard = np.column_stack([(rows - mean) / spread, np.ones(len(rows))])
    penalty = np.full(standard.shape[1], ridge)
    penalty[-1] = 1e-6
    weights = np.zeros(standard.shape[1])
    if start is not None:
        weights[:-1] = start[:-1] * spread
        weights[-1] = start[-1] + start[:-1] @ mean
    for _ in range(STEPS):
        chance = _chances(standard @ weights)
        slope = standard.T @ (chance - happened) + penalty * weights
        curve = (standard * (chance * (1 - chance))[:, None]).T @ standard + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-5:
            break
    coefficients = weights[:-1] / spread
    return np.append(coefficients, weights[-1] - coefficients @ mean)


def _chances(scores: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))))
