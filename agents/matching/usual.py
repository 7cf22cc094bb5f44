"""The search that a match makes if no agent is asked for, and what it does where that one cannot search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from synthgym.errors import SynthgymError
from synthgym.task import SoundMatchingTask

from ..catalogue import Sources, parse
from ..training.shipped import shipped_model
from ..trials.agent import Agent
from .learned import unlearned
from .search import Search

UNLEARNED = "halving"
"""Searches where no network comes with the package."""


def usual_agent(env_id: str) -> str:
    """Return the name of the agent that searches if none is asked for."""
    return UNLEARNED if shipped_model(env_id) is None else "pretrained"


def usual_search(env_id: str, **options: Any) -> Search:
    """Return the search that is made if no agent is asked for.

    Args:
        env_id: id of the environment.
        **options: of ``Search``.
    """
    agent, sources = parse(usual_agent(env_id)), Sources(env=env_id)
    return Search(agent=agent, sources=sources, voices=env_id, instead=parse(UNLEARNED), **options)


def ready(search: Search, task: SoundMatchingTask) -> tuple[Search, Agent, list[str]]:
    """Make the agent of a search ready.

    Args:
        search: as it was asked for.
        task: what is played.

    Returns:
        The search that is made, its agent, and remarks, a line each. Where the network of a usual search is
        missing or damaged, or has learned another game, an agent searches that has learned nothing.

    Raises:
        SynthgymError: the agent cannot search, and there is none instead.
    """
    try:
        agent = search.prepare(task)
    except SynthgymError as error:
        if search.instead is None or search.instead == search.agent:
            raise
        instead = replace(search, agent=search.instead)
        return instead, instead.prepare(task), [f"{error}; {search.instead} searches instead"]
    learned = any(part.name == "pretrained" for part in search.agent.parts)
    return search, agent, unlearned(task, search.sources.env) if learned else []
