"""What goes wrong in a training ends in one clear line, with what was learned before it kept."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr
from conftest import present
from test_training import ITEMS, SPACE, TINY, make_set, train

from agents.rl.training import load
from agents.supervised.encoding import Encoding
from agents.supervised.examples import Examples
from agents.supervised.model import Model
from agents.supervised.network import DenseNetwork
from agents.supervised.trainer import Trainer
from agents.training.divergence import Diverged
from agents.training.learners import learner, make_config
from agents.training.run_folder import RunFolder
from synthgym import datasets
from synthgym.errors import PluginCrashed, SynthgymError
from synthgym.making import make_task
from synthgym.task import SoundMatchingTask


def test_a_prediction_is_a_unit_vector() -> None:
    encoding = Encoding(SPACE)
    scores = torch.from_numpy(np.random.default_rng(0).normal(0, 8, (4000, encoding.size))).float()
    log = encoding.log_probabilities(scores)
    for unit in (encoding.mode(log), encoding.sample(log, 0.5, np.random.default_rng(0))):
        assert ((unit >= 0) & (unit <= 1)).all()
        assert (unit == 1).any(), "the ends are among them"


@pytest.mark.parametrize("agent", ["ars", pytest.param("mlp", marks=pytest.mark.slow)])
def test_a_preview_that_fails_does_not_end_a_training(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no picture today")

    monkeypatch.setattr("agents.training.preview.side_by_side", fail)
    monkeypatch.setattr("agents.training.preview.EVERY", 0)
    with caplog.at_level(logging.WARNING):
        folder = train(agent, tmp_path / "run", "FM-v0", {}, make_set(tmp_path / "set", "FM-v0"))
    assert folder.final_model.exists()
    (said,) = [record.getMessage() for record in caplog.records if "preview" in record.name]
    assert "failed, training goes on (RuntimeError: no picture today)" in said


def test_an_error_before_the_first_step_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any, **options: Any) -> None:
        raise PluginCrashed("the plugin crashed")

    monkeypatch.setattr(SoundMatchingTask, "make_patches", crash)
    with pytest.raises(PluginCrashed, match="the plugin crashed"):
        train("ppo", tmp_path / "run", "FM-v0", {}, None)


def test_a_validation_that_fails_keeps_what_was_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_set(tmp_path / "set", "FM-v0")
    whole = train("mlp", tmp_path / "whole", "FM-v0", {}, dataset)
    best_of_a_rollout = Trainer._best_of_a_rollout

    def crash(*_: Any) -> None:
        raise PluginCrashed("the plugin crashed")

    monkeypatch.setattr(Trainer, "_best_of_a_rollout", crash)
    says = (
        r"the validation after 3 steps failed \(PluginCrashed: the plugin crashed\); "
        r".*000000003.zip is kept; --resume validates again"
    )
    with pytest.raises(SynthgymError, match=says):
        train("mlp", tmp_path / "run", "FM-v0", {}, dataset)
    folder = RunFolder(tmp_path / "run")
    assert present(folder.newest()).stem == "000000003"
    assert not folder.final_model.exists()
    monkeypatch.setattr(Trainer, "_best_of_a_rollout", best_of_a_rollout)
    assert learner("mlp").train(folder) == 0
    ends = [Model.load("mlp", present(each.newest()))[0].network.state_dict() for each in (whole, folder)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0]), "as if it had not failed"


def test_what_was_learned_is_saved_before_it_is_validated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A validation may take longer than the process is given to end."""
    validate, saved = Trainer.validate, []

    def looked_at(trainer: Trainer, *examples: Any) -> Any:
        saved.append((trainer.model.steps, present(RunFolder(tmp_path / "run").newest()).stem))
        return validate(trainer, *examples)

    monkeypatch.setattr(Trainer, "validate", looked_at)
    train("mlp", tmp_path / "run", "FM-v0", {}, make_set(tmp_path / "set", "FM-v0"))
    assert saved
    assert all(int(stem) == steps for steps, stem in saved)


