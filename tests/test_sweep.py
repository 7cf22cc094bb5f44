"""Several trainings by one command: seeds, and hyperparameters that are looked for."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, present

from agents.commands import cli, several, train
from agents.training import trainings
from agents.training.learners import LEARNERS, learner, make_config
from agents.training.preview import Preview
from agents.training.run_config import HYPERPARAMETERS
from agents.training.run_folder import RunFolder
from agents.training.spaces import extremes, space_of, suggest
from agents.training.sweep import Sweep
from agents.training.trainings import Outcome, train_run
from synthgym.errors import SynthgymError

pytest.importorskip("optuna")
SHORT = {"duration": 0.1, "hold": 0.05, "starts": 1, "max_episode_steps": 5}
TINY = {"steps": 20, "num_envs": 1, "env_kwargs": SHORT}
SPACE = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "n_steps": [5, 10], "n_epochs": [1, 2]}


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two validation targets for fifty, and no previews."""
    monkeypatch.setattr(trainings, "TARGETS", 2)
    monkeypatch.setattr(Preview, "__call__", lambda *_, **options: None)


def sweep(folder: Path, trials: int, **options: Any) -> Sweep:
    def make(seed: int, hyperparameters: Any) -> Any:
        return make_config("FM-v0", "ppo", seed, **TINY, hyperparameters=dict(hyperparameters))

    return Sweep(folder, make(0, {}), make, options.get("seeds", [0]), SPACE, trials)


def here(runs: Iterable[Path]) -> Iterator[Outcome]:
    return map(train_run, runs)


def told(document: dict[str, Any], folder: Path) -> str:
    return json.dumps(document).replace(str(folder), "")


@pytest.mark.usefixtures("briefly")
def test_an_interrupted_sweep_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    with closing(sweep(tmp_path / "whole", 3)) as whole:
        whole.train(here, lambda outcome: None)
    with closing(sweep(tmp_path / "parts", 3)) as parts:
        parts.train(lambda runs: here(islice(runs, 1)), lambda outcome: None)
        with pytest.raises(SynthgymError, match="is in use by another sweep"):
            sweep(tmp_path / "parts", 3)
    # Interrupted when the second trial is begun, and not trained.
    with closing(sweep(tmp_path / "parts", 3)) as parts:
        parts.train(lambda runs: here(list(islice(runs, 1))[:0]), lambda outcome: None)
        assert [trial.done for trial in parts.trials.values()] == [True, False]
    with closing(sweep(tmp_path / "parts", 3)) as parts:
        parts.train(here, lambda outcome: None)
    document = json.loads(parts.file.read_text())
    assert told(document, tmp_path / "parts") == told(whole.document(), tmp_path / "whole")
    distances = [trial["distance"] for trial in document["trials"]]
    assert distances == sorted(distances), "best first"
    assert len({json.dumps(trial["hyperparameters"]) for trial in document["trials"]}) == 3
    for trial in document["trials"]:
        run = RunFolder(trial["runs"][0]["folder"])
        assert run.final_model.is_file()
        assert yaml.safe_load(run.config.read_text())["hyperparameters"].items() >= {
            (name, value) for name, value in trial["hyperparameters"].items() if name != "batch_size"
        }
    with pytest.raises(SynthgymError, match=r"is a sweep with seeds \[0\], not \[0, 1\]; ask for the same"):
        sweep(tmp_path / "parts", 3, seeds=[0, 1])


@pytest.mark.usefixtures("briefly")
def test_a_training_that_fails_is_told_of_and_the_others_go_on(tmp_path: Path) -> None:
    def make(seed: int, hyperparameters: Any) -> Any:
        # So large a step that weights are not finite.
        rate = 1e30 if seed == 1 else 1e-3
        return make_config("FM-v0", "ppo", seed, **TINY, hyperparameters={"learning_rate": rate})

    with closing(Sweep(tmp_path, make(0, {}), make, [1, 0])) as seeds:
        seeds.train(here, lambda outcome: None)
    first, second = seeds.table().splitlines()
    assert first.endswith("  seed 0")
    assert second.startswith("failed  seed 1 (")
    assert "diverged" in second


