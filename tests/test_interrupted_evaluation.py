"""Evaluations that are interrupted, damaged, or asked for more."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from slow_agent import Slow

from agents.baselines.random import Random
from agents.baselines.silence import Silence
from agents.commands.evaluate import versions
from agents.evaluation.results import Results
from agents.evaluation.targets import read_targets
from agents.evaluation.trials import evaluate
from agents.trials.agent import Agent
from synthgym.errors import SynthgymError
from synthgym.rendering import Rendering
from synthgym.task import SoundMatchingTask

SETTINGS = {"env": "FM-v0", "env_kwargs": {}, "targets": "test:3"}
BUDGETS = (1, 5)


@pytest.fixture(scope="module")
def fm() -> Iterator[Any]:
    with closing(SoundMatchingTask("fm")) as task:
        yield task


@pytest.fixture(scope="module")
def targets(fm: Any) -> Any:
    return read_targets(fm, "test:3")[0]


@pytest.fixture(scope="module")
def done(fm: Any, targets: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The folder of an evaluation that is done."""
    path = tmp_path_factory.mktemp("results") / "done"
    with closing(Results(path, SETTINGS)) as results:
        evaluate(fm, {"random": Random(), "silence": Silence()}, targets, 2, BUDGETS, results, progress=False)
        results.write()
    return path


@pytest.fixture
def copy(done: Any, tmp_path: Path) -> Any:
    shutil.copytree(done, tmp_path / "copy")
    return tmp_path / "copy"


def _slowly(worker: Any, renders: Any) -> Any:
    unit = worker.space.sample(np.random.default_rng(0), 1)
    for _ in range(renders):
        time.sleep(0.05)
        worker.render(unit, worker.note.middle())
    return renders


