"""What a training run is made of: its hyperparameters and its ``config.yml``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import yaml

from synthgym.checks import one_of, whole
from synthgym.errors import SynthgymError
from synthgym.files import replaced

from .learners import learner

HYPERPARAMETERS = Path(__file__).parents[1] / "hyperparameters"
_PACKAGES = ("synthgym", "dexed-py", "dawdreamer", "gymnasium", "stable-baselines3", "torch", "numpy")
_OF_THE_RUN = ("n_timesteps", "n_envs", "env_kwargs")


@dataclass
class RunConfig:
    """One training run, as ``config.yml`` keeps it.

    Args:
        env: id of the environment that is played.
        agent: name of the agent.
        steps: to train: of the environments, all together; or mini-batches of a data set, and games.
        num_envs: environments side by side.
        seed: of the first environment (the others follow), the network and the exploration.
        env_kwargs: keywords for ``gym.make``.
        hyperparameters: of the agent.
        dataset: that it learns from.
        versions: of the packages that a result depends on.
    """

    env: str
    agent: str
    steps: int
    num_envs: int
    seed: int
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    dataset: str | None = None
    versions: dict[str, str] = field(default_factory=lambda: {name: version(name) for name in _PACKAGES})

    @classmethod
    def make(
        cls,
        env: str,
        agent: str,
        seed: int,
        steps: int | None = None,
        num_envs: int | None = None,
        env_kwargs: dict[str, Any] | None = None,
        hyperparameters: dict[str, Any] | None = None,
        dataset: str | None = None,
    ) -> Self:
        """Return settings with the agent's hyperparameters from its YAML file (rl-zoo3's format).

        Args:
            env: environment id; an agent that learns from goals plays its goal-conditioned twin.
            agent: name of the agent.
            seed: see above.
            steps: default: that of the YAML file; so num_envs.
            num_envs: see above.
            env_kwargs: besides those of the YAML file.
            hyperparameters: instead of those of the YAML file.
            dataset: folder of a data set.

        Raises:
            SynthgymError: an unknown agent or hyperparameter, or a count out of range.
        """
        how = learner(agent)
        played = how.played(agent, env)
        rows = yaml.safe_load((HYPERPARAMETERS / f"{agent}.yml").read_text())
        row: dict[str, Any] = rows.get(played, rows["default"])
        kept = {k: v for k, v in row.items() if k not in _OF_THE_RUN}
        for name in {**kept, **(hyperparameters or {})}:
            one_of(f"hyperparameter of {agent}", name, how.arguments(agent))
        hyperparameters = {**kept, **(hyperparameters or {})}
        count = whole("num_envs", row.get("n_envs", 1) if num_envs is None else num_envs, 1, 4096)
        if "n_steps" in hyperparameters and "batch_size" in hyperparameters:
            # Mini-batches of equal size: the largest that divides a rollout.
            rollout, most = hyperparameters["n_steps"] * count, hyperparameters["batch_size"]
            hyperparameters["batch_size"] = max(n for n in range(1, most + 1) if rollout % n == 0)
        return cls(
            env=played,
            agent=agent,
            steps=whole("steps", row["n_timesteps"] if steps is None else steps, 1, 10**12),
            num_envs=count,
            # SB3 takes 32 bits, the environments' seeds follow it.
            seed=whole("seed", seed, 0, 2**31 - 1),
            env_kwargs={**row.get("env_kwargs", {}), **(env_kwargs or {})},
            hyperparameters=hyperparameters,
            dataset=dataset,
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
