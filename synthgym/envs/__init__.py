"""The Gymnasium environments."""

from synthgym.envs.goal import SynthGoalEnv, SynthGoalVectorEnv
from synthgym.envs.synth_env import SynthEnv
from synthgym.envs.vector_env import SynthVectorEnv

__all__ = ["SynthEnv", "SynthGoalEnv", "SynthGoalVectorEnv", "SynthVectorEnv"]
