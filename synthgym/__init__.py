"""Gymnasium environments in which agents learn to program real synthesisers.

Importing synthgym registers every id of ``envs_registry``; ``gym.make("synthgym:Dexed1Op-v0")``
imports it by itself, in any process.
"""

from importlib.metadata import version

from envs_registry import ENVIRONMENTS
from synthgym.errors import SynthgymError
from synthgym.registration import register, register_plugin

__all__ = ["SynthgymError", "__version__", "register_plugin"]

__version__ = version("synthgym")

for _id, _keywords in ENVIRONMENTS.items():
    register(_id, _keywords)
