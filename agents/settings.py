"""What a training run is made of: its hyperparameters and its ``config.yml``."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import yaml

from agents import algorithm
from synthgym.errors import SynthgymError
from synthgym.files import replaced

HYPERPARAMETERS = Path(__file__).parent / "hyperparameters"
_OF_THE_RUN = ("n_timesteps", "n_envs", "env_kwargs")


@dataclass
class RunSettings:
    """One training run, as ``config.yml`` keeps it.

    Args:
        env: environment id.
        agent: name of the agent.
        steps: environment steps to train, over all environments together.
        num_envs: environments side by side.
        seed: of the first environment (the others follow), the network and the exploration.
        env_kwargs: keywords for ``gym.make``.
        hyperparameters: keywords of the learning algorithm.
        versions: of the packages that a result depends on.
    """

    env: str
    agent: str
    steps: int
    num_envs: int
    seed: int
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(
        default_factory=lambda: {
            name: version(name)
            for name in ("synthgym", "dexed-py", "gymnasium", "stable-baselines3", "torch", "numpy")
        }
    )

    @classmethod
    def make(
        cls,
        env: str,
        agent: str,
        seed: int,
        steps: int | None = None,
        num_envs: int | None = None,
        env_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Return settings with the agent's hyperparameters from its YAML file (rl-zoo3's format).

        Raises:
            SynthgymError: an unknown agent or hyperparameter, or a count below 1.
        """
        known = inspect.signature(algorithm(agent)).parameters
        rows = yaml.safe_load((HYPERPARAMETERS / f"{agent}.yml").read_text())
        row: dict[str, Any] = rows.get(env, rows["default"])
        hyperparameters = {k: v for k, v in row.items() if k not in _OF_THE_RUN}
        for name in hyperparameters:
            if name not in known:
                raise SynthgymError(f"{agent}.yml: {name!r} is no argument of {agent}; remove it")
        settings = cls(
            env=env,
            agent=agent,
            steps=int(row["n_timesteps"]) if steps is None else steps,
            num_envs=int(row["n_envs"]) if num_envs is None else num_envs,
            seed=seed,
            env_kwargs={**row.get("env_kwargs", {}), **(env_kwargs or {})},
            hyperparameters=hyperparameters,
        )
        for name in ("steps", "num_envs"):
            if getattr(settings, name) < 1:
                raise SynthgymError(f"{name} must be at least 1; got {getattr(settings, name)}")
        if seed < 0:
            raise SynthgymError(f"seed must be 0 or more; got {seed}")
        return settings

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``config.yml``; SynthgymError if it is none."""
        try:
            return cls(**yaml.safe_load(path.read_text()))
        except (OSError, TypeError, yaml.YAMLError) as error:
            raise SynthgymError(f"{path} is not the config of a run; train without --resume") from error

    def write(self, path: Path) -> None:
        """Write ``config.yml``."""
        with replaced(path) as temporary:
            temporary.write_text(yaml.safe_dump(asdict(self), sort_keys=False))