@pytest.mark.usefixtures("briefly")
def test_a_process_whose_command_was_killed_validates_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal that ends it came while the final model was written, and was heard by the training."""
    told = iter([False, True])
    with closing(sweep(tmp_path, 1)) as one:
        with monkeypatch.context() as patched:
            patched.setattr(trainings._is_ending, "is_set", lambda: next(told))
            one.train(here, lambda outcome: None)
        run = RunFolder(Path(one.document()["trials"][0]["runs"][0]["folder"]))
        assert run.final_model.is_file()
        assert not (run.path / trainings.DISTANCE).exists()
        assert not one.trials[0].done
    with closing(sweep(tmp_path, 1)) as again:
        again.train(here, lambda outcome: None)
        assert again.trials[0].done


def test_runs_of_another_kind_are_refused_before_the_table_is_written(tmp_path: Path) -> None:
    def seeds(*numbers: int, rate: float) -> Sweep:
        def make(seed: int, hyperparameters: Any) -> Any:
            return make_config("FM-v0", "ppo", seed, **TINY, hyperparameters={"learning_rate": rate})

        return Sweep(tmp_path, make(0, {}), make, numbers)

    with closing(seeds(1, rate=0.1)) as first:
        first.train(lambda runs: here(list(islice(runs, 1))[:0]), lambda outcome: None)
    written = first.file.read_bytes()
    with pytest.raises(SynthgymError, match=r"ppo-1 is a run with hyperparameters learning_rate 0\.1, not "):
        seeds(0, 1, rate=0.2)
    assert first.file.read_bytes() == written
    assert not (tmp_path / "FM-v0-ppo-0").exists()
    with pytest.raises(SynthgymError, match="ppo-1 is the folder of one run; choose another --log-dir"):
        sweep(tmp_path / "FM-v0-ppo-1", 1)


def test_what_fails_for_want_of_a_file_or_memory_is_tried_again(tmp_path: Path) -> None:
    def make(seed: int, hyperparameters: Any) -> Any:
        return make_config("FM-v0", "mlp", seed, env_kwargs=SHORT, dataset=str(tmp_path / "gone"))

    with closing(Sweep(tmp_path, make(0, {}), make, [0])) as seeds:
        for _ in range(2):
            with pytest.raises(
                SynthgymError, match=r"gone is no data set; .*; the same command tries it again"
            ):
                seeds.train(here, lambda outcome: None)
            assert not seeds.trials[0].done
    assert trainings._of_this_machine(MemoryError())
    assert not trainings._of_this_machine(ValueError())


def test_a_damaged_distance_is_none_and_a_damaged_sweep_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / trainings.DISTANCE
    for text in ("", "[]", "{}", '{"distance": "near"}', '{"distance": NaN}', '{"distance": true}', "\udcff"):
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        assert trainings._kept_distance(file) is None
    file.write_text('{"distance": 0.25}')
    assert train_run(tmp_path) == Outcome(tmp_path, 0.25)
    with closing(sweep(tmp_path, 1)) as begun:
        begun.train(lambda runs: here(list(islice(runs, 1))[:0]), lambda outcome: None)
    with closing(sweep(tmp_path, 1)) as again:
        assert again.trials == begun.trials
    whole = json.loads(begun.file.read_text())
    (trial,) = whole["trials"]
    (run,) = trial["runs"]
    rows: list[Any] = [[], {}, {**trial, "number": "0"}, {**trial, "hyperparameters": []}]
    rows += [{**trial, "hyperparameters": {"n_steps": 5}}, {**trial, "runs": 3}]
    others: list[dict[str, Any]] = [{"seed": 1}, {"distance": "1"}, {"problem": 1}]
    rows += [{**trial, "runs": [{**run, **other}]} for other in others]
    documents: list[Any] = [[], {}, {**whole, "settings": []}, {**whole, "trials": 1}]
    for text in ("", "?", *map(json.dumps, documents + [{**whole, "trials": [row]} for row in rows])):
        begun.file.write_text(text)
        with pytest.raises(SynthgymError, match=r"sweep\.json is (damaged; remove it|a sweep with)"):
            sweep(tmp_path, 1)


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainings, "PATIENCE", 0)
    run = RunFolder(tmp_path)
    run.begin(make_config("FM-v0", "ppo", 0, **TINY))
    with run.held(), run.held():
        for train_it in (train_run, lambda path: learner("ppo").train(RunFolder(path))):
            with pytest.raises(SynthgymError, match="is being trained by another process; wait for its end"):
                train_it(tmp_path)
    with RunFolder(tmp_path).held():
        pass


def test_who_may_not_go_on_with_a_run_removes_nothing_of_it(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin(make_config("FM-v0", "ppo", 0, **TINY))
    being_written = run.checkpoints / ".000000500-0123456789abcdef.zip"
    being_written.touch()
    with run.held():
        with pytest.raises(SynthgymError, match="is being trained by another process"):
            RunFolder(tmp_path).resume({"steps": None})
        assert being_written.exists()
    RunFolder(tmp_path).resume({"steps": None})
    assert not being_written.exists()


@pytest.mark.parametrize("agent", yaml.safe_load((HYPERPARAMETERS / "spaces.yml").read_text()))
def test_what_is_suggested_makes_a_config_and_depends_on_what_was_tried_alone(agent: str) -> None:
    assert agent in LEARNERS
    space = space_of(agent, {}, {})
    first, again, other = (suggest(space, [], seed) for seed in (0, 0, 1))
    assert first == again != other
    config = make_config("FM-v0", agent, 0, hyperparameters=first)
    assert config.hyperparameters.items() >= {(k, v) for k, v in first.items() if k != "batch_size"}


def test_the_extremes_of_a_space_are_all_choices_and_both_ends() -> None:
    ends = [("learning_rate", 1e-4), ("learning_rate", 1e-2), ("n_steps", 5), ("n_steps", 10)]
    ends += [("n_epochs", 1), ("n_epochs", 2)]
    assert [*extremes(SPACE)] == [{name: value} for name, value in ends]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("--agent guided --sweep 2", "guided has no space of hyperparameters; give one, as --space"),
        ("--sweep 2 --space speed=[1,2]", "unknown hyperparameter of ppo 'speed'"),
        ("--sweep 2 --space gamma=1", "the space of gamma is a list of choices or"),
        ("--sweep 2 --space gamma={low:.9,high:.8}", "the space of gamma is a list of choices or"),
        ("--sweep 2 --space gamma={'low':.1,'high':.inf}", "the space of gamma is a list of choices or"),
        (
            "--sweep 2 --space gamma={'low':.1,'high':.9,'log':2}",
            "the space of gamma is a list of choices or",
        ),
        ("--sweep 2 --space gamma=[.9,.nan]", "the space of gamma is a list of choices or"),
        ("--sweep 2 --space gamma=[2020-01-01]", "the space of gamma is a list of choices or"),
        ("--sweep 0", "--sweep must be a whole number from 1"),
        ("--seeds 0,one", "--seeds are whole numbers with commas between; got '0,one'"),
        ("--seeds 0,-1", "seed must be a whole number from 0"),
        ("--seeds 0 --resume", "several trainings go on where they are without --resume; leave it out"),
        ("--seeds 0 --seed 1", "--seed is one, --seeds are several"),
        ("--seeds 0,1 --space gamma=[0,1]", "--space goes with --sweep N"),
        ("--workers 2", "--workers goes with --seeds or --sweep"),
        ("--seeds 0,1 --backend cuda", "unknown backend 'cuda'"),
        ("--seeds 0,1 --backend ray --address 127.0.0.1:9", "no Ray cluster is reached at '127.0.0.1:9'"),
        ("--seeds 0,1 --address 127.0.0.1:9", "--address goes with --backend ray"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    options: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    if "ray" in options:
        pytest.importorskip("ray")
    arguments = ["train.py", "--env", "FM-v0", "--log-dir", str(tmp_path / "runs"), *options.split()]
    monkeypatch.setattr(sys, "argv", arguments)
    usual = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        cli.run(train.main)
    signal.signal(signal.SIGTERM, usual)
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert line in said
    assert not list(tmp_path.rglob("config.yml"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_stopped_prints_the_table(
    number: signal.Signals, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def stopped(runs: Iterable[Path], workers: int) -> Iterator[Outcome]:
        (run,) = runs
        yield Outcome(run, 0.25)
        signal.raise_signal(number)

    monkeypatch.setattr(several, "by_processes", stopped)
    monkeypatch.setattr(
        sys, "argv", ["train.py", "--env", "FM-v0", "--seeds", "0,00", "--log-dir", str(tmp_path)]
    )
    usual = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        cli.run(train.main)
    signal.signal(signal.SIGTERM, usual)
    assert ended.value.code == code
    assert "stopped; the same command goes on\n0.2500  seed 0\n" in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_trains_side_by_side_and_goes_on(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, ROOT / "scripts/train.py", "--env", "FM-v0", "--json"]
    command += ["--agent", "ppo", "--steps", "1500", "--num-envs", "2", "--seeds", "0,1", "--workers", "2"]
    command += ["--log-dir", tmp_path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    runs = [RunFolder(tmp_path / f"FM-v0-ppo-{seed}") for seed in (0, 1)]
    waited(lambda: all(run.newest() for run in runs))
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(text)["stopped"]
    steps = [int(present(run.newest()).stem) for run in runs]
    assert all(0 < done < 1500 for done in steps)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (trial,) = json.loads(done.stdout)["trials"]
    assert [run["seed"] for run in trial["runs"] if 0 < run["distance"] < 1] == [0, 1]
    for run in runs:
        assert run.final_model.is_file()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
def test_where_the_command_is_killed_its_trainings_end_with_a_checkpoint(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, ROOT / "scripts/train.py", "--env", "FM-v0"]
    command += ["--agent", "ppo", "--steps", "100000", "--num-envs", "2", "--seeds", "0"]
    command += ["--log-dir", tmp_path]
    process = subprocess.Popen(command, start_new_session=True)
    run = RunFolder(tmp_path / "FM-v0-ppo-0")
    waited(lambda: any(run.tensorboard.glob("events*")))
    with pytest.raises(SynthgymError, match="is being trained by another process"), run.held():
        pass
    process.kill()
    process.wait()
    with run.held(60):
        assert run.newest()


def waited(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.1)


_ENDED = """
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

from tqdm import tqdm

from agents.training.trainings import _begin
from agents.trials.signals import Signals


def show(seconds):
    with tqdm(total=1) as bar, Signals(patient=True):  # as a final model is written
        time.sleep(seconds)
        bar.update()


if __name__ == "__main__":
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), _begin, (1,)) as pool:
        long = pool.submit(show, 3)
        pool.submit(show, 0).result()
        time.sleep(0.5)
        for process in multiprocessing.active_children():
            process.terminate()
    print(long.result())
"""


@pytest.mark.slow
def test_processes_that_are_ended_while_one_is_idle_all_end(tmp_path: Path) -> None:
    """As where one training failed on a full disk: the others end in order, and nothing is said of it."""
    program = tmp_path / "program.py"
    program.write_text(_ENDED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, program], check=True, capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.stdout == "None\n"
    assert "leaked" not in done.stderr
