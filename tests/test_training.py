"""Agents that are trained: on every id, saved and loaded anywhere, going on where they stopped."""

import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
import torch
from conftest import IDS, ROOT, keywords_of
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from agents.agent import run
from agents.catalogue import AGENTS, Sources, prepare
from agents.learners import LEARNERS, learner
from agents.models import Origin
from agents.runs import RunFolder
from agents.settings import RunSettings
from agents.supervised.encoding import Encoding
from agents.supervised.examples import Examples
from agents.supervised.fitting import Fitter
from agents.supervised.losses import feature_loss
from agents.supervised.model import Model
from agents.trial import Pool, Trial
from synthgym import datasets
from synthgym.envs import make_task
from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.parameters import Parameter, ParameterSpace
from synthgym.rendering import Heard
from synthgym.targets import AudiblePatches

# As little as shows that it works: episodes of five steps, two updates.
SHORT = {"max_episode_steps": 5}
SMALL = {"policy_kwargs": {"net_arch": [8]}}
TINY = {
    "ppo": (20, 2, {"n_steps": 5, "batch_size": 10, **SMALL}),
    "sac": (24, 2, {"buffer_size": 100, "learning_starts": 16, "batch_size": 8, **SMALL}),
    "sac_her": (24, 2, {"buffer_size": 100, "learning_starts": 16, "batch_size": 8, **SMALL}),
    "ars": (20, 4, {"n_delta": 2, "n_top": 1}),
    "es": (20, 4, {"n_delta": 2}),
    "mlp": (4, None, {"width": 8, "batch_size": 8, "validate_every": 2, "validate_on": 2}),
    "lstm": (4, None, {"width": 8, "hidden": 4, "batch_size": 8, "validate_every": 2, "validate_on": 2}),
}
ITEMS = 24


def make_set(path, env_id, env_kwargs=None, items=ITEMS):
    recipe = datasets.Recipe(env_id, env_kwargs=env_kwargs, rendering="inline")
    datasets.make(path, recipe.random(items), progress=False)
    recipe.task.close()
    return path


def train(agent, path, env_id, env_kwargs, dataset, **changes):
    """Train an agent a little, by its own YAML but for its size."""
    steps, num_envs, hyperparameters = TINY[agent]
    supervised = num_envs is None
    settings = RunSettings.make(
        env_id,
        agent,
        0,
        steps,
        num_envs,
        env_kwargs if supervised else {**env_kwargs, **SHORT},
        {**hyperparameters, **changes},
        str(dataset) if supervised else None,
    )
    learner(agent).check(settings)
    folder = RunFolder(path)
    folder.begin(settings)
    assert learner(agent).train(folder) == 0
    return folder


def played(task, agent, budget=7):
    """Two trials of an agent on a target, which must be equal."""
    target = task.hear(task.space.sample(np.random.default_rng(0), 1))
    pool = Pool.draw(task, 0, 6)
    trials = [run(agent, Trial(task, target, budget, pool, np.random.default_rng(3))) for _ in range(2)]
    if task.synth.repeatable:
        assert trials[0].distances == trials[1].distances
    return trials[0]


def _fast(env_id):
    """The ids that stand for all others where time is short."""
    fast = env_id in ("Dexed1Op-v0", "FM-v0") or not isinstance(env_id, str)
    return env_id if fast else pytest.param(env_id, marks=pytest.mark.slow)


@pytest.mark.parametrize("env_id", [_fast(env_id) for env_id in IDS])
def test_every_agent_on_every_id(env_id, tmp_path):
    env_id, needed = keywords_of(env_id)
    task = make_task(env_id, needed, more_features=["mfcc"])
    sources = Sources(env=env_id, dataset=make_set(tmp_path / "set", env_id, needed), runs=tmp_path)
    for name in LEARNERS:
        train(name, tmp_path / f"{env_id}-{name}-0", env_id, needed, tmp_path / "set")
    for name in [*AGENTS, "nearest+cma_es", "nearest+mlp", "mlp+hill_climber", "ppo+cma_es"]:
        if name == "constant":
            continue  # 300 renders; with the others on one id
        trial = played(task, prepare(name, task, sources))
        assert 1 <= len(trial.distances) <= 7
        assert trial.best.distance == min(trial.distances)
        if name.partition("+")[0] in ("nearest", *LEARNERS):
            assert trial.offline[0] >= ITEMS, "what it learnt from counts"
    task.close()


