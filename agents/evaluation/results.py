"""The folder of an evaluation."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import pandas as pd
from filelock import FileLock

from synthgym.errors import SynthgymError
from synthgym.files import remove_strays, replaced, shown, unwritable
from synthgym.locks import LOCK, take
from synthgym.settings import check_same_settings

from .asked import Asked
from .log import OF_A_TRIAL, Row, line_of, read_log

ROWS = "results.parquet"
_ASKED = "asked"
OF_AN_EVALUATION = ("env", "env_kwargs", "more_features", "targets", "budgets", "dataset", "versions")
"""Settings that are no matter of its task, see ``SoundMatchingTask.describe``."""

_OF_ALL = {"env": str, "env_kwargs": dict, "targets": str}
"""What the settings of all evaluations have; others came later."""


class Results:
    """An evaluation's settings, what was asked for, and the trials that are done.

    A line of a trial that was cut off when the evaluation was killed is dropped, and its trial made again.
    The folder is nobody else's until it is closed.

    Attributes:
        path: of the folder.
        settings: that all trials share.
        trials: that are done.

    Raises:
        SynthgymError: the folder holds an evaluation with other settings, is damaged, cannot be written, or
            is in use.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path, self._log, self._config = path, path / "trials.jsonl", path / "evaluation.json"
        self.settings: dict[str, Any] = json.loads(json.dumps(settings))
        self.settings.pop(_ASKED, None)
        self._asked = Asked()
        self._adding = threading.Lock()
        try:
            if self._config.exists():
                remedy = "ask for the same, or choose another folder"
                kept = _read(self._config)
                check_same_settings(f"{path} is an evaluation", kept, self.settings, remedy, ignore=[_ASKED])
        except OSError as error:
            raise unwritable(path, error) from error
        self._lock = FileLock(path / LOCK)
        remedy = "wait for its end, or choose another folder"
        take(self._lock, f"{path} is being written by another evaluation; {remedy}")
        try:
            # Nothing is written before the folder is ours.
            remove_strays(path)
            if not self._config.exists():
                if any(entry.name != LOCK for entry in path.iterdir()):
                    raise SynthgymError(f"{path} is not empty and no evaluation; choose another folder")
                self._write_config()
            self._asked = _read_asked(self._config)  # by now nobody else changes it
            self.trials = read_log(self._log)
        except (OSError, SynthgymError) as error:
            self.close()
            if isinstance(error, OSError):
                raise unwritable(path, error) from error
            raise

    @classmethod
    def opened(cls, path: Path) -> Self:
        """Open an evaluation that is there; SynthgymError if it is none, or no agent in it is finished."""
        config = path / "evaluation.json"
        if not config.is_file():
            raise SynthgymError(f"{path} is no folder of an evaluation; synthgym evaluate makes one")
        results = cls(path, _read(config))
        if not results._finished():
            results.close()
            raise SynthgymError(
                f"{path} holds no agent that has met all its targets: "
                f"{'; '.join(results.left_out()) or 'no trials'}; go on with synthgym evaluate"
            )
        return results

    def close(self) -> None:
        """Let the folder go."""
        self._lock.release()

    def ask(self, agents: Mapping[str, Sequence[str]], targets: Sequence[str], seeds: int) -> None:
        """Keep what an evaluation is asked for, so that what is missing is known if it is interrupted.

        Args:
            agents: by name, of each a digest of its model with each seed, "" if it has none.
            targets: names of all targets, those from before among them.
            seeds: how many trials each agent is to have of each target; an agent that has more keeps them.

        Raises:
            SynthgymError: a target from before is not among them, or trials of an agent are of other models.
        """
        self._asked.more(agents, targets, seeds, self.trials)
        try:
            self._write_config()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def add(self, trial: Row) -> None:
        """Keep a trial; any thread may."""
        with self._adding:
            before = self._log.stat().st_size if self._log.exists() else 0
            try:
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(line_of(trial))
            except OSError as error:
                with suppress(OSError):
                    os.truncate(self._log, before)  # no half a line before another's
                raise unwritable(self.path, error) from error
            self.trials.append(trial)

    def unfinished(self) -> set[tuple[str, int]]:
        """Return which agents, with which seed, have not met every target: they are no match for others."""
        return {one for one, count in self._asked.missing(self.trials).items() if count}

    def left_out(self) -> list[str]:
        """Return what is unfinished and not among the rows, as text."""
        return self._asked.left_out(self.trials)

    def _finished(self) -> list[Row]:
        unfinished = self.unfinished()
        return [trial for trial in self.trials if (trial["agent"], trial["seed"]) not in unfinished]

    def rows(self) -> pd.DataFrame:
        """Return a row for every (agent, target, seed, budget) of finished agents, in a fixed order.

        Each has all that it takes to replay it: the environment, the target, the parameters.
        """
        frame = pd.DataFrame(
            {name: trial[name] for name in OF_A_TRIAL} | row
            for trial in self._finished()
            for row in trial["rows"]
        )
        frame.insert(0, "env", self.settings["env"])
        frame.insert(1, "env_kwargs", json.dumps(self.settings["env_kwargs"]))
        frame.insert(2, "targets", shown(self.settings["targets"]))
        task = {name: value for name, value in self.settings.items() if name not in OF_AN_EVALUATION}
        if task:  # evaluations of older versions did not keep it
            frame.insert(3, "task", json.dumps(task))
        return frame.sort_values([*OF_A_TRIAL, "budget"], ignore_index=True)

    def curves(self) -> pd.DataFrame:
        """Return a row for every render of their trials that was nearer than all before it."""
        return pd.DataFrame(
            {name: trial[name] for name in OF_A_TRIAL} | {"render": render, "distance": distance}
            for trial in self._finished()
            for render, distance in trial["curve"]
        )

    def write(self) -> Path:
        """Write the rows as Parquet, and return the file."""
        # By an open file, here and below: PyArrow takes names in UTF-8 alone.
        with replaced(self.path / ROWS) as temporary, temporary.open("wb") as file:
            self.rows().to_parquet(file, index=False)
        return self.path / ROWS

    def _write_config(self) -> None:
        config = {**self.settings, _ASKED: asdict(self._asked)}
        with replaced(self._config) as temporary:
            temporary.write_text(json.dumps(config, indent=1), encoding="utf-8")


def _read(config: Path) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise TypeError
        for name, kind in _OF_ALL.items():
            if not isinstance(settings[name], kind):
                raise TypeError
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(config) from error
    return settings


def _read_asked(config: Path) -> Asked:
    kept = _read(config).get(_ASKED, {})
    try:
        return Asked.read(kept)
    except TypeError as error:
        raise _damaged(config) from error
    except SynthgymError as error:
        raise SynthgymError(f"{config} is damaged: {error}; choose another folder") from error


def _damaged(config: Path) -> SynthgymError:
    return SynthgymError(f"{config} is damaged; choose another folder")


def read_rows(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the rows of an evaluation: its folder, or the file itself; SynthgymError if there are none."""
    path = Path(path)
    file = path / ROWS if path.is_dir() else path
    if not file.is_file():
        raise SynthgymError(f"no such file: {file}; synthgym evaluate writes it when it is done")
    try:
        with file.open("rb") as opened:
            frame = pd.read_parquet(opened)
        missing = {"env", "env_kwargs", "targets", "target", "parameters", "distance"} - {*frame.columns}
        if missing:
            raise ValueError(f"it has no column {min(missing)!r}")
    except (OSError, ValueError) as error:
        raise SynthgymError(f"{path} holds no finished evaluation: {error}") from error
    return frame
