"""What happens beside the learning: figures for TensorBoard, progress, checkpoints, an early end."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

from synthgym.rendering import RenderMeter

from ..training.divergence import Diverged, has_finite_weights
from ..training.preview import Preview
from ..training.run_folder import RunFolder
from ..trials.signals import Signals

EPISODES = 100
"""Figures are means over this many of the latest episodes."""


class Report(BaseCallback):
    """TensorBoard scalars and a progress bar.

    - ``synth/distance``: at the end of the episode.
    - ``synth/best_distance``: the least of the episode.
    - ``synth/improvement``: from the start to the best.
    - ``synth/success_rate``: episodes that ended in success.
    - ``synth/renders_per_second``: of all renders since the scalar before, those of targets included.

    It keeps ``model.renders`` up to date by the meter of the environments' task, which whoever begins the
    training sets to what the model has cost so far.
    """

    def __init__(self, total_steps: int) -> None:
        super().__init__()
        self._total = total_steps
        self._episodes: deque[dict[str, float]] = deque(maxlen=EPISODES)

    _meter: RenderMeter

    def _on_training_start(self) -> None:
        self._bar = tqdm(total=self._total, initial=self.num_timesteps, unit=" steps", desc="training")
        (task,) = self.training_env.get_attr("task", [0])  # all environments share it
        self._meter = task.meter
        self._since = time.perf_counter()

    def _on_step(self) -> bool:
        self._bar.update(min(self.num_timesteps, self._total) - self._bar.n)
        infos = self.locals["infos"]
        for i in np.flatnonzero(self.locals["dones"]):
            self._episodes.append(
                {
                    "distance": infos[i]["distance"],
                    "best_distance": infos[i]["best_distance"],
                    "improvement": infos[i]["start_distance"] - infos[i]["best_distance"],
                    "success_rate": float(infos[i]["is_success"]),
                }
            )
        return True

    def _count_renders(self) -> int:
        """Bring ``model.renders`` up to date and return by how much."""
        before: int = self.model.renders  # type: ignore[attr-defined]
        self.model.renders = self._meter.renders  # type: ignore[attr-defined]
        return self._meter.renders - before

    def _on_rollout_end(self) -> None:
        if self._episodes:
            means = {k: float(np.mean([e[k] for e in self._episodes])) for k in self._episodes[0]}
            for name, value in means.items():
                self.logger.record(f"synth/{name}", value)
            self._bar.set_postfix(
                {k: f"{means[k]:.3f}" for k in ("distance", "best_distance")}, refresh=False
            )
        now = time.perf_counter()
        self.logger.record("synth/renders_per_second", self._count_renders() / (now - self._since))
        self._since = now

    def close(self) -> None:
        """Count the last renders, and end the bar; also after an error."""
        if hasattr(self, "_bar"):  # without it, training had not begun
            self._count_renders()
            self._bar.close()


class Checkpoints(BaseCallback):
    """Saves the model every so many steps, between updates, and makes a preview of it.

    Args:
        folder: of the run.
        every: steps between two checkpoints, at least.
        preview: called with the file of each and the number of its steps.
    """

    def __init__(self, folder: RunFolder, every: int, preview: Preview) -> None:
        super().__init__()
        self._folder, self._every, self._preview = folder, every, preview

    def _on_training_start(self) -> None:
        self._saved_at = self.num_timesteps

    def _on_rollout_start(self) -> None:
        if self.num_timesteps - self._saved_at >= self._every:
            saved = self._folder.save_checkpoint(self.num_timesteps, self.model.save)
            self._preview(saved, self.num_timesteps)
            self._saved_at = self.num_timesteps

    def _on_step(self) -> bool:
        return True


class StopWhenDiverged(BaseCallback):
    """Raises Diverged before a rollout, or a checkpoint, with weights that are not finite."""

    def _on_rollout_start(self) -> None:
        if not has_finite_weights(self.model.policy):
            raise Diverged("weights are not finite")

    def _on_step(self) -> bool:
        return True


class StopWhenAsked(BaseCallback):
    """Ends the training at the next step after a signal."""

    def __init__(self, signals: Signals) -> None:
        super().__init__()
        self._signals = signals

    def _on_step(self) -> bool:
        self._signals.check()
        return True
