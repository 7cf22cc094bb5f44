"""What is known of louder sounds: their features, the levels that make them, and a lookup that tries some."""

from pathlib import Path

import numpy as np
import pytest
from conftest import present

from agents.catalogue import Sources, prepare
from agents.trials.agent import run
from agents.trials.pool import Pool
from agents.trials.trial import Trial
from synthgym import datasets
from synthgym.features import distance, make_features
from synthgym.making import make_task
from synthgym.rendering import Rendered
from synthgym.synths import make_synth
from synthgym.task import SoundMatchingTask


def voices(count: int) -> np.ndarray:
    synth = make_synth("dexed", operators=6)
    return synth.human_like([np.random.default_rng((7, i)) for i in range(count)])


@pytest.mark.parametrize("name", ["logmel", "multiresolution"])
@pytest.mark.parametrize("decibels", [-12.0, -1.5, 0.0, 6.0])
def test_features_of_louder_sounds_are_foretold(name: str, decibels: float) -> None:
    synth = make_synth("dexed", operators=6)
    sounds = synth.render(voices(40))
    (feature,) = make_features([name], synth.sample_rate, synth.samples)
    before = feature(sounds)
    foretold = present(feature.louder(before, decibels))
    after = feature(sounds * np.float32(10 ** (decibels / 20)))
    # What comes up from below the floor cannot be foretold.
    wrong, changed = distance(foretold, after), distance(before, after)
    assert wrong.max() < 0.08
    assert wrong.mean() <= 0.15 * changed.mean()
    assert present(feature.louder(np.zeros_like(before), 6.0)).max() == 0  # silence stays


def test_of_other_features_it_is_unknown() -> None:
    (feature,) = make_features(["mfcc"], 44100, 44100)
    assert feature.louder(np.ones((1, *feature.shape), np.float32), 3.0) is None


@pytest.mark.parametrize("decibels", [-9.0, 3.0])
def test_a_louder_voice_is_the_same_voice(decibels: float) -> None:
    synth = make_synth("dexed", operators=6)
    native = voices(60)
    if decibels > 0:  # people have carriers at the highest level
        native = synth.louder(native, -6.0)[0]
    louder, by = synth.louder(native, decibels)
    assert (np.abs(by) <= abs(decibels) + 0.4).all()
    assert (by * decibels >= 0).all()
    assert (by != 0).mean() > 0.5
    sounds = synth.render(np.concatenate([native, louder])).astype(np.float64)
    power = (sounds**2).mean(axis=1)
    heard = 10 * np.log10(np.maximum(power[60:], 1e-12) / np.maximum(power[:60], 1e-12))
    # Levels are clipped where key scaling has raised them, and feedback of a carrier is another.
    assert (np.abs(heard - by) < 0.3).mean() > 0.8
    np.testing.assert_array_equal(louder[by == 0], native[by == 0])


def test_a_lookup_tries_levels_and_is_no_farther(tmp_path: Path) -> None:
    recipe = datasets.Recipe("Dexed1Op-v0", rendering="inline")
    datasets.make(tmp_path / "set", recipe.random(60), progress=False)
    recipe.task.close()
    kept = datasets.load(tmp_path / "set")
    task = make_task("Dexed1Op-v0", {}, rendering="inline")
    rows = np.flatnonzero(kept.split[:] == 0)
    native = task.space.to_native(kept.parameters[:][rows])
    softer, by = task.synth.louder(native, -6.0)
    row = int(np.flatnonzero((by < -5) & (task.render_native(native).features[0].max(axis=(1, 2)) > 0))[0])
    target = task.render_native(softer[[row]])
    first = {}
    for name in ("nearest", "levelled"):
        agent = prepare(name, task, Sources(dataset=tmp_path / "set"))
        trial = run(agent, Trial(task, target, 40, Pool.make(task, 0, 1), np.random.default_rng(0)))
        first[name] = trial.distances[0]
        assert len({*trial.distances}) > 5
    assert first["levelled"] < 0.005 < 0.03 < first["nearest"]


def test_where_no_level_is_known_it_is_nearest(tmp_path: Path) -> None:
    recipe = datasets.Recipe("FM-v0", rendering="inline")
    datasets.make(tmp_path / "set", recipe.random(40), progress=False)
    recipe.task.close()
    task = SoundMatchingTask("fm", rendering="inline")
    aim = Rendered((task.render(np.full((1, 6), 0.4, np.float32)).features[0],))
    found = [
        run(
            prepare(name, task, Sources(dataset=tmp_path / "set")),
            Trial(task, aim, 20, Pool.make(task, 0, 1), np.random.default_rng(0)),
        ).distances
        for name in ("nearest", "levelled", "composed")
    ]
    assert sorted(found[0]) == sorted(found[1])
    assert found[1] == found[2], "nor is it known how its patches come apart"
