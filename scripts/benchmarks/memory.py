"""How much memory a contender takes, measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil

from benchmarks.contenders import CONTENDERS
from benchmarks.turns import steps_of_many

STEPS = 10
MB = 1e6


def grown(contender: str, env_id: str, num_envs: int) -> float:
    """Return by how many MB a fresh process and its children grow with a contender that steps."""
    # Run by -c: a script would be imported by every worker once more.
    code = "from benchmarks.memory import main; main()"
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
    before = _in_all()
    envs = CONTENDERS[contender](env_id, int(num_envs))
    steps_of_many(envs, STEPS)()
    print((_in_all() - before) / MB)
    envs.close()


def _in_all() -> int:
    """Return the bytes of this process and its children, those they share counted once (Linux)."""
    here = psutil.Process()
    return sum(p.memory_full_info().pss for p in [here, *here.children(recursive=True)])
