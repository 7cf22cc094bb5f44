"""Rendering on a real Ray cluster of two nodes on this machine."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from agents.baselines.random import Random
from agents.evaluation.results import Results
from agents.evaluation.targets import read_targets
from agents.evaluation.trials import evaluate
from agents.search.hill_climber import HillClimber
from synthgym import datasets
from synthgym.errors import SynthgymError
from synthgym.patches import PatchStream
from synthgym.rendering import Worker, connecting
from synthgym.rendering import cluster as rendering_cluster
from synthgym.task import SoundMatchingTask

pytestmark = pytest.mark.slow

ray = pytest.importorskip("ray")
SHORT = {"duration": 0.1, "hold": 0.05}


@pytest.fixture
def two_nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes of one core each, beside the one that leads them, which has none."""
    # So that the nodes find the functions of this file.
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'tests'}")
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@contextmanager
def loses_a_node(cluster: Any, begun: Callable[[], object]) -> Iterator[None]:
    """Kill a node in the middle of what is done meanwhile, and let another join in the end."""
    lost = threading.Event()

    def lose() -> None:
        while not begun():
            time.sleep(0.05)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        lost.set()

    losing = threading.Thread(target=lose)
    losing.start()
    yield
    assert lost.is_set(), "all was done before the node was lost"
    losing.join()
    cluster.add_node(num_cpus=1)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _name_after_a_while(worker: Worker, job: int) -> tuple[str, str]:
    time.sleep(0.05)
    return worker.space.names[job % 6], ray.get_runtime_context().get_node_id()


def _early(worker: Worker, job: int) -> int:
    time.sleep(job)
    return job


