"""What the tests share. The thread limit stands before NumPy: tests run side by side on two cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import psutil
import pytest

import synthgym  # noqa: F401
from envs_registry import ENVIRONMENTS, example, goal_id, missing
from synthgym.task import SoundMatchingTask

ROOT = Path(__file__).parents[1]


AMSYNTH = "/usr/lib/vst/amsynth_vst.so"
DX10 = "http://drobilla.net/plugins/mda/DX10"
_PLACES = {AMSYNTH: AMSYNTH, DX10: "/usr/lib/lv2/mda.lv2"}
_PACKAGES = {AMSYNTH: "amsynth", DX10: "mda-lv2"}


def needs(plugin):
    """A plugin as a test parameter that is skipped where the plugin is not installed."""
    return pytest.param(plugin, marks=_skip_without(plugin))


def _skip_without(plugin):
    absent = not Path(_PLACES[plugin]).exists()
    return pytest.mark.skipif(absent, reason=f"Debian's package {_PACKAGES[plugin]} is not installed")


needs.amsynth = _skip_without(AMSYNTH)


def keywords_of(env_id):
    """An id and its keywords; what stands behind a blank is another plugin than the table's example."""
    env_id, _, variant = env_id.partition(" ")
    return env_id, {"plugin": DX10} if variant else example(env_id)


def _all(name):
    """Every id of the table, and the plugin id once more with an LV2 plugin."""
    for env_id in ENVIRONMENTS:
        reason = missing(env_id)
        yield pytest.param(name(env_id), marks=pytest.mark.skip(reason=reason)) if reason else name(env_id)
    yield pytest.param(f"{name('Plugin-v0')} DX10", marks=_skip_without(DX10))


PLUGIN_ID = pytest.param("Plugin-v0", marks=_skip_without(AMSYNTH))
IDS = list(_all(str))
TABLE_IDS = IDS[:-1]
GOAL_IDS = list(_all(goal_id))


def make(env_id, **keywords):
    """Make an environment with what its id cannot do without."""
    env_id, needed = keywords_of(env_id)
    return gym.make(env_id, **{**needed, **keywords})


def make_task(env_id):
    """Make the task of an environment."""
    env_id, needed = keywords_of(env_id)
    return SoundMatchingTask(**ENVIRONMENTS[env_id], **needed)


def source_of(env_id):
    """The Python expression that makes an environment in another process."""
    env_id, needed = keywords_of(env_id)
    return f"gym.make('synthgym:{env_id}', **{needed})"


def children_named(part):
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
def started(*command, sigint="SIG_DFL", **options):
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


def read_until(stream, text):
    """Read a stream of text until it has shown something; give all that was read."""
    shown = ""
    while text not in shown:
        character = stream.read(1)  # progress bars end with carriage returns, not with lines
        assert character, shown
        shown += character
    return shown


def interrupted(name, *args, after):
    """Run a script until it shows a text on standard error, and interrupt it; give code, output, errors."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(ROOT / "scripts" / name, *args, **pipes) as process:
        read_until(process.stderr, after)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


@pytest.fixture
def script(tmp_path):
    """Run a script of the project in an empty folder; give its finished process."""

    def run(name, *args, check=True):
        result = subprocess.run(
            [sys.executable, ROOT / "scripts" / name, *map(str, args)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert result.returncode == 0, result.stderr
        return result

    return run