def test_a_loss_that_is_not_finite_ends_a_training(tmp_path: Path) -> None:
    dataset = make_set(tmp_path / "set", "FM-v0")
    store: Any = zarr.open_group(dataset, mode="r+")
    features, side = store["features/multiresolution"][:], store["split"][:]
    features[np.flatnonzero(side == 0)[1:]] = np.nan
    store["features/multiresolution"][:] = features
    with pytest.raises(Diverged, match=r"diverged after 0 steps: the loss is nan; .*000000000.zip is kept"):
        train("mlp", tmp_path / "run", "FM-v0", {}, dataset)
    model, _ = Model.load("mlp", present(RunFolder(tmp_path / "run").newest()))
    assert all(weights.isfinite().all() for weights in model.network.parameters())


def bias_of(trainer: Trainer) -> torch.Tensor:
    network = trainer.model.network
    assert isinstance(network, DenseNetwork)
    bias = network.head[2].bias
    assert isinstance(bias, torch.Tensor)
    return bias


@pytest.mark.parametrize("agent", ["mlp", "ppo_imitation"])
def test_weights_that_are_not_finite_never_become_the_best(agent: str, tmp_path: Path) -> None:
    dataset = make_set(tmp_path / "set", "FM-v0")
    task = make_task("FM-v0")
    config = make_config("FM-v0", agent, 0, steps=4, hyperparameters=TINY[agent][2], dataset=str(dataset))
    trainer = Trainer(config, task)
    train_on, validate_on = (
        Examples.of_dataset(datasets.load(dataset), "multiresolution", side)
        for side in ("train", "validation")
    )
    for validates in (True, False):
        trainer.step(train_on)
        trainer.validate(validate_on)
        best = trainer.best_weights
        with torch.no_grad():
            kept = bias_of(trainer).clone()
            bias_of(trainer).fill_(torch.nan)
        with pytest.raises(Diverged):
            trainer.validate(validate_on) if validates else trainer.step(train_on)
        assert trainer.best_weights is best
        with torch.no_grad():
            bias_of(trainer).copy_(kept)
    task.close()


@pytest.mark.parametrize("agent", ["ppo", "sac"])
def test_a_policy_that_diverged_is_not_saved(agent: str, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match=r"diverged after .* steps: .* not finite; .*; lower the"):
        train(agent, tmp_path / "run", "FM-v0", {}, None, learning_rate=1e30)
    folder = RunFolder(tmp_path / "run")
    assert not folder.final_model.exists()
    for path in folder.checkpoints.iterdir():
        weights = load(agent, path).policy.parameters()
        assert all(each.abs().max() < 1e3 for each in weights), "it is from before"


@pytest.mark.parametrize("side", ["train", "validation"])
def test_a_set_that_cannot_be_trained_on_is_refused_before_it_is_read(
    side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_set(tmp_path / "set", "FM-v0")
    store: Any = zarr.open_group(dataset, mode="r+")
    store["split"][:] = np.full(ITEMS, 1 if side == "train" else 0, np.uint8)
    config = make_config("FM-v0", "mlp", 0, steps=4, hyperparameters=TINY["mlp"][2], dataset=str(dataset))
    says = f"has no {side} examples"
    with pytest.raises(SynthgymError, match=says):
        learner("mlp").check(config)
    monkeypatch.setattr(Examples, "__init__", lambda *_: pytest.fail("the features were read"))
    folder = RunFolder(tmp_path / "run")
    folder.begin(config)
    with pytest.raises(SynthgymError, match=says):
        learner("mlp").train(folder)


def test_hindsight_without_whole_episodes_is_refused() -> None:
    def check(learning_starts: int = 800, buffer_size: int = 1600, **env_kwargs: int) -> None:
        few = {"learning_starts": learning_starts, "buffer_size": buffer_size}
        keywords: dict[str, Any] = {"env_kwargs": env_kwargs, "hyperparameters": few}
        learner("sac_her").check(make_config("FM-v0", "sac_her", 0, steps=2000, num_envs=16, **keywords))

    check()
    with pytest.raises(SynthgymError, match="--hyperparameters learning_starts=800 or more"):
        check(learning_starts=799)
    with pytest.raises(SynthgymError, match="--hyperparameters buffer_size=1600 or more"):
        check(buffer_size=1599)
    with pytest.raises(SynthgymError, match="learning_starts=16000000 or more"):
        check(max_episode_steps=10**6)
    with pytest.raises(SynthgymError, match="give --env-kwargs max_episode_steps=50"):
        check(max_episode_steps=-1)
