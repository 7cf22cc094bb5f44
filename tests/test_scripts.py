"""Training and matching by the commands of the README."""

import json
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from conftest import ROOT, Script, interrupted, present, started
from forking import run_python
from gymnasium import spaces
from stable_baselines3 import PPO
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from agents.evaluation.metrics import METRICS
from agents.rl.training import load
from agents.training.run_folder import RunFolder
from synthgym.recordings import read_recording
from synthgym.synths import make_synth
from synthgym.synths.dx7_voice import read_voices

MARIMBA = ROOT / "examples/targets/marimba.wav"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of two rollouts."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    command = ["--env", "Dexed1Op-v0", "--agent", "ppo", "--steps", "400", "--num-envs", "4", "--seed", "1"]
    result = run_python([str(ROOT / "scripts/train.py"), *command, "--log-dir", str(folder)], folder.parent)
    assert result.returncode == 0, result.stderr
    assert "400/400" in result.stderr, "the progress bar reaches its end"
    assert str(folder / "final_model.zip") in result.stdout
    return RunFolder(folder)


def test_a_run_leaves_config_checkpoints_scalars_and_model(run: RunFolder) -> None:
    config = yaml.safe_load(run.config.read_text())
    assert (config["env"], config["agent"], config["steps"], config["seed"]) == ("Dexed1Op-v0", "ppo", 400, 1)
    assert set(config["versions"]) >= {"synthgym", "dexed-py", "stable-baselines3"}
    assert ("vita" in config["versions"]) == (find_spec("vita") is not None)
    assert {path.name for path in run.checkpoints.iterdir()} == {f"{n:09d}.zip" for n in (240, 360, 480)}
    events = EventAccumulator(str(run.tensorboard)).Reload()
    scalars = set(events.Tags()["scalars"])
    ours = {"distance", "best_distance", "improvement", "success_rate", "renders_per_second"}
    assert {f"synth/{name}" for name in ours} | {"rollout/ep_rew_mean", "train/loss"} <= scalars
    last = {name: events.Scalars(f"synth/{name}")[-1].value for name in ours}
    assert 0 < last["best_distance"] <= last["distance"] <= 1
    assert last["renders_per_second"] > 1


