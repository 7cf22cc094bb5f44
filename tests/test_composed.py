"""Patches that are put together from layers, and what they are told to sound like."""

from pathlib import Path

import numpy as np
import pytest
from conftest import present

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
from synthgym.features.multiresolution import MultiResolution
from synthgym.features.powers import SHORT, aim, loudness_of, powers, powers_of
from synthgym.features.sums import distances_of_sums, distances_of_whole_sums
from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.synths import make_synth
from synthgym.task import SoundMatchingTask

BRIEF = {"duration": 0.5, "hold": 0.3}


@pytest.fixture(scope="module")
def task() -> SoundMatchingTask:
    return make_task("Dexed6Op-v0", BRIEF, rendering="inline")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sets") / "set"
    recipe = datasets.Recipe("Dexed6Op-v0", env_kwargs=BRIEF, rendering="inline")
    datasets.make(path, recipe.random(300), progress=False)
    recipe.task.close()
    return path


def test_loudness_and_powers_are_each_other_back() -> None:
    levels = (10 ** np.arange(-9, 0.1, 0.5)).astype(np.float32)
    np.testing.assert_allclose(powers_of(loudness_of(levels)), levels, rtol=1e-4)
    assert powers_of(loudness_of(np.zeros(3, np.float32))).tolist() == [0, 0, 0]


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0, 2.0])
def test_a_sum_is_as_far_as_its_sound_is(seconds: float) -> None:
    """Of tones that have nothing to do with each other, and a target of one level over time."""
    (feature,) = make_features(["multiresolution"], 44100, round(44100 * seconds))
    assert isinstance(feature, MultiResolution)
    time = np.arange(round(44100 * seconds)) / 44100
    sounds = np.stack([0.1 * np.sin(2 * np.pi * hz * time) for hz in (300, 3000, 440)]).astype(np.float32)
    parts = powers(feature, sounds)
    heard = feature(np.stack([sounds[0] + 0.5 * sounds[1], sounds[0] + 0.5 * sounds[2], sounds[2]]))
    wanted = distance(heard[:2], heard[2:])
    target, rows, gains = aim(heard[2]), np.array([1, 2]), np.full(2, 0.25, np.float32)
    partials, buffer = np.empty((len(target) // 16 - SHORT // 16, 16), np.float32), np.empty(32, np.float32)
    far = np.empty(2, np.float32)
    distances_of_whole_sums(parts[0], parts, rows, gains, target, SHORT, partials, buffer, far)
    np.testing.assert_allclose(far, wanted, atol=0.06)
    short = np.empty((2, 1), np.float32)
    distances_of_sums(parts[0], parts, rows, gains[:1], target[:SHORT], buffer, short)
    mel = heard[..., :128]
    np.testing.assert_allclose(short[:, 0], distance(mel[:2], mel[2:]), atol=0.06)


def test_a_voice_of_layers_sounds_like_their_sum(task: SoundMatchingTask) -> None:
    assert isinstance(task.feature, MultiResolution)
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
        alone = powers(task.feature, present(task.render_native(three).audio))
        found = powers(task.feature, present(task.render_native(voice[None]).audio))
        told = (alone * 10 ** (gains / 10)[:, None]).sum(axis=0, dtype=np.float32)
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
    values = (10 ** rng.uniform(-10, -1, (500, 16 * 254))).astype(np.float32)
    values[:, SHORT:] = 0  # nothing stands out of noise
    exclusive = np.arange(500) % 2 == 0
    layers = Layers(values, exclusive, 3)
    for rows in ([11, 4, 201], [7, 499, 33]):
        levels = np.array([1, 10**-0.5, 0.1], np.float32)
        loudness = loudness_of((values[rows] * levels[:, None]).sum(axis=0))
        (nearest, *others) = layers.nearest(loudness, 10)
        assert sorted(nearest.rows) == sorted(rows)
        assert dict(zip(nearest.rows, nearest.decibels, strict=True)) == dict(
            zip(rows, (0, -5, -10), strict=True)
        )
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


def test_layers_are_of_the_note_that_is_played(task: SoundMatchingTask, made: Path) -> None:
    """A data set may be of another note."""
    low = make_task("Dexed6Op-v0", {**BRIEF, "note": 36}, rendering="inline")
    target = low.make_patches(PatchStream("validation", 1).ids(range(1))).rendered.features[0]
    of_both = [LayerSet(each, made).nearest(target, 5) for each in (task, low)]
    assert not np.array_equal(of_both[0], of_both[1])
    kept = sorted((made / "index").glob("layers-*.npz"))
    assert len(kept) == 2, "neither is lost for the other"
    np.testing.assert_array_equal(LayerSet(low, made).nearest(target, 5), of_both[1])
    assert sorted((made / "index").glob("layers-*.npz")) == kept
    low.close()


def test_rows_come_in_turn() -> None:
    first, second = np.zeros((2, 3), np.float32), np.ones((4, 3), np.float32)
    assert in_turn(first, second)[:, 0].tolist() == [0, 1, 0, 1, 1, 1]
    assert in_turn(first[:0], second)[:, 0].tolist() == [1] * 4
