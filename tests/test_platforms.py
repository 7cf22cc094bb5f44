"""What another system lacks, taken away here: what imports without it, and what still plays.

Nothing of this says that synthgym runs on Windows; it says that nothing of POSIX alone is needed for it.
"""

import subprocess
import sys

import pytest
from conftest import ROOT

WITHOUT = """
import importlib, os, pkgutil, signal, sys
# Others' packages see the system as it is: only what is asked for by name is gone.
import gymnasium, librosa, matplotlib.pyplot, numba, sb3_contrib, soundfile, stable_baselines3
import torch.utils.tensorboard, multiprocessing.connection, pandas, pyarrow, pymoo, cma, zarr, psutil
import dawdreamer, platformdirs
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "syslog"):
    sys.modules[name] = None
for name in ("fork", "memfd_create", "killpg", "pwrite", "pread", "getuid", "sched_getaffinity",
             "register_at_fork", "setsid", "getpgrp", "mkfifo", "statvfs"):
    hasattr(os, name) and delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "pthread_sigmask", "set_wakeup_fd"):
    hasattr(signal, name) and delattr(signal, name)
"""

IMPORT = """
import synthgym, synthgym_agents
for package in (synthgym, synthgym_agents):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith((".cuda", ".shared_memory")):
            importlib.import_module(module.name)
print("imported")
"""

PLAY = """
import gymnasium as gym, synthgym
for env_id in ("Dexed1Op-v0", "FM-v0"):
    env = gym.make(env_id)
    env.reset(seed=0)
    print(env_id, env.step(env.action_space.high)[1] < 0)
from synthgym.errors import SynthError
from synthgym.synths import make_synth
for name, options in {"plugin": {"plugin": sys.executable, "isolation": "fork"}, "vital": {}}.items():
    try:
        make_synth(name, **options).open()
    except SynthError as error:
        print(error)
"""


def without(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + code], cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_everything_is_imported_without_what_only_posix_has() -> None:
    assert without(IMPORT) == ["imported"]


def test_without_helper_processes_engines_live_in_this_one() -> None:
    dexed, fm, *errors = without(PLAY)
    assert (dexed, fm) == ("Dexed1Op-v0 True", "FM-v0 True")
    assert "isolation='fork' needs helper processes" in errors[0]
    assert all("helper process" in line for line in errors)
