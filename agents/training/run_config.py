"""What a training run is made of: its hyperparameters and its ``config.yml``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

import yaml

from synthgym.checks import one_of, whole
from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.registration import is_goal_id

from .old_names import current_hyperparameters

HYPERPARAMETERS = Path(__file__).parents[1] / "hyperparameters"
NO_YAML = (
    *(ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError),
    yaml.YAMLError,
)
"""What reading YAML raises that is none: tags that it knows are not careful with their values."""
_PACKAGES = ("synthgym", "dexed-py", "dawdreamer", "gymnasium", "stable-baselines3", "torch", "numpy")
_EXTRAS = ("vita",)
"""Packages that a result may depend on, and that need not be installed."""
_OF_THE_RUN = ("n_timesteps", "n_envs", "env_kwargs")

_KINDS: dict[str, Any] = {
    **{"env": str, "agent": str, "env_kwargs": dict, "hyperparameters": dict, "versions": dict},
    **{"dataset": str | None, "start_from": str | None},
}


def _versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on, as far as they are installed."""
    found = {name: version(name) for name in _PACKAGES}
    for name in _EXTRAS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _usual_kwargs(row: Mapping[str, Any], env: str) -> dict[str, Any]:
    """Return the keywords of an environment in a row of a YAML file.

    The goal-conditioned twins have no reward that depends on the step before, and no ``contrast``: goals are
    observed as they are.
    """
    keywords: dict[str, Any] = row.get("env_kwargs", {})
    return {k: v for k, v in keywords.items() if not (k in ("reward", "contrast") and is_goal_id(env))}


@dataclass
class RunConfig:
    """One training run, as ``config.yml`` keeps it.

    Args:
        env: id of the environment that the agent is trained on.
        agent: name of the agent.
        steps: to train for: of the environments, all together; or mini-batches of a data set, and rollouts.
        num_envs: environments side by side.
        seed: of the first environment (the others follow), the network and the exploration.
        env_kwargs: keywords for ``gym.make``.
        hyperparameters: of the agent.
        dataset: that it learns from.
        start_from: the agent and run at whose guesses its episodes start, as ``mlp@RUN``; None: at random.
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
    start_from: str | None = None
    versions: dict[str, str] = field(default_factory=_versions)

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
        start_from: str | None = None,
        *,
        allowed: Collection[str],
    ) -> Self:
        """Return a config with the agent's hyperparameters from its YAML file (rl-zoo3's format).

        Args:
            env: id of the environment that the agent is trained on.
            agent: name of the agent.
            seed: see above.
            steps: default: that of the YAML file; so num_envs.
            num_envs: see above.
            env_kwargs: besides those of the YAML file.
            hyperparameters: instead of those of the YAML file.
            dataset: folder of a data set.
            start_from: see above.
            allowed: names of the hyperparameters that the agent takes.

        Returns:
            The config. Of an agent with rollouts, ``batch_size`` is the largest, up to the one given, that
            divides them.

        Raises:
            SynthgymError: an unknown hyperparameter, or a count out of range.
        """
        rows = yaml.safe_load((HYPERPARAMETERS / f"{agent}.yml").read_text(encoding="utf-8"))
        row: dict[str, Any] = rows.get(env, rows["default"])
        kept = {k: v for k, v in row.items() if k not in _OF_THE_RUN}
        hyperparameters = {**kept, **current_hyperparameters(hyperparameters or {})}
        for name in hyperparameters:
            one_of(f"hyperparameter of {agent}", name, allowed)
        count = whole("num_envs", row.get("n_envs", 1) if num_envs is None else num_envs, 1, 4096)
        if "n_steps" in hyperparameters and "batch_size" in hyperparameters:
            # Mini-batches of equal size: the largest that divides a rollout.
            steps_each, most = (
                whole(name, hyperparameters[name], 1, 10**9) for name in ("n_steps", "batch_size")
            )
            rollout = steps_each * count
            hyperparameters["batch_size"] = max(
                n for n in range(1, min(most, rollout) + 1) if rollout % n == 0
            )
        return cls(
            env=env,
            agent=agent,
            steps=whole("steps", row["n_timesteps"] if steps is None else steps, 1, 10**12),
            num_envs=count,
            # SB3 takes 32 bits, the environments' seeds follow it.
            seed=whole("seed", seed, 0, 2**31 - 1),
            env_kwargs={**_usual_kwargs(row, env), **(env_kwargs or {})},
            hyperparameters=hyperparameters,
            dataset=dataset,
            start_from=start_from,
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``config.yml``; SynthgymError if it is none."""
        try:
            config = cls(**yaml.safe_load(path.read_text(encoding="utf-8")))
            for name, kind in _KINDS.items():
                if not isinstance(getattr(config, name), kind):
                    raise TypeError(f"its {name} is {getattr(config, name)!r:.80}")
            config.hyperparameters = current_hyperparameters(config.hyperparameters)
            whole("steps", config.steps, 1, 10**12)
            whole("num_envs", config.num_envs, 1, 4096)
            whole("seed", config.seed, 0, 2**31 - 1)
        except (OSError, *NO_YAML) as error:
            why = " ".join(str(error).split())
            raise SynthgymError(
                f"{path} is not the config of a run ({why}); choose another --log-dir"
            ) from error
        return config

    def write(self, path: Path) -> None:
        """Write ``config.yml``."""
        with replaced(path) as temporary:
            text = yaml.safe_dump(asdict(self), sort_keys=False)
            temporary.write_text(text, encoding="utf-8")
