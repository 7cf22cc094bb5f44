"""Commands that are killed at random moments, and go on: the same bytes and rows, nothing left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from getpass import getuser
from pathlib import Path
from typing import Any

from .commands import material
from .interrupted import KINDS, LOCK, Unlike, checkpoints, going_on, made, runs, without_trouble
from .log import Outcome, Trial
from .mutation import generator
from .processes import command

MOST_KILLS = 4
"""Of one trial; then it goes on to its end."""
_CACHE = f"torchinductor_{getuser()}"


def temporary(folder: Path) -> list[str]:
    """Return files of a folder that are there for a moment only, as long as they are written."""
    found = [path for path in folder.rglob("*") if path.name.endswith(".partial") or _is_hidden(path)]
    return sorted(str(path.relative_to(folder)) for path in found)


def left_in(temp: Path) -> list[str]:
    """Return what is left in a temporary folder but locks and PyTorch's cache, which are meant to stay."""
    return [path.name for path in temp.iterdir() if not path.name.endswith(LOCK) and path.name != _CACHE]


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") and not path.name.endswith(LOCK)


def one(
    kind: str, seed: int, number: int, index: int, good: Path, wanted: Any, whole: float
) -> dict[str, float]:
    """Kill a command some times, let it go on to its end, and look at what is there.

    Args:
        kind: of the command.
        seed: of the campaign.
        number: of the kind.
        index: of the trial.
        good: folder with what the command line names.
        wanted: the result without a kill, None of what has none that is told by bytes.
        whole: seconds that it takes without a kill.

    Returns:
        How often it was killed.

    Raises:
        Unlike: something is not as it should be.
    """
    rng, kills = generator(seed, 50 + number, index), 0
    with tempfile.TemporaryDirectory() as kept:
        cwd, temp = Path(kept, "here"), Path(kept, "temporary")
        shutil.copytree(good, cwd)
        temp.mkdir()
        environment = {"TMPDIR": str(temp)}
        for _ in range(MOST_KILLS):
            after = float(rng.uniform(0.2, 1.1) * whole)
            ended = command(*going_on(kind, cwd), cwd=cwd, after=after, environment=environment)
            kills += ended.code == -9
            if ended.left:
                raise Unlike(f"killed after {after:.2f} s, processes live on: {'; '.join(ended.left)}")
            if not ended.sent and (wrong := ended.fault(0)):
                raise Unlike(wrong)
            for run in runs(cwd / "out"):
                checkpoints(run)
            if not ended.sent:
                break
        if kind == "studio":
            ended = command(*going_on(kind, cwd), cwd=cwd, after=6, send=2, environment=environment)
        else:
            ended = command(*going_on(kind, cwd), cwd=cwd, limit=300, environment=environment)
        if wrong := ended.fault(*((0, 130) if kind == "studio" else (0,))):
            raise Unlike(f"after {kills} kills: {wrong}")
        if kind != "studio":
            _compare(kind, cwd / "out", wanted)
        if left := temporary(cwd) + left_in(temp):
            raise Unlike(f"after {kills} kills, left behind: {', '.join(left[:5])}")
    return {"kills": kills}


def _compare(kind: str, out: Path, wanted: Any) -> None:
    now = made(kind, out)
    if now == wanted:
        return
    if isinstance(now, dict):
        differ = [name for name in sorted({*now, *wanted}) if now.get(name) != wanted.get(name)]
        raise Unlike(f"{len(differ)} of {len(wanted)} are not as without a kill: {', '.join(differ[:3])}")
    raise Unlike("what it found is not what it finds without a kill")


def kills(seed: int, missing: Callable[[str, int], list[int]], count: int) -> Iterator[Trial]:
    """Kill commands of all kinds at random moments, one of each after the other.

    Args:
        seed: of the campaign.
        missing: which trials of a kind, of so many, are not done.
        count: trials of each kind; each has up to four kills.

    Yields:
        The trials.
    """
    wanted: dict[str, tuple[Any, float]] = {}
    todo = [(index, number, kind) for number, kind in enumerate(KINDS) for index in missing(kind, count)]
    with tempfile.TemporaryDirectory() as folder:
        material(good := Path(folder, "good"))
        for index, number, kind in sorted(todo):
            try:
                if kind not in wanted:
                    whole = Path(folder, kind)
                    wanted[kind] = (None, 5.0) if kind == "studio" else without_trouble(kind, good, whole)
                numbers = one(kind, seed, number, index, good, *wanted[kind])
                what = ""
            except Unlike as error:
                what, numbers = str(error), {}
            outcome: Outcome = "fault" if what else "result"
            yield Trial("kills", kind, seed, index, outcome, what, numbers=numbers)