@pytest.mark.slow
def test_a_match_is_in_its_preset(run: RunFolder, script: Script, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--env", "Dexed1Op-v0", "--model", run.final_model, "--budget", 60, "--out", out)
    printed = script("match.py", MARIMBA, *arguments).stdout
    result = json.loads((out / "match.json").read_text())
    assert len(result["history"]) == 60
    assert result["best_distance"] == min(result["history"])
    assert result["start_distance"] == result["history"][0]
    assert f"{result['best_distance']:.3f} at best, after 60 renders" in printed
    assert "OP1 OUTPUT LEVEL" not in printed, "what matters is to be seen"
    assert len(result["parameters"]) == 145
    match, rate = soundfile.read(out / "match.wav", dtype="float32")
    (voice,) = read_voices(out / "match.syx")
    gain = np.float32(result["playback_gain"])
    sound = make_synth("dexed", operators=1).render(voice.native[None])[0]
    np.testing.assert_array_equal(gain * sound, match)
    assert [p["native"] for p in result["parameters"]] == voice.native.tolist()
    target, _ = soundfile.read(out / "target.wav", dtype="float32")
    # The offset of a recording is estimated over what is read of it.
    np.testing.assert_allclose(target, gain * read_recording(MARIMBA, rate, 44100), atol=2e-5)
    assert max(np.abs(target).max(), np.abs(match).max()) == pytest.approx(0.7, abs=1e-3)
    renders = vars(load("ppo", run.final_model))["renders"]
    assert renders > 400, "targets and starts cost renders too"
    assert result["offline_renders"] > renders
    # It begins with the default patch, and goes on from others by the seed.
    other = tmp_path / "other"
    script("match.py", MARIMBA, *arguments[:-1], other, "--seed", 5)
    assert json.loads((other / "match.json").read_text())["history"] != result["history"]
    again = tmp_path / "again"
    script("match.py", MARIMBA, *arguments[:-1], again)
    assert json.loads((again / "match.json").read_text())["history"] == result["history"]


@pytest.mark.slow
def test_a_trained_agent_is_asked_for_its_own_note(run: RunFolder, script: Script, tmp_path: Path) -> None:
    known = ("--env", "Dexed1Op-v0", "--agent", f"ppo@{run.path}", "--budget", 3, "--out", tmp_path / "out")
    script("match.py", MARIMBA, *known)
    kept = json.loads((tmp_path / "out/match.json").read_text())
    assert kept["env_kwargs"] == {}
    assert kept["remarks"] == []
    match = (tmp_path / "out/match.json").read_bytes()
    result = script("match.py", MARIMBA, *known, "--note", 48, check=False)
    assert result.returncode == 2
    assert "was trained on note 60, not note 48" in result.stderr
    assert (tmp_path / "out/match.json").read_bytes() == match


def test_a_match_that_is_stopped_ends_with_the_best_so_far(tmp_path: Path) -> None:
    arguments = (MARIMBA, "--env", "FM-v0", "--agent", "hill_climber", "--budget", 1_000_000)
    code, output, errors = interrupted("match.py", *arguments, "--out", tmp_path, after="best distance")
    assert code == 0, errors
    result = json.loads((tmp_path / "match.json").read_text())
    assert 1 <= len(result["history"]) < 1_000_000
    assert f"{min(result['history']):.3f} at best, after {len(result['history'])} renders" in output
    page = (tmp_path / "match.html").read_text(encoding="utf-8")
    assert set(result["measures"]) == set(METRICS)
    assert result["measured_seconds"] == 1
    assert f"<td>mss</td><td>{result['measures']['mss']:.3f}</td>" in page
    assert "Measured on clips of 1 s, padding included." in page


def test_a_folder_that_holds_a_run_is_left_alone(run: RunFolder, script: Script) -> None:
    before = {p: p.stat().st_mtime_ns for p in run.path.rglob("*")}
    result = script("train.py", "--env", "Dexed1Op-v0", "--log-dir", run.path, check=False)
    assert result.returncode == 2
    assert "already holds a run" in result.stderr
    assert {p: p.stat().st_mtime_ns for p in run.path.rglob("*")} == before


@pytest.mark.slow
def test_goal_ids_are_trained_too(script: Script, tmp_path: Path) -> None:
    arguments = ("--env", "Dexed1OpGoal-v0", "--steps", 100, "--num-envs", 2, "--log-dir", "run")
    printed = script("train.py", *arguments).stdout
    trained = RunFolder(tmp_path / "run")
    assert str(RunFolder("run").final_model) in printed
    assert yaml.safe_load(trained.config.read_text())["env"] == "Dexed1OpGoal-v0"
    model = load("ppo", trained.final_model)
    assert model.num_timesteps >= 100
    assert isinstance(model.observation_space, spaces.Dict)
    assert set(model.observation_space.spaces) == {"observation", "achieved_goal", "desired_goal"}


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named(script: Script, tmp_path: Path) -> None:
    arguments = (
        "--env",
        "synthgym:Dexed1Op-v0",
        "--steps",
        100,
        "--num-envs",
        2,
        "--log-dir",
        tmp_path / "run",
    )
    script("train.py", *arguments)
    newest = present(RunFolder(tmp_path / "run").newest())
    newest.write_bytes(newest.read_bytes()[:1000])
    result = script("train.py", *arguments, "--resume", check=False)
    assert result.returncode == 2
    assert f"{newest} is no saved ppo model" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_goes_on_from_its_checkpoint(
    stop: signal.Signals, tmp_path: Path, script: Script
) -> None:
    folder = RunFolder(tmp_path / "run")
    arguments = ["--env", "Dexed1Op-v0", "--num-envs", "2", "--log-dir", str(folder.path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(ROOT / "scripts/train.py", *arguments, "--steps", "100000", **pipes) as process:
        deadline = time.monotonic() + 120
        while not list(folder.tensorboard.glob("*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(stop)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + stop, errors
    assert "--resume goes on from it" in output
    checkpoint = present(folder.newest())
    steps = int(checkpoint.stem)
    assert 0 < steps < 100_000
    assert not folder.final_model.exists()

    result = script("train.py", *arguments, "--steps", steps + 200, "--resume")
    assert f"{steps}/{steps + 200}" in result.stderr, "the bar begins where the run stopped"
    model = load("ppo", folder.final_model)
    assert model.num_timesteps >= steps + 200
    assert vars(model)["origin"]["env"] == "Dexed1Op-v0"
    again = script("train.py", *arguments, "--steps", steps + 200, "--resume")
    assert str(folder.final_model) in again.stdout, "nothing is left to do"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--env", "Dexed1op-v0"], "did you mean 'Dexed1Op-v0'"),
        (["--env", "Dexed1Op-v0", "--agent", "pppo"], "did you mean 'ppo'"),
        (["--env", "Dexed1Op"], "did you mean 'Dexed1Op-v0'"),
        (["--env", "CartPole-v1"], "has no synthesiser"),
        (["--env", "Dexed1Op-v0", "--seed", str(2**32)], "seed must be a whole number"),
        (["--env", "Dexed1Op-v0", "--env-kwargs", "note=[1"], "no name=value with a value in YAML"),
        (["--env", "Dexed1Op-v0", "--env-kwargs", "notee=60"], "did you mean 'note'"),
        (["--env", "Dexed1Op-v0", "--steps", "0"], "steps must be a whole number from 1"),
        (["--env", "Dexed1Op-v0", "--num-envs", "0"], "num_envs must be a whole number from 1"),
        (["--env", "Dexed1Op-v0", "--seed", "-1"], "seed must be a whole number from 0"),
        (["--env", "Dexed1Op-v0", "--resume"], "holds no run to resume"),
        (["--env", "Dexed1Op-v0", "--log-dir", "/proc/run"], "cannot write to /proc/run"),
    ],
)
def test_train_names_bad_input(arguments: list[str], says: str, script: Script, tmp_path: Path) -> None:
    result = script("train.py", *arguments, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_resume_refuses_other_settings(run: RunFolder, script: Script) -> None:
    arguments = ["--env", "Dexed1Op-v0", "--num-envs", 4, "--log-dir", run.path, "--resume"]
    result = script("train.py", *arguments, "--seed", 2, check=False)
    assert result.returncode == 2
    assert "is a run with seed 1, not 2" in result.stderr
    assert yaml.safe_load(run.config.read_text())["seed"] == 1


@pytest.mark.parametrize(
    ("target", "arguments", "says"),
    [
        ("nope.wav", [], "no such file: nope.wav"),
        (__file__, [], "is not audio"),
        (MARIMBA, ["--env", "Dexed2Op-v0"], "was trained on Dexed1Op-v0, not Dexed2Op-v0"),
        (MARIMBA, ["--env", "Dexed1Op"], "Dexed1Op"),
        (MARIMBA, ["--model", "nope.zip"], "no such model: nope.zip"),
        (MARIMBA, ["--model", __file__], "no saved ppo model"),
        (MARIMBA, ["--agent", "poo"], "did you mean 'ppo'"),
        (MARIMBA, ["--budget", "0"], "budget must be a whole number from 1"),
        (MARIMBA, ["--out", "/proc/out"], "cannot write to /proc/out"),
    ],
)
def test_match_names_bad_input(
    target: str | Path, arguments: list[str], says: str, run: RunFolder, script: Script, tmp_path: Path
) -> None:
    usual = ["--env", "Dexed1Op-v0", "--model", run.final_model, "--out", tmp_path / "out"]
    result = script("match.py", target, *usual, *arguments, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert says in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_rl_zoo3_trains_with_the_same_hyperparameters(tmp_path: Path) -> None:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "rl_zoo3.train",
        "--algo",
        "ppo",
        "--env",
        "Dexed1Op-v0",
    ]
    command += ["--gym-packages", "synthgym", "--conf-file", ROOT / "agents/hyperparameters/ppo.yml"]
    command += ["-n", "1600", "--log-folder", tmp_path, "--eval-freq", "-1"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    model = PPO.load(tmp_path / "ppo/Dexed1Op-v0_1/Dexed1Op-v0.zip")
    ours = yaml.safe_load((ROOT / "agents/hyperparameters/ppo.yml").read_text())["default"]
    assert model.num_timesteps >= 1600
    assert model.n_steps == ours["n_steps"]
