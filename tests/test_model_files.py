"""Files of models and folders of runs: what is read, what is refused and why; nothing runs unasked."""

import base64
import json
import pickle
import zipfile
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import yaml
from conftest import present
from test_training import SPACE, searched, small_model, train

import agents.rl
import agents.supervised
from agents.catalogue import prepare
from agents.rl.training import load
from agents.supervised.model import Model
from agents.training.learners import make_config
from agents.training.models import Origin
from agents.training.run_config import RunConfig
from agents.training.run_folder import RunFolder, trained_models
from envs_registry import ENVIRONMENTS, EXAMPLES, example
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.notes import Note
from synthgym.registration import is_goal_id, register


class Program:
    """Pickled, it is a program that makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def policy_file(path: Path, data: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", json.dumps(data))
    return path


def test_where_a_policy_comes_from_is_read_without_running_what_it_holds(tmp_path: Path) -> None:
    ran, counts = tmp_path / "ran", {"renders": 0, "num_timesteps": 0}
    program = {":serialized:": base64.b64encode(pickle.dumps(Program(ran))).decode()}
    with closing(make_task("FM-v0")) as task:
        there = Origin.of(task, "FM-v0", {})
        elsewhere = {**there.kept(), "feature": "mfcc"}
        path = policy_file(tmp_path / "a.zip", {**counts, "policy_class": program, "origin": there.kept()})
        assert agents.rl.origin("ppo", path) == there
        with pytest.raises(SynthgymError, match="no saved es model: it is a model of ppo"):
            prepare(f"es@{path}", task)
        other = policy_file(tmp_path / "b.zip", {**counts, "policy_class": program, "origin": elsewhere})
        with pytest.raises(SynthgymError, match="trained on the feature mfcc, not multiresolution"):
            prepare(f"ppo@{other}", task)
        hidden = policy_file(tmp_path / "c.zip", {**counts, "origin": program})
        with pytest.raises(SynthgymError, match="no saved ppo model: another version"):
            prepare(f"ppo@{hidden}", task)
        assert not ran.exists()
        with pytest.raises(
            SynthgymError, match="no saved ppo model: it is damaged, or holds more than a policy"
        ):
            prepare(f"ppo@{path}", task)
        assert not ran.exists()


def test_a_network_never_runs_what_its_file_holds(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    torch.save({"agent": "mlp", "made_of": Program(ran)}, tmp_path / "model.zip")
    with pytest.raises(SynthgymError, match="it holds more than weights and plain values"):
        agents.supervised.origin("mlp", tmp_path / "model.zip")
    assert not ran.exists()


def test_the_cause_of_a_refusal_is_named(tmp_path: Path) -> None:
    model = small_model()
    model.save(tmp_path / "whole.zip")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "whole.zip").read_bytes()[:2000])
    (tmp_path / "text.zip").write_text("no zip")
    policy_file(tmp_path / "policy.zip", {"origin": {}})
    kept = torch.load(tmp_path / "whole.zip", weights_only=True)
    torch.save({**kept, "weights": {}}, tmp_path / "other.zip")
    for name, says in (
        ("none.zip", "no such model: .*none.zip"),
        ("", "no saved mlp model: it is a folder"),
        ("text.zip", "no saved mlp model: it is no zip file"),
        ("cut.zip", "no saved mlp model: it is no zip file, or it was cut off"),
        ("policy.zip", "no saved mlp model: PyTorch did not write it"),
        ("other.zip", "no saved mlp model: another version of the package made it"),
    ):
        with pytest.raises(SynthgymError, match=says) as caught:
            Model.load("mlp", tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(SynthgymError, match="no saved lstm model: it is a model of mlp"):
        Model.load("lstm", tmp_path / "whole.zip")
    for name, says in (
        ("none.zip", "no such model: .*none.zip"),
        ("", "no saved ppo model: it is a folder"),
        ("text.zip", "no saved ppo model: it is no zip file"),
        ("whole.zip", "no saved ppo model: stable-baselines3 did not write it"),
    ):
        with pytest.raises(SynthgymError, match=says):
            load("ppo", tmp_path / name)


@pytest.mark.parametrize("value", [torch.inf, torch.nan])
def test_a_network_that_is_not_finite_is_refused_and_not_asked_for_ever(value: float, tmp_path: Path) -> None:
    model = small_model()
    with torch.no_grad():
        for weights in model.network.parameters():
            weights.fill_(value)
    unit, known = np.zeros((2, len(SPACE)), np.float32), np.zeros((2, len(SPACE)), np.bool_)
    known[:, 0] = True
    with pytest.raises(SynthgymError, match="not finite"):
        model.complete(torch.zeros(2, 32), unit, known)
    model.save(tmp_path / "damaged.zip")
    with pytest.raises(SynthgymError, match=r"damaged.zip is no saved mlp model: its weights are not finite"):
        Model.load("mlp", tmp_path / "damaged.zip")


def test_a_network_of_the_old_names_is_read(tmp_path: Path) -> None:
    model = small_model()
    training = {"best_weights": model.network.state_dict()}
    model.save(tmp_path / "new.zip", training)
    kept = torch.load(tmp_path / "new.zip", weights_only=True)
    for weights in (kept["weights"], kept["training"]["best_weights"]):
        for name in [name for name in weights if name.startswith("encoder.")]:
            weights[name.replace("encoder.", "body.")] = weights.pop(name)
    assert "body.1.0.weight" in kept["weights"]
    torch.save(kept, tmp_path / "old.zip")
    old, its_training = Model.load("mlp", tmp_path / "old.zip")
    for weights in (old.network.state_dict(), present(its_training)["best_weights"]):
        assert all(torch.equal(weights[name], value) for name, value in model.network.state_dict().items())


def test_a_config_of_the_old_names_is_read(tmp_path: Path) -> None:
    old = {"games": 7, "game_learning_rate": 0.5, "validate_games": 3}
    new = {"rollouts": 7, "rollout_learning_rate": 0.5, "validate_rollouts": 3}
    config = make_config("FM-v0", "mlp", 0, steps=10, hyperparameters=old)
    assert config.hyperparameters.items() >= new.items()
    (tmp_path / "config.yml").write_text(yaml.safe_dump({**asdict(config), "hyperparameters": old}))
    assert RunConfig.read(tmp_path / "config.yml").hyperparameters == new
    with pytest.raises(SynthgymError, match="unknown hyperparameter of mlp 'gamez'"):
        make_config("FM-v0", "mlp", 0, hyperparameters={"gamez": 7})


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    for env in ("First-v0", "Second-v0"):
        parameters = [asdict(parameter) for parameter in SPACE.free]
        origin = Origin(env, {}, "", {"parameters": parameters, "note": asdict(Note())})
        Model("mlp", {"width": 4}, (1, 5), ([1.0] * 5, [2.0] * 5), origin).save(path)
        assert agents.supervised.origin("mlp", path).env == env


def test_only_exact_names_are_runs_and_checkpoints(tmp_path: Path) -> None:
    names = ("0", "2", "10", "0-backup", "best-0", "00", "٣", "x", "")
    for name in (*(f"FM-v0-ppo-{name}" for name in names), "FM-v0-ppo", "XFM-v0-ppo-1"):
        (tmp_path / name).mkdir()
        RunFolder(tmp_path / name).final_model.touch()
    (tmp_path / "FM-v0-ppo-5").mkdir()
    found = trained_models(tmp_path, "FM-v0", "ppo")
    assert list(found) == [0, 2, 10]
    assert found[0] == tmp_path / "FM-v0-ppo-0" / "final_model.zip"
    assert trained_models(tmp_path / "none", "FM-v0", "ppo") == {}
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    assert folder.newest() is None
    for name in ("000000100", "000000200", "000000300-copy", "1e9", "000000400 (1)"):
        (folder.checkpoints / f"{name}.zip").touch()
    assert present(folder.newest()).stem == "000000200"


def test_a_run_keeps_its_newest_checkpoints(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.config.touch()
    for steps in (100, 200, 1_000_000_000, 999_999_999):
        folder.save_checkpoint(steps, Path.touch)
    mine = folder.checkpoints / "000000100-mine.zip"
    mine.touch()

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    def kept() -> set[str]:
        return {path.stem for path in folder.checkpoints.iterdir()}

    newest = {mine.stem, "999999999", "1000000000"}
    assert kept() == {*newest, "000000200"}
    with pytest.raises(OSError, match="No space left"):
        folder.save_checkpoint(1_000_000_001, full)
    assert kept() == {*newest, "000000200"}, "nothing goes before the new one is whole"
    folder.save_checkpoint(1_000_000_001, Path.touch)
    assert kept() == {*newest, "1000000001"}


def test_checkpoints_without_their_config_are_no_new_run_s(tmp_path: Path) -> None:
    folder, run = RunFolder(tmp_path / "run"), make_config("FM-v0", "mlp", 0)
    folder.begin(run)
    folder.save_checkpoint(100, Path.touch)
    folder.config.unlink()
    says = r"holds checkpoints of a run whose config\.yml is gone"
    with pytest.raises(SynthgymError, match=says):
        folder.begin(run)
    with pytest.raises(SynthgymError, match=says):
        folder.resume({"steps": None})


def test_a_run_that_was_moved_is_not_begun_anew_where_it_was(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(make_config("FM-v0", "mlp", 0))
    folder.path.rename(tmp_path / "moved")
    with pytest.raises(SynthgymError, match="was moved or removed while it was trained"):
        folder.save_checkpoint(100, Path.touch)
    with pytest.raises(SynthgymError, match="was moved or removed while it was trained"):
        folder.save_final(Path.touch)
    assert not folder.path.exists()


def test_a_checkpoint_that_is_a_link_to_nothing_is_told_as_other_damaged_ones(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "000000100.zip"
    path.parent.mkdir()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(SynthgymError, match="link to nothing; remove it to go on from the one before it"):
        Model.load("mlp", path)


def test_a_goal_twin_is_known_by_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register("FinalGoal-v0", {"synth": "fm"})
    try:
        twins = {"FM-v0": False, "FMGoal-v0": True, "FinalGoal-v0": False, "FinalGoalGoal-v0": True}
        assert {env_id: is_goal_id(env_id) for env_id in twins} == twins
        assert agents.rl.training_env("sac_her", "FinalGoal-v0") == "FinalGoalGoal-v0"
        assert agents.rl.training_env("sac_her", "FinalGoalGoal-v0") == "FinalGoalGoal-v0"
        assert agents.rl.training_env("sac", "FinalGoal-v0") == "FinalGoal-v0"
        train("ars", tmp_path / "run", "FinalGoal-v0", {}, None)
        task = make_task("FinalGoal-v0")
        assert len(searched(task, prepare(f"ars@{tmp_path / 'run'}", task)).distances) == 7
        task.close()
    finally:
        for env_id in ("FinalGoal-v0", "FinalGoalGoal-v0"):
            gym.registry.pop(env_id)
    monkeypatch.setitem(ENVIRONMENTS, "FinalGoal-v0", {"synth": "faust"})
    monkeypatch.setitem(EXAMPLES, "FinalGoal-v0", {"dsp": "final.dsp"})
    assert example("FinalGoal-v0") == example("FinalGoalGoal-v0")
    assert Path(example("FinalGoal-v0")["dsp"]).name == "final.dsp"
