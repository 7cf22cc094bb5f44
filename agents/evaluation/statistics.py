"""What the rows of an evaluation say: tables with intervals and tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import NDArray

REFERENCES = ("random", "cma_es")
"""Every agent is tested against these at the same budget."""
RESAMPLES = 10_000


def finite(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in which a distance that is not finite is the worst there is, 1, and any other such number
    is missing."""
    rows = rows.replace([np.inf, -np.inf], np.nan)
    return rows.assign(distance=rows["distance"].astype(np.float64).fillna(1.0))


def not_finite(rows: pd.DataFrame, measures: Iterable[str]) -> list[str]:
    """Return what ``finite`` changes in rows, and what means of measures after the most renders leave out."""
    said = []
    if bad := _not_finite(rows, "distance"):
        said.append(f"Of {bad} rows the distance is not finite: it counts as 1, the worst there is.")
    last = rows[rows["budget"] == rows["budget"].max()]
    counts = {name: _not_finite(last, name) for name in measures}
    left_out = ", ".join(f"{name} of {count}" for name, count in counts.items() if count)
    if left_out:
        said.append(f"Of {len(last)} matches, means leave out those without a finite value: {left_out}.")
    return said


def _not_finite(rows: pd.DataFrame, name: str) -> int:
    return int((~np.isfinite(rows[name].astype(np.float64))).sum())


def per_target(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean distance over the seeds: targets by (budget, agent)."""
    rows = finite(rows)
    return rows.pivot_table(index="target", columns=["budget", "agent"], values="distance", aggfunc="mean")


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the bootstrap 95 % percentile interval of a mean, resampling the targets."""
    if np.ptp(values) == 0 or len(values) < 2:
        return float(values[0]), float(values[0])
    found = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(0)
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm, "A Simple Sequentially Rejective Multiple Test
    Procedure", 1979)."""
    order = np.argsort(p)
    steps = np.array(p)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    values: list[float] = adjusted.tolist()
    return values


def compare(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every (budget, agent), the nearest first.

    Columns: ``mean``, ``median``, ``low`` and ``high`` (of the mean, see ``interval``), ``offline`` and
    ``renders`` (mean), and for each of ``random`` and ``cma_es`` that is there ``p, AGENT``: the paired
    two-sided Wilcoxon test over the targets, adjusted by Holm for all tests of the budget.
    """
    means = per_target(rows)
    costs = rows.groupby(["budget", "agent"])[["renders", "offline_renders"]].mean()
    lines = []
    for budget in sorted(rows["budget"].unique()):
        of = means[budget]
        tests = {
            (agent, reference): wilcoxon(of[agent].to_numpy(), of[reference].to_numpy())
            for reference in REFERENCES
            if reference in of
            for agent in of
            if agent != reference
        }
        adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
        for agent in of:
            values = of[agent].to_numpy()
            low, high = interval(values)
            lines.append(
                {
                    "budget": int(budget),
                    "agent": agent,
                    "mean": float(values.mean()),
                    "low": low,
                    "high": high,
                    "median": float(np.median(values)),
                    "renders": float(costs.loc[(budget, agent), "renders"]),
                    "offline": float(costs.loc[(budget, agent), "offline_renders"]),
                }
                | {f"p, {reference}": adjusted.get((agent, reference), np.nan) for reference in REFERENCES}
            )
    return pd.DataFrame(lines).sort_values(["budget", "mean", "agent"], ignore_index=True)


def wilcoxon(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the p-value of the paired two-sided Wilcoxon test."""
    return 1.0 if np.array_equal(a, b) else float(scipy.stats.wilcoxon(a, b).pvalue)


def curve(curves: pd.DataFrame, agent: str, renders: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the best distance of every target (targets, renders) after so many renders, mean over seeds.

    Args:
        curves: as ``Results.curves`` gives them.
        agent: whose.
        renders: ascending, from 1.
    """
    curves = finite(curves)
    by_target: dict[str, list[NDArray[np.float64]]] = {}
    for (target, _), trial in curves[curves["agent"] == agent].groupby(["target", "seed"]):
        at = np.searchsorted(trial["render"].to_numpy(), renders, side="right") - 1
        by_target.setdefault(target, []).append(trial["distance"].to_numpy()[at])
    return np.stack([np.mean(trials, axis=0) for _, trials in sorted(by_target.items())])


def iqm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the interquartile mean over the first axis (Agarwal et al., "Deep Reinforcement Learning at the
    Edge of the Statistical Precipice", 2021): the mean of the middle half."""
    means: NDArray[np.float64] = scipy.stats.trim_mean(values, 0.25, axis=0)
    return means


def iqm_interval(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the bootstrap 95 % percentile interval of the interquartile mean, resampling the targets."""
    rng = np.random.default_rng(0)
    means = [iqm(values[rng.integers(len(values), size=len(values))]) for _ in range(RESAMPLES // 10)]
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return low, high
