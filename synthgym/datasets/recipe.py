"""What a data set is made of, and its manifest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Literal, get_args

import numpy as np

from synthgym import priors
from synthgym.candidates import VARIATION
from synthgym.checks import one_of
from synthgym.datasets.manifest import FORMAT
from synthgym.datasets.sources import Grid, Presets, Random, Source
from synthgym.datasets.splits import VALIDATION
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.rendering import Rendering
from synthgym.rules import RULES

DType = Literal["float16", "float32"]

UNIFORM = priors.Uniform().describe()
"""Sets whose test patches are of this prior do not say so; those of the first version are."""
_MOST_BYTES = 1 << 26  # of a block: what is made between two writes, and lost if the command is killed
_MOST_ITEMS = 4096
_CHUNK_BYTES = 1 << 17  # what is read for a single item


class Recipe:
    """What a data set holds: which patches, and which features of their sounds.

    Args:
        env: environment id; its synth renders, its parameters are those of the set.
        features: names of features.
        dtype: of features and audio in the store; values beyond its range (65,504 for float16) are clipped.
        audio: whether the audio is kept too.
        env_kwargs: keywords of the environment: parameters, frozen, patches, and those of the synth.
        rendering: how it is rendered, see ``SoundMatchingTask``.
        workers: how many render at a time.
        address: of a Ray cluster.

    Attributes:
        task: renders the patches.
        held_out: priors whose test patches are left out.
        source: which patches; set by ``random``, ``grid`` or ``presets``.

    Raises:
        SynthgymError: an id, keyword or feature that does not exist, or one that cannot be used.
    """

    source: Source

    def __init__(
        self,
        env: str,
        features: Sequence[str] = ("multiresolution",),
        *,
        dtype: DType = "float16",
        audio: bool = False,
        env_kwargs: Mapping[str, Any] | None = None,
        rendering: Rendering = "auto",
        workers: int | None = None,
        address: str | None = None,
    ) -> None:
        one_of("dtype", dtype, get_args(DType))
        if not features or len(set(features)) < len(features):
            raise SynthgymError(f"name at least one feature, each once; got {', '.join(features) or 'none'}")
        for name in env_kwargs or {}:
            if name not in ("feature", *RULES):
                continue
            raise SynthgymError(f"a data set has no keyword {name!r}, which decides no sound; leave it out")
        self.env, self.env_kwargs = env, dict(env_kwargs or {})
        self.features, self.dtype, self.audio = tuple(features), dtype, audio
        first, *more = features
        self.task = make_task(
            env,
            env_kwargs,
            feature=first,
            more_features=more,
            rendering=rendering,
            workers=workers,
            address=address,
        )
        self.held_out: tuple[priors.Prior, ...] = (self.task.prior,)

    def random(self, size: int, seed: int = 0) -> Recipe:
        """Take random audible patches, as the keyword ``patches`` says; return this recipe.

        Args:
            size: how many items.
            seed: of the patches; the same one gives the same patches.

        Returns:
            This recipe.
        """
        prior = self.task.prior
        if isinstance(prior, priors.Presets):
            # Split by preset, lest variations of one are for training and for validation.
            self.source = Presets(prior, jitter=VARIATION, size=size, seed=seed)
        else:
            self.source = Random(prior, size, seed)
        return self

    def grid(self, values: int) -> Recipe:
        """Take a grid; return this recipe."""
        self.source = Grid(self.task.space, values)
        return self

    def presets(
        self, folder: str | os.PathLike[str], *, jitter: float = 0.0, size: int | None = None, seed: int = 0
    ) -> Recipe:
        """Take the presets in a folder and variations of them; return this recipe.

        Args:
            folder: with presets of the synth.
            jitter: standard deviation by which parameters, in [0, 1], of a variation move; 0 for none.
            size: how many items (default: the presets alone); the first are the presets as they are.
            seed: of the variations.

        Returns:
            This recipe.
        """
        presets = priors.Presets.of_folder(folder, self.task.worker)
        self.held_out = (self.task.prior, presets)
        self.source = Presets(presets, jitter=jitter, size=size, seed=seed)
        return self

    def arrays(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Return shape, but for the items, and dtype of each array of the store."""
        arrays: dict[str, tuple[tuple[int, ...], str]] = {
            "parameters": ((len(self.task.space),), "float32"),
            "split": ((), "uint8"),
            "renders": ((), "int32"),
        }
        each = self.task.notes_per_target
        several = () if each == 1 else (each,)
        if self.task.note.varies:
            arrays["notes"] = (*several, 3), "float64"
        for name, feature in zip(self.features, self.task.features, strict=True):
            arrays[f"features/{name}"] = (*several, *feature.shape), self.dtype
        if self.audio:
            arrays["audio"] = (*several, self.task.synth.samples), self.dtype
        return arrays

    def block(self) -> int:
        """Return how many items are written together: a power of 2, as much as 64 MB hold."""
        return _power_of_2(_MOST_BYTES, sum(map(_bytes, self.arrays().values())), _MOST_ITEMS)

    def chunk(self, name: str) -> int:
        """Return how many items of an array are read together: a power of 2, as much as 128 kB hold."""
        return _power_of_2(_CHUNK_BYTES, _bytes(self.arrays()[name]), self.block())

    def manifest(self) -> dict[str, Any]:
        """Return all that decides the bytes of the set, as JSON."""
        task, synth = self.task, self.task.synth
        left_out = [prior.describe() for prior in self.held_out]
        packages = ("synthgym", synth.engine_package, "librosa", "numpy", "scipy", "zarr")
        return {
            "format": FORMAT,
            "env": self.env,
            # The source says which patches, also where nobody did.
            "env_kwargs": {k: v for k, v in self.env_kwargs.items() if k != "patches"},
            "source": self.source.describe(),
            **({} if left_out == [UNIFORM] else {"held_out": left_out}),
            "size": self.source.size,
            "validation": VALIDATION,
            "features": {
                name: {
                    "shape": list(feature.shape),
                    "unit": feature.unit,
                    "low": np.asarray(feature.low).tolist(),
                    "high": np.asarray(feature.high).tolist(),
                }
                for name, feature in zip(self.features, task.features, strict=True)
            },
            "dtype": self.dtype,
            "audio": self.audio,
            **task.identity(),
            "block": self.block(),
            "versions": {name: version(name) for name in packages},
            # Without it, an item is not bound to have the same bytes when it is made again.
            "repeatable": synth.repeatable,
        }


def _bytes(array: tuple[tuple[int, ...], str]) -> int:
    shape, dtype = array
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize


def _power_of_2(most_bytes: int, item_bytes: int, most_items: int) -> int:
    return 1 << (max(min(most_bytes // item_bytes, most_items), 1).bit_length() - 1)
