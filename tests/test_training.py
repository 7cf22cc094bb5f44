"""Agents that are trained: on every id, saved and loaded anywhere, going on where they stopped."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import IDS, ROOT, keywords_of
from hypothesis import given
from hypothesis import strategies as st

from agents.agent import run
from agents.catalogue import AGENTS, Sources, prepare
from agents.learners import LEARNERS, learner
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
    "mlp": (4, None, {"hidden": [8], "batch_size": 8, "validate_every": 2, "validate_on": 2}),
    "lstm": (4, None, {"hidden": 4, "batch_size": 8, "validate_every": 2, "validate_on": 2}),
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


@pytest.mark.parametrize("env_id", map(_fast, IDS))
def test_every_agent_on_every_id(env_id, tmp_path):
    env_id, needed = keywords_of(env_id)
    task = make_task(env_id, needed, more_features=["mfcc"])
    sources = Sources(env=env_id, dataset=make_set(tmp_path / "set", env_id, needed), runs=tmp_path)
    for name in LEARNERS:
        train(name, tmp_path / f"{env_id}-{name}-0", env_id, needed, tmp_path / "set")
    for name in [*AGENTS, "nearest+cma_es", "mlp+hill_climber", "ppo+cma_es"]:
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
            fitter.step(train_on.batch(fitter.model.steps, 8, 0))
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
    ]
)


@given(st.integers(0, 2**32 - 1))
def test_an_encoding_names_what_it_was_told(seed):
    encoding = Encoding(SPACE)
    unit = torch.from_numpy(SPACE.sample(np.random.default_rng(seed), 5))
    numbers = torch.logit(encoding.numbers(unit), eps=1e-6)
    scores = [
        50 * torch.nn.functional.one_hot(chosen, count).float()
        for chosen, count in zip(encoding.categories(unit), (3, 32), strict=True)
    ]
    outputs = torch.cat([numbers, *scores], dim=1)
    assert outputs.shape[1] == encoding.size
    np.testing.assert_allclose(SPACE.quantise(encoding.guess(outputs)), unit.numpy(), atol=1e-6)
    assert float(encoding.parameter_error(outputs, unit)) < 1e-5


class Ruler:
    """Ears for which distance grows with the distance of the parameters."""

    def __init__(self):
        self.space = SPACE

    def hear(self, unit):
        return Heard((1 + self.space.quantise(unit)[:, None, :],))


def test_the_feature_loss_leads_to_the_target():
    encoding, ears = Encoding(SPACE), Ruler()
    aim = torch.from_numpy(SPACE.quantise(np.array([[0.8, 1, 0.2, 0.5]], np.float32))).repeat(32, 1)
    target = torch.from_numpy(ears.hear(aim.numpy()).features[0])
    outputs = torch.nn.Parameter(torch.zeros(1, encoding.size))
    optimizer = torch.optim.Adam([outputs], lr=0.05)
    rng = np.random.default_rng(0)
    for _ in range(300):
        loss, _ = feature_loss(encoding, outputs.repeat(32, 1), target, ears, 4, 0.1, rng)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    guess = encoding.guess(outputs.detach())
    before = encoding.guess(torch.zeros(1, encoding.size))
    aims = target[:1].numpy()
    assert (
        distance(ears.hear(guess).features[0], aims)[0]
        < 0.3 * distance(ears.hear(before).features[0], aims)[0]
    )
    assert SPACE.to_native(guess)[0, 1] == 2, "a category is found too"


@pytest.mark.parametrize("agent", ["mlp", "lstm"])
def test_a_network_learns_to_listen(agent, tmp_path):
    """Pitch and level of a short sine. Seen: see the margins."""
    env_kwargs = {
        "parameters": ["TRANSPOSE", "OP1 OUTPUT LEVEL"],
        "hold": 0.2,
        "duration": 0.3,
    }
    dataset = make_set(tmp_path / "set", "Dexed1Op-v0", env_kwargs, items=1200)
    changes = {"mlp": {"hidden": [128]}, "lstm": {"hidden": 64}}[agent]
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
        return distance(task.hear(model.guess(shown)).features[0], aims).mean()

    constant = min(distance(one[None], aims).mean() for one in aims)
    assert far(aims) < constant - 0.2
    assert far(aims) < far(np.roll(aims, 1, axis=0)) - 0.2
    task.close()
