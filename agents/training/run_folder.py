"""The folder of a training run: its config, checkpoints, TensorBoard log and final model."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from synthgym.errors import SynthgymError
from synthgym.files import remove_strays, replaced, shown, unwritable
from synthgym.locks import LOCK, take
from synthgym.settings import check_same_settings

from .refusal import FOLDER
from .run_config import RunConfig

CHECKPOINTS = 10
"""A run saves about this many on its way,"""
KEPT = 3
"""of which the newest ones stay: it goes on from the newest, or without that file from the one before."""


def run_name(env: str, agent: str, seed: int) -> str:
    """Return the name of a run's folder, if nobody gave it another.

    Args:
        env: the environment id; a colon in it becomes a hyphen.
        agent: the name of the agent.
        seed: 0 or more.

    Returns:
        The name, such as "Dexed-v0-ppo-0".
    """
    return f"{env.replace(':', '-')}-{agent}-{seed}"


def trained_models(runs: Path, env: str, agent: str) -> dict[int, Path]:
    """Return the final models of the runs in a folder by seed, in the order of the seeds.

    Only folders count that have the exact name which ``run_name`` gives: no copy or backup of one.

    Args:
        runs: the folder with the runs; it may be missing.
        env: the environment id.
        agent: the name of the agent.

    Returns:
        Paths by seed; empty if there are none.
    """
    found = {}
    for folder in runs.iterdir() if runs.is_dir() else ():
        seed = folder.name.rpartition("-")[2]
        is_run = seed.isascii() and seed.isdecimal() and folder.name == run_name(env, agent, int(seed))
        if is_run and RunFolder(folder).final_model.is_file():
            found[int(seed)] = RunFolder(folder).final_model
    return dict(sorted(found.items()))


class RunFolder:
    """Where a run keeps what it makes.

    Attributes:
        path: the folder.
        config: ``config.yml``.
        checkpoints: the folder of the models saved on the way.
        tensorboard: the folder of the TensorBoard log.
        final_model: ``final_model.zip``, written when the run is complete.
    """

    FINAL = "final_model.zip"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yml"
        self.tensorboard = self.path / "tensorboard"
        self.final_model = self.path / self.FINAL
        self.checkpoints = self.path / FOLDER
        self._lock = FileLock(self.path / LOCK)

    @contextmanager
    def held(self, seconds: float = 0) -> Iterator[None]:
        """Keep other processes from training the run; within itself it may be called again.

        Args:
            seconds: how long to wait for another process to let the folder go.

        Raises:
            SynthgymError: another process trains it, or the folder cannot be written.
        """
        remedy = "wait for its end, or choose another --log-dir"
        take(self._lock, f"{self.path} is being trained by another process; {remedy}", seconds)
        try:
            with _log_errors_told_once():
                yield
        finally:
            self._lock.release()

    def begin(self, run: RunConfig) -> None:
        """Write the config of a new run; SynthgymError if the folder already holds one, or cannot hold it."""
        self._check_name()
        if self.config.exists():
            raise SynthgymError(
                f"{self.path} already holds a run; go on with it by --resume, or choose another --log-dir"
            )
        self._check_no_strangers()
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self.tensorboard.mkdir(exist_ok=True)
            run.write(self.config)
        except OSError as error:
            raise SynthgymError(
                f"cannot write to {self.path}: {error.strerror}; choose another --log-dir"
            ) from error

    def resume(self, asked: Mapping[str, Any]) -> None:
        """Make ready to go on with a run; SynthgymError if the folder holds none, or one with another config.

        Args:
            asked: values of the config by name; those that are None stay as they are, and so do keywords and
                hyperparameters that are not among them. The run's ``steps`` become those asked for, or those
                done if they are more.
        """
        self._check_name()
        if not self.config.exists():
            self._check_no_strangers()
            raise SynthgymError(f"{self.path} holds no run to resume; train without --resume")
        kept = RunConfig.read(self.config)
        wanted = {name: value for name, value in asked.items() if value is not None and name != "steps"}
        was = {name: getattr(kept, name) for name in wanted}
        wanted = {k: {**was[k], **v} if isinstance(v, dict) else v for k, v in wanted.items()}
        check_same_settings(f"{self.path} is a run", was, wanted, "ask for the same")
        with self.held():  # or what is removed may be of a training that goes on
            try:
                for folder in (self.path, self.checkpoints):
                    remove_strays(folder)
            except OSError as error:
                raise unwritable(self.path, error) from error
            if asked["steps"] is not None:
                done = min(self.done(), kept.steps)  # the last batch may have made more than were asked for
                replace(kept, steps=max(asked["steps"], done)).write(self.config)

    def _check_name(self) -> None:
        name = str(self.path.absolute())
        if shown(name) != name:
            raise SynthgymError(
                f"TensorBoard takes no folder whose name is not UTF-8: {shown(name)}; give another --log-dir"
            )

    def _check_no_strangers(self) -> None:
        if self.newest() is not None:  # a new run would go on from them
            raise SynthgymError(
                f"{self.checkpoints} holds checkpoints of a run whose {self.config.name} is gone; "
                "put that back, or choose another --log-dir"
            )

    def save_checkpoint(self, steps: int, save: Callable[[Path], Any]) -> Path:
        """Save a model under its number of steps, whole or not at all, and remove those older than KEPT.

        A kill in between leaves one more, which the next one removes. Files with other names stay.

        Args:
            steps: how many the run has made; the file's name has nine digits.
            save: writes the model to the path that it is called with.

        Returns:
            The path of the checkpoint.
        """
        path = self.checkpoints / f"{steps:09d}.zip"
        self._save(path, save)
        for old in self._saved()[:-KEPT]:
            with suppress(OSError):  # as of a file that another program reads, on Windows
                old.unlink(missing_ok=True)
        return path

    def save_final(self, save: Callable[[Path], Any]) -> None:
        """Save the final model, whole or not at all."""
        self._save(self.final_model, save)

    def _save(self, path: Path, save: Callable[[Path], Any]) -> None:
        if not self.config.exists():  # nothing is left of it here to go on with
            raise SynthgymError(
                f"{self.path} was moved or removed while it was trained; --resume it where it is"
            )
        with replaced(path) as temporary:
            try:
                save(temporary)
            except RuntimeError as error:  # so PyTorch says that the disk is full
                raise OSError(0, " ".join(str(error).split())[:200]) from error

    def newest(self) -> Path | None:
        """Return the newest checkpoint, or None."""
        return next(reversed(self._saved()), None)

    def _saved(self) -> list[Path]:
        """Return the checkpoints, the newest last."""
        saved = [path for path in self.checkpoints.glob("*.zip") if re.fullmatch("[0-9]+", path.stem)]
        return sorted(saved, key=lambda path: int(path.stem))

    def done(self) -> int:
        """Return how many steps were done at the newest checkpoint."""
        newest = self.newest()
        return 0 if newest is None else int(newest.stem)


@contextmanager
def _log_errors_told_once() -> Iterator[None]:
    """In the block, print no traceback of TensorBoard's thread: who writes next is given its error."""
    before = threading.excepthook

    def told(args: threading.ExceptHookArgs) -> None:
        if not (issubclass(args.exc_type, OSError) and _is_tensorboards(args.thread)):
            before(args)

    threading.excepthook = told
    try:
        yield
    finally:
        for thread in filter(_is_tensorboards, threading.enumerate()):
            if getattr(thread, "exception", None) is not None:  # it is just about to end by it
                thread.join()
        threading.excepthook = before


def _is_tensorboards(thread: threading.Thread | None) -> bool:
    return type(thread).__module__.startswith("tensorboard.")
