"""Several trainings of one agent: seeds, and hyperparameters that are looked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from synthgym.checks import number, whole
from synthgym.errors import SynthgymError
from synthgym.files import reason, replaced, unwritable
from synthgym.locks import take
from synthgym.settings import check_same_settings

from .run_config import RunConfig
from .run_folder import RunFolder, run_name
from .spaces import Space, Tried, suggest
from .trainings import Outcome

Make = Callable[[int, Mapping[str, Any]], RunConfig]
"""Makes the config of a run from its seed and the hyperparameters that are tried."""
By = Callable[[Iterable[Path]], Iterator[Outcome]]
"""Trains runs, and tells what came of each as it ends."""

REMEDY = "ask for the same, or choose another --log-dir"


@dataclass
class Trial:
    """Hyperparameters that are tried, by a run for each seed.

    Attributes:
        number: of the trial.
        hyperparameters: that were suggested; none where only seeds differ.
        runs: their folders, by seed.
        distances: of the runs that are done, by seed; None of one that failed.
        problems: why, by seed.
    """

    number: int
    hyperparameters: dict[str, Any]
    runs: dict[int, Path]
    distances: dict[int, float | None] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Return whether all its runs are."""
        return {*self.distances} == {*self.runs}

    @property
    def distance(self) -> float | None:
        """Return the mean distance of its runs; None if one has none."""
        found = [each for each in self.distances.values() if each is not None]
        return sum(found) / len(found) if len(found) == len(self.runs) else None

    def problem(self, seed: int) -> str:
        """Return why the run of a seed failed, in brackets; nothing if it did not."""
        return f" ({self.problems[seed]})" if seed in self.problems else ""

    def row(self) -> dict[str, Any]:
        """Return the trial as JSON."""
        runs = [
            {
                "seed": seed,
                "folder": str(run),
                "distance": self.distances.get(seed),
                "problem": self.problems.get(seed),
            }
            for seed, run in self.runs.items()
        ]
        return {
            "number": self.number,
            "distance": self.distance,
            "hyperparameters": self.hyperparameters,
            "runs": runs,
        }


