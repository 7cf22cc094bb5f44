"""Folders of trainings, changed, which are gone on with and filmed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agents.commands import train, watch

from .changed import called, changed_file, files_of
from .files import in_short, ran
from .models import LEARNED, changed_model
from .mutation import mutated_yaml, pick
from .trying import Attempt

_GONE_ON = {"ppo": "40", "es": "80", "mlp": "4"}
"""The learners whose trainings are gone on with, and to which step."""


def runs(folder: Path) -> Attempt:
    """The folder of a training that was stopped: its settings, checkpoints, final model and log.

    The command goes on with it, or ``watch`` films what it has learned.
    """
    good, bad = folder / "good", folder / "bad"
    names = {}
    for agent in _GONE_ON:
        run = good / agent
        ran("train.py", "--agent", agent, "--log-dir", run, *in_short(), *LEARNED[agent], folder=folder)
        names[agent] = files_of(run, "config.yml")

    def attempt(rng: np.random.Generator) -> object:
        agent = pick(rng, list(_GONE_ON))
        run = bad / agent
        change = {".yml": mutated_yaml, ".zip": changed_model}
        changed_file(rng, good / agent, run, names[agent], change)
        if rng.random() < 0.3:
            film = ("--out", str(folder / "film.mp4"), "--scenes", "1", "--budget", "3", "--quiet")
            model = ("--agent", agent, "--model", str(run / "final_model.zip"))
            return called(watch.main, "watch", *in_short(), *model, *film)
        steps = ("--steps", pick(rng, (_GONE_ON[agent], "1")), "--resume", "--quiet")
        return called(train.main, "train", "--agent", agent, "--log-dir", str(run), *in_short(), *steps)

    return attempt
