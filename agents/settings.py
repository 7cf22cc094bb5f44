"""What a training run is made of: its hyperparameters and its ``config.yml``."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import yaml

from agents import algorithm
from synthgym.checks import whole
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
            SynthgymError: an unknown agent or hyperparameter, or a count out of range.
        """
        known = inspect.signature(algorithm(agent)).parameters
        rows = yaml.safe_load((HYPERPARAMETERS / f"{agent}.yml").read_text())
        row: dict[str, Any] = rows.get(env, rows["default"])
        hyperparameters = {k: v for k, v in row.items() if k not in _OF_THE_RUN}
        for name in hyperparameters:
            if name not in known:
                raise SynthgymError(f"{agent}.yml: {name!r} is no argument of {agent}; remove it")
        count = whole("num_envs", row["n_envs"] if num_envs is None else num_envs, 1, 4096)
        if "n_steps" in hyperparameters and "batch_size" in hyperparameters:
            # Mini-batches of equal size: the largest that divides a rollout.
            rollout, most = hyperparameters["n_steps"] * count, hyperparameters["batch_size"]
            hyperparameters["batch_size"] = max(n for n in range(1, most + 1) if rollout % n == 0)
        return cls(
            env=env,
            agent=agent,
            steps=whole("steps", row["n_timesteps"] if steps is None else steps, 1, 10**12),
            num_envs=count,
            # SB3 takes 32 bits, the environments' seeds follow it.
            seed=whole("seed", seed, 0, 2**31 - 1),
            env_kwargs={**row.get("env_kwargs", {}), **(env_kwargs or {})},
            hyperparameters=hyperparameters,
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``config.yml``; SynthgymError if it is none."""
        try:
            settings = cls(**yaml.safe_load(path.read_text()))
            whole("steps", settings.steps, 1, 10**12)
            whole("num_envs", settings.num_envs, 1, 4096)
            whole("seed", settings.seed, 0, 2**31 - 1)
        except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
            raise SynthgymError(f"{path} is not the config of a run; choose another --log-dir") from error
        return settings

    def write(self, path: Path) -> None:
        """Write ``config.yml``."""
        with replaced(path) as temporary:
            temporary.write_text(yaml.safe_dump(asdict(self), sort_keys=False))
