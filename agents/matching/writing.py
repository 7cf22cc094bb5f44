"""The files of a match: sounds, presets, all numbers as JSON, and a page."""

from __future__ import annotations

import json
import os
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
from .folder import MATCH, PAGE, TARGET, answer_names, files_of, forget_answers


def write(
    out: Path,
    task: SoundMatchingTask,
    target: Audio,
    trial: Trial,
    answers: Sequence[Answer],
    about: Mapping[str, Any],
    title: str,
) -> dict[str, Any]:
    """Write match.json, target.wav, match.wav and the preset, those of further answers (match-2), match.html.

    All sounds have one gain, ``playback_gain`` in match.json. That file comes first and names the others, so
    that what is in the folder is known to be of a match, even if the writing is cut short. The further
    answers of a match that was there before are removed.

    Args:
        out: folder.
        task: that rendered the answers.
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
    unit = np.stack([answer.unit for answer in answers])
    native = task.space.to_native(unit)
    # By the task: a plugin that crashes or renders NaN now, but did not before, costs a sound and no match.
    sounds = task.render(unit, audio=True).audio
    assert sounds is not None
    gain = np.float32(playback_gain(target, *sounds))
    names = answer_names(len(answers))
    measures = compare_sounds(target, sounds[0], synth.sample_rate, float(trial.notes[0, 0]))
    presets = [out / f"{name}{synth.preset_suffix}" for name in names]
    best = answers[0]
    result = {
        **about,
        "offline_renders": trial.offline[-1],
        "start_distance": trial.distances[0],
        "best_distance": best.distance,
        "measures": {name: value if np.isfinite(value) else None for name, value in measures.items()},
        "measured_seconds": synth.note.duration,
        "playback_gain": float(gain),
        "history": trial.distances,
        "parameters": task.space.describe(native[0]),
        "answers": [
            {"preset": preset.name, "distance": answer.distance, "render": answer.render}
            for preset, answer in zip(presets, answers, strict=True)
        ],
        "files": files_of(len(answers), synth.preset_suffix),
    }
    forget_answers(out)
    with replaced(out / MATCH) as temporary:
        temporary.write_text(json.dumps(result, indent=1), encoding="utf-8")
    write_wav(out / TARGET, gain * target, synth.sample_rate)
    for name, row, sound, preset in zip(names, native, sounds, presets, strict=True):
        write_wav(out / f"{name}.wav", gain * sound, synth.sample_rate)
        # match.json is a preset too, for synths that have no format of their own.
        if preset.name != MATCH:
            synth.save_preset(row, preset)
    # A name that is no UTF-8 is shown with marks in place of what is none.
    title = os.fsencode(title).decode("utf-8", "replace")
    shown = [Shown(*each) for each in zip(answers, native, sounds, presets, strict=True)]
    write_match(out / PAGE, task, target, trial, shown, measures, gain, title)
    return result
