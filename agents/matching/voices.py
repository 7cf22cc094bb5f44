"""Human-like voices and their features, in the user's cache: the match of a recording begins with them."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import closing
from functools import lru_cache

from filelock import FileLock
from platformdirs import user_cache_path

from synthgym import datasets
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.parameters import Unit
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from ..baselines.composed import composed, in_turn
from ..baselines.layers import LayerSet
from ..baselines.levelled import levelled
from .recording import transposed

logger = logging.getLogger(__name__)

SIZE = 10_000
"""Some seconds of two cores, once; 20 MB. A tenth is for validation, and not looked up."""
NOTES = range(24, 97, 12)
"""At which voices are rendered, each when it is first needed: what an octave is transposed by is not lost."""
_FEATURE = "logmel"


class Voices:
    """A data set of human-like patches of an environment, made when it is first needed and kept.

    They are rendered as the environment does by default, at one note: a sound of another note is transposed
    to be looked up, and what is found is rendered anew.

    Args:
        env_id: id of the environment.
        sample_rate: Hz.
        note: MIDI note.

    Attributes:
        renders: what the set and the layers of its voices cost.

    Raises:
        SynthError: the synth of the environment knows no human-like patches.
        SynthgymError: the set cannot be written to the user's cache.
    """

    def __init__(self, env_id: str, sample_rate: int, note: int) -> None:
        env_kwargs = {"sample_rate": sample_rate, "note": note}
        recipe = datasets.Recipe(env_id, [_FEATURE], env_kwargs=env_kwargs).random(SIZE)
        # Other versions of what it depends on make another set.
        key = hashlib.sha256(json.dumps(recipe.manifest(), sort_keys=True).encode()).hexdigest()[:12]
        cache = user_cache_path("synthgym") / "voices"
        self._task, self._path = recipe.task, cache / f"{env_id}-{key}"
        if not self._path.exists():
            logger.info(
                "making %s voices at note %d to begin matches with, once, in %s",
                f"{SIZE:,}",
                note,
                self._path,
            )
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(cache / "lock"):
                datasets.make(self._path, recipe)
        except OSError as error:
            raise SynthgymError(f"cannot write to {cache}: {error.strerror}; set XDG_CACHE_HOME") from error
        finally:
            recipe.task.close()
        with closing(make_task(env_id, env_kwargs, rendering="auto")) as self._composing:
            self._layers = LayerSet(self._composing, self._path)
        self.renders = datasets.load(self._path).cost() + self._layers.renders

    def nearest(self, task: SoundMatchingTask, target: Audio, note: int, count: int) -> Unit:
        """Return unit vectors (count, n) of a task, the nearest to a target clip (samples,) first.

        Those that are put together from layers of voices and the voices themselves come in turn.

        Args:
            task: whose parameters are wanted.
            target: float32, at the sample rate of the voices.
            note: MIDI note that the target is of.
            count: how many.

        Returns:
            Float32 (count, n) in [0, 1].
        """
        own = self._task.synth
        semitones = int(own.note.rows(1)[0, 0]) - note
        clip = transposed(target, own.sample_rate, semitones, own.samples)
        (aim,), (heard,) = (each.extract(clip[None]).features for each in (self._task, self._composing))
        layered = composed(self._layers, self._task.space, heard)
        near = in_turn(layered, levelled(self._task, self._path, aim, count))[:count]
        return task.space.to_unit(self._task.space.to_native(near))


@lru_cache
def are_quick(env_id: str) -> bool:
    """Return whether an environment's synth renders many voices at once: others would take many minutes."""
    with closing(make_task(env_id)) as task:
        return task.synth.batch > 1


def voices_of(env_id: str, sample_rate: int, note: int) -> Voices:
    """Return the voices of an environment that were rendered at the nearest note to another.

    Args:
        env_id: id of the environment.
        sample_rate: Hz, at which they are rendered.
        note: MIDI note.

    Returns:
        The voices, opened only if the last call was for others.
    """
    return _opened(env_id, sample_rate, min(NOTES, key=lambda one: abs(one - note)))


@lru_cache(1)
def _opened(env_id: str, sample_rate: int, note: int) -> Voices:
    return Voices(env_id, sample_rate, note)
