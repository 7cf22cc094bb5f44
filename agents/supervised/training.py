"""Training on a data set, or on fresh examples, from the config of a run to its final model."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack, closing

from synthgym.datasets import DataSet, load_for
from synthgym.errors import SynthgymError
from synthgym.making import check_one_note_each, make_task
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask

from ..training.loop import train_to_the_end
from ..training.run_config import RunConfig
from ..training.run_folder import RunFolder
from .config import TRAINER_NAMES, TrainerConfig
from .examples import Examples, MiniBatches, check_examples
from .fresh import FreshExamples
from .model import shaping
from .others import check_others, open_others
from .streamed import training_examples
from .trainer import Trainer


def hyperparameter_names(agent: str) -> Collection[str]:
    """Return the names of an agent's hyperparameters."""
    return [*shaping(agent), *TRAINER_NAMES]


def training_env(agent: str, env_id: str) -> str:
    """Return the id of the environment whose parameters are learned: the same.

    Args:
        agent: its name.
        env_id: of the environment that is asked for.

    Returns:
        An id.
    """
    return env_id


def check(run: RunConfig) -> None:
    """Make the task and the network, and open the data set if there is one."""
    if run.start_from is not None:
        raise SynthgymError(f"{run.agent} learns from no episodes; leave --start-from out")
    with closing(make_task(run.env, run.env_kwargs)) as task:
        check_one_note_each(
            task, f"training {run.agent}", ", and evaluate the model at several: it hears one"
        )
        if run.dataset is not None:
            check_examples(load_for(task, run.dataset), task)
        check_others(run, Trainer(run, task).model)


def train(folder: RunFolder) -> int:
    """Train the run of a folder, from its newest checkpoint if it has one, to its final model.

    Shows a progress bar. Ctrl-C, SIGTERM and errors end it with a checkpoint.

    Returns:
        0 if the run is complete, otherwise the number of the signal that ended it.

    Raises:
        SynthgymError: another process trains it, the newest checkpoint is damaged, the data set is gone or
            has nothing to train on, or the training diverged or could not be validated.
    """
    run = RunConfig.read(folder.config)
    with folder.held(), ExitStack() as stack:
        task = stack.enter_context(closing(make_task(run.env, run.env_kwargs, rendering="auto")))
        dataset = None if run.dataset is None else load_for(task, run.dataset)
        examples, held_out = _examples(run, task, dataset, stack)
        trainer = Trainer(run, task, folder.newest())
        model = trainer.model
        trainer.others = stack.enter_context(open_others(run, model, task.meter))
        if dataset is not None:
            model.dataset, model.dataset_renders = str(dataset.path), dataset.cost()
        return train_to_the_end(
            folder,
            trainer,
            task,
            lambda: {"loss": trainer.step(examples)},
            lambda: trainer.validate(held_out),
            lambda: trainer.rollouts is not None,  # of rollouts there are few, and they take long
        )


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
    validation = Examples.of_dataset(dataset, task.feature_name, "validation", most)
    return training_examples(dataset, task.feature_name), validation
