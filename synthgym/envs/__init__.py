"""The Gymnasium environments."""

from synthgym.envs.goal_env import SynthGoalEnv
from synthgym.envs.synth_env import SynthEnv

__all__ = ["SynthEnv", "SynthGoalEnv"]
