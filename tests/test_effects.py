"""Steps that are made of earlier ones, by what those did to the sound."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.search import effects as module
from agents.search.effects import FEWEST, Effects
from agents.search.halving import Halving
from agents.search.hill_climber import nearest_steps, step
from agents.trials.agent import run
from agents.trials.pool import Pool
from agents.trials.trial import Trial
from synthgym.features import distance
from synthgym.features.changes import distances_of_changed
from synthgym.lanes import WIDTH
from synthgym.making import make_task
from synthgym.parameters import Unit
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask


@pytest.fixture(scope="module", params=["FM-v0", "Granulator-v0", "Dexed1Op-v0", "Dexed6Op-v0"])
def task(request: pytest.FixtureRequest) -> Iterator[SoundMatchingTask]:
    made = make_task(request.param, {}, rendering="inline")
    yield made
    made.close()


def trial_of(task: SoundMatchingTask, number: int, budget: int = 10**6) -> Trial:
    target = task.make_patches(PatchStream("validation", 0).ids([number])).rendered
    return Trial(task, target, budget, Pool.make(task, 0, 64), np.random.default_rng(number))


@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 5), st.booleans())
@settings(max_examples=50, deadline=None)
def test_a_changed_sound_is_as_far_as_if_it_were_rendered(
    seed: int, values: int, rows: int, signed: bool
) -> None:
    rng = np.random.default_rng(seed)
    sound, changes, target = (rng.standard_normal((n, values)).astype(np.float32) for n in (1, 9, 1))
    floor = np.float32(-np.inf if signed else 0)
    if not signed:
        sound, target = np.abs(sound), np.abs(target)
    which = rng.integers(0, 9, rows)
    scales = rng.uniform(-2, 2, rows).astype(np.float32)
    far = np.empty(rows, np.float32)

    def padded(row: Any) -> Any:
        return np.pad(row, ((0, 0), (0, -values % WIDTH)))

    room = np.empty(2 * WIDTH, np.float32)
    distances_of_changed(
        padded(sound)[0], padded(changes), which, scales, floor, padded(target)[0], room, far
    )
    changed = np.maximum(sound + scales[:, None] * changes[which], floor)
    np.testing.assert_allclose(far, distance(changed, target), rtol=1e-5, atol=1e-6)


class Climb:
    """One climb, and the effects of its steps.

    Args:
        trial: renders.
        unit: where it is, (n,).
    """

    def __init__(self, trial: Trial, unit: Unit) -> None:
        self.trial, self.unit, self.effects = trial, unit[None], Effects(trial)
        rendered = trial.render(self.unit)
        self.far = trial.distances[-1]
        self.effects.join(rendered.features[0])

    def plain(self, count: int) -> Unit:
        return np.stack([step(self.trial, self.unit[0]) for _ in range(count)])[None]

    def learn(self, there: Unit) -> Any:
        """Render steps (1, K, n) from where it stays, and return their distances (K,)."""
        rendered = self.trial.render(there[0])
        self.effects.learn(self.unit, there, rendered.features[0], np.array([-1]))
        return np.array(self.trial.distances[-there.shape[1] :])


def test_steps_that_are_made_of_others_lead_nearer(
    task: SoundMatchingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do so more often than the plain ones that they are made of, and by much more."""
    monkeypatch.setattr(module, "SHARE", 1.0)
    nearer, gains = [], []
    for number in range(8):
        trial = trial_of(task, number)
        climb = Climb(trial, trial.best_start(20)[0])
        plain = climb.learn(climb.plain(96))
        there = climb.effects.mixed(climb.unit, climb.plain(96))
        made = climb.learn(there)
        assert there.min() >= 0
        assert there.max() <= 1
        nearer.append([(far < climb.far).mean() for far in (plain, made)])
        gains.append([np.maximum(climb.far - far, 0).mean() for far in (plain, made)])
    (plain_nearer, made_nearer), (plain_gain, made_gain) = np.mean(nearer, axis=0), np.mean(gains, axis=0)
    assert made_nearer > plain_nearer + 0.15
    assert made_gain > 3 * plain_gain


def test_steps_stay_as_they_are_while_little_is_known(
    task: SoundMatchingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARE", 1.0)
    trial = trial_of(task, 0)
    climb = Climb(trial, trial.best_start(20)[0])
    while climb.effects.known[0] < FEWEST:
        there = climb.plain(4)
        np.testing.assert_array_equal(climb.effects.mixed(climb.unit, there), there)
        climb.learn(there)
    climb.effects.join(trial.render(climb.unit).features[0])
    both = np.repeat(there, 2, axis=0)
    mixed = climb.effects.mixed(climb.unit.repeat(2, axis=0), both)
    assert (mixed[0] != both[0]).any()
    np.testing.assert_array_equal(mixed[1], both[1])


@pytest.mark.parametrize(
    ("env_id", "keywords"),
    [
        ("FM-v0", {"feature": "mfcc"}),
        ("FM-v0", {"feature": "embedding", "duration": 0.5, "hold": 0.3}),
        ("FM-v0", {"note": [30, 90], "notes_per_target": 3}),
        ("Dexed1Op-v0", {"feature": "logmel", "note": [30, 90], "duration": 1.5}),
    ],
)
@pytest.mark.parametrize("budget", [1, 7, 400])
def test_a_search_by_any_feature_and_of_several_notes_is_spent(
    env_id: str, keywords: dict[str, Any], budget: int
) -> None:
    with closing(make_task(env_id, keywords, rendering="inline")) as task:
        target = task.make_patches(PatchStream("validation", 0).ids([0]))
        budget *= task.notes_per_target
        found = [
            run(
                Halving(),
                Trial(task, target.rendered, budget, pool, np.random.default_rng(1), target.notes[0]),
            )
            for pool in (Pool.make(task, 0, 64), Pool.make(task, 0, 64))
        ]
    assert found[0].renders == budget
    assert found[0].distances == found[1].distances
    assert np.isfinite(found[0].distances).all()


def test_the_steps_that_climbs_take_are_the_nearest_that_are_no_farther() -> None:
    here, there = np.array([0.5, 0.5, 0.5]), np.array([[0.6, 0.4, 0.3], [0.5, 0.6, 0.5], [0.7, 0.6, 0.6]])
    assert nearest_steps(here, there).tolist() == [2, 0, -1]
