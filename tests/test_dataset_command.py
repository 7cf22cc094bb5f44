"""``scripts/make_dataset.py``: bad input is one line, and leaves nothing."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, Script


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say what to make"),
        (["--size", "0"], "size must be a whole number from 1"),
        (["--size", "10", "--workers", "0"], "workers must be a whole number from 1"),
        (["--size", "10", "--backend", "thread"], "did you mean 'threads'"),
        (["--size", "10", "--features", "logmell"], "did you mean 'logmel'"),
        (["--size", "10", "--features", ""], "an argument is empty"),
        (["--size", "10", "--features", ","], "name at least one feature"),
        (["--size", "10", "--dtype", "float8"], "unknown dtype"),
        (["--size", "10", "--env-kwargs", "algoritm=1"], "unexpected keyword argument"),
        (["--grid", "1"], "grid must be a whole number from 2"),
        (["--grid", "10000000"], "grid must be"),
        (["--grid", "200"], "more than 2^40 items"),
        (["--grid", "3", "--size", "10"], "--size does not go with --grid"),
        (["--patches", "nowhere"], "no such folder: nowhere"),
        (["--size", "10", "--jitter", "0.1"], "--jitter goes with --patches FOLDER"),
        (["--size", "10", "--address", "x:1"], "--address goes with --backend ray"),
        (["--size", "10", "--backend", "ray", "--address", "127.0.0.1:1"], "no Ray cluster is reached"),
        (["--size", "10", "--out", "/proc/nope"], "cannot write to /proc/nope"),
        (["--size", "10", "--out", str(ROOT)], "is not empty and no data set"),
        (["--size", "10", "--out", str(ROOT / "README.md")], "cannot write to"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    script: Script, tmp_path: Path, arguments: list[str], says: str
) -> None:
    out = [] if "--out" in arguments else ["--out", "set"]
    done = script("make_dataset.py", "--env", "FM-v0", *out, *arguments, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert says in line
    assert not (tmp_path / "set").exists()


def test_who_stops_it_while_a_block_is_written_is_told_that_alone(tmp_path: Path) -> None:
    """Zarr's tasks would be complained of, had they not come to their end."""
    arguments = ["--env", "FM-v0", "--size", "1400", "--workers", "1", "--audio", "--dtype", "float32", "-q"]
    command = [sys.executable, ROOT / "scripts" / "make_dataset.py", *arguments, "--out", tmp_path / "set"]
    with subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not [*tmp_path.glob("set/features/*/c/*")]:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert len(said.splitlines()) <= 1, said


def test_without_ray(tmp_path: Path) -> None:
    code = "import sys; sys.modules['ray'] = None; sys.argv = ['m', *sys.argv[1:]]; import runpy;"
    code += f"sys.path.insert(0, {str(ROOT / 'scripts')!r});"
    code += f"runpy.run_path({str(ROOT / 'scripts' / 'make_dataset.py')!r}, run_name='__main__')"
    arguments = ["--env", "FM-v0", "--out", tmp_path / "set", "--size", "10", "--backend", "ray"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.stderr == 'error: Ray is not installed: pip install "synthgym[ray]" (in a clone: ".[ray]")\n'
