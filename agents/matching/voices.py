"""Human-like voices and their features, in the user's cache: the match of a recording begins with them."""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
import signal
import threading
from contextlib import closing
from functools import lru_cache
from multiprocessing.process import BaseProcess
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from synthgym import datasets
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.parameters import Unit
from synthgym.rendering import Rendering
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from ..baselines.composed import composed, in_turn
from ..baselines.layers import LayerSet, are_kept
from ..baselines.levelled import levelled
from .recording import transposed

logger = logging.getLogger(__name__)

SIZE = 10_000
"""Some seconds of two cores, once; 20 MB. A tenth is for validation, and not looked up."""
NOTES = range(24, 97, 12)
"""At which voices are rendered, each when it is first needed: what an octave is transposed by is not lost."""
_FEATURE = "logmel"
_making: dict[tuple[str, int, int], BaseProcess] = {}
_MAKING = threading.Lock()


class Voices:
    """A data set of human-like patches of an environment, made when it is first needed and kept.

    They are rendered as the environment does by default, at one note: a sound of another note is transposed
    to be looked up, and what is found is rendered anew.

    Args:
        env_id: id of the environment.
        sample_rate: Hz.
        note: MIDI note.
        rendering: how they are rendered, if they are not there; "inline": in this thread, without a bar.
        size: how many (default: ``SIZE``).

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
        rendering: Rendering = "auto",
        size: int | None = None,
    ) -> None:
        size = SIZE if size is None else size
        recipe, self._path = _recipe(env_id, sample_rate, note, size, rendering)
        self._task, self.note = recipe.task, note
        if not self._path.exists():
            made = f"{size:,} voices at note {note}"
            logger.info("making %s to begin matches with, once, in %s", made, self._path)
        cache = self._path.parent
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock"):
                datasets.make(self._path, recipe, progress=rendering != "inline")
        except OSError as error:
            raise SynthgymError(f"cannot write to {cache}: {error.strerror}; set XDG_CACHE_HOME") from error
        finally:
            recipe.task.close()
        with closing(make_task(env_id, recipe.env_kwargs, rendering=rendering)) as self._composing:
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


def _recipe(
    env_id: str, sample_rate: int, note: int, size: int, rendering: Rendering = "inline"
) -> tuple[datasets.Recipe, Path]:
    """Return how voices are made, and in which folder."""
    env_kwargs = {"sample_rate": sample_rate, "note": note}
    recipe = datasets.Recipe(env_id, [_FEATURE], env_kwargs=env_kwargs, rendering=rendering).random(size)
    # Other versions of what it depends on make another set.
    key = hashlib.sha256(json.dumps(recipe.manifest(), sort_keys=True).encode()).hexdigest()[:12]
    return recipe, user_cache_path("synthgym") / "voices" / f"{env_id}-{key}"


@lru_cache
def are_quick(env_id: str) -> bool:
    """Return whether an environment's synth renders many voices at once: others would take many minutes."""
    with closing(make_task(env_id)) as task:
        return task.synth.batch > 1


def voices_of(env_id: str, sample_rate: int, note: int) -> Voices:
    """Return the voices of an environment that are rendered at the nearest note to another.

    Args:
        env_id: id of the environment.
        sample_rate: Hz, at which they are rendered.
        note: MIDI note.

    Returns:
        The voices, opened only if the last call was for others.
    """
    return _opened(env_id, sample_rate, _by_nearness(note)[0])


def voices_at_hand(env_id: str, sample_rate: int, note: int) -> Voices | None:
    """Return the voices of an environment that are there, at the nearest note to another.

    If those that ``voices_of`` returns are not, they are rendered by a process beside this one, which ends
    with it.

    Args:
        env_id: id of the environment.
        sample_rate: Hz, at which they are rendered.
        note: MIDI note.

    Returns:
        The voices, opened only if the last call was for others; None if there are none yet.
    """
    for i, kept in enumerate(_by_nearness(note)):
        if _are_there(env_id, sample_rate, kept):
            return _opened(env_id, sample_rate, kept)
        if i == 0:
            _make_beside(env_id, sample_rate, kept)
    return None


def _by_nearness(note: int) -> list[int]:
    return sorted(NOTES, key=lambda one: abs(one - note))


@lru_cache(1)
def _opened(env_id: str, sample_rate: int, note: int) -> Voices:
    return Voices(env_id, sample_rate, note)


def _are_there(env_id: str, sample_rate: int, note: int) -> bool:
    recipe, path = _recipe(env_id, sample_rate, note, SIZE)
    recipe.task.close()
    return are_kept(path)  # layers are made last


def _make_beside(env_id: str, sample_rate: int, note: int) -> None:
    """Begin to make voices in a process of their own, unless one does so."""
    what = env_id, sample_rate, note
    with _MAKING:
        if what in _making and _making[what].is_alive():
            return
        process = multiprocessing.get_context("spawn").Process(target=_make, args=(*what, SIZE), daemon=True)
        process.start()
        _making[what] = process


def _make(env_id: str, sample_rate: int, note: int, size: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began this one, and ends it
    if hasattr(os, "nice"):
        os.nice(5)  # a third of what a search has; with much more it would starve beside one
    Voices(env_id, sample_rate, note, "inline", size)
