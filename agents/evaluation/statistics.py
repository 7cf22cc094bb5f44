"""What the rows of an evaluation say: tables with intervals and tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import NDArray

from .intervals import interval

REFERENCES = ("random", "cma_es")
"""Every agent is tested against these at the same budget, if nothing else is asked for."""


def finite(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in which a distance that is not finite is the worst there is, 1, and any other such number
    is missing."""
    # Rows that were read again have columns of arrays, which pandas cannot compare with a number.
    numbers = rows.select_dtypes("number").replace([np.inf, -np.inf], np.nan)
    distance = rows["distance"].astype(np.float64)
    return rows.assign(**numbers).assign(distance=distance.where(np.isfinite(distance), 1.0))


def not_finite(rows: pd.DataFrame, measures: Iterable[str]) -> list[str]:
    """Return what ``finite`` changes in rows, and what means of measures after the most renders leave out.

    Args:
        rows: as ``Results.rows`` gives them.
        measures: names of the columns whose means are told.

    Returns:
        A sentence each, for the summary; nothing if all is finite.
    """
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


def by_training(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the distances of one agent's rows at one budget (trainings, targets).

    A training is a seed. Where a target lacks one, it has the mean of its others.
    """
    table = finite(rows).pivot_table(index="seed", columns="target", values="distance", aggfunc="mean")
    distances: NDArray[np.float64] = table.fillna(table.mean()).to_numpy(np.float64)
    return distances


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm, "A Simple Sequentially Rejective Multiple Test
    Procedure", 1979)."""
    order = np.argsort(p)
    steps = np.array(p)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    values: list[float] = adjusted.tolist()
    return values


def compare(rows: pd.DataFrame, references: Sequence[str] = REFERENCES) -> pd.DataFrame:
    """Return a row for every (budget, agent), the nearest first.

    Args:
        rows: as ``Results.rows`` gives them.
        references: agents that all others are tested against.

    Returns:
        Columns: ``mean``, ``median``, ``low`` and ``high`` (of the mean, see ``interval``), ``offline`` and
        ``renders`` (mean), and for each reference ``p, AGENT``: the paired two-sided Wilcoxon test
        over the targets, adjusted by Holm for all tests of the budget; NaN if it is not there.
    """
    means = per_target(rows)
    costs = rows.groupby(["budget", "agent"])[["renders", "offline_renders"]].mean()
    lines = []
    for budget in sorted(rows["budget"].unique()):
        of = means[budget]
        tests = {
            (agent, reference): wilcoxon(of[agent].to_numpy(), of[reference].to_numpy())
            for reference in references
            if reference in of
            for agent in of
            if agent != reference
        }
        adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
        for agent in of:
            values = of[agent].to_numpy()
            low, high = interval(by_training(rows[(rows["budget"] == budget) & (rows["agent"] == agent)]))
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
                | {f"p, {reference}": adjusted.get((agent, reference), np.nan) for reference in references}
            )
    return pd.DataFrame(lines).sort_values(["budget", "mean", "agent"], ignore_index=True)


def wilcoxon(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the p-value of the paired two-sided Wilcoxon test.

    Args:
        a: one value a target, (targets,).
        b: those of another agent on the same targets.

    Returns:
        In [0, 1]; 1 if all are equal.
    """
    return 1.0 if np.array_equal(a, b) else float(scipy.stats.wilcoxon(a, b).pvalue)


def curve(curves: pd.DataFrame, agent: str, renders: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the best distance after so many renders (trainings, targets, renders).

    A training is a seed. Where a target lacks one, it has the mean of its others.

    Args:
        curves: as ``Results.curves`` gives them.
        agent: whose.
        renders: ascending, from 1.

    Returns:
        Float64 (trainings, targets, renders) in [0, 1].
    """
    of = finite(curves[curves["agent"] == agent])
    seeds, targets = sorted(of["seed"].unique()), sorted(of["target"].unique())
    best = np.full((len(seeds), len(targets), len(renders)), np.nan)
    for (target, seed), trial in of.groupby(["target", "seed"]):
        at = np.searchsorted(trial["render"].to_numpy(), renders, side="right") - 1
        best[seeds.index(seed), targets.index(target)] = trial["distance"].to_numpy()[at]
    return np.where(np.isnan(best), np.nanmean(best, axis=0), best)
