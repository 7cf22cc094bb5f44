"""The files of a match: sounds, presets, all numbers as JSON, and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.files import replaced
from synthgym.recordings import playback_gain, write_wav
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from ..evaluation.metrics import compare_sounds
from ..reports.match_page import Shown, write_match
from ..trials.answers import Answer
from ..trials.trial import Trial


def write(
    out: Path,
    task: SoundMatchingTask,
    target: Audio,
    trial: Trial,
    answers: Sequence[Answer],
    about: Mapping[str, Any],
    title: str,
) -> dict[str, Any]:
    """Write target.wav, match.wav and the preset, those of further answers (match-2), match.json, match.html.

    Both sounds are played back with one gain, ``playback_gain`` in match.json.

    Args:
        out: folder.
        task: that was played.
        target: the target sound (samples,).
        trial: that found the answers.
        answers: the nearest first.
        about: what match.json begins with.
        title: of the page.

    Returns:
        What is in match.json.

    Raises:
        OSError: a file cannot be written.
    """
    synth = task.synth
    native = task.space.to_native(np.stack([answer.unit for answer in answers]))
    sounds = synth.render(native)
    gain = np.float32(playback_gain(target, *sounds))
    names = ["match", *(f"match-{number}" for number in range(2, len(answers) + 1))]
    measures = compare_sounds(target, sounds[0], synth.sample_rate)
    _forget(out, synth.preset_suffix)
    # The JSON of a match is a preset too, for synths that have no format of their own.
    presets = [out / f"{name}{synth.preset_suffix}" for name in names]
    write_wav(out / "target.wav", gain * target, synth.sample_rate)
    for name, row, sound, preset in zip(names, native, sounds, presets, strict=True):
        write_wav(out / f"{name}.wav", gain * sound, synth.sample_rate)
        if preset.suffix != ".json" or name != "match":
            synth.save_preset(row, preset)
    best = answers[0]
    result = {
        **about,
        "offline_renders": trial.offline[-1],
        "start_distance": trial.distances[0],
        "best_distance": best.distance,
        "measures": {name: None if np.isnan(value) else value for name, value in measures.items()},
        "playback_gain": float(gain),
        "history": trial.distances,
        "parameters": task.space.describe(native[0]),
        "answers": [
            {"preset": preset.name, "distance": answer.distance, "render": answer.render}
            for preset, answer in zip(presets, answers, strict=True)
        ],
    }
    with replaced(out / "match.json") as temporary:
        temporary.write_text(json.dumps(result, indent=1))
    shown = [Shown(*each) for each in zip(answers, native, sounds, presets, strict=True)]
    write_match(out / "match.html", task, target, trial, shown, gain, title)
    return result


def _forget(out: Path, suffix: str) -> None:
    """Remove further answers of a match that was here before."""
    for ending in (".wav", suffix):
        for path in out.glob(f"match-[0-9]*{ending}"):
            path.unlink()
