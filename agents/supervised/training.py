"""Training on a data set, from a run's settings to its final model."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from synthgym.datasets import load_for
from synthgym.errors import SynthgymError
from synthgym.making import make_task

from ..training.preview import Preview
from ..training.run_config import RunConfig
from ..training.run_folder import CHECKPOINTS, RunFolder
from ..trials.signals import Signals
from .config import TRAINER_NAMES
from .examples import Examples
from .model import shaping
from .trainer import Trainer


def arguments(agent: str) -> Collection[str]:
    """Return the names of an agent's hyperparameters."""
    return [*shaping(agent), *TRAINER_NAMES]


def played(agent: str, env_id: str) -> str:
    """Return the id of the environment whose parameters are learnt: its own."""
    return env_id


def check(run: RunConfig) -> None:
    """Open the data set, and make the task and the network."""
    if run.dataset is None:
        raise SynthgymError(
            f"{run.agent} learns from a data set: give --dataset (scripts/make_dataset.py makes one)"
        )
    task = make_task(run.env, run.env_kwargs)
    load_for(task, run.dataset)
    Trainer(run, task)
    task.close()


def train(folder: RunFolder) -> int:
    """Train the run of a folder, from its newest checkpoint if it has one, to its final model.

    Shows a progress bar. Ctrl-C, SIGTERM and errors end it with a checkpoint.

    Returns:
        0 if the run is complete, otherwise the number of the signal that ended it.

    Raises:
        SynthgymError: the newest checkpoint is damaged, or the data set is gone.
    """
    run = RunConfig.read(folder.config)
    task = make_task(run.env, run.env_kwargs, rendering="auto")
    try:
        dataset = load_for(task, run.dataset or "")
        fitter = Trainer(run, task, folder.newest())
        config, model = fitter.config, fitter.model
        model.dataset, model.dataset_renders = str(dataset.path), dataset.cost()
        examples = Examples(dataset, task.feature_name, "train")
        held_out = Examples(dataset, task.feature_name, "validation", config.validate_on)
        if not len(examples) or not len(held_out):
            raise SynthgymError(f"{dataset.path} has no examples to train or to validate on; make more")
        task.meter.renders, saved = model.renders, model.steps

        def checkpoint() -> Path:
            model.renders = task.meter.renders
            return folder.save_checkpoint(model.steps, fitter.save)

        bar = tqdm(total=run.steps, initial=model.steps, unit=" batches", desc="training")
        with (
            Signals() as signals,
            SummaryWriter(str(folder.tensorboard)) as writer,
            closing(Preview(run, writer)) as show,
            bar,
        ):
            try:
                while not fitter.is_over():
                    signals.check()
                    if not fitter.is_due():
                        loss = fitter.step(examples)
                        writer.add_scalar("train/loss", loss, model.steps)
                        bar.update()
                    if fitter.is_due():
                        _report(writer, bar, model.steps, fitter.validate(held_out))
                        in_games = fitter.rollouts is not None  # a few, that take long
                        if in_games or model.steps - saved >= run.steps / CHECKPOINTS:
                            show(checkpoint(), model.steps)
                            saved = model.steps
            finally:
                checkpoint()
            folder.save_final(fitter.save_best)
            show(folder.final_model, model.steps, last=True)
    finally:
        task.close()
    return int(signals.caught or 0)


def _report(writer: SummaryWriter, bar: Any, steps: int, values: dict[str, float]) -> None:
    for name, value in values.items():
        writer.add_scalar(f"validation/{name}", value, steps)
    bar.set_postfix({name: f"{value:.3f}" for name, value in values.items()}, refresh=False)
