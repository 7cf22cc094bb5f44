"""Helper processes: what they cost, what ends them, and what is told when they fail."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from conftest import present

from synthgym.errors import PluginCrashed, SynthError
from synthgym.hosting.remote import Patience, RemoteEngine

resource = pytest.importorskip("resource", reason="limits are of POSIX")

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux does so")


@contextmanager
def limited(what: int, value: int) -> Iterator[None]:
    """Lower a limit of this process, and of those it starts."""
    before = resource.getrlimit(what)
    resource.setrlimit(what, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(what, before)


@linux
def test_no_file_is_made_in_the_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    engine = RemoteEngine("random:Random", {}, name="dice")
    assert len(engine.call("randbytes", 100_000)) == 100_000


@pytest.mark.parametrize("fork", [True, False])
def test_an_answer_without_room_is_an_error_and_the_next_one_fits(fork: bool) -> None:
    with limited(resource.RLIMIT_FSIZE, 1_000_000):
        engine = RemoteEngine("random:Random", {}, name="dice", fork=fork)
    with pytest.raises(SynthError, match=r"MemoryError: there is no room for an answer of 2,000,\d+ bytes"):
        engine.call("randbytes", 2_000_000)
    assert len(engine.call("randbytes", 900_000)) == 900_000


def test_large_answers_are_given_and_their_memory_is_let_go() -> None:
    engine = RemoteEngine("random:Random", {}, name="dice")
    assert len(engine.call("randbytes", 40_000_000)) == 40_000_000
    assert os.fstat(present(engine._helper)._answers.fileno()).st_blocks * 512 < 1_000_000
    assert len(engine.call("randbytes", 10)) == 10


def test_what_cannot_be_started_is_an_error() -> None:
    with limited(resource.RLIMIT_NOFILE, 3), pytest.raises(SynthError, match="dice: cannot start a helper"):
        RemoteEngine("random:Random", {}, name="dice")


HANGING = """
from synthgym.hosting.remote import ENDLESS, RemoteEngine
engine = RemoteEngine("ctypes:{library}", {{"name": None}}, name="libc", fork={fork}, patience=ENDLESS)
print(engine._helper._process.pid, flush=True)
engine.call("pause")
"""


# PyDLL keeps the GIL while it hangs, as a plugin may.
@pytest.mark.parametrize("library", ["CDLL", pytest.param("PyDLL", marks=linux)])
@pytest.mark.parametrize("fork", [True, False])
def test_helpers_that_hang_end_with_a_caller_that_is_killed(library: str, fork: bool) -> None:
    source = HANGING.format(library=library, fork=fork)
    caller = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    helper = psutil.Process(int(present(caller.stdout).readline()))
    orphans = [helper]
    try:
        while fork and len(orphans) == 1:
            orphans += helper.children()
            time.sleep(0.01)
        time.sleep(0.2)  # until it hangs
        assert all(map(_lives, orphans))
        caller.kill()
        caller.communicate()
        assert _all_end(orphans, seconds=5)
    finally:
        caller.kill()
        for process in filter(_lives, orphans):
            process.kill()


def _all_end(processes: list[psutil.Process], seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while (alive := any(map(_lives, processes))) and time.monotonic() < limit:
        time.sleep(0.01)
    return not alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_helper_outlives_the_thread_that_started_it() -> None:
    with ThreadPoolExecutor(1) as thread:
        engine = thread.submit(RemoteEngine, "threading:Event", {}, name="event").result()
    time.sleep(0.2)
    assert present(engine._helper)._process.poll() is None
    assert engine.call("is_set") is False


@pytest.mark.parametrize("fork", [True, False])
def test_an_interrupted_call_leaves_no_answer_for_the_next(fork: bool) -> None:
    shell = RemoteEngine("importlib:import_module", {"name": "subprocess"}, name="shell", fork=fork)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        shell.call("getoutput", "sleep 1; echo first")
    assert shell.call("getoutput", "sleep 0.5; echo second") == "second"


@linux
def test_a_forked_child_ends_with_its_helper() -> None:
    engine = RemoteEngine("threading:Event", {}, name="event", fork=True)
    helper = psutil.Process(present(engine._helper)._process.pid)
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(engine.call, "wait", 5.0)
        while not (children := helper.children()):
            time.sleep(0.01)
        helper.kill()
        assert _all_end(children, seconds=3)
        assert call.result() is False  # of a second helper


def test_a_call_that_hangs_is_told() -> None:
    engine = RemoteEngine("threading:Event", {}, name="event", patience=Patience(5, 0.5))
    with pytest.raises(PluginCrashed, match="event hung for 5 seconds, twice, in wait"):
        engine.call("wait")
    assert engine.call("is_set") is False


class Damaged:
    """An engine that hangs as it reads a preset."""

    def load(self, path: str) -> None:
        time.sleep(60)


def test_a_preset_in_which_a_plugin_hangs_is_given_up_as_a_render_is() -> None:
    engine = RemoteEngine(f"{__name__}:Damaged", {}, name="it", patience=Patience(50, 0.5))
    with pytest.raises(PluginCrashed, match=r"it hung for 0\.5 seconds, twice, in load"):
        engine.call("load", "x.fxp")


class Leaking:
    """An engine that keeps what it makes for each note."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []

    def render(self, megabytes: int) -> tuple[int, int]:
        """Return its process, and how many notes that has rendered."""
        self._kept.append(os.urandom(1) * (megabytes << 20))
        return os.getpid(), len(self._kept)


def test_a_helper_that_grows_gives_way_to_another() -> None:
    engine = RemoteEngine(f"{__name__}:Leaking", {}, name="it")
    told = [engine.render(100) for _ in range(14)]
    assert [count for _, count in told] == [1, 2, 3, 4, 5, 6] * 2 + [1, 2]
    assert len({process for process, _ in told}) == 3
    assert {engine.render(0)[0] for _ in range(9)} == {told[-1][0]}, "it grows no more"


def test_a_helper_that_forks_each_render_does_not_grow() -> None:
    engine = RemoteEngine(f"{__name__}:Leaking", {}, name="it", fork=True)
    assert [engine.render(200)[1] for _ in range(5)] == [1] * 5
