"""Examples that are rendered as they are needed, none of them twice."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from synthgym.making import make_task
from synthgym.patches import Patches, PatchStream
from synthgym.rendering import RenderMeter

from ..training.run_config import RunConfig
from .examples import Batch


class FreshExamples:
    """Endless examples for training: example i is patch i of the train stream of a run's seed.

    While a network learns from one mini-batch, the next is rendered, by a task of its own.

    Args:
        run: config of the run.
        meter: counts the renders of the mini-batches that were asked for.

    Attributes:
        task: that renders them.
    """

    def __init__(self, run: RunConfig, meter: RenderMeter) -> None:
        self._meter = meter
        self.task = make_task(run.env, run.env_kwargs, rendering="auto")
        self._stream = PatchStream("train", run.seed)
        self._reader = ThreadPoolExecutor(1)
        self._ahead: dict[int, tuple[int, Future[Patches]]] = {}
        """The next mini-batch of each size."""

    def batch(self, number: int, size: int, seed: int) -> Batch:
        """Return a mini-batch by number, and begin to render the one after it.

        Args:
            number: of the mini-batch, among those of its size.
            size: how many examples.
            seed: of the run; the examples are those of its stream in any case.

        Returns:
            Features (size, frames, bins), unit vectors (size, n) and notes (size, 3).
        """
        ahead, coming = self._ahead.pop(size, (None, None))
        if coming is None or ahead != number:
            coming = self._reader.submit(self._render, number, size)
        patches = coming.result()
        self._ahead[size] = number + 1, self._reader.submit(self._render, number + 1, size)
        self._meter.renders += int(patches.renders.sum())
        return patches.rendered.features[0], patches.unit, patches.notes

    def _render(self, number: int, size: int) -> Patches:
        return self.task.make_patches(self._stream.ids(range(number * size, (number + 1) * size)))

    def close(self) -> None:
        """Let the task go, after the mini-batch that is being rendered."""
        self._reader.shutdown(cancel_futures=True)
        self.task.close()

    def __enter__(self) -> FreshExamples:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()
