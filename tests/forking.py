"""Runs scripts as processes of their own, forked from one that has the libraries and no module of ours.

Importing PyTorch and the others takes seconds, and tests run hundreds of scripts. The scripts themselves and
all modules of the project are imported by each process anew. Only Linux has it: elsewhere they are started.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = (
    *(
        "numpy",
        "scipy.signal",
        "scipy.stats",
        "scipy.optimize",
        "gymnasium",
        "numba",
        "yaml",
        "tqdm",
        "psutil",
    ),
    *("soundfile", "librosa", "parselmouth", "dawdreamer", "matplotlib.figure", "zarr", "pandas"),
    *("torch", "torch.utils.tensorboard", "stable_baselines3", "sb3_contrib", "cma", "pymoo"),
)


@cache
def _server() -> subprocess.Popen[str]:
    """The process that forks, one for each process that tests; it ends with its standard input."""
    command = [sys.executable, "-P", __file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run_python(arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with arguments in a folder, in this process's environment, as ``subprocess.run`` does."""
    if sys.platform != "linux":
        return subprocess.run(
            [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
        )
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        printed = [Path(folder, name) for name in ("stdout", "stderr")]
        asked = {"arguments": arguments, "cwd": str(cwd), "environment": dict(os.environ)}
        server.stdin.write(json.dumps({**asked, "printed": [str(path) for path in printed]}) + "\n")
        server.stdin.flush()
        code = os.waitstatus_to_exitcode(int(server.stdout.readline()))
        texts = [path.read_text(encoding="utf-8") for path in printed]
    return subprocess.CompletedProcess([sys.executable, *arguments], code, *texts)


def _become(asked: dict[str, Any]) -> NoReturn:
    """Be the process that runs a script, until it has ended."""
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(asked["printed"], start=1):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), number)
    sys.argv = asked["arguments"]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    code: Any = 1
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code or 0
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
    # As the interpreter ends, but for the seconds in which it would take all those libraries apart.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve() -> None:
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            import_module(name)
    for line in sys.stdin:
        if child := os.fork():
            print(os.waitpid(child, 0)[1], flush=True)
        else:
            _become(json.loads(line))


if __name__ == "__main__":
    _serve()
