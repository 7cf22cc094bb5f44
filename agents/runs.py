"""The folder of a training run: its config, checkpoints, TensorBoard log and final model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm

from agents.settings import RunSettings
from synthgym.errors import SynthgymError
from synthgym.files import replaced


class RunFolder:
    """Where a run keeps what it makes.

    Attributes:
        path: the folder.
        config: ``config.yml``.
        tensorboard: the folder of the TensorBoard log.
        final_model: ``final_model.zip``, written when the run is complete.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yml"
        self.tensorboard = self.path / "tensorboard"
        self.final_model = self.path / "final_model.zip"
        self._checkpoints = self.path / "checkpoints"

    def begin(self, settings: RunSettings) -> None:
        """Write the config of a new run; SynthgymError if the folder already holds one."""
        if self.config.exists():
            raise SynthgymError(
                f"{self.path} already holds a run; go on with it by --resume, or choose another --log-dir"
            )
        try:
            settings.write(self.config)
        except OSError as error:
            raise SynthgymError(f"cannot write to {self.path}: {error.strerror}") from error

    def resume(self, asked: RunSettings) -> None:
        """Take up a run; SynthgymError if the folder holds none, or one with other settings.

        More steps than before may be asked for: the config is updated.
        """
        if not self.config.exists():
            raise SynthgymError(f"{self.path} holds no run to resume; train without --resume")
        kept = RunSettings.read(self.config)
        for name in ("env", "agent", "num_envs", "seed", "env_kwargs"):
            old, new = getattr(kept, name), getattr(asked, name)
            if old != new:
                raise SynthgymError(f"{self.path} is a run with {name} {old}, not {new}; ask for the same")
        replace(kept, steps=asked.steps).write(self.config)

    def save_checkpoint(self, model: BaseAlgorithm) -> Path:
        """Save the model under its number of steps."""
        path = self._checkpoints / f"{model.num_timesteps:09d}.zip"
        save_model(model, path)
        return path

    def newest(self) -> Path | None:
        """Return the newest saved model, or None."""
        return max(self._checkpoints.glob("[0-9]*.zip"), default=None)


def save_model(model: BaseAlgorithm, path: Path) -> None:
    """Save a model, whole or not at all."""
    with replaced(path) as temporary:
        model.save(temporary)
