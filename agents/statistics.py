"""What the rows of an evaluation say: tables with intervals and tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import NDArray

REFERENCES = ("random", "cma_es")
"""Every agent is tested against these at the same budget."""
RESAMPLES = 10_000


def per_target(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean distance over the seeds: targets by (budget, agent)."""
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
            (agent, reference): _wilcoxon(of[agent].to_numpy(), of[reference].to_numpy())
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


def _wilcoxon(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return 1.0 if np.array_equal(a, b) else float(scipy.stats.wilcoxon(a, b).pvalue)


def markdown(table: pd.DataFrame) -> str:
    """Return the table of ``compare`` in Markdown, a part for each budget."""
    parts = []
    for budget, lines in table.groupby("budget"):
        parts += [
            f"### {budget:,} renders" if budget > 1 else "### 1 render",
            "",
            "| agent | mean | 95 % | median | renders | offline renders | p, random | p, cma_es |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for _, line in lines.iterrows():
            tests = ["" if np.isnan(line[f"p, {r}"]) else f"{line[f'p, {r}']:.2g}" for r in REFERENCES]
            parts.append(
                f"| {line['agent']} | {line['mean']:.3f} | {line['low']:.3f} to {line['high']:.3f} | "
                f"{line['median']:.3f} | {line['renders']:,.0f} | {line['offline']:,.0f} | "
                f"{' | '.join(tests)} |"
            )
        parts.append("")
    return "\n".join(parts)
