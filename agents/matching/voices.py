"""Human-like voices and their features, in the user's cache: the match of a recording begins with them."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from synthgym import datasets
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.parameters import Unit
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from ..baselines.composed import composed, in_turn
from ..baselines.layers import LayerSet, are_kept
from ..baselines.levelled import levelled
from .recording import transposed

logger = logging.getLogger(__name__)

SIZE = 10_000
"""Some seconds of two cores, once; 20 MB. A tenth is for validation, and not looked up."""
_FEATURE = "logmel"


class Voices:
    """A data set of human-like patches of an environment, made when it is first needed and kept.

    They are rendered as the environment does by default, at one note: a sound of another note is transposed
    to be looked up, and what is found is rendered anew.

    Args:
        env_id: id of the environment.
        sample_rate: Hz.
        note: MIDI note.
        size: how many (default: ``SIZE``).
        progress: whether a bar is shown while they are made.

    Attributes:
        note: at which they are rendered.
        renders: what the set and the layers of its voices cost.

    Raises:
        SynthError: the synth of the environment knows no human-like patches.
        SynthgymError: the set cannot be written to the user's cache.
    """

    def __init__(
        self,
        env_id: str,
        sample_rate: int,
        note: int,
        size: int | None = None,
        *,
        progress: bool = True,
    ) -> None:
        size = SIZE if size is None else size
        self._path = _folder(env_id, sample_rate, note, size)
        recipe = _recipe(env_id, sample_rate, note, size)
        self._task, self.note = recipe.task, note
        if not self._path.exists():
            made = f"{size:,} voices at note {note}"
            logger.info("making %s to begin matches with, once, in %s", made, self._path)
        cache = self._path.parent
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock"):
                datasets.make(self._path, recipe, progress=progress and not are_kept(self._path))
        except OSError as error:
            raise SynthgymError(f"cannot write to {cache}: {error.strerror}; set XDG_CACHE_HOME") from error
        finally:
            recipe.task.close()
        with closing(make_task(env_id, recipe.env_kwargs, rendering="auto")) as self._composing:
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


def are_there(env_id: str, sample_rate: int, note: int) -> bool:
    """Return whether voices are there.

    Args:
        env_id: id of the environment.
        sample_rate: Hz, at which they are rendered.
        note: MIDI note at which they are rendered.

    Returns:
        Whether nothing of them need be rendered.
    """
    return are_kept(_folder(env_id, sample_rate, note, SIZE))  # layers are made last


def _recipe(env_id: str, sample_rate: int, note: int, size: int) -> datasets.Recipe:
    env_kwargs = {"sample_rate": sample_rate, "note": note}
    return datasets.Recipe(env_id, [_FEATURE], env_kwargs=env_kwargs, rendering="auto").random(size)


def _folder(env_id: str, sample_rate: int, note: int, size: int) -> Path:
    return user_cache_path("synthgym") / "voices" / f"{env_id}-{_digest(env_id, sample_rate, note, size)}"


@lru_cache
def _digest(env_id: str, sample_rate: int, note: int, size: int) -> str:
    """Return what tells a set from others: those of other versions of what it depends on, too."""
    recipe = _recipe(env_id, sample_rate, note, size)
    recipe.task.close()
    return hashlib.sha256(json.dumps(recipe.manifest(), sort_keys=True).encode()).hexdigest()[:12]


@lru_cache
def are_quick(env_id: str) -> bool:
    """Return whether an environment's synth renders many voices at once: others would take many minutes."""
    with closing(make_task(env_id)) as task:
        return task.synth.batch > 1
