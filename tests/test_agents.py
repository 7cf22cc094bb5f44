"""Agents under a budget of renders: known optima, every agent on every id, interrupted evaluations."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from conftest import IDS, keywords_of

from agents.agent import Agent, run
from agents.catalogue import AGENTS, Sources, prepare
from agents.evaluation import Results, Target, check, evaluate
from agents.search.variation import varied
from agents.statistics import compare, holm
from agents.targets import read_targets
from agents.trial import BudgetSpent, Pool, Trial
from envs_registry import ENVIRONMENTS
from synthgym import datasets
from synthgym.errors import SynthgymError, UnknownNameError
from synthgym.parameters import Parameter, ParameterSpace
from synthgym.rendering import Heard
from synthgym.task import SoundMatchingTask

SEARCHES = ("hill_climber", "ga", "nsga3", "cma_es")


class Bowl:
    """Ears for which distance grows with the distance of the parameters: a smooth toy."""

    def __init__(self, size=6, discrete=()):
        kinds = ["integer" if i in discrete else "continuous" for i in range(size)]
        self.space = ParameterSpace([Parameter(f"p{i}", kind, 0, 9, 0) for i, kind in enumerate(kinds)])
        self.made = 0

    def hear(self, unit):
        self.made += len(unit)
        # Values from 1 to 2: Ruzicka's distance of such is smooth, and zero for equal ones alone.
        features = 1 + self.space.quantise(unit)[:, None, :]
        return Heard((features,))


def trial_of(ears, aim, budget, seed=0):
    rng = np.random.default_rng(seed)
    pool = Pool(ears.space.sample(np.random.default_rng(1), budget), np.ones(budget, np.int64))
    return Trial(ears, ears.hear(np.asarray(aim, np.float32)[None]).features, budget, pool, rng)


def test_no_agent_renders_past_its_budget_and_the_best_is_kept():
    ears = Bowl()
    trial = trial_of(ears, [0.3] * 6, 10)
    before = ears.made
    units = ears.space.sample(np.random.default_rng(2), 8)
    first = trial(units)
    with pytest.raises(BudgetSpent):
        trial(units[::-1])
    with pytest.raises(BudgetSpent):
        trial(units)
    assert ears.made - before == 10 == len(trial.distances)
    assert trial.best.distance == first.min() == min(trial.distances)
    np.testing.assert_array_equal(trial.best.unit, units[first.argmin()])
    assert trial.best_of(1).render == 1


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_that_starts_at_the_answer_reports_zero(name):
    aim = np.full(6, 0.4, np.float32)

    class Oracle(Agent):
        def play(self, trial):
            trial(aim[None])

    trial = trial_of(Bowl(), aim, 60)
    Oracle().play(trial)
    run(prepare(name, None), trial)
    assert trial.best.distance == 0
    assert len(trial.distances) == 60


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_beat_random_on_a_smooth_toy(name):
    found = {"random": [], name: []}
    for seed in range(5):
        for agent, values in found.items():
            aim = np.random.default_rng(seed).random(6)
            values.append(run(prepare(agent, None), trial_of(Bowl(), aim, 400, seed)).best.distance)
    assert np.mean(found[name]) < 0.7 * np.mean(found["random"])


def test_hill_climber_finds_the_optimum_of_a_separable_toy():
    aim = np.array([0.2, 0.8, 0, 1, 3 / 9, 6 / 9])
    trial = run(prepare("hill_climber", None), trial_of(Bowl(discrete=(4, 5)), aim, 4000))
    np.testing.assert_allclose(trial.best.unit[:4], aim[:4], atol=0.01)
    np.testing.assert_array_equal(trial.space.to_native(trial.best.unit)[4:], [3, 6])


def test_variation_always_varies_and_stays_within_bounds():
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


def test_ga_mutates_even_a_population_of_equals():
    ears = Bowl()
    trial = trial_of(ears, [0.5] * 6, 150)
    trial.pool = Pool(np.full_like(trial.pool.unit, 0.1), trial.pool.renders)
    run(prepare("ga", None), trial)
    assert trial.best.distance < trial.distances[0]


def task_of(env_id, **keywords):
    env_id, needed = keywords_of(env_id)
    return SoundMatchingTask(**ENVIRONMENTS[env_id], **needed, **keywords)


@pytest.mark.parametrize("env_id", IDS)
def test_every_agent_on_every_id(env_id, tmp_path):
    task = task_of(env_id, more_features=["mfcc"])
    env_id, needed = keywords_of(env_id)
    recipe = datasets.Recipe(env_id, env_kwargs=needed, rendering="inline")
    datasets.make(tmp_path / "set", recipe.random(4), progress=False)
    recipe.task.close()
    unit = task.space.sample(np.random.default_rng(0), 1)
    target = task.hear(unit).features
    pool = Pool.draw(task, 0, 6)
    for name in [*AGENTS, "nearest+cma_es"]:
        if name == "constant":
            continue  # 300 renders; with the others on one id
        agent = prepare(name, task, Sources(tmp_path / "set"))
        trials = [run(agent, Trial(task, target, 6, pool, np.random.default_rng(3))) for _ in range(2)]
        assert 1 <= len(trials[0].distances) <= 6
        if task.synth.repeatable:
            assert trials[0].distances == trials[1].distances
        assert trials[0].best.distance == min(trials[0].distances)
        assert agent.offline_renders >= (4 if "nearest" in name else 0)
    task.close()


@pytest.fixture(scope="module")
def fm():
    task = SoundMatchingTask("fm")
    yield task
    task.close()


def test_nearest_finds_an_example_of_the_set_itself(fm, tmp_path):
    recipe = datasets.Recipe("FM-v0", rendering="inline")
    datasets.make(tmp_path / "set", recipe.random(40), progress=False)
    recipe.task.close()
    kept = datasets.load(tmp_path / "set")
    agent = prepare("nearest", fm, Sources(tmp_path / "set"))
    row = int(np.flatnonzero(kept.split[:] == 0)[5])
    target = fm.hear(kept.parameters[row : row + 1]).features
    trial = run(agent, Trial(fm, target, 5, Pool.draw(fm, 0, 1), np.random.default_rng(0)))
    # The set's features are float16, so that the nearest is found, and heard exactly.
    np.testing.assert_array_equal(trial.best.unit, kept.parameters[row])
    assert trial.distances[0] == 0 == trial.best.distance
    assert trial.distances == sorted(trial.distances)
    other = SoundMatchingTask("fm", frozen={"attack": 0.1})
    with pytest.raises(SynthgymError, match="other parameters"):
        prepare("nearest", other, Sources(tmp_path / "set"))


def test_constant_is_the_best_of_its_targets_for_all(fm):
    agent = prepare("constant", fm)
    target = fm.hear(fm.space.sample(np.random.default_rng(0), 1)).features
    trial = run(agent, Trial(fm, target, 5, Pool.draw(fm, 0, 1), np.random.default_rng(0)))
    assert len(trial.distances) == 1
    assert agent.offline_renders >= 300


def test_an_interrupted_evaluation_ends_with_the_same_rows(fm, tmp_path):
    targets, silent = read_targets(fm, "test:3")
    assert silent == 0
    agents = {name: prepare(name, fm) for name in ("random", "hill_climber", "silence", "cma_es")}
    play = partial(evaluate, fm, agents, targets, 2, (1, 10, 30), progress=False)
    whole = Results(tmp_path / "whole", {"env": "FM-v0"})
    play(whole)
    assert len(whole.rows()) == 4 * 3 * 2 * 3
    half = tmp_path / "half"
    half.mkdir()
    (half / "evaluation.json").write_bytes((tmp_path / "whole" / "evaluation.json").read_bytes())
    lines = (tmp_path / "whole" / "trials.jsonl").read_bytes().splitlines(keepends=True)
    (half / "trials.jsonl").write_bytes(b"".join(lines[:9]) + lines[9][:40])
    resumed = Results(half, {"env": "FM-v0"})
    assert len(resumed.trials) == 9
    play(resumed)
    assert resumed.rows() == whole.rows()
    assert check(fm, targets, whole.rows()) == []
    rows = whole.rows()
    rows[0]["distance"] += 1e-6
    assert len(check(fm, targets, rows)) == 1
    with pytest.raises(SynthgymError, match="evaluation with env FM-v0, not Dexed1Op-v0"):
        Results(half, {"env": "Dexed1Op-v0"})


def test_statistics():
    # Holm's own procedure: the least p is multiplied by their number, the next by one less.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    rng = np.random.default_rng(0)
    base = rng.random(30)
    rows = [
        {
            "agent": agent,
            "target": f"t{i}",
            "seed": seed,
            "budget": 10,
            "distance": value + shift,
            "renders": 10,
            "offline_renders": 5,
        }
        for agent, shift in (("random", 0.2), ("good", 0.0))
        for i, value in enumerate(base)
        for seed in range(2)
    ]
    table = compare(pd.DataFrame(rows))
    assert table["agent"].tolist() == ["good", "random"]
    good = table.iloc[0]
    assert good["mean"] == pytest.approx(base.mean())
    assert good["low"] < base.mean() < good["high"]
    assert good["p, random"] == pytest.approx(scipy.stats.wilcoxon(base, base + 0.2).pvalue)


def test_names_that_are_no_agents():
    with pytest.raises(UnknownNameError, match="cma_es"):
        prepare("cma-es", None)
    with pytest.raises(SynthgymError, match="--dataset"):
        prepare("nearest+cma_es", None)


def test_targets_are_named_or_in_a_folder(fm, tmp_path):
    for text in ("test", "test:x", "test:0", "test:1001", tmp_path / "none", tmp_path):
        with pytest.raises(SynthgymError):
            read_targets(fm, str(text))
    found, _ = read_targets(fm, "examples/targets")
    assert len(found) == 8
    assert isinstance(found[0], Target)


def test_evaluate_script(script, tmp_path):
    out = tmp_path / "out"
    command = ["--env", "FM-v0", "--agents", "random,hill_climber", "--targets", "test:2", "--seeds", 1]
    command += ["--budgets", "1,5", "--out", out]
    said = script("evaluate.py", *command).stdout
    assert "### 5 renders" in said
    rows = pd.read_parquet(out / "results.parquet")
    assert len(rows) == 8
    assert json.loads((out / "evaluation.json").read_text())["versions"]["cma"]
    assert "8 rows, 0 differ" in script("evaluate.py", "--validate", out).stdout
    for wrong in (["--budgets", "0"], ["--targets", "none"], ["--agents", "rando"], ["--workers", 0]):
        result = script("evaluate.py", *command, *wrong, check=False)
        assert result.returncode == 2, result.stdout
        assert result.stderr.count("\n") == 1, result.stderr
    rows.loc[0, "distance"] += 0.001
    rows.to_parquet(out / "results.parquet")
    assert script("evaluate.py", "--validate", out, check=False).returncode == 1
