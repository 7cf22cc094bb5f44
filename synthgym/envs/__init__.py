"""The Gymnasium environments."""

from synthgym.envs.goal_env import SynthGoalEnv
from synthgym.envs.synth_env import SynthEnv
from synthgym.envs.vector_env import SynthGoalVectorEnv, SynthVectorEnv
from synthgym.making import make_task

__all__ = ["SynthEnv", "SynthGoalEnv", "SynthGoalVectorEnv", "SynthVectorEnv", "make_task"]