class Sweep:
    """Trainings of one agent, and the file that tells of them, from which an interrupted sweep goes on.

    Args:
        folder: of the runs; each trial of several has a folder of its own in it.
        config: of a run with the first seed, as it is without what is suggested.
        make: makes the others.
        seeds: of the runs of each trial.
        space: where hyperparameters are looked for; None if only the seeds differ.
        trials: how many.

    Raises:
        SynthgymError: the folder holds another sweep or other runs, is in use, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        config: RunConfig,
        make: Make,
        seeds: Sequence[int],
        space: Space | None = None,
        trials: int = 1,
    ) -> None:
        name = (
            "sweep"
            if space is not None
            else run_name(config.env, config.agent, seeds[0])[: -len(f"-{seeds[0]}")] + "-seeds"
        )
        self._folder, self.file = folder, folder / f"{name}.json"
        self._make, self._seeds, self._space, self._wanted = make, list(seeds), space, trials
        kept = vars(config) | {"seeds": self._seeds, "space": space}
        self._settings = json.loads(
            json.dumps({k: v for k, v in kept.items() if k not in ("seed", "versions")})
        )
        if RunFolder(folder).config.exists():
            raise SynthgymError(f"{folder} is the folder of one run; choose another --log-dir")
        self._lock = FileLock(folder / f".{name}.lock")
        take(self._lock, f"{folder} is in use by another sweep; wait, or choose another --log-dir")
        try:
            self.trials = {trial.number: trial for trial in self._read()}
            self._check_runs()
        except BaseException:
            self.close()
            raise

    def _read(self) -> list[Trial]:
        # Where only the seeds differ, the folders of the runs tell all.
        if self._space is None or not self.file.is_file():
            return []
        try:
            document = json.loads(self.file.read_text(encoding="utf-8"))
            settings, rows = dict(document["settings"]), list(document["trials"])
        except OSError as error:
            raise SynthgymError(f"cannot read {self.file}: {reason(error)}") from error
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise self._damaged() from error
        check_same_settings(f"{self.file} is a sweep", settings, self._settings, REMEDY)
        try:
            trials = [self._known(row) for row in rows]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._damaged() from error
        return sorted(trials, key=lambda trial: trial.number)

    def _check_runs(self) -> None:
        """Raise SynthgymError unless runs that are there and known by now are of this sweep."""
        first = [self._trial(0, {})] if self._space is None else []
        for trial in self.trials.values() or first:
            for seed, run in trial.runs.items():
                if seed not in trial.distances and RunFolder(run).config.exists():
                    self._check(run, self._make(seed, trial.hyperparameters))

    def _damaged(self) -> SynthgymError:
        return SynthgymError(f"{self.file} is damaged; remove it, or choose another --log-dir")

    def _known(self, row: dict[str, Any]) -> Trial:
        """Return the trial of a row of the file; ValueError and the like if it is none."""
        if {*row["hyperparameters"]} != {*(self._space or {})}:
            raise ValueError
        trial = self._trial(whole("number", row["number"], 0, 10_000), dict(row["hyperparameters"]))
        for run in row["runs"]:
            seed, distance, problem = run["seed"], run["distance"], run["problem"]
            if seed not in trial.runs or not isinstance(problem, str | None):
                raise ValueError
            if distance is not None or problem is not None:
                trial.distances[seed] = None if distance is None else number("distance", distance, 0, 1)
            if problem is not None:
                trial.problems[seed] = problem
        return trial

    def _trial(self, number: int, hyperparameters: dict[str, Any]) -> Trial:
        folder = self._folder if self._space is None else self._folder / f"{number:03d}"
        names = {seed: run_name(self._settings["env"], self._settings["agent"], seed) for seed in self._seeds}
        return Trial(number, hyperparameters, {seed: folder / name for seed, name in names.items()})

    def train(self, by: By, progress: Callable[[Outcome], None]) -> None:
        """Make the trainings that are missing; the file tells of each as it ends.

        Args:
            by: trains.
            progress: is told of each.
        """
        for outcome in by(self._missing()):
            trial, seed = next(
                (trial, seed)
                for trial in self.trials.values()
                for seed, run in trial.runs.items()
                if run == outcome.run
            )
            if outcome.distance is not None or outcome.problem is not None:
                trial.distances[seed] = outcome.distance
            if outcome.problem is not None:
                trial.problems[seed] = outcome.problem
            self._write()
            progress(outcome)

    def _missing(self) -> Iterator[Path]:
        """Return the folders of runs to train; what is tried next depends on what is done by then."""
        for place in range(self._wanted):
            if place not in self.trials:
                self.trials[place] = self._trial(place, self._suggestion())
                self._write()
            trial = self.trials[place]
            for seed, run in trial.runs.items():
                if seed not in trial.distances:
                    self._begin(run, self._make(seed, trial.hyperparameters))
                    yield run

    def _suggestion(self) -> dict[str, Any]:
        if self._space is None:
            return {}
        tried = [Tried(t.hyperparameters, t.distance, t.done) for t in self.trials.values()]
        return suggest(self._space, tried, self._seeds[0])

    def _begin(self, run: Path, config: RunConfig) -> None:
        folder = RunFolder(run)
        if not folder.config.exists():
            return folder.begin(config)
        return self._check(run, config)

    def _check(self, run: Path, config: RunConfig) -> None:
        kept = RunConfig.read(RunFolder(run).config)
        check_same_settings(f"{run} is a run", vars(kept), vars(config), REMEDY, ignore=["versions"])

    def ranked(self) -> list[Trial]:
        """Return the trials, the nearest first, and those without a distance last."""
        return sorted(self.trials.values(), key=lambda t: (t.distance is None, t.distance, t.number))

    def document(self) -> dict[str, Any]:
        """Return what the file tells: the settings, and the trials, best first."""
        return {"settings": self._settings, "trials": [trial.row() for trial in self.ranked()]}

    def _write(self) -> None:
        try:
            with replaced(self.file) as temporary:
                temporary.write_text(json.dumps(self.document(), indent=1), encoding="utf-8")
        except OSError as error:
            raise unwritable(self.file, error) from error

    def table(self) -> str:
        """Return the trials, or the runs where only seeds differ, as text, best first."""
        if self._space is None:
            return "\n".join(
                f"{_shown(far)}  seed {seed}{trial.problem(seed)}"
                for trial in self.trials.values()  # one, or none if it is stopped at once
                for seed, far in sorted(trial.distances.items(), key=lambda each: (each[1] is None, each[1]))
            )
        return "\n".join(
            f"{_shown(trial.distance)}  {trial.number:03d}  {_text(trial.hyperparameters)}"
            + next(map(trial.problem, trial.problems), "")
            for trial in self.ranked()
            if trial.done
        )

    def close(self) -> None:
        """Let the folder go."""
        self._lock.release()


def _shown(distance: float | None) -> str:
    return "failed" if distance is None else f"{distance:.4f}"


def _text(hyperparameters: Mapping[str, Any]) -> str:
    values = {k: f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in hyperparameters.items()}
    return " ".join(f"{name}={value}" for name, value in values.items())
