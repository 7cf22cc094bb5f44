"""Training on a data set, or on fresh examples, from the config of a run to its final model."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from synthgym.datasets import DataSet, load_for
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask

from ..training.divergence import Diverged, diverged, has_finite_weights, kept
from ..training.preview import Preview
from ..training.run_config import RunConfig
from ..training.run_folder import CHECKPOINTS, RunFolder
from ..trials.signals import Signals
from .config import TRAINER_NAMES, TrainerConfig
from .examples import Examples, MiniBatches, check_examples
from .fresh import FreshExamples
from .model import shaping
from .trainer import Trainer


def hyperparameter_names(agent: str) -> Collection[str]:
    """Return the names of an agent's hyperparameters."""
    return [*shaping(agent), *TRAINER_NAMES]


def training_env(agent: str, env_id: str) -> str:
    """Return the id of the environment whose parameters are learned: the same."""
    return env_id


def check(run: RunConfig) -> None:
    """Make the task and the network, and open the data set if there is one."""
    with closing(make_task(run.env, run.env_kwargs)) as task:
        if run.dataset is not None:
            check_examples(load_for(task, run.dataset), task)
        Trainer(run, task)


def train(folder: RunFolder) -> int:
    """Train the run of a folder, from its newest checkpoint if it has one, to its final model.

    Shows a progress bar. Ctrl-C, SIGTERM and errors end it with a checkpoint.

    Returns:
        0 if the run is complete, otherwise the number of the signal that ended it.

    Raises:
        SynthgymError: the newest checkpoint is damaged, the data set is gone or has nothing to train on, or
            the training diverged or could not be validated.
    """
    run = RunConfig.read(folder.config)
    with ExitStack() as stack:
        task = stack.enter_context(closing(make_task(run.env, run.env_kwargs, rendering="auto")))
        dataset = None if run.dataset is None else load_for(task, run.dataset)
        examples, held_out = _examples(run, task, dataset, stack)
        trainer = Trainer(run, task, folder.newest())
        model = trainer.model
        if dataset is not None:
            model.dataset, model.dataset_renders = str(dataset.path), dataset.cost()
        task.meter.renders = model.renders
        with (
            Signals() as signals,
            SummaryWriter(str(folder.tensorboard)) as writer,
            closing(Preview(run, writer)) as preview,
        ):
            with _Training(folder, trainer, task, writer, preview) as training:
                while not trainer.is_over():
                    signals.check()
                    training.advance(examples, held_out)
            folder.save_final(trainer.save_best)
            preview(folder.final_model, model.steps, last=True)
    return int(signals.caught or 0) if signals.stopped else 0


def _examples(
    run: RunConfig, task: SoundMatchingTask, dataset: DataSet | None, stack: ExitStack
) -> tuple[MiniBatches, Examples]:
    """Return the examples that a run learns from, and those by which it is validated."""
    most = TrainerConfig.of(run).validate_on
    if dataset is None:
        fresh = stack.enter_context(FreshExamples(run, task.meter))
        held_out = task.make_patches(PatchStream("validation", run.seed).ids(range(most)))
        return fresh, Examples.of_patches(held_out)
    check_examples(dataset, task)
    sides = (("train", None), ("validation", most))
    train, validation = (Examples.of_dataset(dataset, task.feature_name, *side) for side in sides)
    return train, validation


class _Training:
    """Trains step by step, with a progress bar, figures for TensorBoard, checkpoints and previews.

    As a context it ends with a checkpoint, unless the weights are of no use any more.
    """

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        task: SoundMatchingTask,
        writer: SummaryWriter,
        preview: Preview,
    ) -> None:
        self._folder, self._trainer, self._task = folder, trainer, task
        self._writer, self._preview = writer, preview
        self._saved = trainer.model.steps

    def __enter__(self) -> _Training:
        steps, done = self._trainer.run.steps, self._trainer.model.steps
        self._bar = tqdm(total=steps, initial=done, unit=" batches", desc="training")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._bar.close()
        steps = self._trainer.model.steps
        if has_finite_weights(self._trainer.model.network):
            self._checkpoint()
        if isinstance(error, Diverged):
            raise diverged(self._folder, steps, error) from error
        if isinstance(error, _ValidationFailed):
            cause = error.__cause__
            raise SynthgymError(
                f"the validation after {steps} steps failed ({type(cause).__name__}: {cause}); "
                f"{kept(self._folder)}; --resume validates again and goes on"
            ) from cause

    def _checkpoint(self) -> Path:
        model = self._trainer.model
        model.renders = self._task.meter.renders
        return self._folder.save_checkpoint(model.steps, self._trainer.save)

    def advance(self, examples: MiniBatches, held_out: Examples) -> None:
        """Make a step, unless a validation is still due, and validate if it is time."""
        trainer = self._trainer
        model = trainer.model
        if not trainer.is_due():
            loss = trainer.step(examples)
            self._writer.add_scalar("train/loss", loss, model.steps)
            self._bar.update()
        if not trainer.is_due():
            return
        self._report(self._validate(held_out))
        rolls_out = trainer.rollouts is not None  # of rollouts there are few, and they take long
        if rolls_out or model.steps - self._saved >= trainer.run.steps / CHECKPOINTS:
            self._preview(self._checkpoint(), model.steps)
            self._saved = model.steps

    def _validate(self, held_out: Examples) -> dict[str, float]:
        try:
            return self._trainer.validate(held_out)
        except Diverged:
            raise
        except Exception as error:
            raise _ValidationFailed from error

    def _report(self, errors: dict[str, float]) -> None:
        for name, value in errors.items():
            self._writer.add_scalar(f"validation/{name}", value, self._trainer.model.steps)
        self._bar.set_postfix({name: f"{value:.3f}" for name, value in errors.items()}, refresh=False)


class _ValidationFailed(Exception):
    """The cause of it is what the validation raised."""
