"""Patches that are put together from layers, and what they are told to sound like."""

from pathlib import Path

import numpy as np
import pytest

from agents.baselines.composed import in_turn
from agents.baselines.composition import Layers
from agents.baselines.layers import LayerSet
from agents.catalogue import Sources, prepare
from agents.trials.agent import run
from agents.trials.pool import Pool
from agents.trials.trial import Trial
from synthgym import datasets
from synthgym.errors import SynthError
from synthgym.features import distance, make_features
from synthgym.features.powers import loudness_of, powers_of
from synthgym.features.sums import distances_of_sums
from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.rendering import Rendered
from synthgym.synths import make_synth
from synthgym.task import SoundMatchingTask

SHORT = {"duration": 0.5, "hold": 0.3}


@pytest.fixture(scope="module")
def task() -> SoundMatchingTask:
    return make_task("Dexed6Op-v0", SHORT, rendering="inline")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sets") / "set"
    recipe = datasets.Recipe("Dexed6Op-v0", env_kwargs=SHORT, rendering="inline")
    datasets.make(path, recipe.random(300), progress=False)
    recipe.task.close()
    return path


def test_loudness_and_powers_are_each_other_back() -> None:
    powers = (10 ** np.arange(-9, 0.1, 0.5)).astype(np.float32)
    np.testing.assert_allclose(powers_of(loudness_of(powers)), powers, rtol=1e-4)
    assert powers_of(loudness_of(np.zeros(3, np.float32))).tolist() == [0, 0, 0]


def test_distances_of_sums_are_those_of_added_powers() -> None:
    rng = np.random.default_rng(0)
    base, parts, aim = (10 ** rng.uniform(-11, -1, shape) for shape in (64, (5, 64), 64))
    rows, gains, far = np.array([3, 1]), np.array([0.1, 1], np.float32), np.empty((2, 2), np.float32)
    target = loudness_of(aim.astype(np.float32))
    given = base.astype(np.float32), parts.astype(np.float32)
    distances_of_sums(*given, rows, gains, target, np.empty(32, np.float32), far)
    sums = [loudness_of(base + gain * parts[row])[None] for row in rows for gain in gains]
    wanted = np.reshape([distance(each, target[None])[0] for each in sums], (2, 2))
    np.testing.assert_allclose(far, wanted, rtol=1e-4)


def test_the_powers_of_a_feature_are_those_of_the_sound() -> None:
    (feature,) = make_features(["multiresolution"], 44100, 22050)
    time = np.arange(22050) / 44100
    sounds = [(0.1 * np.sin(2 * np.pi * hz * time)).astype(np.float32)[None] for hz in (300, 3000)]
    one, other, both = (feature.powers(feature(sound)) for sound in (*sounds, sounds[0] + sounds[1]))
    assert isinstance(one, np.ndarray)
    assert isinstance(other, np.ndarray)
    assert isinstance(both, np.ndarray)
    assert one.shape[1] % 16 == 0
    loud = both > 1e-4
    np.testing.assert_allclose((one + other)[loud], both[loud], rtol=0.05)
    assert (
        make_features(["mfcc"], 44100, 22050)[0].powers(feature(np.asarray(sounds[0], np.float32)[None]))
        is None
    )


def test_a_voice_of_layers_sounds_like_their_sum(task: SoundMatchingTask) -> None:
    voices = task.make_patches(PatchStream("validation", 0).ids(range(60))).unit
    layers, exclusive = task.synth.layers(task.space.to_native(voices))
    assert len(layers) >= 60
    assert 0 < exclusive.mean() < 1
    rng = np.random.default_rng(1)
    near, gains = [], np.array([0.0, -9.0, -18.0])
    for _ in range(40):
        plain = rng.choice(np.flatnonzero(~exclusive), 2, replace=False)
        three = layers[[*plain, rng.choice(np.flatnonzero(exclusive))]]
        voice = task.synth.layered(three, gains)
        alone, together = (task.render_native(row).features[0] for row in (three, voice[None]))
        powers = task.feature.powers(alone)
        found = task.feature.powers(together)
        assert powers is not None
        assert found is not None
        told = (powers * 10 ** (gains / 10)[:, None]).sum(axis=0, dtype=np.float32)
        near.append(float(distance(loudness_of(told)[None], loudness_of(found[0])[None])[0]))
    assert np.median(near) < 0.05
    assert np.mean(near) < 0.1


def test_a_synth_without_layers_says_so() -> None:
    synth = make_synth("fm")
    row = np.array([[p.default for p in synth.space.parameters]])
    layers, exclusive = synth.layers(row)
    assert (len(layers), len(exclusive), synth.most_layers) == (0, 0, 0)
    with pytest.raises(SynthError, match="come apart"):
        synth.layered(row, np.zeros(1))


def test_what_was_put_together_is_found_again() -> None:
    rng = np.random.default_rng(2)
    powers = np.float32(10) ** rng.uniform(-10, -1, (500, 64)).astype(np.float32)
    exclusive = np.arange(500) % 2 == 0
    layers = Layers(powers, exclusive, 3)
    for rows in ([11, 4, 201], [7, 499, 33]):
        levels = np.array([1, 10**-0.5, 0.1], np.float32)
        (nearest, *others) = layers.nearest((powers[rows] * levels[:, None]).sum(axis=0), 10)
        assert sorted(nearest.rows) == sorted(rows)
        assert nearest.far < 1e-3
        assert all(exclusive[list(each.rows)].sum() <= 1 for each in others)
        assert sorted(each.far for each in others) == [each.far for each in others]


def test_a_lookup_puts_patches_together(task: SoundMatchingTask, made: Path) -> None:
    layers = LayerSet(task, made)
    again = LayerSet(task, made)
    target = task.make_patches(PatchStream("validation", 1).ids(range(6))).rendered
    for row in range(6):
        (aim,) = target.rows([row]).features
        np.testing.assert_array_equal(layers.nearest(aim, 5), again.nearest(aim, 5))
    first: dict[str, list[float]] = {"levelled": [], "composed": []}
    for name, found in first.items():
        agent = prepare(name, task, Sources(dataset=made))
        for row in range(6):
            trial = Trial(task, target.rows([row]), 10, Pool.make(task, 0, 1), np.random.default_rng(0))
            found.append(min(run(agent, trial).distances))
            assert trial.offline[-1] >= len(datasets.load(made)) + (name == "composed") * layers.renders
    assert np.mean(first["composed"]) < np.mean(first["levelled"]) - 0.02


def test_without_layers_it_is_levelled(tmp_path: Path) -> None:
    recipe = datasets.Recipe("FM-v0", env_kwargs=SHORT, rendering="inline")
    datasets.make(tmp_path / "set", recipe.random(40), progress=False)
    recipe.task.close()
    task = make_task("FM-v0", SHORT, rendering="inline")
    aim = Rendered((task.render(np.full((1, 6), 0.4, np.float32)).features[0],))
    found = [
        run(
            prepare(name, task, Sources(dataset=tmp_path / "set")),
            Trial(task, aim, 20, Pool.make(task, 0, 1), np.random.default_rng(0)),
        ).distances
        for name in ("levelled", "composed")
    ]
    assert found[0] == found[1]


def test_rows_come_in_turn() -> None:
    first, second = np.zeros((2, 3), np.float32), np.ones((4, 3), np.float32)
    assert in_turn(first, second)[:, 0].tolist() == [0, 1, 0, 1, 1, 1]
    assert in_turn(first[:0], second)[:, 0].tolist() == [1] * 4
