"""Curves of distance over renders, and spectrograms of the best and the worst matches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from agents.evaluation.statistics import curve, iqm, iqm_interval, per_target
from agents.evaluation.targets import Target
from synthgym.files import replaced
from synthgym.task import SoundMatchingTask

COLUMNS = 3
"""Best and worst targets that are shown, each."""


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; needs no display."""
    FigureCanvasAgg(figure)
    with replaced(path) as temporary:
        figure.savefig(temporary, dpi=120)


def draw_curves(curves: pd.DataFrame, budget: int, title: str) -> Figure:
    """Draw the interquartile mean of the best distance over renders, for every agent, with its interval."""
    renders = np.unique(np.geomspace(1, budget, 60).astype(np.int64))
    found = {agent: curve(curves, agent, renders) for agent in sorted(curves["agent"].unique())}
    figure = Figure(figsize=(9, 6), layout="constrained")
    axis = figure.subplots()
    # The legend in the order in which the curves end.
    for number, agent in enumerate(sorted(found, key=lambda agent: float(iqm(found[agent])[-1]))[::-1]):
        style = ("-", "--", ":", "-.")[number // 10 % 4]
        (line,) = axis.plot(renders, iqm(found[agent]), style, label=agent)
        axis.fill_between(renders, *iqm_interval(found[agent]), color=line.get_color(), alpha=0.12)
    axis.set(xscale="log", ylim=(0, None), xlabel="renders", title=title)
    axis.set_ylabel("best distance so far, interquartile mean over targets")
    figure.legend(loc="outside right upper", fontsize="small", reverse=True)
    return figure


def draw_matches(task: SoundMatchingTask, targets: Sequence[Target], rows: pd.DataFrame) -> Figure:
    """Draw the targets that the best agent came nearest to and stayed farthest from, above its matches."""
    last = rows[rows["budget"] == rows["budget"].max()]
    means = per_target(last)
    means.columns = means.columns.get_level_values("agent")
    agent = means.mean().idxmin()
    ordered = means[agent].sort_values().index
    count = min(COLUMNS, len(ordered) // 2) or 1
    names = [*ordered[:count], *ordered[len(ordered) - count :]]
    by_name = {target.name: target for target in targets}
    figure = Figure(figsize=(2.4 * len(names), 5), layout="constrained")
    axes = figure.subplots(2, len(names), sharex=True, sharey=True, squeeze=False)
    for (above, below), name in zip(axes.T, names, strict=True):
        row = last[(last["agent"] == agent) & (last["target"] == name)].nsmallest(1, "distance").iloc[0]
        match = np.zeros_like(by_name[name].heard.features[0])
        if len(row["parameters"]):
            match = task.hear(np.array([row["parameters"]], np.float32), count=False).features[0]
        for axis, picture in ((above, by_name[name].heard.features[0]), (below, match)):
            low, high = float(np.min(task.feature.low)), float(np.max(task.feature.high))
            axis.imshow(picture[0].T, origin="lower", aspect="auto", vmin=low, vmax=high)
            axis.set(xticks=[], yticks=[])
        above.set_title(name, fontsize="small")
        below.set_xlabel(f"distance {row['distance']:.3f}", fontsize="small")
    axes[0, 0].set_ylabel("target")
    axes[1, 0].set_ylabel(agent)
    return figure
