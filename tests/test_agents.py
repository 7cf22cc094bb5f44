"""Agents under a budget of renders: known optima, and baselines that are what they say."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import pytest
from conftest import present, synth_env
from numpy.typing import ArrayLike

import agents
from agents.baselines import index as index_module
from agents.baselines.index import Index, state_of
from agents.catalogue import AGENTS, LOOKUPS, Sources, prepare
from agents.search.variation import varied
from agents.training.learners import LEARNERS
from agents.trials.agent import Agent, Refined, run
from agents.trials.pool import Pool
from agents.trials.trial import BudgetSpent, Trial
from synthgym import datasets
from synthgym.datasets.made import INDEX
from synthgym.errors import SynthgymError, UnknownNameError
from synthgym.features import Feature, distance
from synthgym.notes import Note, Notes
from synthgym.parameters import Parameter, ParameterSpace, Unit
from synthgym.patches import PatchStream
from synthgym.rendering import Rendered
from synthgym.task import SoundMatchingTask

_NO_SEARCHES = ("random", "constant", "silence", "default", "shuffled_target", *LOOKUPS, "pretrained")
SEARCHES = [name for name in AGENTS if name not in (*LEARNERS, *_NO_SEARCHES)]
NO_TASK: Any = None
"""For agents that need nothing of a task."""


NOTES = Note().rows(1)


class Values(Feature):
    """The feature of the toy, whose sounds are its parameters."""

    low, high = np.float32(0), np.float32(2)

    def __init__(self, size: int) -> None:
        self.shape, self.bins, self.unit, self.ticks = (1, size), "parameters", "", ()

    def __call__(self, audio: Any) -> Any:
        return audio[:, None, :]


class Bowl:
    """Renders features whose distance grows with that of the parameters: a smooth toy."""

    def __init__(self, size: int = 6, discrete: Sequence[int] = ()) -> None:
        kinds: list[Literal["continuous", "integer"]] = [
            "integer" if i in discrete else "continuous" for i in range(size)
        ]
        self.space = ParameterSpace([Parameter(f"p{i}", kind, 0, 9, 0) for i, kind in enumerate(kinds)])
        self.made, self.note, self.features = 0, Note(), (Values(size),)

    def render(self, unit: Unit, notes: Notes = NOTES, *, audio: bool = False) -> Rendered:
        self.made += len(unit)
        # Values from 1 to 2: Ruzicka's distance of such is smooth, and zero for equal ones alone.
        return Rendered((self.features[0](1 + self.space.quantise(unit)),))


def best_unit(trial: Trial) -> Unit:
    return present(present(trial.best).unit)


def trial_of(source: Any, aim: ArrayLike, budget: int, seed: int = 0) -> Trial:
    rng = np.random.default_rng(seed)
    pool = Pool(source.space.sample(np.random.default_rng(1), budget), np.ones(budget, np.int64))
    return Trial(source, source.render(np.asarray(aim, np.float32)[None]), budget, pool, rng)


def test_no_agent_renders_past_its_budget_and_the_best_is_kept() -> None:
    source = Bowl()
    trial = trial_of(source, [0.3] * 6, 10)
    before = source.made
    units = source.space.sample(np.random.default_rng(2), 8)
    first = trial(units)
    with pytest.raises(BudgetSpent):
        trial(units[::-1])
    with pytest.raises(BudgetSpent):
        trial(units)
    assert source.made - before == 10 == len(trial.distances)
    assert present(trial.best).distance == first.min() == min(trial.distances)
    np.testing.assert_array_equal(present(trial.best).unit, units[first.argmin()])
    assert trial.best_of(1).render == 1


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_that_starts_at_the_answer_reports_zero(name: str) -> None:
    aim = np.full(6, 0.4, np.float32)

    class Oracle(Agent):
        def search(self, trial: Trial) -> None:
            trial(aim[None])

    trial = trial_of(Bowl(), aim, 60)
    Oracle().search(trial)
    run(prepare(name, NO_TASK), trial)
    assert present(trial.best).distance == 0
    assert len(trial.distances) == 60


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_goes_on_from_silence_where_every_patch_is_as_far(name: str) -> None:
    class Mute(Bowl):
        def render(self, unit: Unit, notes: Notes = NOTES, *, audio: bool = False) -> Rendered:
            return Rendered((np.zeros((len(unit), 1, 6), np.float32),))

    trial = trial_of(Bowl(), np.full(6, 0.4), 300)
    trial.source = Mute()  # type: ignore[assignment]
    run(prepare(f"silence+{name}", NO_TASK), trial)
    assert [best.distance for best in trial.records] == [1, 1]
    assert trial.records[0].unit is None
    np.testing.assert_array_equal(trial.found, trial.pool.unit[0])
    assert trial.best_of(1).unit is None


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_beat_random_on_a_smooth_toy(name: str) -> None:
    found: dict[str, list[float]] = {"random": [], name: []}
    for seed in range(5):
        for agent, values in found.items():
            aim = np.random.default_rng(seed).random(6)
            values.append(
                present(run(prepare(agent, NO_TASK), trial_of(Bowl(), aim, 400, seed)).best).distance
            )
    assert np.mean(found[name]) < 0.7 * np.mean(found["random"])


def test_hill_climber_finds_the_optimum_of_a_separable_toy() -> None:
    aim = np.array([0.2, 0.8, 0, 1, 3 / 9, 6 / 9])
    trial = run(prepare("hill_climber", NO_TASK), trial_of(Bowl(discrete=(4, 5)), aim, 4000))
    np.testing.assert_allclose(best_unit(trial)[:4], aim[:4], atol=0.01)
    np.testing.assert_array_equal(trial.space.to_native(best_unit(trial))[4:], [3, 6])


def test_variation_always_varies_and_stays_within_bounds() -> None:
    space = ParameterSpace(
        [
            Parameter("real", "continuous", 0, 1, 0),
            Parameter("whole", "integer", 0, 3, 0),
            Parameter("sort", "categorical", 0, 31, 0),
        ]
    )
    rng = np.random.default_rng(0)
    here = space.sample(rng)
    changes = np.zeros(3)
    for _ in range(600):
        there = varied(space, here, 0.05, rng)
        assert ((there >= 0) & (there <= 1)).all()
        changes += space.to_native(there) != space.to_native(here)
    # One of three is drawn for certain, and each with a third besides; 1 of 32 categories is the old one.
    assert (changes > 200).all()
    assert (changes < 500).all()


def test_ga_mutates_even_a_population_of_equals() -> None:
    source = Bowl()
    trial = trial_of(source, [0.5] * 6, 150)
    trial.pool = Pool(np.full_like(trial.pool.unit, 0.1), trial.pool.renders)
    run(prepare("ga", NO_TASK), trial)
    assert present(trial.best).distance < trial.distances[0]


def test_what_was_known_beforehand_counts_once() -> None:
    trial = trial_of(Bowl(), [0.3] * 6, 10)
    trial.count_offline("a set", 100)
    trial(trial.starts(2))
    trial.count_offline("a set", 100)
    trial.count_offline("a model", 5)
    trial(trial.starts(1))
    assert trial.offline == [102, 102, 108]


def test_a_hybrid_of_three_begins_with_the_starts_of_two() -> None:
    class Begins(Agent):
        def __init__(self, renders: int) -> None:
            self.renders = renders

        def guess(self, trial: Trial) -> None:
            trial(trial.starts(self.renders))

        def search(self, trial: Trial) -> None:
            while True:
                self.guess(trial)

    trial = trial_of(Bowl(), [0.3] * 6, 100)
    agent = Refined(Refined(Begins(2), Begins(3)), Begins(40))
    agent.guess(trial)
    assert len(trial.distances) == 45
    run(agent, trial)
    assert len(trial.distances) == 100


def test_the_first_episode_begins_at_the_best_that_is_known() -> None:
    trial = trial_of(Bowl(), [0.3] * 6, 10)
    trial(np.full((2, 6), [[0.4], [0.9]], np.float32))
    start, rendered = trial.episode_start()
    np.testing.assert_array_equal(start[0], np.full(6, 0.4, np.float32))
    np.testing.assert_array_equal(rendered.features[0], trial.source.render(start, trial.notes).features[0])
    assert len(trial.distances) == 2, "it was rendered already"
    trial.starts(1)
    start, rendered = trial.episode_start()
    np.testing.assert_array_equal(start, trial.pool.unit[1:2])
    assert len(trial.distances) == 3


@pytest.fixture(scope="module")
def fm() -> Iterator[SoundMatchingTask]:
    task = SoundMatchingTask("fm")
    yield task
    task.close()


@pytest.mark.slow
def test_an_index_finds_what_a_search_through_the_set_finds(tmp_path: Path) -> None:
    recipe = datasets.Recipe(
        "Dexed1Op-v0",
        ["multiresolution", "mfcc"],
        rendering="inline",
        env_kwargs={"duration": 0.3, "hold": 0.2},
    )
    datasets.make(tmp_path / "set", recipe.random(150), progress=False)
    kept = datasets.load(tmp_path / "set")
    train = np.flatnonzero(kept.split[:] == 0)
    for name in kept.features:
        features = kept.features[name][:].astype(np.float32)
        index = Index(tmp_path / "set", name)
        for aim in features[:20]:
            far = distance(features[train], aim)
            best = np.searchsorted(train, index.nearest(aim[None], 1)[0])
            # Rounded to 1/255 of the range; MFCC are small within a wide one.
            assert far[best] <= far.min() + (0.005 if name == "multiresolution" else 0.05)
    recipe.task.close()


def test_few_examples_are_compared_and_none_of_the_nearest_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = datasets.Recipe("FM-v0", rendering="inline", env_kwargs={"duration": 0.3, "hold": 0.2})
    datasets.make(tmp_path / "set", recipe.random(300), progress=False)
    recipe.task.close()
    index = Index(tmp_path / "set", "multiresolution")
    features = datasets.load(tmp_path / "set").features["multiresolution"][:40].astype(np.float32)
    aims = [*features, *((features[:-1] + features[1:]) / 2)]
    every = {(i, k): index.nearest(aim[None], k) for i, aim in enumerate(aims) for k in (1, 5, 1000)}
    for (i, k), nearest in every.items():
        np.testing.assert_array_equal(index.nearest_of_all(aims[i][None], k), nearest)
    compared = []

    def apart(rows: Any, aim: Any, numbers: Any = None) -> Any:
        if numbers is not None:
            compared.append(len(numbers))
        return usual(rows, aim, numbers)

    usual = index_module._apart
    monkeypatch.setattr(index_module, "_apart", apart)
    monkeypatch.setattr(index_module, "_TRIED", 4)
    for (i, k), nearest in every.items():
        compared.clear()
        np.testing.assert_array_equal(index.nearest(aims[i][None], k), nearest)
        if k == 1:
            assert sum(compared) < 150


def test_nearest_finds_an_example_of_the_set_itself(fm: SoundMatchingTask, tmp_path: Path) -> None:
    recipe = datasets.Recipe("FM-v0", rendering="inline")
    datasets.make(tmp_path / "set", recipe.random(40), progress=False)
    recipe.task.close()
    kept = datasets.load(tmp_path / "set")
    agent = prepare("nearest", fm, Sources(dataset=tmp_path / "set"))
    row = int(np.flatnonzero(kept.split[:] == 0)[5])
    target = fm.render(kept.parameters[row : row + 1])
    trial = run(agent, Trial(fm, target, 5, Pool.make(fm, 0, 1), np.random.default_rng(0)))
    # The set's features are float16, so that the nearest is found, and heard exactly.
    np.testing.assert_array_equal(present(trial.best).unit, kept.parameters[row])
    assert trial.distances[0] == 0 == present(trial.best).distance
    assert trial.distances == sorted(trial.distances)
    assert trial.offline[-1] == kept.cost() >= 40
    other = SoundMatchingTask("fm", frozen={"attack": 0.1})
    with pytest.raises(SynthgymError, match=r"data set of FM-v0 with frozen attack None, not attack 0\.1"):
        prepare("nearest", other, Sources(dataset=tmp_path / "set"))


def test_the_index_is_mapped_and_made_once_for_each_state_of_a_set(
    fm: SoundMatchingTask, tmp_path: Path
) -> None:
    path = tmp_path / "set"

    def made(size: int) -> Index:
        recipe = datasets.Recipe("FM-v0", rendering="inline")
        datasets.make(path, recipe.random(size), progress=False)
        recipe.task.close()
        return Index(path, "multiresolution")

    def kept() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in (path / "index").rglob("*.npy")}

    first = made(20)
    assert isinstance(first._levels, np.memmap), "processes share its pages"
    before = kept()
    assert len(before) == 4
    # What a process that was killed has begun is removed.
    begun = path / "index" / "multiresolution-0.begun"
    begun.mkdir()
    Index(path, "multiresolution")
    assert kept() == before
    for name in ("numbers", "sizes", "sums", "levels"):
        (file,) = (path / "index").rglob(f"{name}.npy")
        whole = file.read_bytes()
        for damaged in (b"", b"?" * len(whole), whole[:-1], None):
            file.unlink()  # the first index has it mapped
            if damaged is not None:
                file.write_bytes(damaged)
            Index(path, "multiresolution")
            assert file.read_bytes() == whole
    # A set that is mounted elsewhere, and only read there.
    elsewhere = path.rename(tmp_path / "elsewhere")
    (elsewhere / "index/.lock").unlink()
    Index(elsewhere, "multiresolution")
    assert not (elsewhere / "index/.lock").exists(), "nobody is kept waiting"
    elsewhere.rename(path)
    before = kept()
    second = made(40)
    assert not {*kept()} & {*before}
    assert len(kept()) == 4
    assert not begun.exists()
    kept_set = datasets.load(path)
    number = int(np.flatnonzero(kept_set.split[:20] == 0)[0])
    aim = fm.render(kept_set.parameters[number : number + 1]).features[0]
    assert first.nearest(aim, 1) == [number] == second.nearest(aim, 1), "the earlier one is still mapped"


def test_the_indexes_of_several_features_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "set"
    recipe = datasets.Recipe("FM-v0", ["mfcc", "mfcc-13"], rendering="inline")
    datasets.make(path, recipe.random(20), progress=False)
    recipe.task.close()
    for _ in range(2):
        for feature in ("mfcc-13", "mfcc"):
            Index(path, feature)
    assert len([each for each in (path / "index").iterdir() if each.is_dir()]) == 2


def test_the_state_of_a_set_is_told_without_a_look_at_its_shards(tmp_path: Path) -> None:
    path = tmp_path / "set"

    def state(size: int) -> str:
        recipe = datasets.Recipe("FM-v0", ["mfcc"], rendering="inline")
        datasets.make(path, recipe.random(size), progress=False)
        recipe.task.close()
        return state_of(path)

    first = state(20)
    assert state(20) == first, "the same command makes nothing"
    (shard,) = (file for file in (path / "features/mfcc/c").rglob("*") if file.is_file())
    shard.touch()
    assert state_of(path) == first
    assert state(30) != first
    # A set of an earlier version has no index of what is made.
    (path / INDEX).unlink()
    old = state_of(path)
    assert state_of(path) == old
    shard.touch()
    assert state_of(path) != old


def test_constant_is_the_medoid_of_training_targets(fm: SoundMatchingTask) -> None:
    targets = fm.make_patches(PatchStream("train", 0).ids(range(300)))
    # Ruzicka's distance as the papers write it.
    values = targets.rendered.features[0].reshape(300, -1).astype(np.float64)
    means = np.array(
        [np.mean(1 - np.minimum(a, values).sum(1) / np.maximum(a, values).sum(1)) for a in values]
    )
    medoid = int(means.argmin())
    assert np.sort(means)[1] > means[medoid] + 1e-6, "no other patch is as near to them"
    agent = prepare("constant", fm)
    for number in (medoid, 0):
        target = Rendered((targets.rendered.features[0][[number]],))
        trial = run(agent, Trial(fm, target, 5, Pool.make(fm, 0, 1), np.random.default_rng(0)))
        np.testing.assert_array_equal(present(trial.best).unit, targets.unit[medoid])
        assert len(trial.distances) == 1
        assert (present(trial.best).distance == 0) == (number == medoid)
        assert trial.offline == [targets.renders.sum()]


def nearest_trial(task: SoundMatchingTask, path: Path, target: Rendered, budget: int = 1) -> Trial:
    agent = prepare("nearest", task, Sources(dataset=path))
    return run(agent, Trial(task, target, budget, Pool.make(task, 0, 1), np.random.default_rng(0)))


def test_nearest_finds_what_a_set_has_grown_by_and_what_it_was_made_anew_with(
    fm: SoundMatchingTask, tmp_path: Path
) -> None:
    path = tmp_path / "set"

    def made(size: int, seed: int = 0) -> Unit:
        recipe = datasets.Recipe("FM-v0", rendering="inline")
        datasets.make(path, recipe.random(size, seed), progress=False)
        recipe.task.close()
        kept = datasets.load(path)
        found: Unit = kept.parameters[int(np.flatnonzero(kept.split[:] == 0)[-1])][None]
        return found

    last = made(20)
    assert present(nearest_trial(fm, path, fm.render(last)).best).distance == 0
    grown = made(30)
    aim = fm.render(grown)
    assert (grown != last).any()
    assert present(nearest_trial(fm, path, aim).best).distance == 0
    shutil.rmtree(path)
    other = made(30, seed=1)
    assert present(nearest_trial(fm, path, fm.render(other)).best).distance == 0
    assert present(nearest_trial(fm, path, aim).best).distance > 0, "it is in the set no more"


def test_a_render_that_failed_is_never_found(fm: SoundMatchingTask) -> None:
    class Broken(Bowl):
        def render(self, unit: Unit, notes: Notes = NOTES, *, audio: bool = False) -> Rendered:
            failures = tuple((row, "failed") for row in range(len(unit)))
            return Rendered((np.zeros((len(unit), 1, 6), np.float32),), failures=failures)

    trial = trial_of(Bowl(), np.full(6, 0.4), 10)
    trial.source = Broken()  # type: ignore[assignment]
    run(prepare("random", NO_TASK), trial)
    assert present(trial.best).distance == 1
    assert trial.found is None
    assert not trial.has_sound
    mended = trial_of(Bowl(), np.full(6, 0.4), 10)
    mended.answer_silence()
    assert not mended.has_sound
    run(prepare("random", NO_TASK), mended)
    assert mended.has_sound
    assert mended.found is not None


def test_who_is_shown_another_target_matches_that_one(fm: SoundMatchingTask, tmp_path: Path) -> None:
    recipe = datasets.Recipe("FM-v0", rendering="inline")
    datasets.make(tmp_path / "set", recipe.random(200), progress=False)
    recipe.task.close()
    agent = prepare("shuffled_target+nearest", fm, Sources(dataset=tmp_path / "set"))
    true = fm.render(datasets.load(tmp_path / "set").parameters[:1])
    trial = Trial(fm, true, 1, Pool.make(fm, 0, 8), np.random.default_rng(0))
    run(agent, trial)
    assert distance(trial.shown.features[0], true.features[0])[0] > 0.1
    assert trial.target is true
    assert present(trial.best).distance > 0.05, "what it found is compared with the true target"
    assert distance(fm.render(best_unit(trial)[None]).features[0], trial.shown.features[0])[0] < 0.5


def test_an_agent_in_one_line_matches_the_target_of_an_episode() -> None:
    env = gym.make("FM-v0")
    env.reset(seed=3)
    before = synth_env(env).parameters
    agent = agents.load("cma_es", "FM-v0")
    trials = [agents.match(agent, env, renders=30, seed=seed) for seed in (0, 0, 1)]
    assert trials[0].distances == trials[1].distances != trials[2].distances
    assert len(trials[0].distances) == 30
    np.testing.assert_array_equal(synth_env(env).parameters, before)
    found = synth_env(env).task.render(best_unit(trials[0])[None]).features[0]
    assert distance(found, synth_env(env).target_features[None])[0] == present(trials[0].best).distance
    env.close()
    with pytest.raises(SynthgymError, match="no environment of synthgym"):
        agents.match(agent, gym.make("CartPole-v1"))
    with pytest.raises(SynthgymError, match="no run in nowhere/FM-v0-mlp-0: train mlp"):
        agents.load("mlp", "FM-v0", runs="nowhere")


def test_names_that_are_no_agents(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="cma_es"):
        prepare("cma-es", NO_TASK)
    with pytest.raises(UnknownNameError, match="cma_es"):
        prepare("cma_es@runs/x", NO_TASK)  # it is not trained
    with pytest.raises(SynthgymError, match=f"no run in {tmp_path}/FM-v0-ppo-0: train ppo"):
        prepare("ppo", NO_TASK, Sources(env="FM-v0", runs=tmp_path))
    with pytest.raises(SynthgymError, match="no such model"):
        prepare("ppo@nothing.zip", NO_TASK)
    with pytest.raises(SynthgymError, match="--dataset"):
        prepare("nearest+cma_es", NO_TASK)
