"""The page of a match: both sounds, how they differ, and the patch that makes the one like the other."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from synthgym.features import Features, distance
from synthgym.parameters import Native
from synthgym.recordings import playback_gain
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask
from synthgym.viz.spectrogram import draw_features, label_bins

from ..evaluation.metrics import METRICS, of_clips
from ..trials.answers import Answer
from ..trials.trial import Trial
from .envelopes import envelopes
from .media import ogg, svg, write_page

EVERY, BESIDE, KEYS_VELOCITY = 4, 6, 100
"""Of the keyboard so many semitones are played by one render, and it reaches so many beyond the target."""
GROUP = 4
"""So many parameters whose names begin with the same word are shown as a group."""


@dataclass(frozen=True)
class Shown:
    """An answer as the page shows it.

    Attributes:
        answer: it.
        native: its parameters (all of the synth's,).
        sound: of it (samples,); of k notes a target (k, samples).
        preset: file of it, which the page offers for download.
    """

    answer: Answer
    native: Native
    sound: Audio
    preset: Path

    def download(self) -> dict[str, str]:
        """Return name and content of the preset."""
        data = base64.b64encode(self.preset.read_bytes()).decode()
        return {"name": self.preset.name, "data": data}


def write_match(
    path: Path,
    task: SoundMatchingTask,
    target: Audio,
    trial: Trial,
    answers: Sequence[Shown],
    measures: Mapping[str, float],
    gain: np.float32,
    title: str,
    about: Mapping[str, Any],
) -> None:
    """Write the page.

    Args:
        path: of the HTML file.
        task: that was searched.
        target: the target sound (samples,); of k notes a target (k, samples).
        trial: that found the answers.
        answers: the nearest first; the others can be heard and had, too.
        measures: of the nearest, as ``compare_sounds`` gives them; those that are not finite are not shown.
        gain: by which all sounds are played back.
        title: of the page.
        about: what match.json begins with: the synth, who searched how long, and remarks, if there are any.
    """
    rate, best = task.synth.sample_rate, answers[0]
    described = [parameter for parameter in task.space.describe(best.native) if parameter["free"]]
    unit = dict(zip(task.space.names, best.answer.unit.tolist(), strict=True))
    write_page(
        path,
        "match.html",
        title=title,
        renders=trial.renders,
        played=[_played(note) for note in trial.notes[0].reshape(-1, 3).tolist()],
        about=about,
        duration=task.synth.note.duration,
        target=ogg(target.reshape(-1) * gain, rate),
        pairs=_pairs(task, target * gain, trial, best, gain),
        keys=Markup(json.dumps(_keys(task, trial, best, gain))),
        keys_velocity=KEYS_VELOCITY,
        answers=[
            {
                "answer": shown.answer,
                "sound": ogg(shown.sound.reshape(-1) * gain, rate),
                "preset": shown.download(),
            }
            for shown in answers
        ],
        spectrograms=Markup(svg(_spectrograms(task, trial, best.answer.feature))),
        curve=Markup(svg(_curve(trial))),
        measures=[(name, value, METRICS[name]) for name, value in measures.items() if np.isfinite(value)],
        clips=of_clips(task.synth.note.duration),
        groups=grouped(described),
        diagram=task.synth.diagram(best.native),
        envelopes=envelopes(unit),
    )


def grouped(described: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return parameters by the first word of their names, the others first, under no name."""
    words = Counter(parameter["name"].split()[0] for parameter in described)
    groups: dict[str, list[dict[str, Any]]] = {"": []}
    for parameter in described:
        word = parameter["name"].split()[0]
        groups.setdefault(word if words[word] >= GROUP else "", []).append(parameter)
    return [(name, parameters) for name, parameters in groups.items() if parameters]


def _pairs(
    task: SoundMatchingTask, target: Audio, trial: Trial, best: Shown, gain: np.float32
) -> list[dict[str, Any]]:
    """Return the notes of a target of several, one by one, as the page shows them; none of a single note."""
    if trial.notes_per_target == 1:
        return []
    rate = task.synth.sample_rate
    far = distance(best.answer.feature, trial.target.features[0][0])
    rows = zip(trial.notes[0].tolist(), target, best.sound * gain, far.tolist(), strict=True)
    return [
        {
            "name": _note_name(pitch, velocity),
            "target": ogg(aim, rate),
            "match": ogg(sound, rate),
            "distance": away,
        }
        for (pitch, velocity, _), aim, sound, away in rows
    ]


def _keys(task: SoundMatchingTask, trial: Trial, best: Shown, gain: np.float32) -> list[dict[str, Any]]:
    """Return notes of a keyboard over a target of several, rendered; none of a single note."""
    if trial.notes_per_target == 1:
        return []
    pitches, hold = trial.notes[0, :, 0], trial.notes[0, :, 2].max()
    low, high = max(0, int(pitches.min()) - BESIDE), min(127, int(pitches.max()) + BESIDE)
    keys = np.array([[note, KEYS_VELOCITY, hold] for note in range(low, high + 1, EVERY)])
    sounds = task.worker.render(np.repeat(best.answer.unit[None], len(keys), axis=0), keys, audio=True).audio
    assert sounds is not None
    rate = task.synth.sample_rate
    gain = np.minimum(gain, np.float32(playback_gain(sounds)))  # other velocities may be louder
    return [
        {"note": int(note), "sound": ogg(sound * gain, rate)}
        for (note, _, _), sound in zip(keys, sounds, strict=True)
    ]


def _note_name(pitch: float, velocity: float) -> str:
    """Return a MIDI note and velocity as people write them, ``C4, velocity 100``."""
    return f"{librosa.midi_to_note(int(pitch), unicode=False)}, velocity {velocity:g}"


def _played(note: Sequence[float]) -> str:
    """Return a note, (3,), as the page says how it was played."""
    pitch, velocity, hold = note
    return f"{_note_name(pitch, velocity)} (MIDI {pitch:g}), held {hold:g} s"


def _spectrograms(task: SoundMatchingTask, trial: Trial, match: Features) -> Figure:
    """Draw the features of target and match on one scale, and the one minus the other, a row a note."""
    target, (frames, bins) = trial.target.features[0][0], task.feature.shape
    targets, matches = (each.reshape(-1, frames, bins) for each in (target, match))
    figure = Figure(figsize=(11, 3.4 * len(targets)), layout="constrained")
    axes = figure.subplots(len(targets), 3, sharey=True, squeeze=False)
    names = [""]
    if len(targets) > 1:
        names = [f", {_note_name(pitch, velocity)}" for pitch, velocity, _ in trial.notes[0].tolist()]
    for row, name, aim, found in zip(axes, names, targets, matches, strict=True):
        _draw_pair(row, task, name, aim, found)
    return figure


def _draw_pair(axes: Any, task: SoundMatchingTask, name: str, target: Features, match: Features) -> None:
    feature, seconds = task.feature, task.synth.note.duration
    low, high = feature.span
    most = (high - low) / 2
    pictures = [(f"target{name}", target), ("match", match)]
    draw_features(axes[:2], pictures, feature, seconds, span=feature.span)
    difference = [("match - target", match - target)]
    draw_features(axes[2:], difference, feature, seconds, span=(-most, most), colours="RdBu_r")
    label_bins(axes[0], feature)


def _curve(trial: Trial) -> Figure:
    """Draw the distance of every render, and the best so far."""
    renders = np.arange(1, len(trial.distances) + 1) * trial.notes_per_target
    figure = Figure(figsize=(11, 2.6), layout="constrained")
    axis = figure.subplots()
    axis.plot(renders, trial.distances, ".", markersize=2, alpha=0.4, label="each render", rasterized=True)
    axis.plot(renders, np.minimum.accumulate(trial.distances), drawstyle="steps-post", label="best so far")
    axis.set(xlabel="renders", ylabel="distance", ylim=(0, None))
    axis.legend()
    return figure
