"""Random patches of several synths, each as four sounds; a file of them is a function of (seed, number)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import envs_registry
from synthgym.files import replaced
from synthgym.making import make_task
from synthgym.patches import PatchStream, audible
from synthgym.task import SoundMatchingTask

MIXTURE = {"Dexed6Op-v0": 112, "Dexed3Op-v0": 32, "FM-v0": 32, "Granulator-v0": 16, "Faust-v0": 32}
"""How many patches of a shard are of each environment."""
PLAYED: dict[str, Any] = {"note": (28, 96), "velocity": (30, 127), "hold": (0.2, 0.9)}
SIGMA = 0.02
"""Of the small change of parameters."""
FAR = 12
"""Semitones that the other note of a patch is away at most."""

SAME, CHANGED, ELSEWHERE, CHANGED_ELSEWHERE = VIEWS = range(4)
"""Of a patch: itself; changed a little, at the same note; itself at another note, and changed there."""


class Views:
    """Makes shards of views.

    Args:
        seed: of all that is random.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._tasks = {env: make_task(env, {**envs_registry.example(env), **PLAYED}) for env in MIXTURE}

    def shard(self, number: int) -> NDArray[np.float16]:
        """Return features (patches, 4, frames, bins) of a shard; patches that fall silent are left out."""
        made = [
            self._of(task, number, count)
            for task, count in zip(self._tasks.values(), MIXTURE.values(), strict=True)
        ]
        return np.concatenate(made)

    def _of(self, task: SoundMatchingTask, number: int, count: int) -> NDArray[np.float16]:
        ids = PatchStream("train", self._seed).ids(range(number * count, (number + 1) * count))
        patches = task.make_patches(ids)
        sounds, heard = [patches.rendered.features[0]], np.ones(count, bool)
        rngs = [patch.generator(1) for patch in ids]
        changed = np.stack(
            [task.space.jitter(u, SIGMA, rng) for u, rng in zip(patches.unit, rngs, strict=True)]
        )
        drawn = np.stack([task.note.draw(rng) for rng in rngs])
        elsewhere = drawn.copy()
        steps = np.array([rng.choice([-1, 1]) * rng.integers(1, FAR + 1) for rng in rngs])
        elsewhere[:, 0] = np.clip(patches.notes[:, 0] + steps, *PLAYED["note"])
        nearby = np.column_stack([patches.notes[:, 0], drawn[:, 1:]])
        for unit, notes in ((changed, nearby), (patches.unit, elsewhere), (changed, elsewhere)):
            rendered = task.render(unit, notes, audio=True)
            assert rendered.audio is not None
            heard &= [audible(sound) for sound in rendered.audio]
            sounds.append(rendered.features[0])
        return np.stack(sounds, axis=1)[heard].astype(np.float16)

    def close(self) -> None:
        """Let the synths go."""
        for task in self._tasks.values():
            task.close()


def write_shards(folder: Path, seed: int, count: int) -> None:
    """Make the shards of a folder that are not there yet, up to a count."""
    with closing(Views(seed)) as views:
        for number in range(count):
            path = shard_path(folder, number)
            if not path.exists():
                with replaced(path) as temporary:
                    np.save(temporary, views.shard(number))


def shard_path(folder: Path, number: int) -> Path:
    """Return where a shard is."""
    return folder / f"{number:04}.npy"
