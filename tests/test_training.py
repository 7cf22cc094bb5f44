"""Agents that are trained: on every id, saved and loaded anywhere, going on where they stopped."""

import json
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from conftest import COSTLY, IDS, ROOT, keywords_of, present
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from agents.catalogue import AGENTS, LOOKUPS, Sources, prepare
from agents.rl.training import load
from agents.supervised.config import TrainerConfig
from agents.supervised.encoding import Encoding
from agents.supervised.examples import Examples
from agents.supervised.model import Model
from agents.supervised.ppo import PPOLearner
from agents.supervised.ppo_env import RolloutVecEnv
from agents.supervised.reward_weighted import RewardWeighted
from agents.supervised.rollout import EXPLORING, Round, roll_out
from agents.supervised.trainer import Trainer
from agents.training.learners import LEARNERS, learner, make_config
from agents.training.models import Origin
from agents.training.preview import Preview
from agents.training.run_folder import RunFolder
from agents.training.shipped import shipped_model
from agents.trials.agent import Agent, run
from agents.trials.pool import Pool
from agents.trials.trial import Trial
from synthgym import datasets
from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.features.base import Features
from synthgym.making import make_task
from synthgym.notes import Note, Notes
from synthgym.parameters import Parameter, ParameterSpace, Unit
from synthgym.patches import PatchStream
from synthgym.rendering import Rendered
from synthgym.task import SoundMatchingTask

# As little as shows that it works: episodes of five steps, two updates.
SHORT = {"max_episode_steps": 5}
SMALL = {"policy_kwargs": {"net_arch": [8]}}
ROLLOUTS = {
    "batch_size": 8,
    "validate_every": 2,
    "validate_on": 2,
    "rollouts": 1,
    "targets": 2,
    "rounds": 2,
    "candidates": 2,
}
CLIMBS = {
    "imitation": 2,
    "batch_size": 4,
    "groups": 2,
    "climbs": 2,
    "bank": 8,
    "validate_every": 2,
    "validate_on": 2,
    "validate_renders": 4,
}
TINY: dict[str, tuple[int, int | None, dict[str, Any]]] = {
    "ppo": (20, 2, {"n_steps": 5, "batch_size": 10, **SMALL}),
    "sac": (24, 2, {"buffer_size": 100, "learning_starts": 16, "batch_size": 8, **SMALL}),
    "sac_her": (24, 2, {"buffer_size": 100, "learning_starts": 16, "batch_size": 8, **SMALL}),
    "ars": (20, 4, {"n_delta": 2, "n_top": 1}),
    "es": (20, 4, {"n_delta": 2}),
    "mlp": (4, None, {"width": 8, **ROLLOUTS}),
    "lstm": (4, None, {"width": 8, "hidden": 4, **ROLLOUTS}),
    "ppo_imitation": (4, None, {"width": 8, **ROLLOUTS}),
    "transformer": (4, None, {"width": 8, "layers": 1, "heads": 2, "batch_size": 4, "validate_every": 2}),
    "guided": (4, None, {"width": 8, "frame": 4, **CLIMBS}),
}
ITEMS = 24


def make_set(path: Path, env_id: str, env_kwargs: dict[str, Any] | None = None, items: int = ITEMS) -> Path:
    recipe = datasets.Recipe(env_id, env_kwargs=env_kwargs, rendering="inline")
    datasets.make(path, recipe.random(items), progress=False)
    recipe.task.close()
    return path


def train(
    agent: str, path: Path, env_id: str, env_kwargs: dict[str, Any], dataset: Path | None, **changes: Any
) -> RunFolder:
    """Train an agent a little, by its own YAML but for its size."""
    steps, num_envs, hyperparameters = TINY[agent]
    supervised = num_envs is None
    config = make_config(
        env_id,
        agent,
        0,
        steps=steps,
        num_envs=num_envs,
        env_kwargs=env_kwargs if supervised else {**env_kwargs, **SHORT},
        hyperparameters={**hyperparameters, **changes},
        dataset=str(dataset) if dataset is not None and supervised and agent != "guided" else None,
    )
    learner(agent).check(config)
    folder = RunFolder(path)
    folder.begin(config)
    assert learner(agent).train(folder) == 0
    return folder


