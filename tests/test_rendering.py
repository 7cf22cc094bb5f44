"""Whoever renders, and however many: the same bytes, in order."""

import copy
import multiprocessing
import os
import pickle
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import children_named

from synthgym.errors import SynthgymError
from synthgym.patches import PatchStream
from synthgym.rendering import Rendering, Worker, usable_cores
from synthgym.task import SoundMatchingTask

WAYS = [("inline", None), ("threads", 1), ("threads", 2), ("threads", 5), ("processes", 3)]


@pytest.mark.parametrize(
    ("synth", "options", "rendering", "workers"),
    [*(("dexed", {"operators": 1}, *way) for way in WAYS), *(("fm", {}, *way) for way in WAYS[-2:])],
)
def test_batches_and_items(
    synth: str, options: dict[str, Any], rendering: Rendering, workers: int | None
) -> None:
    reference = SoundMatchingTask(synth, more_features=["mfcc-13"], **options)
    task = SoundMatchingTask(
        synth, more_features=["mfcc-13"], rendering=rendering, workers=workers, **options
    )
    units = task.space.sample(np.random.default_rng(0), 150)
    for count in (1, 2, 150):
        expected = reference.render(units[:count], audio=True)
        rendered = task.render(units[:count], audio=True)
        np.testing.assert_array_equal(rendered.audio, expected.audio)
        for ours, theirs in zip(rendered.features, expected.features, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert task.render(units[:count]).audio is None
    items = PatchStream("train", 3).ids(range(20))
    made, wanted = task.make_patches(items, audio=True), reference.make_patches(items, audio=True)
    np.testing.assert_array_equal(made.unit, wanted.unit)
    np.testing.assert_array_equal(made.rendered.audio, wanted.rendered.audio)
    np.testing.assert_array_equal(made.renders, wanted.renders)
    task.close()


def _slow(worker: Worker, job: int) -> tuple[int, int]:
    time.sleep(0.02 * (job % 3))
    return job, os.getpid()


@pytest.mark.parametrize(("rendering", "workers"), WAYS)
def test_results_come_in_order_and_jobs_are_taken_a_few_at_a_time(
    rendering: Rendering, workers: int | None
) -> None:
    task = SoundMatchingTask("fm", rendering=rendering, workers=workers)
    taken = []

    def jobs() -> Iterator[int]:
        for i in range(30):
            taken.append(i)
            yield i

    results = task.renderer.map(_slow, jobs())
    first = next(results)
    assert first[0] == 0
    assert len(taken) <= 2 * (workers or 1) + 1
    rest = list(results)
    assert [job for job, _ in rest] == list(range(1, 30))
    if rendering == "processes":
        assert len({pid for _, pid in rest}) == workers
    task.close()


def test_an_unfinished_map_leaves_the_workers_free() -> None:
    task = SoundMatchingTask("fm", rendering="threads", workers=3)
    assert next(task.renderer.map(_slow, range(100)))[0] == 0
    assert [job for job, _ in task.renderer.map(_slow, range(10))] == list(range(10))
    task.close()


def _fail(worker: Worker, job: int) -> str:
    if job == 7:
        raise ValueError("seven")
    return worker.space.names[job]


@pytest.mark.parametrize(("rendering", "workers"), WAYS)
def test_errors_reach_the_caller(rendering: Rendering, workers: int | None) -> None:
    task = SoundMatchingTask("dexed", operators=1, rendering=rendering, workers=workers)
    with pytest.raises(ValueError, match="seven"):
        list(task.renderer.map(_fail, range(20)))
    assert list(task.renderer.map(_fail, range(3))) == list(task.space.names[:3])
    task.close()


def test_a_killed_process_is_replaced_and_its_job_done_again() -> None:
    task = SoundMatchingTask("fm", rendering="processes", workers=2)
    reference = SoundMatchingTask("fm")
    units = task.space.sample(np.random.default_rng(0), 64)
    expected = reference.render(units).features[0]
    for _ in range(3):
        for pid in children_named("helper.py"):
            os.kill(pid, signal.SIGKILL)
        np.testing.assert_array_equal(task.render(units).features[0], expected)
    task.close()


def test_a_script_without_a_main_guard_may_use_processes(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = tmp_path / "mine.py"
    script.write_text(
        "import gymnasium as gym, synthgym\n"
        "envs = gym.make_vec('FM-v0', 4, rendering='processes', workers=2)\n"
        "print(envs.reset(seed=0)[0].shape)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout == "(4, 3504)\n"
    assert done.stderr == ""


def test_a_copy_of_a_task_renders_by_itself() -> None:
    """An agent that has a task is sent to workers, trial by trial: they start none of their own."""
    with closing(SoundMatchingTask("fm", rendering="processes", workers=2)) as task:
        unit = np.full((3, 6), 0.4, np.float32)
        whole = task.render(unit)
        before = {child.pid for child in multiprocessing.active_children()}
        for copied in (pickle.loads(pickle.dumps(task)), copy.deepcopy(task)):
            np.testing.assert_array_equal(copied.render(unit).features[0], whole.features[0])
            assert copied.renderer.workers == 1
            assert {child.pid for child in multiprocessing.active_children()} == before
            copied.close()


def test_the_default_is_a_worker_for_each_core() -> None:
    task = SoundMatchingTask("fm", rendering="auto")
    assert task.renderer.workers == usable_cores()
    task.close()


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"rendering": "prosesses"}, "did you mean 'processes'"),
        ({"rendering": "threads", "workers": 0}, "workers must be a whole number from 1 to 4096; got 0"),
    ],
)
def test_bad_ways_are_named(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(SynthgymError, match=says):
        SoundMatchingTask("fm", **keywords)
