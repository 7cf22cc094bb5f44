"""What an agent finds while it is trained, to look at and to listen to in TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.recordings import playback_gain
from synthgym.rendering import Rendered
from synthgym.viz.spectrogram import side_by_side

from ..trials.agent import run
from ..trials.pool import Pool
from ..trials.trial import Best, Trial
from .learners import learner
from .run_config import RunConfig

TARGETS, RENDERS = 8, 20
EVERY = 60.0
"""Seconds that pass at least before the next time."""
SHOWN = 3
"""Targets of these that can be seen and heard."""


class Preview:
    """Lets a run's saved models play fixed targets of the validation stream, and logs what they find.

    - ``target/NUMBER``, ``match/NUMBER``: sounds, and a picture of both, of the first targets.
    - ``show/distance``: of the matches of all targets, a histogram; ``show/mean_distance``.
    - ``parameter_error/NAME``: mean of |match - target| in unit values.

    Nothing of it changes what is learned: it has a task and random numbers of its own.

    Args:
        settings: of the run.
        writer: of its TensorBoard log.
    """

    def __init__(self, settings: RunConfig, writer: SummaryWriter) -> None:
        self._settings = settings
        self._task = make_task(settings.env, settings.env_kwargs, rendering="inline")
        self._writer = writer
        self._patches = self._task.make_patches(
            PatchStream("validation", settings.seed).ids(range(TARGETS)), audio=True
        )
        self._pool = Pool.make(self._task, settings.seed, RENDERS)
        self._shown_at = -np.inf

    def close(self) -> None:
        """Let the task go."""
        self._task.close()

    def __call__(self, model: Path, steps: int, *, last: bool = False) -> None:
        """Let a saved model play, and log what it finds, unless that was done a moment ago.

        Args:
            model: its file.
            steps: that it was trained for.
            last: whether it is the final one, which is always shown.
        """
        if time.monotonic() - self._shown_at < EVERY and not last:
            return
        agent = learner(self._settings.agent).prepare(self._settings.agent, self._task, [model])
        bests = []
        for i in range(TARGETS):
            rng = np.random.default_rng([self._settings.seed, i])
            trial = run(agent, Trial(self._task, self._target(i), RENDERS, self._pool, rng))
            assert trial.best is not None
            bests.append(trial.best)
        self._log(bests, steps)
        self._shown_at = time.monotonic()

    def _target(self, i: int) -> Rendered:
        return Rendered(tuple(each[i : i + 1] for each in self._patches.rendered.features))

    def _log(self, bests: Sequence[Best], steps: int) -> None:
        writer, synth, space = self._writer, self._task.synth, self._task.space
        distances, found = zip(*((best.distance, best.unit) for best in bests), strict=True)
        unit = np.stack(found)
        writer.add_histogram("show/distance", np.array(distances), steps)
        writer.add_scalar("show/mean_distance", np.mean(distances), steps)
        errors = np.abs(space.quantise(unit) - self._patches.unit).mean(axis=0)
        for parameter, error in zip(space.free, errors, strict=True):
            writer.add_scalar(f"parameter_error/{parameter.name}", error, steps)
        targets, matches = self._patches.rendered, self._task.render(unit[:SHOWN], audio=True)
        assert targets.audio is not None
        assert matches.audio is not None
        for i in range(SHOWN):
            sounds = {"target": targets.audio[i], "match": matches.audio[i]}
            gain = playback_gain(*sounds.values())
            for name, sound in sounds.items():
                writer.add_audio(f"{name}/{i}", torch.from_numpy(sound * gain), steps, synth.sample_rate)
            pictures = targets.features[0][i], matches.features[0][i]
            picture = side_by_side(self._task.feature, *pictures, distances[i], synth.note.duration)
            writer.add_image(f"match/{i}", picture, steps, dataformats="HWC")
        writer.flush()