def _fails(worker: Worker, job: int) -> int:
    if job == 3:
        raise KeyError("the third")
    if job == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def test_a_cluster_does_the_same_and_survives_the_loss_of_a_node(
    two_nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SoundMatchingTask("fm", rendering="ray", address=two_nodes.address)
    reference = SoundMatchingTask("fm")
    assert task.renderer.workers == 2
    units = task.space.sample(np.random.default_rng(0), 200)
    ours, theirs = task.render(units, audio=True), reference.render(units, audio=True)
    np.testing.assert_array_equal(ours.audio, theirs.audio)
    np.testing.assert_array_equal(ours.features[0], theirs.features[0])
    items = PatchStream("train", 0).ids(range(30))
    np.testing.assert_array_equal(task.make_patches(items).unit, reference.make_patches(items).unit)
    named = list(task.renderer.map(_name_after_a_while, range(60)))
    assert [name for name, _ in named] == [task.space.names[i % 6] for i in range(60)]
    assert len({node for _, node in named}) == 2
    with pytest.raises(SynthgymError, match="has 2 cores"):
        SoundMatchingTask("fm", rendering="ray", workers=3)

    # Results are told of before their turn, errors come at it, and a job that kills its process is an error.
    told: list[int] = []
    assert list(task.renderer.map(_early, [1, 0, 0], done=told.append)) == [1, 0, 0]
    assert told == [0, 0, 1]
    told.clear()
    with pytest.raises(KeyError, match="the third"):
        list(task.renderer.map(_fails, range(5), done=told.append))
    assert {0, 1, 2} <= {*told}
    monkeypatch.setattr(rendering_cluster, "RETRIES", 0)
    with pytest.raises(SynthgymError, match="a job of the cluster is lost again and again"):
        list(SoundMatchingTask("fm", rendering="ray").renderer.map(_fails, [5]))
    monkeypatch.setattr(rendering_cluster, "RETRIES", 3)

    # One of the two nodes goes in the middle of an evaluation: no trial is lost, and none is another.
    agents = {"random": Random(), "hill_climber": HillClimber()}
    targets, _ = read_targets(reference, "test:5")
    settings = {"env": "FM-v0", "env_kwargs": {}, "targets": "test:5"}
    with closing(Results(tmp_path / "rows inline", settings)) as results:
        evaluate(reference, agents, targets, 1, (1, 150), results, progress=False)
        expected = results.rows()
    with closing(Results(tmp_path / "rows ray", settings)) as results:
        with loses_a_node(two_nodes, lambda: results.trials):
            evaluate(task, agents, targets, 1, (1, 150), results, progress=False)
        pd.testing.assert_frame_equal(results.rows(), expected)
    # The node that joined is put to work.
    deadline = time.monotonic() + 60
    while len({node for _, node in task.renderer.map(_name_after_a_while, range(20))}) < 2:
        assert time.monotonic() < deadline
    task.close()

    # The same in the middle of a set; the set is none the worse.
    # With audio, results are so large that they stay on their node until they are fetched.
    inline = datasets.Recipe("FM-v0", audio=True, env_kwargs=SHORT, rendering="inline").random(3000)
    datasets.make(tmp_path / "inline", inline, progress=False)
    made = datasets.Recipe("FM-v0", audio=True, env_kwargs=SHORT, rendering="ray").random(3000)
    with loses_a_node(two_nodes, lambda: sum(1 for _ in (tmp_path / "ray").rglob("*")) > 20):
        datasets.make(tmp_path / "ray", made, progress=False)
    made.task.close()
    assert files(tmp_path / "ray") == files(tmp_path / "inline")

    # A grid that holds test patches; arrays that come from afar cannot be written to.
    tiny = {**SHORT, "parameters": ["TRANSPOSE", "FEEDBACK"], "frozen": {"OP1 OUTPUT LEVEL": 99}}
    for rendering in ("inline", "ray"):
        grid = datasets.Recipe("Dexed1Op-v0", env_kwargs=tiny, rendering=rendering).grid(49)
        datasets.make(tmp_path / f"grid {rendering}", grid, progress=False)
        grid.task.close()
    assert files(tmp_path / "grid ray") == files(tmp_path / "grid inline")
    assert (datasets.load(tmp_path / "grid ray").split[:] == 2).any()

    # Without any core, there is a line after a while.
    task = SoundMatchingTask("fm", rendering="ray", address=two_nodes.address)
    for node in list(two_nodes.worker_nodes):
        two_nodes.remove_node(node, allow_graceful=False)
    monkeypatch.setattr(rendering_cluster, "PATIENCE", 0.5)
    monkeypatch.setattr(rendering_cluster, "SECONDS_BETWEEN_LOOKS", 0.5)
    with pytest.raises(SynthgymError, match="all nodes of the Ray cluster are lost"):
        list(task.renderer.map(_name_after_a_while, range(2)))


def test_by_the_command_with_a_cluster_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "make_dataset.py", "--env", "Dexed1Op-v0", "--size", "300"]
    for name, backend in (("ray", ["--backend", "ray", "--workers", "2"]), ("inline", ["--workers", "1"])):
        arguments: list[str | Path] = [*map(str, command), "--out", tmp_path / name, *backend]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert files(tmp_path / "ray") == files(tmp_path / "inline")


def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = SoundMatchingTask("fm").worker
    for address in ("127.0.0.1:9", "nowhere.invalid:6379", "nonsense", "ray://127.0.0.1:9"):
        with pytest.raises(SynthgymError, match=r"no Ray cluster is reached at .*head\)$"):
            rendering_cluster.RayTasks(worker, address=address)
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(SynthgymError, match=r"no Ray cluster is reached at .* or unset RAY_ADDRESS"):
            rendering_cluster.RayTasks(worker)
        monkeypatch.delenv("RAY_ADDRESS")


@pytest.mark.parametrize("says", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_port_that_is_now_of_another_program_is_no_cluster(
    says: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that never answers, that closes the connection, and a web server."""
    monkeypatch.setattr(connecting, "_PATIENCE", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(100)
            connection.sendall(says or b"")
            connection.close()

        if says is not None:
            threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(SynthgymError, match="no Ray cluster is reached at"):
            rendering_cluster.RayTasks(
                SoundMatchingTask("fm").worker, address=f"127.0.0.1:{server.getsockname()[1]}"
            )