@pytest.mark.parametrize("rendering", ["threads", "processes"])
def test_what_is_being_done_is_given_up_when_a_task_is_closed(rendering: Rendering) -> None:
    task = SoundMatchingTask("fm", rendering=rendering, workers=2)

    def interrupt(result: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(task.renderer.map(_slowly, [600, 1], done=interrupt))
    began = time.monotonic()
    task.close()
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(("rendering", "workers"), [("inline", None), ("threads", 2), ("processes", 2)])
def test_results_are_given_before_their_turn(rendering: Rendering, workers: Any) -> None:
    with closing(SoundMatchingTask("fm", rendering=rendering, workers=workers)) as task:
        found: list[int] = []
        results = task.renderer.map(_slowly, [10, *range(1, 9)], done=found.append)
        assert list(results) == [10, *range(1, 9)]
        assert sorted(found) == [*range(1, 9), 10]
        assert (found == [10, *range(1, 9)]) == (rendering == "inline")


@pytest.mark.parametrize(
    ("backend", "signals"),
    [
        pytest.param("inline", 1, marks=pytest.mark.slow),
        pytest.param("processes", 2, marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_ends_an_evaluation_at_once_and_it_goes_on(
    backend: Any, signals: Any, fm: Any, targets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(out: Any, backend: Any) -> Any:
        return [
            *(sys.executable, "-c", "import slow_agent; slow_agent.main()"),
            *("--env", "FM-v0", "--agents", "silence,slow", "--targets", "test:3", "--seeds", "1"),
            *("--budgets", "1,100", "--backend", backend, "--workers", "2", "--out", str(out)),
        ]

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    out, log = tmp_path / "out", tmp_path / "out" / "trials.jsonl"
    process = subprocess.Popen(
        command(out, backend),
        env={**environment, "SLOW_SECONDS": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests may have it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 100
    while not log.exists() or log.read_bytes().count(b"\n") < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)  # by now the slow trials, of 5 minutes each, have begun
    began = time.monotonic()
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    output, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 5
    # The second signal may come when Python has let go of its handler.
    assert process.returncode in ((130,) if signals == 1 else (130, -signal.SIGINT)), errors
    assert "Traceback" not in errors
    if signals == 1:
        assert "stopped; 3 trials are kept; the same command goes on from there" in output
    assert log.read_bytes().count(b"\n") == 3
    goes_on = {**environment, "SLOW_SECONDS": "0"}
    subprocess.run(command(out, backend), env=goes_on, capture_output=True, check=True)
    monkeypatch.setenv("SLOW_SECONDS", "0")
    with closing(Results(tmp_path / "whole", SETTINGS | fm.describe())) as whole:
        agents = {"silence": Silence(), "slow": Slow()}
        evaluate(fm, agents, targets, 1, (1, 100), whole, progress=False)
        pd.testing.assert_frame_equal(pd.read_parquet(out / "results.parquet"), whole.rows())


class _Interrupted(Agent):
    """Ctrl-C in the third trial."""

    def __init__(self) -> None:
        self.trials = 0

    def search(self, trial: Any) -> None:
        self.trials += 1
        if self.trials == 3:
            raise KeyboardInterrupt
        Random().search(trial)


@pytest.mark.slow
def test_an_interrupted_evaluation_reported(fm: Any, targets: Any, copy: Any, script: Any) -> None:
    with closing(Results(copy, SETTINGS)) as results:
        assert results.left_out() == []
        with pytest.raises(KeyboardInterrupt):
            evaluate(fm, {"third": _Interrupted()}, targets, 2, BUDGETS, results, progress=False)
        assert results.unfinished() == {("third", 0), ("third", 1)}
    # What was asked for is known when it is opened again.
    with closing(Results.opened(copy)) as results:
        assert results.left_out() == ["third with seeds 0, 1 (4 trials missing)"]
        assert {*results.rows()["agent"]} == {"random", "silence"}
    said = "Not finished, and left out: third with seeds 0, 1 (4 trials missing)"
    assert said in script("report.py", copy).stdout
    assert said in (copy / "report.html").read_text(encoding="utf-8")
    # The others are added to, and the summary says what is left out.
    arguments = ["--env", "FM-v0", "--targets", "test:3", "--seeds", 2, "--budgets", "1,5", "--out", copy]
    config = json.loads((copy / "evaluation.json").read_text(encoding="utf-8"))
    config |= {"budgets": [1, 5], "more_features": [], "dataset": None}
    (copy / "evaluation.json").write_text(
        json.dumps(config | fm.describe() | {"versions": versions(fm)}), encoding="utf-8"
    )
    assert f"{said}.\n" in script("evaluate.py", *arguments, "--agents", "default").stdout
    summary = (copy / "summary.md").read_text(encoding="utf-8")
    assert f"{said}.\n" in summary
    assert "| default |" in summary
    assert "| third |" not in summary


def test_an_agent_that_is_alone_is_not_finished_before_its_last_target(
    fm: Any, targets: Any, tmp_path: Path
) -> None:
    path = tmp_path / "alone"
    with closing(Results(path, SETTINGS)) as results:
        with pytest.raises(KeyboardInterrupt):
            evaluate(fm, {"third": _Interrupted()}, targets, 1, BUDGETS, results, progress=False)
        assert len(results.trials) == 2
    with pytest.raises(SynthgymError, match=r"third with seed 0 \(1 trial missing\); go on with"):
        Results.opened(path)
    # A folder from before this was kept opens: what it was asked for is not known.
    config = json.loads((path / "evaluation.json").read_text(encoding="utf-8"))
    del config["asked"]
    (path / "evaluation.json").write_text(json.dumps(config), encoding="utf-8")
    with closing(Results.opened(path)) as results:
        assert {*results.rows()["target"]} == {"test:0", "test:1"}


def test_more_seeds_and_targets_are_asked_for_but_none_is_taken_back(
    fm: Any, targets: Any, copy: Any
) -> None:
    with closing(Results(copy, SETTINGS)) as results:
        before = results.rows()
        evaluate(fm, {"random": Random()}, targets, 1, BUDGETS, results, progress=False)
        assert results.left_out() == []
        results.ask({"random": [""] * 3}, [target.name for target in targets], 3)
        assert results.left_out() == ["random with seed 2 (3 trials missing)"]
        pd.testing.assert_frame_equal(results.rows(), before)
        with pytest.raises(SynthgymError, match="target 'test:2' is gone; put it back"):
            evaluate(fm, {"random": Random()}, targets[:2], 3, BUDGETS, results, progress=False)


@pytest.mark.parametrize("damage", [b"{\n", b"\xff\xfe\n", b'{"agent": "random"}\n', b"7\n"], ids=repr)
def test_a_damaged_line_is_named_and_nothing_is_lost(damage: Any, fm: Any, targets: Any, copy: Any) -> None:
    log = copy / "trials.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    damaged = b"".join([*lines[:4], damage, *lines[5:]])
    log.write_bytes(damaged)
    with pytest.raises(SynthgymError, match=r"trials\.jsonl, line 5 is damaged; mend or delete that line"):
        Results(copy, SETTINGS)
    assert log.read_bytes() == damaged
    # As the message says.
    log.write_bytes(b"".join([*lines[:4], *lines[5:]]))
    with closing(Results(copy, SETTINGS)) as results:
        evaluate(fm, {"random": Random(), "silence": Silence()}, targets, 2, BUDGETS, results, progress=False)
        assert len(results.trials) == len(lines)
        pd.testing.assert_frame_equal(results.rows(), pd.read_parquet(copy / "results.parquet"))


def test_numbers_that_are_not_finite_are_json(copy: Any) -> None:
    def refuse(name: Any) -> None:
        raise AssertionError(name)

    lines = (copy / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    trials = [json.loads(line, parse_constant=refuse) for line in lines]
    silent = [row for trial in trials if trial["agent"] == "silence" for row in trial["rows"]]
    assert {row["pitch"] for row in silent} == {None}, "silence has no pitch"
    # Lines from before hold NaN.
    as_before = "\n".join(line.replace("null", "NaN") for line in lines) + "\n"
    assert "NaN" in as_before
    with closing(Results(copy, SETTINGS)) as results:
        rows = results.rows()
    (copy / "trials.jsonl").write_text(as_before, encoding="utf-8")
    with closing(Results(copy, SETTINGS)) as results:
        pd.testing.assert_frame_equal(results.rows(), rows)
    assert rows["pitch"].dtype == np.float64
    assert rows.loc[rows["agent"] == "silence", "pitch"].isna().all()


def test_rows_of_a_control_that_had_another_name_are_read(copy: Any, script: Any) -> None:
    log = copy / "trials.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"silence"', b'"misled+mlp"'))
    with closing(Results(copy, SETTINGS)) as results:
        assert results.unfinished() == {("silence", 0), ("silence", 1)}, "which was asked for, and is gone"
        assert {*results.rows()["agent"]} == {"random", "misled+mlp"}
        results.write()
    assert "24 rows, 0 differ" in script("evaluate.py", "--validate", copy).stdout


def test_a_folder_is_one_evaluation_s_at_a_time(done: Any) -> None:
    with closing(Results(done, SETTINGS)), pytest.raises(SynthgymError, match="being written by another"):
        Results(done, SETTINGS)
    with pytest.raises(SynthgymError, match="targets 'test:3', not 'test:4'"):
        Results(done, {**SETTINGS, "targets": "test:4"})
    Results(done, SETTINGS).close()


def test_a_full_disk_leaves_no_half_a_line(copy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write of a line fails in its middle; the next one begins a line of its own."""
    with closing(Results(copy, SETTINGS)) as results:
        trial, count = {**results.trials[0], "seed": 9}, len(results.trials)
        before = (copy / "trials.jsonl").read_bytes()

        def half_a_line(trial: Any) -> None:
            with (copy / "trials.jsonl").open("a", encoding="utf-8") as log:
                log.write('{"agent": ')
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("agents.evaluation.results.line_of", half_a_line)
            with pytest.raises(SynthgymError, match="No space left on device"):
                results.add(trial)
        assert (copy / "trials.jsonl").read_bytes() == before
        results.add(trial)
    with closing(Results(copy, SETTINGS)) as results:
        assert len(results.trials) == count + 1


def test_a_second_evaluation_changes_nothing_of_the_first(copy: Any) -> None:
    config = (copy / "evaluation.json").read_bytes()
    with closing(Results(copy, SETTINGS)):
        with pytest.raises(SynthgymError, match="is being written by another evaluation"):
            Results(copy, SETTINGS)
        assert (copy / "evaluation.json").read_bytes() == config
