"""The files of a match: sounds, presets, all numbers as JSON, and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from synthgym.files import replaced
from synthgym.notes import Notes
from synthgym.parameters import Native
from synthgym.recordings import playback_gain, write_wav
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from ..evaluation.metrics import compare_at_notes
from ..trials.answers import Answer
from ..trials.trial import Trial
from .folder import MATCH, PAGE, TARGET, answer_names, files_of, forget_answers


@dataclass(frozen=True)
class Heard:
    """Answers, rendered, and where they are written.

    Attributes:
        answers: the nearest first.
        native: their parameters (K, all parameters).
        sounds: of them (K, samples); of k notes a target (K, k, samples).
        gain: of all sounds that are written, the target's too.
        names: of their files, without suffixes.
        presets: files of their presets.
    """

    answers: Sequence[Answer]
    native: Native
    sounds: Audio
    gain: np.float32
    names: Sequence[str]
    presets: Sequence[Path]

    @classmethod
    def of(
        cls,
        task: SoundMatchingTask,
        target: Audio,
        answers: Sequence[Answer],
        out: Path,
        notes: Notes | None = None,
    ) -> Self:
        """Render answers to a target (samples,), of a folder.

        Args:
            task: renders.
            target: float32 (samples,); of k notes a target (k, samples).
            answers: the nearest first.
            out: folder that the files are to be in.
            notes: those notes, (k, 3) (default: the task's one note).

        Returns:
            The sounds, the gain at which all are played, and the names of the files; nothing is written.
        """
        unit = np.stack([answer.unit for answer in answers])
        # By the task: a plugin that crashes or renders NaN now, but not before, costs a sound and no match.
        sounds = task.render(unit, notes, audio=True).audio
        assert sounds is not None
        gain = np.float32(playback_gain(target, *sounds))
        names = answer_names(len(answers))
        presets = [out / f"{name}{task.synth.preset_suffix}" for name in names]
        return cls(answers, task.space.to_native(unit), sounds, gain, names, presets)

    def write(
        self, out: Path, task: SoundMatchingTask, target: Audio, about: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write match.json, which begins with what is known about them, their sounds, and presets.

        That file comes first and names the others, so that what is in the folder is known to be of a match,
        even if the writing is cut short. The further answers of a match that was there before are removed.

        Args:
            out: folder.
            task: whose synth writes the presets.
            target: float32 (samples,); several notes, (k, samples), are written one after the other.
            about: the first entries of match.json.

        Returns:
            What is in match.json.
        """
        synth = task.synth
        result = {
            **about,
            "best_distance": self.answers[0].distance,
            "playback_gain": float(self.gain),
            "parameters": task.space.describe(self.native[0]),
            "answers": [
                {"preset": preset.name, "distance": answer.distance, "render": answer.render}
                for preset, answer in zip(self.presets, self.answers, strict=True)
            ],
            "files": files_of(len(self.answers), synth.preset_suffix),
        }
        forget_answers(out)
        with replaced(out / MATCH) as temporary:
            temporary.write_text(json.dumps(result, indent=1), encoding="utf-8")
        write_wav(out / TARGET, self.gain * target.reshape(-1), synth.sample_rate)
        each = zip(self.names, self.native, self.sounds, self.presets, strict=True)
        for name, row, sound, preset in each:
            write_wav(out / f"{name}.wav", self.gain * sound.reshape(-1), synth.sample_rate)
            # match.json is a preset too, for synths that have no format of their own.
            if preset.name != MATCH:
                synth.save_preset(row, preset)
        return result


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

    All sounds have one gain, ``playback_gain`` in match.json.

    Args:
        out: folder.
        task: that rendered the answers.
        target: the target sound (samples,); of k notes a target (k, samples).
        trial: that found the answers.
        answers: the nearest first.
        about: what match.json begins with.
        title: of the page.

    Returns:
        What is in match.json.

    Raises:
        OSError: a file cannot be written.
    """
    from ..reports.match_page import Shown, write_match  # Matplotlib is slow to import, and not needed before

    synth, notes = task.synth, trial.notes[0]
    heard = Heard.of(task, target, answers, out, notes)
    measures = compare_at_notes(target, heard.sounds[0], synth.sample_rate, notes)
    figures = {
        "renders": trial.renders,
        "offline_renders": trial.offline[-1],
        "start_distance": trial.distances[0],
        "measures": {name: value if np.isfinite(value) else None for name, value in measures.items()},
        "measured_seconds": synth.note.duration,
        "history": trial.distances,
    }
    result = heard.write(out, task, target, {**about, **figures})
    each = zip(answers, heard.native, heard.sounds, heard.presets, strict=True)
    shown = [Shown(*one) for one in each]
    write_match(out / PAGE, task, target, trial, shown, measures, heard.gain, title, about)
    return result
