"""The folder of an evaluation."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pandas as pd
from filelock import FileLock, Timeout

from synthgym.errors import SynthgymError
from synthgym.files import replaced, unwritable
from synthgym.settings import check_same_settings

Row = dict[str, Any]
ROWS = "results.parquet"
_OF_A_TRIAL = ("agent", "kind", "target", "seed")


class Results:
    """An evaluation's settings, and a line for every trial that is done.

    A line that was cut off when the evaluation was killed is dropped, and its trial made again. The folder
    is nobody else's until it is closed.

    Raises:
        SynthgymError: the folder holds an evaluation with other settings, cannot be written, or is in use.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path, self._log = path, path / "trials.jsonl"
        self.settings = json.loads(json.dumps(settings))
        config = path / "evaluation.json"
        try:
            path.mkdir(parents=True, exist_ok=True)
            if config.exists():
                kept = json.loads(config.read_text())
                remedy = "ask for the same, or choose another folder"
                check_same_settings(f"{path} is an evaluation", kept, self.settings, remedy)
            elif any(path.iterdir()):
                raise SynthgymError(f"{path} is not empty and no evaluation; choose another folder")
            else:
                with replaced(config) as temporary:
                    temporary.write_text(json.dumps(self.settings, indent=1))
            self._lock = FileLock(path / ".lock", blocking=False)
            self._lock.acquire()
            lines = self._log.read_bytes().splitlines(keepends=True) if self._log.exists() else []
            whole = [line for line in lines if line.endswith(b"\n")]
            if lines != whole:
                with replaced(self._log) as temporary:
                    temporary.write_bytes(b"".join(whole))
        except Timeout as error:
            raise SynthgymError(
                f"{path} is being written by another evaluation; wait for its end, or choose another folder"
            ) from error
        except OSError as error:
            raise unwritable(path, error) from error
        except json.JSONDecodeError as error:
            raise SynthgymError(f"{config} is damaged; choose another folder") from error
        self.trials: list[Row] = [json.loads(line) for line in whole]

    @classmethod
    def opened(cls, path: Path) -> Self:
        """Open an evaluation that is there; SynthgymError if it is none, or nothing in it is finished."""
        try:
            settings = json.loads((path / "evaluation.json").read_text())
        except (OSError, json.JSONDecodeError) as error:
            raise SynthgymError(
                f"{path} is no folder of an evaluation; scripts/evaluate.py makes one"
            ) from error
        results = cls(path, settings)
        if not results._finished():
            results.close()
            raise SynthgymError(f"{path} holds no finished trials; go on with scripts/evaluate.py")
        return results

    def close(self) -> None:
        """Let the folder go."""
        self._lock.release()

    def add(self, trial: Row) -> None:
        """Keep a trial."""
        try:
            with self._log.open("a") as log:
                log.write(json.dumps(trial) + "\n")
        except OSError as error:
            raise unwritable(self.path, error) from error
        self.trials.append(trial)

    def unfinished(self) -> set[tuple[str, int]]:
        """Return which agents, with which seed, have not met every target: they are no match for others."""
        met = Counter((trial["agent"], trial["seed"]) for trial in self.trials)
        return {one for one, count in met.items() if count < max(met.values())}

    def _finished(self) -> list[Row]:
        unfinished = self.unfinished()
        return [trial for trial in self.trials if (trial["agent"], trial["seed"]) not in unfinished]

    def rows(self) -> pd.DataFrame:
        """Return a row for every (agent, target, seed, budget) of finished agents, in a fixed order.

        Each has all that it takes to replay it: the environment, the target, the parameters.
        """
        frame = pd.DataFrame(
            {name: trial[name] for name in _OF_A_TRIAL} | row
            for trial in self._finished()
            for row in trial["rows"]
        )
        frame.insert(0, "env", self.settings["env"])
        frame.insert(1, "env_kwargs", json.dumps(self.settings["env_kwargs"]))
        frame.insert(2, "targets", self.settings["targets"])
        return frame.sort_values([*_OF_A_TRIAL, "budget"], ignore_index=True)

    def curves(self) -> pd.DataFrame:
        """Return a row for every render of their trials that was nearer than all before it."""
        return pd.DataFrame(
            {name: trial[name] for name in _OF_A_TRIAL} | {"render": render, "distance": distance}
            for trial in self._finished()
            for render, distance in trial["curve"]
        )

    def write(self) -> Path:
        """Write the rows as Parquet, and return the file."""
        with replaced(self.path / ROWS) as temporary:
            self.rows().to_parquet(temporary, index=False)
        return self.path / ROWS


def read_rows(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the rows of an evaluation: its folder, or the file itself; SynthgymError if there are none."""
    path = Path(path)
    file = path / ROWS if path.is_dir() else path
    if not file.is_file():
        raise SynthgymError(f"no such file: {file}; scripts/evaluate.py writes it when it is done")
    try:
        frame = pd.read_parquet(file)
        missing = {"env", "env_kwargs", "targets", "target", "parameters", "distance"} - {*frame.columns}
        if missing:
            raise ValueError(f"it has no column {min(missing)!r}")
    except (OSError, ValueError) as error:
        raise SynthgymError(f"{path} holds no finished evaluation: {error}") from error
    return frame
