"""What an agent finds while it is trained, to look at and to listen to in TensorBoard."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from synthgym.recordings import playback_gain
from synthgym.viz.spectrogram import side_by_side

from ..trials.trial import Best
from .run_config import RunConfig
from .validation import Validation

logger = logging.getLogger(__name__)

TARGETS = 8
EVERY = 60.0
"""Seconds between two previews, at least."""
SHOWN = 3
"""Targets of these that can be looked at and listened to."""


class Preview:
    """Lets the saved models of a run search for fixed validation targets, and logs what they find.

    - ``target/NUMBER``, ``match/NUMBER``: sounds, and a picture of both, of the first targets.
    - ``preview/distance``: of the matches of all targets, a histogram; ``preview/mean_distance``.
    - ``parameter_error/NAME``: mean of |match - target| in unit values.

    It changes nothing that is learned: it has a task and random numbers of its own. A preview that fails is
    left out with a warning, as it must not end a training.

    Args:
        run: config of the run.
        writer: of its TensorBoard log.
    """

    def __init__(self, run: RunConfig, writer: SummaryWriter) -> None:
        self._writer = writer
        self._validation = Validation(run, TARGETS, run.seed)
        self._previewed_at = -np.inf
        self._warned: set[type[Exception]] = set()

    def close(self) -> None:
        """Let the task go."""
        self._validation.close()

    def __call__(self, model: Path, steps: int, *, last: bool = False) -> None:
        """Let a saved model search, and log what it finds, unless that was done a moment ago.

        Args:
            model: its file.
            steps: that it was trained for.
            last: whether it is the final one, which always has a preview.
        """
        if time.monotonic() - self._previewed_at < EVERY and not last:
            return
        try:
            self._log(self._validation.search(model), steps)
        except Exception as error:  # whatever it is, the training is worth more
            if type(error) not in self._warned:
                self._warned.add(type(error))
                logger.warning(
                    "the preview after %d steps failed, training goes on (%s: %s)",
                    steps,
                    type(error).__name__,
                    error,
                )
        self._previewed_at = time.monotonic()

    def _log(self, bests: Sequence[Best], steps: int) -> None:
        writer, task, patches = self._writer, self._validation.task, self._validation.patches
        synth, space = task.synth, task.space
        distances, found = zip(*((best.distance, best.unit) for best in bests), strict=True)
        unit = np.stack(found)
        writer.add_histogram("preview/distance", np.array(distances), steps)
        writer.add_scalar("preview/mean_distance", np.mean(distances), steps)
        errors = np.abs(space.quantise(unit) - patches.unit).mean(axis=0)
        for parameter, error in zip(space.free, errors, strict=True):
            writer.add_scalar(f"parameter_error/{parameter.name}", error, steps)
        targets = patches.rendered
        matches = task.render(unit[:SHOWN], patches.notes[:SHOWN], audio=True)
        assert targets.audio is not None
        assert matches.audio is not None
        for i in range(SHOWN):
            # Several notes of a target follow each other.
            sounds = {"target": targets.audio[i].reshape(-1), "match": matches.audio[i].reshape(-1)}
            gain = playback_gain(*sounds.values())
            for name, sound in sounds.items():
                writer.add_audio(f"{name}/{i}", torch.from_numpy(sound * gain), steps, synth.sample_rate)
            bins = task.feature.shape[-1]
            aim, match = (each.features[0][i].reshape(-1, bins) for each in (targets, matches))
            seconds = synth.note.duration * task.notes_per_target
            picture = side_by_side(task.feature, aim, match, distances[i], seconds)
            writer.add_image(f"match/{i}", picture, steps, dataformats="HWC")
        writer.flush()
