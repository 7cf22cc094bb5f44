"""Sixteen environments at once against one, and against raw batches."""

from __future__ import annotations

import gymnasium as gym

from synthgym.envs import SynthVectorEnv
from synthgym.rendering import usable_cores

from .reference import RawBatch
from .section import Effort, Row, Section
from .turns import (
    ENDLESS,
    Figures,
    median,
    random_actions,
    ratio,
    steps_of_many,
    steps_of_one,
    take_turns,
    timed,
)

IDS = ("Dexed1Op-v0", "Dexed5Op-v0", "FM-v0")
NUM_ENVS = 16


def measure(effort: Effort) -> list[Row]:
    """Measure both for each id."""
    return [_row_of(env_id, effort) for env_id in IDS]


def _row_of(env_id: str, effort: Effort) -> Row:
    """Measure steps per second of both environments, then batches."""
    single, vector = gym.make(env_id), gym.make_vec(env_id, NUM_ENVS)
    calls = effort.calls(NUM_ENVS)
    turns = {"single": steps_of_one(single, NUM_ENVS * calls), "vector": steps_of_many(vector, calls)}
    figures = take_turns(effort.rounds, turns)
    single.close()
    vector.close()
    figures |= _batches(env_id, effort)
    return {
        "id": env_id,
        "single": median(figures["single"]),
        "vector": median(figures["vector"]),
        "vector_per_single": ratio(figures["vector"], figures["single"]),
        "batch_step": median(figures["batch_step"]),
        "batch_raw": median(figures["batch_raw"]),
        "step_per_raw": ratio(figures["batch_step"], figures["batch_raw"]),
        "rounds": figures,
    }


def _batches(env_id: str, effort: Effort) -> Figures:
    """Return the time of a step and of a raw batch of the same patches, in ms; one after the other."""
    envs = gym.make_vec(env_id, NUM_ENVS, **ENDLESS)
    inner = envs.unwrapped
    assert isinstance(inner, SynthVectorEnv)
    synth, space = inner.task.synth, inner.task.space
    envs.reset(seed=0)
    raw = RawBatch(synth, min(usable_cores(), NUM_ENVS), space.to_native(inner.parameters[0]))
    figures: Figures = {"batch_step": [], "batch_raw": []}
    for _ in range(effort.rounds):
        times: Figures = {name: [] for name in figures}
        for actions in random_actions(effort.steps, NUM_ENVS, len(space)):
            spent, _ = timed(envs.step, actions)
            times["batch_step"].append(spent * 1e3)
            spent, _ = timed(raw, space.to_native(inner.parameters))
            times["batch_raw"].append(spent * 1e3)
        for name, values in times.items():
            figures[name].append(median(values))
    envs.close()
    raw.close()
    return figures


SECTION = Section(
    name="vector",
    title="Sixteen environments as one",
    text="gym.make_vec(id, 16) against gym.make(id), episodes ending and beginning as usual; then one "
    "step of the sixteen against the raw render and reference feature of the same patches in plain "
    "threads, one for each core, as the environment has.",
    columns={
        "id": "id",
        "single": "gym.make, steps/s",
        "vector": "gym.make_vec, steps/s",
        "vector_per_single": "make_vec / make",
        "batch_step": "step of 16, ms",
        "batch_raw": "raw batch of 16, ms",
        "step_per_raw": "step / raw",
    },
    measure=measure,
    required={"vector_per_single": ("at least", 1.7), "step_per_raw": ("at most", 1.1)},
)
