"""Commands where disk, rights or memory are scarce or the clock moves, and signals at every second."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .commands import material
from .interrupted import KINDS, Unlike, checkpoints, going_on, made, runs, without_trouble
from .kills import left_in, temporary
from .log import Outcome, Trial
from .mutation import generator
from .processes import command

COMMANDS = [kind for kind in KINDS if kind != "studio"]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ENOUGH = "512m"
_IN_ORDER = (0, 2, 130, 143, 129, -signal.SIGHUP, -signal.SIGTERM, -signal.SIGINT)
"""Exit codes after a signal: finished, interrupted, or ended before Python had begun."""
_LEAST, _MOST = 1 << 30, 8 << 30
"""Bytes of addresses that a command is allowed: the imports alone take some of them."""


@contextmanager
def disk(folder: Path, size: int | str) -> Iterator[Path]:
    """Give a folder that is a file system of its own, of so many bytes."""
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True, capture_output=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True, capture_output=True)


def remount(folder: Path, options: str) -> None:
    """Mount a folder of ``disk`` with other options."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True, capture_output=True)


def _finish(kind: str, cwd: Path, wanted: Any) -> None:
    """Let a command go on to its end; Unlike if it does not, or finds something else than without trouble."""
    ended = command(*going_on(kind, cwd), cwd=cwd, limit=300)
    if wrong := ended.fault(0):
        raise Unlike(f"once there is enough: {wrong}")
    if made(kind, cwd / "out") != wanted:
        raise Unlike("once there is enough, it finds something else than without trouble")
    if left := temporary(cwd):
        raise Unlike(f"left behind: {', '.join(left[:5])}")


def full_disk(kind: str, cwd: Path, wanted: Any, share: float) -> str:
    """Run a command on a disk with room for a share of what it writes; then make room, and let it go on."""
    needs = sum(path.stat().st_size + 4096 for path in (cwd.parent / "whole" / "out").rglob("*"))
    size = 4096 * max(1, int(share * needs / 4096))
    with disk(cwd / "out", size) as out:
        ended = command(*going_on(kind, cwd), cwd=cwd)
        if wrong := ended.fault(0, 2):
            raise Unlike(f"{size:,} of {needs:,} bytes: {wrong}")
        if left := temporary(out):
            raise Unlike(f"{size:,} of {needs:,} bytes: left behind {', '.join(left[:5])}")
        remount(out, f"size={_ENOUGH}")
        _finish(kind, cwd, wanted)
    return f"{size:,} of {needs:,} bytes: {ended.last if ended.code else 'enough'}"


def read_only(kind: str, cwd: Path, wanted: Any, share: float) -> str:
    """Run a command in a folder that cannot be written, new or with a result that is half done."""
    with disk(cwd / "out", _ENOUGH) as out:
        if share > 0.5:
            command(*going_on(kind, cwd), cwd=cwd, after=4 * share, send=signal.SIGKILL)
        remount(out, "ro")
        ended = command(*going_on(kind, cwd), cwd=cwd)
        if wrong := ended.fault(0, 2):
            raise Unlike(wrong)
        remount(out, "rw")
        _finish(kind, cwd, wanted)
    return ended.last


def little_memory(kind: str, cwd: Path, wanted: Any, share: float) -> str:
    """Run a command that may have so many addresses, and then without that limit."""
    most = int(_LEAST + share * (_MOST - _LEAST))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))

    ended = command(*going_on(kind, cwd), cwd=cwd, before=limited)
    if wrong := ended.fault(0, 2):
        raise Unlike(f"{most / 1e9:.2f} GB: {wrong}")
    _finish(kind, cwd, wanted)
    return f"{most / 1e9:.2f} GB: {ended.last if ended.code else 'enough'}"


def clock(kind: str, cwd: Path, wanted: Any, share: float) -> str:
    """Run a command while the wall clock goes forward and backward by up to a day."""
    if (compiler := shutil.which("cc")) is None:
        return "skipped: there is no C compiler"
    library, moved, rng = cwd / "clock.so", cwd / "clock", generator(int(share * 1e9))
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)

    def turn() -> None:
        new = moved.with_name("clock.new")
        new.write_text(str(int(rng.uniform(-86400, 86400))))
        new.replace(moved)

    turn()
    environment = {"LD_PRELOAD": str(library), "SYNTHGYM_CLOCK": str(moved)}
    ended = command(*going_on(kind, cwd), cwd=cwd, environment=environment, while_running=turn)
    if wrong := ended.fault(0):
        raise Unlike(wrong)
    _finish(kind, cwd, wanted)
    return ended.last


def signals(kind: str, cwd: Path, wanted: Any, share: float) -> str:
    """Send a command a signal; it ends in order, leaves nothing behind, and goes on."""
    number = SIGNALS[int(share * 1e6) % len(SIGNALS)]
    after, temp = 0.2 + 8 * share, cwd / "temporary"
    temp.mkdir()
    ended = command(
        *going_on(kind, cwd), cwd=cwd, after=after, send=number, environment={"TMPDIR": str(temp)}
    )
    at = f"{number.name} after {after:.1f} s"
    if wrong := ended.fault(*_IN_ORDER):
        raise Unlike(f"{at}: {wrong}")
    if left := temporary(cwd) + left_in(temp):
        raise Unlike(f"{at}: left behind {', '.join(left[:5])}")
    for run in runs(cwd / "out"):
        checkpoints(run)
    _finish(kind, cwd, wanted)
    return f"{at}: exit code {ended.code}"


LIMITS: dict[str, Callable[[str, Path, Any, float], str]] = {
    "full disk": full_disk,
    "read-only folder": read_only,
    "memory": little_memory,
    "clock": clock,
    "signals": signals,
}
"""By name, in an order that decides what is tried."""
_OF_ROOT = ("full disk", "read-only folder")


def limits(seed: int, missing: Callable[[str, int], list[int]], count: int) -> Iterator[Trial]:
    """Try commands under each limit.

    Args:
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: trials of each limit, of one command after another.

    Yields:
        The trials.
    """
    wanted: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as kept:
        material(good := Path(kept, "good"))
        todo = [(index, n, limit) for n, limit in enumerate(LIMITS) for index in missing(limit, count)]
        for index, number, limit in sorted(todo):
            if limit in _OF_ROOT and os.geteuid():
                yield Trial("limits", limit, seed, index, "skipped", "only root may mount a small disk")
                continue
            kind = COMMANDS[index % len(COMMANDS)]
            share = float(generator(seed, 80 + number, index).random())
            here = Path(kept, kind)
            try:
                if kind not in wanted:
                    wanted[kind], _ = without_trouble(kind, good, here / "whole")
                shutil.rmtree(here / "here", ignore_errors=True)
                shutil.copytree(good, here / "here")
                said = LIMITS[limit](kind, here / "here", wanted[kind], share)
                outcome: Outcome = "skipped" if said.startswith("skipped: ") else "result"
                yield Trial("limits", limit, seed, index, outcome, f"{kind}: {said}")
            except Unlike as error:
                yield Trial("limits", limit, seed, index, "fault", f"{kind}: {error}")
