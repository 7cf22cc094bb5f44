"""What the tests share. The thread limit stands before NumPy: tests run side by side on two cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import subprocess
import sys
from pathlib import Path

import pytest

import synthgym  # noqa: F401
from envs_registry import ENVIRONMENTS, goal_id

ROOT = Path(__file__).parents[1]
IDS = list(ENVIRONMENTS)
GOAL_IDS = [goal_id(i) for i in IDS]


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
