"""The page of a match: both sounds, how they differ, and the patch that makes the one like the other."""

from __future__ import annotations

import base64
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from agents.pages.envelopes import envelopes
from agents.pages.media import ogg, playback_gain, svg, write_page
from agents.trial import Best, Trial
from synthgym.features import Features
from synthgym.parameters import Native
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask
from synthgym.viz.spectrogram import draw_features, label_bins

GROUP = 4
"""So many parameters whose names begin with the same word are shown as a group."""


def write_match(
    path: Path,
    task: SoundMatchingTask,
    target: Audio,
    match: Audio,
    trial: Trial,
    best: Best,
    native: Native,
    preset: Path,
    title: str,
) -> None:
    """Write the page.

    Args:
        path: of the HTML file.
        task: that was played.
        target: the target sound (samples,).
        match: the sound of what was found (samples,).
        trial: that found the match.
        best: what was found.
        native: its parameters (all of the synth's,).
        preset: file of it, which the page offers for download.
        title: of the page.
    """
    (feature,) = task.listen(match[None]).features[0]
    gain, rate = playback_gain(target, match), task.synth.sample_rate
    described = [parameter for parameter in task.space.describe(native) if parameter["free"]]
    assert best.unit is not None
    unit = dict(zip(task.space.names, best.unit.tolist(), strict=True))
    write_page(
        path,
        "match.html",
        title=title,
        best=best,
        renders=len(trial.distances),
        sounds=[ogg(target * gain, rate), ogg(match * gain, rate)],
        spectrograms=Markup(svg(_spectrograms(task, trial.target.features[0][0], feature))),
        curve=Markup(svg(_curve(trial))),
        groups=_groups(described),
        envelopes=envelopes(unit),
        preset={"name": preset.name, "data": base64.b64encode(preset.read_bytes()).decode()},
    )


def _groups(described: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return parameters by the first word of their names, the others first, under no name."""
    words = Counter(parameter["name"].split()[0] for parameter in described)
    groups: dict[str, list[dict[str, Any]]] = {"": []}
    for parameter in described:
        word = parameter["name"].split()[0]
        groups.setdefault(word if words[word] >= GROUP else "", []).append(parameter)
    return [(name, parameters) for name, parameters in groups.items() if parameters]


def _spectrograms(task: SoundMatchingTask, target: Features, match: Features) -> Figure:
    """Draw two features (frames, bins) on one scale, and the one minus the other."""
    feature, seconds = task.feature, task.synth.note.duration
    low, high = feature.span
    most = (high - low) / 2
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    pictures = [("target", target), ("match", match)]
    draw_features(axes[:2], pictures, feature, seconds, span=feature.span)
    difference = [("match - target", match - target)]
    draw_features(axes[2:], difference, feature, seconds, span=(-most, most), colours="RdBu_r")
    label_bins(axes[0], feature)
    return figure


def _curve(trial: Trial) -> Figure:
    """Draw the distance of every render, and the best so far."""
    renders = np.arange(1, len(trial.distances) + 1)
    figure = Figure(figsize=(11, 2.6), layout="constrained")
    axis = figure.subplots()
    axis.plot(renders, trial.distances, ".", markersize=2, alpha=0.4, label="each render", rasterized=True)
    axis.plot(renders, np.minimum.accumulate(trial.distances), drawstyle="steps-post", label="best so far")
    axis.set(xlabel="renders", ylabel="distance", ylim=(0, None))
    axis.legend()
    return figure
