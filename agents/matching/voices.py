"""Voices such as people make, kept with what they sound like: where the match of a recording begins."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from platformdirs import user_cache_path

import synthgym
from agents.baselines.index import index_of
from agents.matching.recording import transposed
from synthgym import datasets
from synthgym.errors import SynthgymError
from synthgym.parameters import Unit
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

SIZE = 30_000
"""Half a minute on two cores, once; 60 MB."""
_FEATURE = "logmel"


class Voices:
    """A data set of human-like patches of an environment, made when it is first needed and kept.

    They are heard as the environment plays by default, at one note: a sound of another is transposed to be
    looked up, and what is found is rendered anew.

    Args:
        env_id: id of the environment.

    Attributes:
        renders: what the set cost.

    Raises:
        SynthError: the synth of the environment knows no human-like patches.
        SynthgymError: the set cannot be written to the user's cache.
    """

    def __init__(self, env_id: str) -> None:
        self._path = user_cache_path("synthgym") / "voices" / f"{env_id}-{synthgym.__version__}"
        recipe = datasets.Recipe(env_id, [_FEATURE]).human_like(SIZE)
        try:
            datasets.make(self._path, recipe)
        except OSError as error:
            raise SynthgymError(
                f"cannot write to {self._path}: {error.strerror}; set XDG_CACHE_HOME"
            ) from error
        finally:
            recipe.task.close()
        self._task = recipe.task
        self.renders = datasets.load(self._path).cost()

    def nearest(self, task: SoundMatchingTask, target: Audio, count: int) -> Unit:
        """Return unit vectors (count, n) of a task, the nearest to a target clip (samples,) first."""
        own, other = self._task.synth, task.synth
        clip = transposed(target, other.sample_rate, own.note.pitch - other.note.pitch, own.samples)
        (aim,) = self._task.listen(clip[None]).features
        best = index_of(self._path, _FEATURE).nearest(aim, count)
        rows = np.sort(best)
        kept = datasets.load(self._path).parameters.get_orthogonal_selection((rows, slice(None)))
        return task.space.to_unit(self._task.space.to_native(kept[np.searchsorted(rows, best)]))


@lru_cache(1)
def voices_of(env_id: str) -> Voices:
    """Return the voices of an environment, opened once in a process."""
    return Voices(env_id)
