"""Training on climbs, from the config of a run to its final model."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from contextlib import closing

from synthgym.errors import SynthgymError
from synthgym.making import check_one_note_each, make_task

from ..supervised.fresh import FreshExamples
from ..training.loop import train_to_the_end
from ..training.run_config import RunConfig
from ..training.run_folder import RunFolder
from .config import TRAINER_NAMES
from .network import StepNetwork
from .trainer import Trainer


def hyperparameter_names(agent: str) -> Collection[str]:
    """Return the names of the agent's hyperparameters."""
    _, _, _, *shaping = inspect.signature(StepNetwork).parameters
    return [*shaping, *TRAINER_NAMES]


def check(run: RunConfig) -> None:
    """Make the task, the network, and what it practises on."""
    if run.start_from is not None:
        raise SynthgymError(f"{run.agent} learns from no episodes; leave --start-from out")
    if run.dataset is not None:
        raise SynthgymError(f"{run.agent} renders what it learns from; leave --dataset out")
    with closing(make_task(run.env, run.env_kwargs)) as task:
        check_one_note_each(
            task, f"training {run.agent}", ", and evaluate the model at several: it hears one"
        )
        Trainer(run, task).check()


def train(folder: RunFolder) -> int:
    """Train the run of a folder, from its newest checkpoint if it has one, to its final model.

    Shows a progress bar. Ctrl-C, SIGTERM and errors end it with a checkpoint.

    Returns:
        0 if the run is complete, otherwise the number of the signal that ended it.

    Raises:
        SynthgymError: another process trains it, the newest checkpoint is damaged, or the training diverged
            or could not be validated.
    """
    run = RunConfig.read(folder.config)
    with (
        folder.held(),
        closing(make_task(run.env, run.env_kwargs, rendering="auto")) as task,
        FreshExamples(run, task.meter) as examples,
    ):
        trainer = Trainer(run, task, folder.newest())
        return train_to_the_end(folder, trainer, task, lambda: trainer.step(examples), trainer.validate)
