"""The Gymnasium environments."""

from synthgym.envs.goal_env import SynthGoalEnv
from synthgym.envs.making import make_task
from synthgym.envs.synth_env import SynthEnv
from synthgym.envs.vector_env import SynthGoalVectorEnv, SynthVectorEnv

__all__ = ["SynthEnv", "SynthGoalEnv", "SynthGoalVectorEnv", "SynthVectorEnv", "make_task"]
