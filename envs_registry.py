"""Every environment, one row each. Tests, documentation, scripts and benchmarks loop over this table.

A row is an id and the keywords that make it from ``synthgym.envs.SynthEnv``. Each id also has a
goal-conditioned twin, ``Dexed1OpGoal-v0`` for ``Dexed1Op-v0``.
"""

from __future__ import annotations

from typing import Any

MAX_EPISODE_STEPS = 50

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "Dexed1Op-v0": {"synth": "dexed", "operators": 1},
    "Dexed2Op-v0": {"synth": "dexed", "operators": 2},
    "Dexed3Op-v0": {"synth": "dexed", "operators": 3},
    "Dexed4Op-v0": {"synth": "dexed", "operators": 4},
    "Dexed5Op-v0": {"synth": "dexed", "operators": 5},
    "Dexed6Op-v0": {"synth": "dexed", "operators": 6},
}


def goal_id(env_id: str) -> str:
    """Return the id of the goal-conditioned twin."""
    name, version = env_id.rsplit("-", 1)
    return f"{name}Goal-{version}"
