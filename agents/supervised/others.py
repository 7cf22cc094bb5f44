"""Other synthesisers that a network learns beside its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace

from synthgym.errors import SynthgymError
from synthgym.making import check_one_note_each, make_task
from synthgym.patches import PatchStream
from synthgym.registration import known_id
from synthgym.rendering import RenderMeter
from synthgym.task import SoundMatchingTask

from ..training.models import SHARED, Origin
from ..training.run_config import RunConfig
from .config import TrainerConfig
from .examples import Examples
from .fresh import FreshExamples
from .model import Model


@dataclass(frozen=True)
class Other:
    """Another synthesiser.

    Attributes:
        model: the network that learns, for its parameters.
        task: renders.
        examples: from which it is learned.
        held_out: by which it is validated.
    """

    model: Model
    task: SoundMatchingTask
    examples: FreshExamples
    held_out: Examples


def check_others(run: RunConfig, model: Model) -> None:
    """Make the other synthesisers of a run; SynthgymError if one cannot be, or cannot be learned beside it.

    Args:
        run: config of the run.
        model: the network that is to learn.
    """
    learned = [(run.env, run.env_kwargs)]
    for each in _runs(run):
        if (each.env, each.env_kwargs) in learned:
            raise SynthgymError(f"others names {each.env}, which is learned anyway; leave it out")
        learned.append((each.env, each.env_kwargs))
        try:
            with closing(make_task(each.env, each.env_kwargs)) as task:
                check_one_note_each(task, f"training {run.agent}")
                _beside(model, each, task)
        except SynthgymError as error:
            raise SynthgymError(f"{each.env} of others: {error}") from error


@contextmanager
def open_others(run: RunConfig, model: Model, meter: RenderMeter) -> Iterator[list[Other]]:
    """Open the other synthesisers of a run.

    Args:
        run: config of the run.
        model: the network that learns.
        meter: counts what is rendered of them.

    Yields:
        One for each of the run's ``others``, in their order.
    """
    with ExitStack() as stack:
        yield [_open(each, model, stack.enter_context(FreshExamples(each, meter))) for each in _runs(run)]


def _runs(run: RunConfig) -> list[RunConfig]:
    # Unless they have their own.
    shared = {k: v for k, v in run.env_kwargs.items() if k in SHARED}
    config = TrainerConfig.of(run)
    return [
        replace(run, env=known_id(env), env_kwargs={**shared, **kwargs})
        for env in config.others
        for kwargs in config.keywords(env)
    ]


def _open(run: RunConfig, model: Model, examples: FreshExamples) -> Other:
    task, most = examples.task, TrainerConfig.of(run).validate_on
    held_out = task.make_patches(PatchStream("validation", run.seed).ids(range(most)))
    return Other(_beside(model, run, task), task, examples, Examples.of_patches(held_out))


def _beside(model: Model, run: RunConfig, task: SoundMatchingTask) -> Model:
    origin = Origin.of(task, run.env, run.env_kwargs)
    if beyond := model.origin.note.lacks(origin.note):
        raise SynthgymError(f"{run.env} is to be learned beside {beyond}; give it the same notes")
    return model.beside(origin)
