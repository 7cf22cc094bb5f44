"""What an environment's step costs beside the least it could cost."""

from __future__ import annotations

import sys

import gymnasium as gym

from envs_registry import ENVIRONMENTS, example, missing
from synthgym.envs import SynthEnv
from synthgym.synths.plugin import PluginSynth

from .reference import reference_feature
from .section import Effort, Row, Section
from .turns import Figures, median, ratio, timed


def measure(effort: Effort) -> list[Row]:
    """Measure every id of the table that this machine can make."""
    rows = []
    for env_id in ENVIRONMENTS:
        if reason := missing(env_id):
            print(f"left out: {reason}", file=sys.stderr)
        else:
            rows.append(_row_of(env_id, effort))
    return rows


def _row_of(env_id: str, effort: Effort) -> Row:
    """Step an environment; after every step render the same patch once more, and take its feature."""
    env = gym.make(env_id, **example(env_id))
    inner = env.unwrapped
    assert isinstance(inner, SynthEnv)
    space = inner.task.space
    # A plugin is isolated by default; its render alone is what it takes without.
    synth = inner.task.synth
    if isinstance(synth, PluginSynth):
        synth = PluginSynth(plugin=synth.plugin, isolation="none")
    reference = reference_feature(synth.sample_rate)
    env.action_space.seed(0)
    env.reset(seed=0)
    figures: Figures = {"render": [], "reference": [], "step": []}
    for _ in range(effort.rounds):
        times: Figures = {name: [] for name in figures}
        for _ in range(effort.steps):
            spent, (_, _, terminated, truncated, _) = timed(env.step, env.action_space.sample())
            times["step"].append(spent * 1e6)
            spent, (audio,) = timed(synth.render, space.to_native(inner.parameters[None]))
            times["render"].append(spent * 1e6)
            spent, _ = timed(reference, audio)
            times["reference"].append(spent * 1e6)
            if terminated or truncated:
                env.reset()
        for name, values in times.items():
            figures[name].append(median(values))
    env.close()
    synth.close()
    render, reference_us, step = figures.values()
    least = [a + b for a, b in zip(render, reference_us, strict=True)]
    return {
        "id": env_id,
        "parameters": len(space),
        "render": median(render),
        "reference": median(reference_us),
        "step": median(step),
        "step_per_render": ratio(step, render),
        "step_per_least": ratio(step, least),
        "rounds": figures,
    }


SECTION = Section(
    name="steps",
    title="A step of one environment",
    text="One thread. The render is the synth's, native values in and audio out, a plugin's in this "
    "process; the reference is the same feature by plain calls of scipy; the step is the whole of "
    "env.step as gym.make gives it. One after the other on the same patches.",
    columns={
        "id": "id",
        "parameters": "parameters",
        "render": "render, us",
        "reference": "reference, us",
        "step": "step, us",
        "step_per_render": "step / render",
        "step_per_least": "step / (render + reference)",
    },
    measure=measure,
)
