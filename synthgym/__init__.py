"""Gymnasium environments in which agents learn to program real synthesisers.

Importing synthgym registers every id of ``envs_registry``; ``gym.make("synthgym:Dexed1Op-v0")``
imports it by itself, in any process.
"""

from importlib.metadata import version

import gymnasium

from envs_registry import ENVIRONMENTS, MAX_EPISODE_STEPS, goal_id
from synthgym.errors import SynthgymError

__all__ = ["SynthgymError", "__version__"]

__version__ = version("synthgym")

for _id, _keywords in ENVIRONMENTS.items():
    for _registered, _class in ((_id, "SynthEnv"), (goal_id(_id), "SynthGoalEnv")):
        gymnasium.register(
            _registered,
            entry_point=f"synthgym.envs:{_class}",
            max_episode_steps=MAX_EPISODE_STEPS,
            kwargs=_keywords,
        )
