"""Agents that learn to program synthesisers, or search for the right program.

``agents.catalogue`` lists them all by name. Here is what it takes to play one:

    agent = agents.load("mlp", "Dexed1Op-v0")
    trial = agents.match(agent, env, renders=20)
"""

from .api import load, match

__all__ = ["load", "match"]
