"""The one path from parameters to a distance, and the one place where renders are counted."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from synthgym.errors import ParameterError
from synthgym.features import distance, extract, make_features
from synthgym.parameters import Unit
from synthgym.patches import Item, Patches, PatchJob, draw
from synthgym.rendering import Rendered, Rendering, Worker, make_renderer
from synthgym.synths import Audio, make_synth

ROWS = 64
"""The most sounds a worker is asked for at once."""


class SoundMatchingTask:
    """A synth, the parameters of it that may be set, and the features by which sounds are compared.

    Args:
        synth: name of the synth.
        feature: name of the feature by which distance is measured.
        more_features: names of others that are to be heard too.
        parameters: names of the parameters to leave free (default: those the synth offers).
        frozen: native values (or labels) by name of parameters to hold.
        rendering: ``inline``, ``threads``, ``processes``, ``ray``, or ``auto``: what suits the synth.
        workers: how many render side by side (default: one for each core).
        address: of a running Ray cluster.
        **synth_options: what the synth takes.

    Attributes:
        renders: how many sounds were made that count; set it to 0 when a new target is known.
        renders_ever: how many sounds were made in all, targets included.

    A patch that crashes its plugin twice is heard as silence, with a warning; the fifth in a row raises
    PluginCrashed.

    Not for use by several threads at once: give each a task of its own.
    """

    def __init__(
        self,
        synth: str,
        *,
        feature: str = "logmel",
        more_features: Sequence[str] = (),
        parameters: Sequence[str] | None = None,
        frozen: Mapping[str, float | str] | None = None,
        rendering: Rendering = "inline",
        workers: int | None = None,
        address: str | None = None,
        **synth_options: Any,
    ) -> None:
        self.synth = make_synth(synth, **synth_options)
        space = self.synth.space
        if parameters is not None:
            space = space.only(parameters)
        self.space = space.freeze(frozen) if frozen else space
        self.features = make_features([feature, *more_features], self.synth.sample_rate, self.synth.samples)
        self.feature, self.feature_name = self.features[0], feature
        self._rendering = rendering, workers, address
        self._open()
        self.renders = self.renders_ever = 0

    def _open(self) -> None:
        rendering, workers, address = self._rendering
        self.worker = Worker(self.synth, self.space, self.features)
        self.renderer = make_renderer(rendering, self.worker, workers, address)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("renderer", "listener")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def close(self) -> None:
        """Let the engine and the workers go."""
        self.renderer.close()
        self.synth.close()

    def identity(self) -> dict[str, Any]:
        """Return what decides the sound of a unit vector, as JSON: two tasks with equal ones sound alike.

        A data set or a trained model keeps it, and is refused by a task with another.
        """
        space, synth = self.space, self.synth
        files = [
            {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in synth.sources()
        ]
        identity: dict[str, Any] = json.loads(
            json.dumps(  # as it is read again: tuples are lists
                {
                    "parameters": [asdict(parameter) for parameter in space.free],
                    "frozen": space.frozen,
                    "sample_rate": synth.sample_rate,
                    "samples": synth.samples,
                    "note": asdict(synth.note),
                    "files": files,
                }
            )
        )
        return identity

    def noise_floor(self) -> float:
        """Return how far equal patches are heard from each other at most; 0 if the synth is repeatable.

        Measured with three random patches, each rendered three times.
        """
        if self.synth.repeatable:
            return 0.0
        unit = self.space.sample(np.random.default_rng(0), 3)
        rendered = [self.render(unit, count=False).features[0] for _ in range(3)]
        return max(float(distance(a, b).max()) for a, b in combinations(rendered, 2))

    def render(self, unit: ArrayLike, *, audio: bool = False, count: bool = True) -> Rendered:
        """Render unit vectors (B, n) and return what is heard.

        Args:
            unit: (B, n).
            audio: whether the audio is wanted too.
            count: whether these renders count; for targets, nobody pays.
        """
        unit = self.space.check(unit)
        if unit.ndim != 2 or not len(unit):
            raise ParameterError(f"give a batch of unit vectors, (B, n); got an array of shape {unit.shape}")
        # Equal parts for the workers, none so large that others wait for it.
        size = min(-(-len(unit) // self.renderer.workers), ROWS)
        parts = ((unit[i : i + size], audio) for i in range(0, len(unit), size))
        rendered = Rendered.joined(list(self.renderer.map(_hear, parts)))
        self._made(len(unit), rendered, count)
        return rendered

    def draw(self, items: Sequence[Item], *, audio: bool = False, count: bool = True) -> Patches:
        """Make items of streams, with what they sound like.

        Raises:
            SynthError: 10,000 draws in a row are inaudible.
        """
        # An item may cost many renders or one, so that each is a job of its own.
        patches = Patches.joined(list(self.renderer.map(draw, (PatchJob([item], audio) for item in items))))
        self._made(int(patches.renders.sum()), patches.rendered, count)
        return patches

    def extract(self, audio: Audio) -> Rendered:
        """Return what is heard of audio (B, samples) that was made elsewhere."""
        return Rendered(tuple(extract(self.features, audio)), audio)

    def _made(self, renders: int, rendered: Rendered, count: bool) -> None:
        self.renders_ever += renders
        self.renders += renders if count else 0
        for _, said in rendered.failures:
            warnings.warn(said, stacklevel=3)


def _hear(worker: Worker, job: tuple[Unit, bool]) -> Rendered:
    unit, audio = job
    return worker.render(unit, audio=audio)
