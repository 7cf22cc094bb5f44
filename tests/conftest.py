"""What the tests share. The thread limit stands before NumPy: tests run side by side on two cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest

import synthgym  # noqa: F401
from envs_registry import ENVIRONMENTS, example, goal_id, missing
from synthgym.task import SoundMatchingTask

ROOT = Path(__file__).parents[1]


def _here(env_id):
    reason = missing(env_id)
    return pytest.param(env_id, marks=pytest.mark.skip(reason=reason)) if reason else env_id


IDS = [_here(i) for i in ENVIRONMENTS]
GOAL_IDS = [_here(goal_id(i)) for i in ENVIRONMENTS]


def make(env_id, **keywords):
    """Make an environment with what its id cannot do without."""
    return gym.make(env_id, **{**example(env_id), **keywords})


def make_task(env_id):
    """Make the task of an environment."""
    return SoundMatchingTask(**ENVIRONMENTS[env_id], **example(env_id))


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
