"""What an evaluation found, in Markdown: a part for each kind of target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from ..evaluation.intervals import WHAT as INTERVALS
from ..evaluation.metrics import IN_DOMAIN, METRICS, of_clips
from ..evaluation.statistics import REFERENCES, compare, finite, not_finite, per_target

KINDS = {
    "random": "held-out random patches",
    "preset": "human presets",
    "recording": "recordings, out of the synth's domain",
}
LEFT_OUT = "Not finished, and left out"
OFFLINE = "Offline renders were made before the target was known, as of data sets and trainings"
"""What must be said beside their number."""
SHOWN = 3
"""Best and worst targets of each agent."""


def summary(
    rows: pd.DataFrame,
    silent: int,
    left_out: Sequence[str] = (),
    seconds: float | None = None,
    notes: int = 1,
    references: Sequence[str] = REFERENCES,
) -> str:
    """Return the summary of rows, in Markdown.

    Args:
        rows: as ``Results.rows`` gives them.
        silent: how many targets were left out for being silent.
        left_out: what is not among the rows, as ``Results.left_out`` gives it.
        seconds: how long the clips are, if known.
        notes: how many a target has.
        references: agents that all others are tested against.

    Returns:
        The text, with a part for each kind of target.
    """
    parts = []
    clips = "" if seconds is None else f" {of_clips(seconds, notes)}."
    for kind in (kind for kind in KINDS if kind in set(rows["kind"])):
        of = rows[rows["kind"] == kind]
        targets, seeds = of["target"].nunique(), of["seed"].nunique()
        heading = f"{targets} {KINDS[kind]}, {seeds} seed{'s' if seeds > 1 else ''}"
        parts += [f"## {heading[0].upper()}{heading[1:]}", ""]
        names = measures(of)
        remarks = not_finite(of, names)
        of = finite(of)
        parts += [f"{INTERVALS}. {OFFLINE}.", ""]
        parts += [*_overview(of), *_distances(of, references), *_metrics(of, names, clips), *_extremes(of)]
        parts += [line for remark in remarks for line in (remark, "")]
    if left_out:
        parts += [f"{LEFT_OUT}: {'; '.join(left_out)}.", ""]
    if silent:
        parts += [f"{silent} silent targets were left out.", ""]
    return "\n".join(parts)


def in_short(rows: pd.DataFrame) -> str:
    """Return the mean distance of every agent at every budget, as a terminal shows it.

    Args:
        rows: as ``Results.rows`` gives them.

    Returns:
        The text, with a table for each kind of target; the nearest at the largest budget come first.
    """
    parts = []
    for kind in (kind for kind in KINDS if kind in set(rows["kind"])):
        means = _means(finite(rows[rows["kind"] == kind]))
        lines = [("renders", *(f"{budget:,}" for budget in means.columns))]
        lines += [(str(agent), *(f"{mean:.3f}" for mean in line)) for agent, line in means.iterrows()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        parts.append(f"mean distance from {KINDS[kind]}:")
        for first, *others in lines:
            cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
            parts.append("  ".join((f"  {first:<{widths[0]}}", *cells)))
    return "\n".join(parts)


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    means = rows.pivot_table(index="agent", columns="budget", values="distance")
    return means.sort_values(list(means.columns[::-1]))


def _table(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> list[str]:
    heads = list(heads)
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    return ["| " + " | ".join(cells) + " |" for cells in (heads, rule, *lines)] + [""]


def _overview(rows: pd.DataFrame) -> list[str]:
    """Return the mean distance of every agent at every budget."""
    means = _means(rows)
    lines = [(agent, *(f"{mean:.3f}" for mean in line)) for agent, line in means.iterrows()]
    heads = ("agent", *(f"{budget:,}" for budget in means.columns))
    return ["### Mean distance by renders", "", *_table(heads, lines)]


def _distances(rows: pd.DataFrame, references: Sequence[str]) -> list[str]:
    parts = []
    tests = [f"p, {reference}" for reference in references if reference in set(rows["agent"])]
    heads = ("agent", "mean", "95 %", "median", "renders", "offline renders", *tests)
    for budget, lines in compare(rows, references).groupby("budget"):
        parts += [f"### {budget:,} render{'s' if budget > 1 else ''}", ""]
        parts += _table(
            heads,
            (
                (
                    line["agent"],
                    f"{line['mean']:.3f}",
                    f"{line['low']:.3f} to {line['high']:.3f}",
                    f"{line['median']:.3f}",
                    f"{line['renders']:,.0f}",
                    f"{line['offline']:,.0f}",
                    *("" if np.isnan(line[test]) else f"{line[test]:.2g}" for test in tests),
                )
                for _, line in lines.iterrows()
            ),
        )
    return parts


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["budget"] == rows["budget"].max()]


def measures(rows: pd.DataFrame) -> dict[str, str]:
    """Return the measures that rows hold besides the distance: what they are, by name."""
    return {
        name: what
        for name, what in {**METRICS, **IN_DOMAIN}.items()
        if name in rows and np.isfinite(rows[name].astype(np.float64)).any()
    }


def _metrics(rows: pd.DataFrame, names: Mapping[str, str], clips: str) -> list[str]:
    """Return the means of all other measures at the largest budget."""
    last = _last(rows)
    means = last.groupby("agent")[["distance", *names]].mean().sort_values("distance")
    lines = [(agent, *("" if np.isnan(v) else f"{v:.3f}" for v in line)) for agent, line in means.iterrows()]
    said = "; ".join(f"{name}: {what}" for name, what in names.items())
    budget = f"{last['budget'].iloc[0]:,}"
    heading = f"### By other measures, after {budget} renders"
    return [heading, "", f"{said}.{clips}", "", *_table(("agent", "distance", *names), lines)]


def _extremes(rows: pd.DataFrame) -> list[str]:
    """Return the targets that each agent came nearest to, and stayed farthest from."""
    means = per_target(_last(rows))
    means.columns = means.columns.get_level_values("agent")
    lines = []
    for agent in means.mean().sort_values().index:
        ordered = means[agent].sort_values()
        ends = (ordered.head(SHOWN), ordered.tail(SHOWN)[::-1])
        lines.append((agent, *(", ".join(f"{name} {far:.3f}" for name, far in end.items()) for end in ends)))
    return ["### Best and worst", "", *_table(("agent", "nearest to", "farthest from"), lines)]
