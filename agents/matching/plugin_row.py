"""What can be said of a plugin in one row of a table, measured by playing it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
import numpy as np

from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.synths import Audio
from synthgym.synths.plugin import PluginSynth
from synthgym.task import SoundMatchingTask

from .recording import Recording
from .search import Search

ENV = "Plugin-v0"
PATCHES = 20
"""Random audible patches: enough to tell a share of 40 % from one of 80 %."""
STEPS = 100


@dataclass(frozen=True, kw_only=True)
class PluginRow:
    """What was measured. Distances are the environment's own, those of several patches the greatest.

    Attributes:
        make: milliseconds that ``gym.make`` takes, all about the plugin being known.
        free: how many knobs are free, of which
        continuous: so many are continuous, and
        discrete: so many discrete.
        held: how many are held because they silence it.
        pseudo: how many parameters are no knobs of the sound.
        audible: the share of random patches that is.
        loaded: distance of the default row from the plugin as it is loaded.
        helpers: distance of patches in two fresh helper processes.
        isolation: where it lives by default.
        step: milliseconds of a step, the median.
        preset: distance of patches that were saved and loaded again.
        suffix: the ending of these presets.
        match: how a recording was matched; None if the search failed.
    """

    make: float
    free: int
    continuous: int
    discrete: int
    held: int
    pseudo: int
    audible: float
    loaded: float
    helpers: float
    isolation: str
    step: float
    preset: float
    suffix: str
    match: MatchRow | None


@dataclass(frozen=True, kw_only=True)
class MatchRow:
    """How a recording was matched.

    Attributes:
        start: distance of the first patch.
        best: of the nearest that the default search found.
        random: of the nearest that as many renders of random patches would find.
        renders: how many there were.
        seconds: that the search took, with the making of the patches that it starts from.
    """

    start: float
    best: float
    random: float
    renders: int
    seconds: float


def measure_plugin(plugin: str, recording: Recording, seconds: float) -> PluginRow:
    """Measure a plugin.

    Args:
        plugin: its path or URI.
        recording: to match.
        seconds: to search.

    Returns:
        What was measured; ``match`` is None if the search found no sound.

    Raises:
        SynthgymError: the plugin is refused.
    """
    make_task(ENV, {"plugin": plugin}).close()  # what is measured once is known from here
    began = time.perf_counter()
    with closing(gym.make(f"synthgym:{ENV}", plugin=plugin)) as env:
        make = time.perf_counter() - began
        step = _step(env)
    with _playing(plugin) as (task, synth):
        knobs = {knob.parameter.name: knob for knob in synth.knobs}
        discrete = sum(knobs[name].parameter.steps is not None for name in task.space.names)
        patches = task.make_patches(PatchStream("pool", seed=0).ids(range(PATCHES)))
        before = patches.rendered.features[0]
        synth.close()  # another helper, from here
        helpers = distance(task.render(patches.unit, patches.notes).features[0], before).max()
        row = PluginRow(
            make=1000 * make,
            free=len(task.space),
            continuous=len(task.space) - discrete,
            discrete=discrete,
            held=len(synth.held),
            pseudo=sum(knob.pseudo for knob in synth.knobs),
            audible=PATCHES / patches.renders.sum(),
            loaded=_loaded(task, synth),
            helpers=float(helpers),
            isolation=synth.isolation,
            step=1000 * step,
            preset=_preset(task, synth),
            suffix=synth.preset_suffix,
            match=None,
        )
    try:
        return replace(row, match=_match(plugin, recording, seconds))
    except SynthgymError:
        return row


@contextmanager
def _playing(plugin: str, **options: Any) -> Iterator[tuple[SoundMatchingTask, PluginSynth]]:
    with closing(make_task(ENV, {"plugin": plugin, **options})) as task:
        assert isinstance(task.synth, PluginSynth)
        yield task, task.synth


def _step(env: gym.Env[Any, Any]) -> float:
    """Return the median of the seconds that random steps take."""
    env.reset(seed=0)
    env.action_space.seed(0)
    took = []
    for _ in range(STEPS):
        began = time.perf_counter()
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        took.append(time.perf_counter() - began)
        if terminated or truncated:
            env.reset()
    return float(np.median(took))


def _loaded(task: SoundMatchingTask, synth: PluginSynth) -> float:
    """Return how far the default row is from the plugin as it is loaded, with nothing set."""
    (note,) = synth.note.middle()
    sounds = []
    for sound in (
        lambda: synth.render_settings([], note),
        lambda: synth.render(synth.space.row({})[None], note[None])[0],
    ):
        synth.close()
        sounds.append(sound())
    return _apart(task, *sounds)


def _preset(task: SoundMatchingTask, synth: PluginSynth) -> float:
    """Return how far patches are from themselves after they were saved and loaded again, at most."""
    rows = task.space.to_native(task.make_patches(PatchStream("pool", seed=1).ids(range(4))).unit)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"preset{synth.preset_suffix}"
        again = []
        for row in rows:
            synth.save_preset(row, path)
            again.append(synth.load_preset(path))
    sounds = (synth.render(some) for some in (rows, np.stack(again)))
    return max(_apart(task, *pair) for pair in zip(*sounds, strict=True))


def _apart(task: SoundMatchingTask, one: Audio, other: Audio) -> float:
    features = task.extract(np.stack([one, other])).features[0]
    return float(distance(features[:1], features[1:])[0])


def _match(plugin: str, recording: Recording, seconds: float) -> MatchRow:
    """Match a recording as synthgym match does by default, and by random patches."""
    env_kwargs, _ = recording.env_kwargs({"plugin": plugin}, None)
    with closing(make_task(ENV, env_kwargs, rendering="auto")) as task:
        target = recording.target(task.synth.sample_rate, task.synth.samples)
        search = Search(seconds=seconds)
        began = time.perf_counter()
        found = search.run(task, target, search.prepare(task))
        took = time.perf_counter() - began
        renders = len(found.distances)
        drawn = task.make_patches(PatchStream("pool", seed=1).ids(range(renders)))
        far = distance(drawn.rendered.features[0], task.extract(target[None]).features[0])
        by_chance = far[np.cumsum(drawn.renders) <= renders]
    assert found.best is not None
    return MatchRow(
        start=found.distances[0],
        best=found.best.distance,
        random=float(by_chance.min(initial=1.0)),
        renders=renders,
        seconds=took,
    )
