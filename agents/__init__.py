"""Agents that learn to program synthesisers, or search for the right program.

In a clone and from the wheel its name is ``synthgym_agents``; ``agents``, the name of its folder, is
openai-agents' elsewhere. ``synthgym_agents.catalogue`` lists all by name. Here is what it takes to use one:

    agent = synthgym_agents.load("mlp", "Dexed1Op-v0")
    trial = synthgym_agents.match(agent, env, renders=20)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import load, match

__all__ = ["load", "match"]


def __getattr__(name: str) -> Any:
    # Imported on first use: a command sets its thread limits before NumPy is loaded.
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
