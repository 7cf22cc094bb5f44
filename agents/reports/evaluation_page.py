"""The page of an evaluation: how near each agent came, and every match to look at and to listen to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure
from tqdm import tqdm

from synthgym.recordings import playback_gain
from synthgym.task import SoundMatchingTask

from ..evaluation.intervals import WHAT as INTERVALS
from ..evaluation.metrics import of_clips
from ..evaluation.statistics import compare, finite, not_finite
from ..evaluation.targets import Target
from .media import ogg, png, svg, write_page
from .pictures import draw_curves, in_a_row
from .summary import KINDS, LEFT_OUT, OFFLINE, measures

MATCHES = 1000
"""Rows that a page shows at most, if there are not more targets: those of the best agents."""


@dataclass(frozen=True)
class Evaluated:
    """An evaluation that a page shows.

    Attributes:
        task: renders what was found.
        targets: that were searched for.
        rows: as ``Results.rows`` gives them.
        curves: as ``Results.curves`` gives them.
    """

    task: SoundMatchingTask
    targets: Sequence[Target]
    rows: pd.DataFrame
    curves: pd.DataFrame


def write_report(
    path: Path, evaluations: Sequence[Evaluated], title: str, left_out: Sequence[str] = ()
) -> int:
    """Write the page.

    Args:
        path: of the HTML file.
        evaluations: one or more of the same agents and lengths; no two have a target of the same name.
        title: of the page.
        left_out: what is not among the rows, as ``Results.left_out`` gives it.

    Returns:
        How many matches it shows; those of the first seed.
    """
    rows = pd.concat([one.rows for one in evaluations])
    curves = pd.concat([one.curves for one in evaluations])
    task = evaluations[0].task
    budget = int(rows["budget"].max())
    matched = rows[(rows["budget"] == budget) & (rows["seed"] == rows["seed"].min())]
    shown = _shown(matched)
    measured = measures(shown)
    shown = finite(shown)
    media: list[str] = []
    matches = []
    with tqdm(total=len(shown), unit=" matches", desc="rendering") as bar:
        for one in evaluations:
            of = shown[shown["target"].isin({target.name for target in one.targets})]
            matches += _matches(one.task, one.targets, of, list(measured), media, bar)
    kinds = [
        _kind(rows[rows["kind"] == kind], curves[curves["kind"] == kind], kind, budget)
        for kind in KINDS
        if kind in set(rows["kind"])
    ]
    write_page(
        path,
        "evaluation.html",
        title=title,
        left_out=f"{LEFT_OUT}: {'; '.join(left_out)}." if left_out else "",
        budget=budget,
        seeds=rows["seed"].nunique(),
        agents_in_all=matched["agent"].nunique(),
        kinds=kinds,
        matches=sorted(matches, key=lambda match: match["distance"]),
        measures=measured,
        clips=of_clips(task.synth.note.duration, task.notes_per_target),
        intervals=INTERVALS,
        offline=OFFLINE,
        agents=sorted({match["agent"] for match in matches}),
        media=Markup(json.dumps(media)),  # base64 only
    )
    return len(matches)


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the best agents, as many as a page holds, but at least of one."""
    means = finite(rows).groupby("agent")["distance"].mean().sort_values()
    most = max(1, MATCHES // rows["target"].nunique())
    return rows[rows["agent"].isin(means.index[:most])]


def _matches(
    task: SoundMatchingTask,
    targets: Sequence[Target],
    rows: pd.DataFrame,
    measured: Sequence[str],
    media: list[str],
    bar: tqdm[Any],
) -> list[dict[str, Any]]:
    by_name = {target.name: target for target in targets}
    matches = []
    for name, of in rows.groupby("target", sort=False):
        target = by_name[name]
        aim, aim_features = target.audio, target.rendered.features[0]
        found = np.zeros((len(of), *aim.shape[1:]), np.float32)
        features = np.zeros((len(of), *aim_features.shape[1:]), np.float32)
        sounding = np.flatnonzero([len(unit) for unit in of["parameters"]])
        if len(sounding):
            units = np.stack([of["parameters"].iloc[i] for i in sounding]).astype(np.float32)
            rendered = task.render(units, target.played, audio=True)
            found[sounding], features[sounding] = rendered.audio, rendered.features[0]
        gain = playback_gain(aim, *found)
        rate = task.synth.sample_rate
        at = len(media)  # the target's sound and picture
        media += [ogg(aim.reshape(-1) * gain, rate), png(in_a_row(aim_features[0]), task.feature)]
        for (_, row), sound, feature in zip(of.iterrows(), found, features, strict=True):
            matches.append(
                {
                    "target": name,
                    "agent": row["agent"],
                    "distance": row["distance"],
                    "measures": [row[measure] for measure in measured],
                    "sounds": (at, len(media)),
                    "pictures": (at + 1, len(media) + 1),
                }
            )
            media += [ogg(sound.reshape(-1) * gain, rate), png(in_a_row(feature), task.feature)]
        bar.update(len(of))
    return matches


def _kind(rows: pd.DataFrame, curves: pd.DataFrame, kind: str, budget: int) -> dict[str, Any]:
    remarks = not_finite(rows, ())
    rows = finite(rows)
    means = rows.pivot_table(index="agent", columns="budget", values="distance")
    last = compare(rows[rows["budget"] == budget]).set_index("agent")
    return {
        "title": f"{rows['target'].nunique()} {KINDS[kind]}",
        "budgets": [int(column) for column in means.columns],
        "lines": [
            {"agent": agent, "means": line.tolist(), **last.loc[agent, ["low", "high", "offline"]].to_dict()}
            for agent, line in means.sort_values(budget).iterrows()
        ],
        "remarks": remarks,
        "curves": Markup(svg(draw_curves(curves, budget, KINDS[kind]))),
        "histograms": Markup(svg(_histograms(rows[rows["budget"] == budget]))),
    }


def _histograms(rows: pd.DataFrame) -> Figure:
    """Draw how the distances of each agent are spread over targets, the nearest agent above."""
    names = rows.groupby("agent")["distance"].mean().sort_values().index
    figure = Figure(figsize=(9, 0.5 * len(names) + 1), layout="constrained")
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(axes, names, strict=True):
        axis.hist(rows.loc[rows["agent"] == name, "distance"], bins=50, range=(0, 1))
        axis.set(yticks=[], xlim=(0, 1))
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.spines[["top", "left", "right"]].set_visible(False)
    axes[-1].set_xlabel("distance")
    return figure
