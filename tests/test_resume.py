"""Runs that are resumed: they go on to more steps, and count on the renders that they cost."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import present
from test_training import TINY, make_set, train

from agents.rl.policy import _loaded
from agents.rl.training import load
from agents.supervised.model import Model
from agents.training.learners import learner, make_config
from agents.training.preview import Preview
from agents.training.run_folder import RunFolder
from synthgym.errors import SynthgymError
from synthgym.parameters import Unit
from synthgym.patches import Patches, PatchId
from synthgym.rendering import Rendered
from synthgym.task import SoundMatchingTask


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of renders of each call of a task, but for those of previews, which are left out."""
    made = []
    render, make_patches = SoundMatchingTask.render, SoundMatchingTask.make_patches

    def counted_render(task: SoundMatchingTask, unit: Unit, *notes: Any, **options: Any) -> Rendered:
        made.append(len(unit))
        return render(task, unit, *notes, **options)

    def counted_patches(
        task: SoundMatchingTask, ids: Sequence[PatchId], *notes: Any, **options: Any
    ) -> Patches:
        patches = make_patches(task, ids, *notes, **options)
        made.append(int(patches.renders.sum()))
        return patches

    monkeypatch.setattr(Preview, "__call__", lambda *_, **options: None)
    monkeypatch.setattr(SoundMatchingTask, "render", counted_render)
    monkeypatch.setattr(SoundMatchingTask, "make_patches", counted_patches)
    return made


@pytest.mark.parametrize("agent", ["ppo", "sac", "sac_her", "ars", "es"])
def test_a_policy_is_trained_on(agent: str, tmp_path: Path, renders: list[int]) -> None:
    folder = train(agent, tmp_path / "run", "FM-v0", {}, None)
    steps = TINY[agent][0]
    before, _ = _loaded(agent, folder.final_model)
    assert before.num_timesteps == steps
    assert vars(before)["renders"] == sum(renders)
    folder.resume({"steps": 2 * steps})
    assert learner(agent).train(folder) == 0
    after, _ = _loaded(agent, folder.final_model)
    assert after.num_timesteps == 2 * steps, "the new model is used, not that of before"
    assert vars(after)["renders"] == sum(renders)
    assert int(present(folder.newest()).stem) == 2 * steps
    weights = (model.policy.state_dict() for model in (before, after))
    assert any(not np.array_equal(old, new) for old, new in zip(*map(dict.values, weights), strict=True))


@pytest.mark.parametrize("agent", ["ppo", "es"])
def test_a_policy_goes_on_from_its_newest_checkpoint(agent: str, tmp_path: Path, renders: list[int]) -> None:
    folder = train(agent, tmp_path / "run", "FM-v0", {}, None)
    folder.final_model.unlink()
    steps = TINY[agent][0]
    for path in folder.checkpoints.glob("*.zip"):
        if path != folder.newest():
            path.unlink()
    first = load(agent, present(folder.newest()))
    folder.resume({"steps": steps + 1})
    learner(agent).train(folder)
    last = load(agent, folder.final_model)
    assert first.num_timesteps == steps < last.num_timesteps
    assert vars(first)["renders"] < vars(last)["renders"] == sum(renders)


def test_a_network_counts_on_its_renders(tmp_path: Path, renders: list[int]) -> None:
    folder = train("mlp", tmp_path / "run", "FM-v0", {}, make_set(tmp_path / "set", "FM-v0"))
    whole, _ = Model.load("mlp", folder.final_model)
    newest = present(folder.newest())
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.raises(SynthgymError, match="remove it to go on from the one before it"):
        learner("mlp").train(folder)
    newest.unlink()
    half, _ = Model.load("mlp", present(folder.newest()))
    renders.clear()
    assert learner("mlp").train(folder) == 0
    resumed, _ = Model.load("mlp", folder.final_model)
    assert (half.steps, resumed.steps) == (3, 4)
    assert 0 < half.renders < resumed.renders == half.renders + sum(renders)
    assert resumed.renders == whole.renders


@pytest.mark.parametrize("agent", ["ppo", "mlp"])
def test_what_was_asked_for_can_be_asked_for_again(agent: str, tmp_path: Path) -> None:
    """Keywords and hyperparameters that the YAML file gives need not be named."""
    folder = RunFolder(tmp_path / "run")
    asked = {"env_kwargs": {"note": 48}, "hyperparameters": {"learning_rate": 0.01}}
    folder.begin(make_config("FM-v0", agent, 0, steps=100, **asked))
    kept = folder.config.read_text()
    folder.resume({"steps": None, **asked})
    assert folder.config.read_text() == kept
    for other in ({"env_kwargs": {"note": 50}}, {"hyperparameters": {"learning_rate": 0.1}}):
        with pytest.raises(SynthgymError, match="ask for the same"):
            folder.resume({"steps": None, **other})
