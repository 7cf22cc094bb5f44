"""The folder of a training run: its config, checkpoints, TensorBoard log and final model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm

from agents.settings import RunSettings
from synthgym.errors import SynthgymError
from synthgym.files import replaced


class RunFolder:
    """Where a run keeps what it makes.

    Attributes:
        path: the folder.
        config: ``config.yml``.
        checkpoints: the folder of the models saved on the way.
        tensorboard: the folder of the TensorBoard log.
        final_model: ``final_model.zip``, written when the run is complete.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yml"
        self.tensorboard = self.path / "tensorboard"
        self.final_model = self.path / "final_model.zip"
        self.checkpoints = self.path / "checkpoints"

    def begin(self, settings: RunSettings) -> None:
        """Write the config of a new run; SynthgymError if the folder already holds one."""
        if self.config.exists():
            raise SynthgymError(
                f"{self.path} already holds a run; go on with it by --resume, or choose another --log-dir"
            )
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self.tensorboard.mkdir(exist_ok=True)
            settings.write(self.config)
        except OSError as error:
            raise SynthgymError(
                f"cannot write to {self.path}: {error.strerror}; choose another --log-dir"
            ) from error

    def resume(self, env: str, agent: str, asked: Mapping[str, Any]) -> None:
        """Take up a run; SynthgymError if the folder holds none, or one with other settings.

        Args:
            env: environment id.
            agent: name of the agent.
            asked: other settings that were asked for; those that are None stay as they are. The run's
                goal becomes the steps asked for, or those done if they are more.
        """
        if not self.config.exists():
            raise SynthgymError(f"{self.path} holds no run to resume; train without --resume")
        kept = RunSettings.read(self.config)
        for name, new in {**asked, "env": env, "agent": agent}.items():
            old = getattr(kept, name)
            if name != "steps" and new is not None and old != new:
                raise SynthgymError(f"{self.path} is a run with {name} {old}, not {new}; ask for the same")
        if asked["steps"] is not None:
            newest = self.newest()
            done = int(newest.stem) if newest else 0
            replace(kept, steps=max(asked["steps"], done)).write(self.config)

    def save_checkpoint(self, model: BaseAlgorithm) -> Path:
        """Save the model under its number of steps."""
        path = self.checkpoints / f"{model.num_timesteps:09d}.zip"
        save_model(model, path)
        return path

    def newest(self) -> Path | None:
        """Return the newest checkpoint, or None."""
        return max(self.checkpoints.glob("[0-9]*.zip"), key=lambda path: int(path.stem), default=None)


def save_model(model: BaseAlgorithm, path: Path) -> None:
    """Save a model, whole or not at all."""
    with replaced(path) as temporary:
        model.save(temporary)
