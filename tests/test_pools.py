"""The patches that searches start from: drawn when they are needed, after what is known of a synth."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import AMSYNTH, needs

from agents import api as agents
from agents.baselines.random import Random
from agents.matching.search import Search
from agents.search.cma_es import CMAES
from agents.search.halving import Halving
from agents.trials import watched as watched_module
from agents.trials.agent import run
from agents.trials.answers import Answers
from agents.trials.pool import DrawnPool, Pool, known_starts
from agents.trials.signals import Signals
from agents.trials.trial import BudgetSpent, Trial
from agents.trials.watched import WatchedTrial
from synthgym.errors import SynthError
from synthgym.notes import Notes
from synthgym.parameters import Unit
from synthgym.patches import PatchStream
from synthgym.rendering import Rendered
from synthgym.task import SoundMatchingTask


@pytest.fixture(scope="module")
def fm() -> Iterator[SoundMatchingTask]:
    task = SoundMatchingTask("fm")
    yield task
    task.close()


def watched(
    task: SoundMatchingTask, pool: Pool, seconds: float | None = None, budget: int = 10**9
) -> WatchedTrial:
    target = task.make_patches(PatchStream("validation", 0).ids([0])).rendered
    rng, answers = np.random.default_rng(0), Answers(1)
    return WatchedTrial(task, target, budget, pool, rng, signals=Signals(), seconds=seconds, answers=answers)


def test_a_drawn_pool_has_the_patches_of_one_that_is_made_at_once(fm: SoundMatchingTask) -> None:
    made, drawn = Pool.make(fm, 3, 30), DrawnPool(fm, 3, 30)
    for count in (0, 1, 7, 7, 20, 99):
        drawn.reach(count)
        assert len(drawn.unit) == min(count, 30)
    np.testing.assert_array_equal(drawn.unit, made.unit)
    np.testing.assert_array_equal(drawn.renders, made.renders)


def test_a_pool_begins_with_what_is_known_and_draws_what_is_asked_for(fm: SoundMatchingTask) -> None:
    """Known patches cost nothing before the target is known; those that are drawn are offline renders."""
    known = known_starts(fm)
    np.testing.assert_array_equal(known, fm.space.to_unit(fm.space.row({}))[None])
    pool, before = DrawnPool(fm, 0, 100, known), fm.meter.renders
    trial = Trial(fm, fm.render(np.full((1, 6), 0.4, np.float32)), 20, pool, np.random.default_rng(0))
    trial(trial.starts(1))
    assert (fm.meter.renders - before, trial.offline) == (2, [0])
    trial(trial.starts(4))
    np.testing.assert_array_equal(pool.unit[1:], Pool.make(fm, 0, 4).unit)
    assert trial.offline[-1] == pool.renders.sum() >= 4
    assert len(trial.distances) == 5
    trial = Trial(fm, trial.target, 400, DrawnPool(fm, 0, 100), trial.rng)
    run(Random(), trial)
    assert len(trial.distances) == 100


def test_known_presets_are_heard_before_others_are_drawn(fm: SoundMatchingTask) -> None:
    known = fm.space.sample(np.random.default_rng(1), 70)
    pool = DrawnPool(fm, 0, 1000, known)
    trial = run(Halving(), Trial(fm, fm.render(known[-1:]), 800, pool, np.random.default_rng(0)))
    assert trial.best_of(70).distance == 0
    assert trial.offline[-1] == 0


def test_a_pool_ends_where_nothing_audible_is_found(caplog: pytest.LogCaptureFixture) -> None:
    frozen = {"OP1 OUTPUT LEVEL": 0}
    silent = SoundMatchingTask(
        "dexed", operators=1, parameters=["OP1 F FINE"], frozen=frozen, patches="uniform"
    )
    pool = DrawnPool(silent, 0, 100, known_starts(silent))
    target = SoundMatchingTask("dexed", operators=1).render(np.full((1, 23), 0.5, np.float32))
    trial = Trial(silent, target, 50, pool, np.random.default_rng(0))
    assert len(trial.starts(8)) == len(pool) == 1
    assert "no more starts are drawn: 200 random patches in a row are inaudible" in caplog.text
    with pytest.raises(BudgetSpent):
        trial.starts(1)
    clip = np.full(44100, 0.1, np.float32)
    with pytest.raises(SynthError, match="200 random patches in a row are inaudible"):
        Search(budget=100).run(silent, clip, Random())


def test_those_before_one_that_finds_nothing_are_starts_all_the_same(
    fm: SoundMatchingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_patches = fm.make_patches

    def eleventh_is_silent(ids: Any, **options: Any) -> Any:
        if any(patch.number == 10 for patch in ids):
            raise SynthError("nothing is audible")
        return make_patches(ids, **options)

    made = Pool.make(fm, 0, 10)
    monkeypatch.setattr(fm, "make_patches", eleventh_is_silent)
    for known in (None, made.unit[3:5]):
        pool = DrawnPool(fm, 0, 100, known)
        pool.reach(50)
        np.testing.assert_array_equal(pool.unit[pool.known :], made.unit)
        assert len(pool) == len(pool.unit)
        assert pool.failure is not None
    # A search by restarts goes on from the best where there are no more.
    rng = np.random.default_rng(0)
    trial = run(CMAES(), Trial(fm, fm.render(made.unit[:1] * 0.9), 700, DrawnPool(fm, 0, 1000), rng))
    assert len(trial.distances) == 700
    # A pool has as many as are asked for.
    monkeypatch.undo()
    trial = agents.search(Random(), fm, trial.target, fm.note.rows(1)[0], 1100, 0)
    assert len(trial.distances) == 1100


def test_time_ends_the_drawing_of_starts(fm: SoundMatchingTask, monkeypatch: pytest.MonkeyPatch) -> None:
    make_patches = fm.make_patches

    def slow(*args: Any, **options: Any) -> Any:
        time.sleep(0.3)
        return make_patches(*args, **options)

    trial = watched(fm, DrawnPool(fm, 0, 1000), seconds=1)
    monkeypatch.setattr(fm, "make_patches", slow)
    began = time.monotonic()
    starts = trial.starts(1000)
    assert len(starts) == 8, "an eighth of a second"
    assert 0 < len(trial.distances) <= min(8, watched_module._FEWEST), (
        "a person waits for the first answer, not for all starts"
    )
    time.sleep(0.8)
    for late in (trial.starts, lambda count: trial(starts[:count])):
        with pytest.raises(BudgetSpent):
            late(1)
    assert time.monotonic() - began < 5
    trial.close()


def test_many_renders_are_ended_by_time_and_by_the_budget(fm: SoundMatchingTask) -> None:
    unit = np.full((2000, 6), 0.5, np.float32)
    pool = Pool.make(fm, 0, 1)
    trial = watched(fm, pool, budget=70)
    assert len(trial(unit[:70])) == 70
    with pytest.raises(BudgetSpent):
        trial(unit[:1])
    hurried = watched(fm, pool, seconds=0.1)
    with pytest.raises(BudgetSpent):
        hurried(unit)
    assert 0 < len(hurried.distances) < 2000
    trial.close()
    hurried.close()


def test_sounds_that_take_long_are_rendered_few_at_a_time(
    fm: SoundMatchingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A nearer answer is told, and a stop obeyed, soon; the distances are those of any trial."""
    unit, render = fm.space.sample(np.random.default_rng(0), 150), fm.render
    batches: list[int] = []
    pause = 0.0

    def slow(unit: Unit, notes: Notes, **options: Any) -> Rendered:
        batches.append(len(unit))
        time.sleep(pause * len(unit))
        return render(unit, notes, **options)

    monkeypatch.setattr(fm, "render", slow)
    found = []
    for pause, fewest, most in ((0.0, 3, 32), (0.15, 1, watched_module._FEWEST)):
        trial = watched(fm, Pool.make(fm, 0, 1), budget=150)
        batches.clear()
        found.append(trial(unit[: 150 if pause == 0 else 20]))
        assert fewest <= batches[-2:][0] <= most, batches
        trial.close()
    np.testing.assert_array_equal(found[0][:20], found[1])


@needs.amsynth
def test_a_match_of_a_plugin_begins_with_its_programs() -> None:
    task = SoundMatchingTask("plugin", plugin=AMSYNTH)
    known = known_starts(task)
    assert len(known) >= 128
    (aim,) = task.space.to_native(known[100:101])
    clip = task.synth.render(aim[None])[0]
    trial = Search(budget=len(known) + 2).run(task, clip, Random())
    assert trial.best is not None
    assert trial.best.distance < 0.1
    assert trial.best.render <= len(known)
    task.close()
