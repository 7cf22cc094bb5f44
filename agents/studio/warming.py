"""What the first search would otherwise wait for."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import replace

import numpy as np
import torch

from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.notes import MIDDLE_C
from synthgym.task import SoundMatchingTask

from ..matching.octaves import make_beside
from ..matching.search import Search
from ..matching.usual import ready, usual_search
from ..matching.voices import are_there
from ..trials.agent import Agent, run
from ..trials.signals import Signals
from .instruments import look_at_all
from .take import STARTING

logger = logging.getLogger(__name__)
_ID = "Dexed6Op-v0"


def prepare(stop: Signals) -> None:
    """Make ready what the first search needs, and then the list of synths; a stop ends it."""
    warm(stop)
    look_at_all(stop)


def warm(stop: Signals) -> None:
    """Compile and load what a search for a DX7 voice uses, and have its voices at C4 made, once."""
    # Searches render on all cores: PyTorch's threads would wait for each other there, spinning.
    torch.set_num_threads(1)
    try:
        with closing(make_task(_ID, rendering="auto")) as task:
            search, agent, _ = ready(usual_search(_ID, budget=400), task)
            rate = task.synth.sample_rate
            if not are_there(_ID, rate, MIDDLE_C):  # the first recording may come before they are
                _search(replace(search, voices=None), task, agent, stop)
            if make_beside(_ID, rate, MIDDLE_C, lambda: stop.caught is not None):
                _search(search, task, agent, stop)
    except SynthgymError as error:
        logger.warning("the studio could not prepare itself: %s", error)


def _search(search: Search, task: SoundMatchingTask, agent: Agent, stop: Signals) -> None:
    target = task.synth.render(task.space.row({})[None])[0]
    with STARTING:
        trial = search.trial(task, np.asarray(target, np.float32), stop, with_bar=False)
    with closing(trial):
        run(agent, trial)