def searched(task: SoundMatchingTask, agent: Agent, budget: int = 7) -> Trial:
    """Two trials of an agent on a target, which must be equal."""
    target = task.render(task.space.sample(np.random.default_rng(0), 1))
    pool = Pool.make(task, 0, 6)
    trials = [run(agent, Trial(task, target, budget, pool, np.random.default_rng(3))) for _ in range(2)]
    if task.synth.repeatable:
        assert trials[0].distances == trials[1].distances
    return trials[0]


FAST = ("FM-v0",)
ALIKE = ("Granulator-v0", "Faust-v0", "Dexed1Op-v0")
"""Ids of the engines of others, on which training is no other."""


def _fast(env_id: Any) -> Any:
    """The ids that stand for all others where time is short."""
    if env_id in FAST:
        return env_id
    values, marks = ([env_id], []) if isinstance(env_id, str) else (env_id.values, env_id.marks)
    return pytest.param(*values, marks=[*marks, pytest.mark.slow])


@pytest.mark.parametrize("env_id", [_fast(env_id) for env_id in IDS if env_id not in ALIKE])
def test_every_agent_on_every_engine(env_id: str, tmp_path: Path) -> None:
    env_id, needed = keywords_of(env_id)
    if env_id in COSTLY:
        needed = {**needed, "duration": 0.2, "hold": 0.1}
    task = make_task(env_id, needed, more_features=["mfcc"])
    sources = Sources(env=env_id, dataset=make_set(tmp_path / "set", env_id, needed), runs=tmp_path)
    # On an engine that takes long, one that plays and one that learns from examples.
    learners = [name for name in LEARNERS if env_id not in COSTLY or name in ("ppo", "mlp")]
    for name in learners:
        train(name, tmp_path / f"{env_id}-{name}-0", env_id, needed, tmp_path / "set")
    hybrids = [
        "nearest+cma_es",
        "nearest+mlp",
        "mlp+hill_climber",
        "ppo+cma_es",
        "shuffled_target+mlp",
        "shuffled_target+ppo",
    ]
    # What is handed from one agent to the other is the same for any id.
    for name in [*AGENTS, *([f"mlp@{tmp_path}", *hybrids] if env_id in FAST else [])]:
        if name == "constant" or (name == "pretrained" and shipped_model(env_id) is None):
            continue  # 300 renders, with the others on one id; a model of other ids
        if name in LEARNERS and name not in learners:
            continue
        trial = searched(task, prepare(name, task, sources))
        assert 1 <= len(trial.distances) <= 7
        assert present(trial.best).distance == min(trial.distances)
        if name.partition("+")[0] in (*LOOKUPS, "pretrained", *LEARNERS):
            assert trial.offline[0] >= ITEMS, "what it learnt from counts"
    task.close()


@pytest.mark.parametrize("agent", TINY)
def test_a_training_leaves_no_thread_behind(agent: str, tmp_path: Path) -> None:
    train(agent, tmp_path / "first", "FM-v0", {}, None)  # which starts what stays, as the monitor of tqdm
    before = set(threading.enumerate())
    train(agent, tmp_path / "second", "FM-v0", {}, None)
    assert set(threading.enumerate()) <= before