def test_a_model_plays_alike_in_another_process_and_is_refused_elsewhere(tmp_path):
    make_set(tmp_path / "set", "FM-v0")
    task = make_task("FM-v0")
    names = {name: f"{name}@{tmp_path / name}" for name in LEARNERS}
    for name in LEARNERS:
        train(name, tmp_path / name, "FM-v0", {}, tmp_path / "set")
    here = {name: played(task, prepare(spec, task)).distances for name, spec in names.items()}
    code = (
        "import json, sys; sys.path.insert(0, 'tests'); from test_training import *\n"
        "task = make_task('FM-v0')\n"
        f"print(json.dumps({{n: played(task, prepare(s, task)).distances for n, s in {names}.items()}}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout.splitlines()[-1]) == here
    for options, says in (
        ({"frozen": {"attack": 0.1}}, "with other parameters"),
        ({"note": 48}, "with other note"),
        ({"feature": "mfcc"}, "trained on the feature logmel, not mfcc"),
    ):
        other = make_task("FM-v0", options)
        for spec in names.values():
            with pytest.raises(SynthgymError, match=says):
                prepare(spec, other)
        other.close()
    with pytest.raises(SynthgymError, match="no saved lstm model"):
        prepare(f"lstm@{tmp_path / 'mlp'}", task)
    task.close()


def test_a_network_that_stopped_goes_on_as_if_it_had_not(tmp_path):
    dataset = make_set(tmp_path / "set", "FM-v0")
    hyperparameters = {**TINY["mlp"][2], "loss": "feature", "patience": 1, "candidates": 2}
    settings = RunSettings.make("FM-v0", "mlp", 0, 12, hyperparameters=hyperparameters, dataset=str(dataset))
    task = make_task("FM-v0")
    kept = datasets.load(dataset)
    train_on, validate_on = (Examples(kept, "logmel", side) for side in ("train", "validation"))

    def go_on(fitter, until):
        while fitter.model.steps < until and fitter.loss is not None:
            fitter.step(train_on)
            if fitter.model.steps % 2 == 0:
                fitter.validate(validate_on)
        return fitter

    whole = go_on(Fitter(settings, task), 12)
    half = go_on(Fitter(settings, task), 6)
    half.save(tmp_path / "half.zip")
    resumed = go_on(Fitter(settings, task, tmp_path / "half.zip"), 12)
    assert resumed.loss == whole.loss
    assert resumed.best == whole.best
    for ours, theirs in zip(
        resumed.model.network.parameters(), whole.model.network.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
    task.close()


SPACE = ParameterSpace(
    [
        Parameter("a", "continuous", 0, 1, 0),
        Parameter("b", "categorical", 0, 2, 0),
        Parameter("c", "integer", 0, 9, 0),
        Parameter("d", "categorical", 0, 31, 0),
        Parameter("e", "integer", 0, 99, 0),
    ]
)


@given(st.integers(0, 2**32 - 1))
def test_an_encoding_names_what_it_was_told(seed):
    encoding = Encoding(SPACE)
    rng = np.random.default_rng(seed)
    unit = torch.from_numpy(SPACE.sample(rng, 5))
    # All the odds on the value, or on the two bins beside it.
    place = unit * torch.tensor([31, 2, 9, 31, 31])
    apart = (torch.arange(encoding.bins) - place[..., None]).abs()
    log = torch.log((1 - apart).clamp(min=1e-12))
    np.testing.assert_allclose(encoding.likeliest(log), unit, atol=1e-5)
    drawn = encoding.drawn(log, 0.01, rng)
    assert ((drawn - unit).abs() <= torch.tensor([1.5 / 31, 1e-6, 1e-6, 1e-6, 1.5 / 31])).all()
    surprise = encoding.surprise(log, unit)
    assert (surprise[:, 1:4] < 1e-4).all()
    assert (surprise <= 0.21).all(), "at most even odds of two bins, of 32"
    even = encoding.log_probabilities(torch.zeros(5, encoding.size))
    np.testing.assert_allclose(encoding.surprise(even, unit), 1, atol=1e-5)
    np.testing.assert_allclose(encoding.doubt(even), 1, atol=1e-5)


class Ruler:
    """Ears for which distance grows with the distance of the parameters."""

    def __init__(self):
        self.space = SPACE

    def hear(self, unit):
        return Heard((1 + self.space.quantise(unit)[:, None, :],))


def small_model():
    identity = {"parameters": [asdict(parameter) for parameter in SPACE.free]}
    bounds = [1.0] * 5, [2.0] * 5
    torch.manual_seed(0)
    return Model("mlp", {"width": 32}, (1, 5), bounds, Origin("", {}, "", identity))


def test_what_is_known_is_kept_and_the_rest_is_named():
    model, rng = small_model(), np.random.default_rng(0)
    unit = SPACE.sample(rng, 40)
    features = Ruler().hear(unit).features[0]
    known = rng.random(unit.shape) < 0.5
    found = model.complete(model.listen(features), unit, known, 1.0, rng)
    np.testing.assert_array_equal(found[known], unit[known])
    assert (found[~known] != unit[~known]).any()
    assert ((found >= 0) & (found <= 1)).all()


def test_the_feature_loss_has_its_share_of_a_run(tmp_path):
    dataset = make_set(tmp_path / "set", "FM-v0")
    hyperparameters = {**TINY["mlp"][2], "loss": "feature", "feature_share": 0.5, "candidates": 2}
    settings = RunSettings.make("FM-v0", "mlp", 0, 4, hyperparameters=hyperparameters, dataset=str(dataset))
    task = make_task("FM-v0")
    fitter = Fitter(settings, task)
    losses = []
    for _ in range(4):
        fitter.step(Examples(datasets.load(dataset), "logmel", "train"))
        losses.append(fitter.loss)
    assert losses == ["parameter", "parameter", "feature", "feature"]
    task.close()


def test_a_network_is_validated_where_the_turn_of_its_loss_ends(tmp_path):
    dataset = make_set(tmp_path / "set", "FM-v0")
    changes = {"loss": "feature", "feature_share": 0.25, "candidates": 2}
    train("mlp", tmp_path / "run", "FM-v0", {}, dataset, **changes)
    log = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    log.Reload()
    # Every second of four mini-batches, and the third, the last by the parameters.
    assert [scalar.step for scalar in log.Scalars("validation/distance")] == [2, 3, 4]


def test_the_feature_loss_leads_to_what_sounds_near():
    model, ears, rng = small_model(), Ruler(), np.random.default_rng(0)
    optimizer = torch.optim.Adam(model.network.parameters(), lr=0.003)
    features = ears.hear(SPACE.sample(rng, 64)).features[0]

    def far():
        return distance(ears.hear(model.name(features)).features[0], features).mean()

    before = far()
    for _ in range(150):
        loss, _ = feature_loss(model, features, ears, 8, rng)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert far() < 0.5 * before


@pytest.mark.parametrize("agent", ["mlp", "lstm"])
def test_a_network_learns_to_listen(agent, tmp_path):
    """Pitch and level of a short sine. Seen: see the margins."""
    env_kwargs = {
        "parameters": ["TRANSPOSE", "OP1 OUTPUT LEVEL"],
        "hold": 0.2,
        "duration": 0.3,
    }
    dataset = make_set(tmp_path / "set", "Dexed1Op-v0", env_kwargs, items=1200)
    changes = {"mlp": {"width": 128}, "lstm": {"width": 128, "hidden": 64}}[agent]
    settings = RunSettings.make(
        "Dexed1Op-v0",
        agent,
        0,
        600,
        env_kwargs=env_kwargs,
        hyperparameters={**changes, "batch_size": 64, "validate_every": 100},
        dataset=str(dataset),
    )
    folder = RunFolder(tmp_path / "run")
    folder.begin(settings)
    assert learner(agent).train(folder) == 0
    task = make_task("Dexed1Op-v0", env_kwargs)
    drawn = task.draw(AudiblePatches("validation", 0).items(range(50)))
    aims = drawn.heard.features[0]
    model, _ = Model.load(agent, folder.final_model)

    def far(shown):
        return distance(task.hear(model.name(shown)).features[0], aims).mean()

    constant = min(distance(one[None], aims).mean() for one in aims)
    assert far(aims) < constant - 0.2
    assert far(aims) < far(np.roll(aims, 1, axis=0)) - 0.2
    task.close()
