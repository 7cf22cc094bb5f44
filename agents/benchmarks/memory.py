"""How much memory a contender takes, measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil

from .contenders import CONTENDERS
from .process import memory_of
from .turns import steps_of_many

STEPS = 10


def grown(contender: str, env_id: str, num_envs: int) -> float:
    """Return by how many MB a fresh process and its children grow with a contender that steps.

    Args:
        contender: its name.
        env_id: id of the environment.
        num_envs: side by side.

    Returns:
        MB.
    """
    # Run by -c: a script would be imported by every worker once more.
    code = f"from {__name__} import main; main()"
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", code, contender, env_id, str(num_envs)],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure here, and print the MB."""
    contender, env_id, num_envs = sys.argv[1:]
    before = memory_of(psutil.Process())
    envs = CONTENDERS[contender](env_id, int(num_envs))
    steps_of_many(envs, STEPS)()
    print(memory_of(psutil.Process()) - before)
    envs.close()