@pytest.mark.slow
def test_a_model_searches_alike_in_another_process_and_is_refused_elsewhere(tmp_path: Path) -> None:
    make_set(tmp_path / "set", "FM-v0")
    task = make_task("FM-v0")
    names = {name: f"{name}@{tmp_path / name}" for name in LEARNERS}
    for name in LEARNERS:
        train(name, tmp_path / name, "FM-v0", {}, tmp_path / "set")
    here = {name: searched(task, prepare(spec, task)).distances for name, spec in names.items()}
    for name in ("mlp", "lstm", "ppo_imitation", "transformer"):
        for budget in (1, 2, 11, 30):
            trial = searched(task, prepare(names[name], task), budget)
            assert len(trial.distances) == budget
            assert trial.distances[-1] == present(trial.best).distance, "it ends at its best"
    code = (
        "import json, sys; sys.path.insert(0, 'tests'); from test_training import *\n"
        "task = make_task('FM-v0')\n"
        f"print(json.dumps({{n: searched(task, prepare(s, task)).distances for n, s in {names}.items()}}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout.splitlines()[-1]) == here
    for options, says in (
        ({"frozen": {"attack": 0.1}}, "with frozen attack None, not attack 0.1"),
        ({"note": 48}, "was trained on note 60, not note 48"),
        ({"feature": "mfcc"}, "trained on the feature multiresolution, not mfcc"),
    ):
        other = make_task("FM-v0", options)
        for name, spec in names.items():
            if name == "transformer" and "frozen" in options:  # which is of any synthesiser
                continue
            with pytest.raises(SynthgymError, match=says):
                prepare(spec, other)
        other.close()
    with pytest.raises(SynthgymError, match="no saved lstm model"):
        prepare(f"lstm@{tmp_path / 'mlp'}", task)
    task.close()


def test_a_network_that_stopped_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    dataset = make_set(tmp_path / "set", "FM-v0")
    hyperparameters = {**TINY["mlp"][2], "patience": 1, "rollouts": 6, "validate_rollouts": 2}
    config = make_config("FM-v0", "mlp", 0, steps=12, hyperparameters=hyperparameters, dataset=str(dataset))
    task = make_task("FM-v0")
    kept = datasets.load(dataset)
    train_on, validate_on = (
        Examples.of_dataset(kept, "multiresolution", side) for side in ("train", "validation")
    )

    def go_on(trainer: Trainer, until: int) -> Trainer:
        while trainer.model.steps < until and not trainer.is_over():
            trainer.step(train_on)
            if trainer.is_due():
                trainer.validate(validate_on)
        return trainer

    whole = go_on(Trainer(config, task), 12)
    half = go_on(Trainer(config, task), 6)
    half.save(tmp_path / "half.zip")
    resumed = go_on(Trainer(config, task, tmp_path / "half.zip"), 12)
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
def test_an_encoding_predicts_what_it_was_told(seed: int) -> None:
    encoding = Encoding(SPACE)
    rng = np.random.default_rng(seed)
    unit = torch.from_numpy(SPACE.sample(rng, 5))
    # All the odds on the value, or on the two bins beside it.
    place = unit * torch.tensor([31, 2, 9, 31, 31])
    apart = (torch.arange(encoding.bins) - place[..., None]).abs()
    log = torch.log((1 - apart).clamp(min=1e-12))
    np.testing.assert_allclose(encoding.mode(log), unit, atol=1e-5)
    patches = encoding.sample(log, 0.01, rng)
    assert ((patches - unit).abs() <= torch.tensor([1.5 / 31, 1e-6, 1e-6, 1e-6, 1.5 / 31])).all()
    cross_entropy = encoding.cross_entropy(log, unit)
    assert (cross_entropy[:, 1:4] < 1e-4).all()
    assert (cross_entropy <= 0.21).all(), "at most even odds of two bins, of 32"
    even = encoding.log_probabilities(torch.zeros(5, encoding.size))
    np.testing.assert_allclose(encoding.cross_entropy(even, unit), 1, atol=1e-5)
    np.testing.assert_allclose(encoding.entropy(even), 1, atol=1e-5)


NOTES = Note().rows(1)


class Ruler:
    """Renders features whose distance grows with the distance of the parameters."""

    def __init__(self) -> None:
        self.space = SPACE
        self.feature = SimpleNamespace(shape=(1, len(SPACE)))

    def render(self, unit: Unit, notes: Notes = NOTES) -> Rendered:
        return Rendered((1 + self.space.quantise(unit)[:, None, :],))


def stand_in(ruler: Ruler) -> Any:
    """Taken for a task: all that rollouts need of one is there."""
    return ruler


def small_model() -> Model:
    identity = {"parameters": [asdict(parameter) for parameter in SPACE.free], "note": asdict(Note())}
    bounds = [1.0] * 5, [2.0] * 5
    torch.manual_seed(0)
    return Model("mlp", {"width": 32}, (1, 5), bounds, Origin("", {}, "", identity))


def test_what_is_known_is_kept_and_the_rest_is_predicted() -> None:
    model, rng = small_model(), np.random.default_rng(0)
    unit = SPACE.sample(rng, 40)
    features = Ruler().render(unit).features[0]
    known = rng.random(unit.shape) < 0.5
    found = model.complete(model.embed(features), unit, known, 1.0, rng)
    np.testing.assert_array_equal(found[known], unit[known])
    assert (found[~known] != unit[~known]).any()
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("agent", ["mlp", "ppo"])
def test_a_preview_logs_what_is_found(agent: str, tmp_path: Path) -> None:
    run = train(agent, tmp_path / "run", "FM-v0", {}, make_set(tmp_path / "set", "FM-v0"))
    log = EventAccumulator(str(run.tensorboard), size_guidance={"audio": 0, "images": 0, "histograms": 0})
    log.Reload()
    assert {tag.rpartition("/")[0] for tag in log.Tags()["audio"]} == {"target", "match"}
    (sound,) = log.Audio("match/0")[:1]
    assert (sound.sample_rate, sound.length_frames) == (44100, 44100)
    assert (log.Images("match/0")[0].width, log.Images("match/0")[0].height) == (800, 360)
    (histogram,) = log.Histograms("preview/distance")[-1:]
    (mean,) = log.Scalars("preview/mean_distance")[-1:]
    assert histogram.histogram_value.num == 8
    assert histogram.histogram_value.sum / 8 == pytest.approx(mean.value, abs=1e-6)
    assert 0 < log.Scalars("parameter_error/attack")[-1].value < 1


@pytest.mark.parametrize("agent", ["ppo", "ppo_imitation"])
def test_previews_change_nothing_that_is_learned(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_set(tmp_path / "set", "FM-v0")
    weights = []
    monkeypatch.setattr("agents.training.preview.EVERY", 0)
    for name in ("often", "never"):
        if name == "never":
            monkeypatch.setattr(Preview, "__call__", lambda *_, **options: None)
        run = train(agent, tmp_path / name, "FM-v0", {}, dataset)
        if agent == "ppo":
            weights.append(load(agent, run.final_model).policy.state_dict())
        else:
            _, training = Model.load(agent, present(run.newest()))
            weights.append(
                Model.load(agent, present(run.newest()))[0].network.state_dict()
                | present(training)["state"]["critic"]
            )
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize(("agent", "renders"), [("mlp", 4), ("ppo_imitation", 2)])
def test_a_rollout_that_fails_is_made_again(
    agent: str, renders: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_set(tmp_path / "set", "FM-v0")
    task = make_task("FM-v0")
    hyperparameters = TINY[agent][2]
    config = make_config("FM-v0", agent, 0, steps=2, hyperparameters=hyperparameters, dataset=str(dataset))
    train_on, validate_on = (
        Examples.of_dataset(datasets.load(dataset), "multiresolution", side)
        for side in ("train", "validation")
    )
    ends = []
    for fails in (False, True):
        trainer = Trainer(config, task)
        trainer.step(train_on)
        trainer.validate(validate_on)
        assert trainer.rollouts is not None
        if fails:
            rendered = task.render(np.zeros((renders, 6)))
            with monkeypatch.context() as patched:
                # The next render fails.
                patched.setattr(task, "render", Mock(side_effect=[rendered, KeyboardInterrupt]))
                with pytest.raises(KeyboardInterrupt):
                    trainer.step(train_on)
        trainer.step(train_on)
        ends.append(trainer._weights())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    task.close()


def test_too_few_steps_for_rollouts(tmp_path: Path) -> None:
    task = make_task("FM-v0")
    config = make_config("FM-v0", "mlp", 0, steps=200)
    with pytest.raises(SynthgymError, match="200 steps with 200 rollouts leave none for imitation"):
        Trainer(config, task)
    task.close()


@pytest.mark.parametrize(("agent", "loss"), [("mlp", "feature"), ("ppo_imitation", "ppo")])
def test_rollouts_are_the_end_of_a_run(agent: str, loss: str, tmp_path: Path) -> None:
    dataset = make_set(tmp_path / "set", "FM-v0")
    hyperparameters = {**TINY[agent][2], "rollouts": 2, "validate_every": 100, "validate_rollouts": 100}
    config = make_config("FM-v0", agent, 0, steps=4, hyperparameters=hyperparameters, dataset=str(dataset))
    task = make_task("FM-v0")
    trainer = Trainer(config, task)
    train_on, validate_on = (
        Examples.of_dataset(datasets.load(dataset), "multiresolution", side)
        for side in ("train", "validation")
    )
    losses = []
    while not trainer.is_over():
        losses.append(trainer.loss)
        trainer.step(train_on)
        if trainer.is_due():
            trainer.validate(validate_on)
    assert losses == ["parameter", "parameter", loss, loss]
    task.close()


def test_rollouts_are_judged_by_their_end(tmp_path: Path) -> None:
    dataset = make_set(tmp_path / "set", "FM-v0")
    run = train("mlp", tmp_path / "run", "FM-v0", {}, dataset, rollouts=2, validate_rollouts=1)
    log = EventAccumulator(str(run.tensorboard))
    log.Reload()
    assert [scalar.step for scalar in log.Scalars("validation/distance")] == [2, 3, 4]
    judged = log.Scalars("validation/rollout_distance")
    assert [scalar.step for scalar in judged] == [2, 3, 4], "from before the first rollout on"


def test_a_rollout_keeps_what_is_best_and_samples_parts_of_it_again() -> None:
    model, source, rng = small_model(), Ruler(), np.random.default_rng(0)
    features = source.render(SPACE.sample(rng, 20)).features[0]
    best, before = None, np.full(20, np.inf)
    notes = np.repeat(NOTES, 20, axis=0)
    for now in roll_out(model, features, notes, stand_in(source), 4, 3, EXPLORING, rng):
        np.testing.assert_array_equal(now.before, before)
        patches = source.render(now.unit.reshape(60, -1)).features[0]
        np.testing.assert_array_equal(
            now.distances, distance(patches, np.repeat(features, 3, axis=0)).reshape(20, 3)
        )
        if best is None:
            assert not now.known.any()
        else:
            kept = now.known[:, None] & np.ones_like(now.unit, np.bool_)
            np.testing.assert_array_equal(now.unit[kept], np.repeat(best[:, None], 3, axis=1)[kept])
            assert (~now.known).any(axis=1).all()
        weights = now.weights()
        assert ((weights >= 0) & (weights.sum(axis=1, keepdims=True) <= 1 + 1e-9)).all()
        rows = np.arange(20)
        nearest = now.distances.argmin(axis=1)
        np.testing.assert_array_equal(weights.max(axis=1), weights[rows, nearest])
        better = now.distances.min(axis=1) < before
        best = np.where(better[:, None], now.unit[rows, nearest], 0 if best is None else best)
        before = now.best


def test_where_nothing_is_better_little_is_learned() -> None:
    far, known = np.array([[0.5, 0.6], [0.1, 0.6]]), np.ones((2, 5), np.bool_)
    weights = Round(known, np.zeros((2, 2, 5), np.float32), far, np.array([0.2, 0.2])).weights()
    assert weights[0].sum() < 1e-5
    assert weights[1, 0] > 0.99


@pytest.mark.parametrize("kind", [RewardWeighted, PPOLearner])
def test_rollouts_lead_to_what_sounds_near(kind: type[RewardWeighted] | type[PPOLearner]) -> None:
    model, source, rng = small_model(), Ruler(), np.random.default_rng(0)
    rollouts = kind(model, stand_in(source), TrainerConfig(targets=64, rounds=3, candidates=8, rehearsal=0))
    rollouts.optimizer.param_groups[0]["lr"] = 0.003
    features = source.render(SPACE.sample(rng, 64)).features[0]

    def nothing(turn: int) -> torch.Tensor:
        return sum((weights.sum() for weights in model.network.parameters()), torch.zeros(()))

    def far() -> float:
        return float(distance(source.render(model.predict(features)).features[0], features).mean())

    before = far()
    for _ in range(50):
        assert 0 <= rollouts.learn(features, np.repeat(NOTES, 64, axis=0), nothing, rng) <= 1
    assert far() < 0.5 * before


def test_ppo_sees_the_rollout_as_it_is() -> None:
    source, rng = Ruler(), np.random.default_rng(0)
    rollout = RolloutVecEnv(stand_in(source), TrainerConfig(targets=5, rounds=2, candidates=3))
    rollout.features, rollout.rng = source.render(SPACE.sample(rng, 5)).features[0], rng
    rollout.notes = np.repeat(NOTES, 5, axis=0)
    seen = rollout.reset()
    best, unit = np.ones(5), np.zeros((5, len(SPACE)), np.float32)
    for step in range(6):
        known, told = seen["known"] > 0, seen["seen"] > 0
        assert (told | ~known).all()
        assert (~told).any(axis=1).all(), "something is sampled"
        assert known.any() == (step >= 3)
        np.testing.assert_array_equal(seen["best"], unit)
        np.testing.assert_allclose(seen["so_far"], np.stack([best, np.full(5, step / 6)], axis=1), rtol=1e-6)
        patches = np.where(known, unit, SPACE.sample(rng, 5))
        far = distance(source.render(patches).features[0], rollout.features)
        seen, rewards, over, _ = rollout.step(patches)
        np.testing.assert_allclose(rewards, -far, rtol=1e-6)
        assert over.tolist() == [step == 5] * 5
        better = (far < best) | (step == 0)
        unit[better], best = patches[better], np.minimum(best, far)
    np.testing.assert_array_equal(rollout.best, best)


@pytest.mark.parametrize("agent", ["mlp", "lstm"])
@pytest.mark.slow
def test_a_network_learns_from_sounds(agent: str, tmp_path: Path) -> None:
    """Pitch and level of a short sine. Seen: see the margins."""
    env_kwargs = {
        "parameters": ["TRANSPOSE", "OP1 OUTPUT LEVEL"],
        "hold": 0.2,
        "duration": 0.3,
        "patches": "uniform",
    }
    dataset = make_set(tmp_path / "set", "Dexed1Op-v0", env_kwargs, items=1200)
    changes = {"mlp": {"width": 128}, "lstm": {"width": 128, "hidden": 64}}[agent]
    config = make_config(
        "Dexed1Op-v0",
        agent,
        0,
        steps=600,
        env_kwargs=env_kwargs,
        hyperparameters={**changes, "batch_size": 64, "validate_every": 100, "rollouts": 20},
        dataset=str(dataset),
    )
    folder = RunFolder(tmp_path / "run")
    folder.begin(config)
    assert learner(agent).train(folder) == 0
    task = make_task("Dexed1Op-v0", env_kwargs)
    patches = task.make_patches(PatchStream("validation", 0).ids(range(50)))
    aims = patches.rendered.features[0]
    model, _ = Model.load(agent, folder.final_model)

    def far(shown: Features) -> float:
        return float(distance(task.render(model.predict(shown)).features[0], aims).mean())

    constant = min(distance(one[None], aims).mean() for one in aims)
    assert far(aims) < constant - 0.2
    assert far(aims) < far(np.roll(aims, 1, axis=0)) - 0.2
    task.close()
