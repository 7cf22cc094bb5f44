"""What the tests share. The thread limit stands before NumPy: tests run side by side on two cores."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar

import gymnasium as gym
import psutil
import pytest
from forking import run_python
from hypothesis import HealthCheck, settings

import synthgym  # noqa: F401
from envs_registry import ENVIRONMENTS, example, goal_id, missing
from synthgym.envs import SynthEnv
from synthgym.task import SoundMatchingTask

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

# Machines are shared: how long an example takes says nothing.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

_DEADLINE = float(os.environ.get("TESTS_BEGIN_BEFORE", "inf"))
"""Seconds since the epoch: tests whose turn is later are not run, so that ``.ci/run`` ends in time."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test for which no time is left; the name stands in the reason, or pytest would only count it."""
    if time.time() > _DEADLINE:
        pytest.skip(f"NOT RUN: {item.nodeid}, no time was left")


Present = TypeVar("Present")

ROOT = Path(__file__).parents[1]


AMSYNTH = "/usr/lib/vst/amsynth_vst.so"
DX10 = "http://drobilla.net/plugins/mda/DX10"
MONOSYNTH = "http://calf.sourceforge.net/plugins/Monosynth"
NEKOBI = "/usr/lib/vst/Nekobi-vst.so"
_PLACES = {
    AMSYNTH: AMSYNTH,
    DX10: "/usr/lib/lv2/mda.lv2",
    MONOSYNTH: "/usr/lib/lv2/calf.lv2",
    NEKOBI: NEKOBI,
}
_PACKAGES = {AMSYNTH: "amsynth", DX10: "mda-lv2", MONOSYNTH: "calf-plugins", NEKOBI: "dpf-plugins"}


def _skip_without(plugin: str) -> pytest.MarkDecorator:
    absent = not Path(_PLACES[plugin]).exists()
    return pytest.mark.skipif(absent, reason=f"Debian's package {_PACKAGES[plugin]} is not installed")


class _Needs:
    """Tests of plugins, which are skipped where they are not installed."""

    amsynth = _skip_without(AMSYNTH)
    dx10 = _skip_without(DX10)  # and what else is in its package

    def __call__(self, plugin: str) -> ParameterSet:
        """A plugin as a parameter of a test."""
        return pytest.param(plugin, marks=_skip_without(plugin))


needs = _Needs()


def keywords_of(env_id: str) -> tuple[str, dict[str, Any]]:
    """An id and its keywords; what stands behind a blank is another plugin than the table's example."""
    env_id, _, variant = env_id.partition(" ")
    return env_id, {"plugin": DX10} if variant else example(env_id)


COSTLY = ("Vital-v0",)
"""Ids that take tens of milliseconds a render: the loops over all ids take them up in the slow tests."""


def _all(name: Callable[[str], str]) -> Iterator[str | ParameterSet]:
    """Every id of the table, and the plugin id once more with an LV2 plugin."""
    for env_id in ENVIRONMENTS:
        marks = [pytest.mark.slow] if env_id in COSTLY else []
        if reason := missing(env_id):
            marks.append(pytest.mark.skip(reason=reason))
        yield pytest.param(name(env_id), marks=marks) if marks else name(env_id)
    yield pytest.param(f"{name('Plugin-v0')} DX10", marks=_skip_without(DX10))


BETWEEN = tuple(f"Dexed{count}Op-v0" for count in (2, 3, 4, 5))
"""Ids that others stand for, with fewer operators and with more: only what is cheap loops over them too."""

PLUGIN_ID = pytest.param("Plugin-v0", marks=_skip_without(AMSYNTH))
TABLE_IDS = list(_all(str))[:-1]
IDS = [env_id for env_id in TABLE_IDS if env_id not in BETWEEN]
GOAL_IDS = [goal_id("FM-v0"), goal_id("Dexed1Op-v0"), *list(_all(goal_id))[-2:]]
ALL_IDS = [*_all(str), *GOAL_IDS]


def make(env_id: str, **keywords: Any) -> gym.Env[Any, Any]:
    """Make an environment with what its id cannot do without."""
    env_id, needed = keywords_of(env_id)
    return gym.make(env_id, **{**needed, **keywords})


def synth_env(env: gym.Env[Any, Any]) -> SynthEnv:
    """The environment of synthgym within its wrappers."""
    assert isinstance(env.unwrapped, SynthEnv)
    return env.unwrapped


def make_task(env_id: str) -> SoundMatchingTask:
    """Make the task of an environment."""
    env_id, needed = keywords_of(env_id)
    return SoundMatchingTask(**ENVIRONMENTS[env_id], **needed)


def source_of(env_id: str) -> str:
    """The Python expression that makes an environment in another process."""
    env_id, needed = keywords_of(env_id)
    return f"gym.make('synthgym:{env_id}', **{needed})"


PROCESSORS = {"haswell": "+avx2,+fma,+sse4.2", "nehalem": "+sse4.2", "x86-64": ""}
"""Of which Numba can be told to compile for: registers of 256 and of 128 bits, by name and features."""


def printed(code: str, *options: str, **environment: str) -> str:
    """What a Python program prints, its standard error included, with other variables in its environment."""
    run = subprocess.run(
        [sys.executable, *options, "-c", code],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, f"exit code {run.returncode}: {run.stderr}"
    return run.stdout.strip() + run.stderr.strip()


def children_named(part: str) -> list[int]:
    """The living children of this process with a part in their command line."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # it ends just now
            if part in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


_EXEC = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.{}); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


@contextlib.contextmanager
def started(*command: object, sigint: str = "SIG_DFL", **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start Python with arguments, as a process that is killed at the end if it is still there.

    SIGINT interrupts it whatever the tests were started by: a shell's background job ignores the signal, and
    so do its children. ``sigint="SIG_IGN"`` starts it as such a shell would.
    """
    process = subprocess.Popen([sys.executable, "-c", _EXEC.format(sigint), *map(str, command)], **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def read_until(stream: IO[str] | None, pattern: str) -> str:
    """Read a stream of text until it has shown what a pattern describes; give all that was read."""
    assert stream is not None
    shown = ""
    while not re.search(pattern, shown):
        character = stream.read(1)  # progress bars end with carriage returns, not with lines
        assert character, shown
        shown += character
    return shown


def interrupted(name: str, *args: object, after: str) -> tuple[int, str, str]:
    """Run a script until it shows ``after``, a pattern, on standard error, and interrupt it.

    Gives code, output and errors.
    """
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(ROOT / "scripts" / name, *args, **pipes) as process:
        read_until(process.stderr, after)
        time.sleep(0.3)  # tqdm shows a bar before it has made it, and complains of one that is half made
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def present(value: Present | None) -> Present:
    """A value that must not be None."""
    assert value is not None
    return value


def stub_plugin(path: Path, *flags: str) -> str:
    """Compile the plugin that misbehaves on demand; its source says what the flags are. Gives its path."""
    source = ROOT / "tests/data/stub_plugin.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-w", *flags, source, "-o", path, "-lm"], check=True)
    return str(path)


class Script(Protocol):
    """Runs a script of the project."""

    def __call__(self, name: str, *args: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run it with arguments; give its finished process."""


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Run a script of the project in an empty folder; give its finished process."""

    def run(name: str, *args: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = run_python([str(ROOT / "scripts" / name), *map(str, args)], tmp_path)
        if check:
            assert result.returncode == 0, result.stderr
        return result

    return run
