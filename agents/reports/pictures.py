"""Curves of distance over renders, and spectrograms of the best and the worst matches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from synthgym.features import Features
from synthgym.files import replaced
from synthgym.task import SoundMatchingTask

from ..evaluation.intervals import iqm, iqm_interval
from ..evaluation.statistics import curve, per_target
from ..evaluation.targets import Target

ENDS, MIDDLE = 7, 6
"""How many best matches are shown, and worst, and of those in the middle."""
COLUMNS = 5


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; needs no display.

    Args:
        figure: to write, at 120 dots per inch.
        path: file to write.
    """
    FigureCanvasAgg(figure)
    with replaced(path) as temporary:
        figure.savefig(temporary, dpi=120)


def draw_curves(curves: pd.DataFrame, budget: int, title: str) -> Figure:
    """Draw the interquartile mean of the best distance over renders, for every agent, with its interval over
    targets and seeds.

    Args:
        curves: as ``Results.curves`` gives them.
        budget: the most renders that are drawn.
        title: of the figure.

    Returns:
        The figure, with a logarithmic axis of renders.
    """
    first = int(curves["render"].min())  # of several notes a target, a patch costs as many renders
    renders = np.unique(np.geomspace(first, budget, 60).astype(np.int64))
    found = {agent: curve(curves, agent, renders) for agent in sorted(curves["agent"].unique())}
    figure = Figure(figsize=(9, 6), layout="constrained")
    axis = figure.subplots()
    middle = {agent: iqm(scores.mean(axis=0)) for agent, scores in found.items()}
    # The legend in the order in which the curves end.
    for number, agent in enumerate(sorted(found, key=lambda agent: float(middle[agent][-1]))[::-1]):
        style = ("-", "--", ":", "-.")[number // 10 % 4]
        (line,) = axis.plot(renders, middle[agent], style, label=agent)
        axis.fill_between(renders, *iqm_interval(found[agent]), color=line.get_color(), alpha=0.12)
    axis.set(xscale="log", ylim=(0, None), xlabel="renders", title=title)
    axis.set_ylabel("best distance so far, interquartile mean over targets")
    figure.legend(loc="outside right upper", fontsize="small", reverse=True)
    return figure


def in_a_row(features: Features) -> Features:
    """Return features (k, frames, bins) of several notes side by side, (k frames, bins); those of one note,
    (frames, bins), as they are."""
    return features.reshape(-1, features.shape[-1])


def ranks(count: int) -> list[int]:
    """Return which of so many targets are shown: the first, those in the middle, and the last."""
    if count <= 2 * ENDS + MIDDLE:
        return list(range(count))
    middle = (count - MIDDLE) // 2
    return [*range(ENDS), *range(middle, middle + MIDDLE), *range(count - ENDS, count)]


def draw_matches(task: SoundMatchingTask, targets: Sequence[Target], rows: pd.DataFrame) -> Figure:
    """Draw targets above the matches of the best agent: those it came nearest to, those in the middle, and
    those it stayed farthest from.

    Args:
        task: renders the matches.
        targets: those that rows name.
        rows: as ``Results.rows`` gives them.

    Returns:
        The figure.
    """
    last = rows[rows["budget"] == rows["budget"].max()]
    means = per_target(last)
    means.columns = means.columns.get_level_values("agent")
    agent = means.mean().idxmin()
    ordered = means[agent].sort_values().index
    names = [ordered[rank] for rank in ranks(len(ordered))]
    by_name = {target.name: target for target in targets}
    low, high = task.feature.span
    columns = min(COLUMNS, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(2.4 * columns, 4 * lines), layout="constrained")
    figure.suptitle(f"targets, and below each what {agent} found")
    axes = figure.subplots(2 * lines, columns, sharex=True, sharey=True, squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.set_frame_on(False)
    for number, name in enumerate(names):
        row = last[(last["agent"] == agent) & (last["target"] == name)].nsmallest(1, "distance").iloc[0]
        match = np.zeros_like(by_name[name].rendered.features[0])
        if len(row["parameters"]):
            unit = np.array([row["parameters"]], np.float32)
            match = task.render(unit, by_name[name].played).features[0]
        line, column = divmod(number, columns)
        above, below = axes[2 * line : 2 * line + 2, column]
        for axis, picture in ((above, by_name[name].rendered.features[0]), (below, match)):
            axis.imshow(
                task.feature.picture(in_a_row(picture[0])).T,
                origin="lower",
                aspect="auto",
                vmin=low,
                vmax=high,
            )
        above.set_title(name, fontsize="small")
        below.set_xlabel(f"distance {row['distance']:.3f}", fontsize="small")
    return figure
