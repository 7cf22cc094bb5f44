"""Several evaluations of one synth, as of other notes or of other targets, taken together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pandas as pd

from synthgym.errors import SynthgymError
from synthgym.settings import check_same_settings
from synthgym.task import SoundMatchingTask

from .results import Results
from .targets import Target, find_targets

_ALIKE = ("env", "feature", "more_features")
_ALIKE_KEYWORDS = ("duration", "notes_per_target")


@dataclass(frozen=True)
class Finished:
    """What is finished of an evaluation.

    Attributes:
        folder: of the evaluation.
        settings: that all its trials share.
        rows: as ``Results.rows`` gives them.
        curves: as ``Results.curves`` gives them.
        left_out: what is not among the rows, as ``Results.left_out`` gives it.
        prefix: before the names of targets in rows and curves.
    """

    folder: Path
    settings: dict[str, Any]
    rows: pd.DataFrame
    curves: pd.DataFrame
    left_out: list[str]
    prefix: str = ""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a folder; SynthgymError if it is no evaluation, or no agent in it is finished."""
        with closing(Results.opened(folder)) as results:
            return cls(folder, results.settings, results.rows(), results.curves(), results.left_out())

    def named(self, prefix: str) -> Self:
        """Return it with a prefix before the names of its targets."""
        both = {
            name: frame.assign(target=prefix + frame["target"])
            for name, frame in (("rows", self.rows), ("curves", self.curves))
        }
        return replace(self, prefix=prefix, **both)

    def of(self, agents: set[str], budgets: set[int]) -> Self:
        """Return it with some of its agents and numbers of renders alone.

        Args:
            agents: names of them.
            budgets: the numbers of renders.

        Returns:
            The rest of its rows and curves.
        """
        rows, curves = self.rows, self.curves
        return replace(
            self,
            rows=rows[rows["agent"].isin(agents) & rows["budget"].isin(budgets)],
            curves=curves[curves["agent"].isin(agents) & (curves["render"] <= max(budgets))],
        )

    def targets(self, task: SoundMatchingTask) -> list[Target]:
        """Return its targets, rendered or read again.

        Args:
            task: of its settings.

        Returns:
            Those that are among its rows, by the same names.
        """
        names = {name.removeprefix(self.prefix) for name in self.rows["target"]}
        found = find_targets(task, self.settings["targets"], names)
        return [replace(target, name=self.prefix + target.name) for target in found]


def together(folders: Sequence[Path]) -> tuple[list[Finished], list[str]]:
    """Read evaluations that are to be one table.

    Args:
        folders: of one or more; of several, names of targets begin with the folder's name.

    Returns:
        Each with the agents and the numbers of renders that all of them have, and what is left out.

    Raises:
        SynthgymError: one is no evaluation, two are of different synths, features or lengths, or they have
            no agent or number of renders in common.
    """
    read = [Finished.read(folder) for folder in folders]
    if len(read) == 1:
        return read, read[0].left_out
    for other in read[1:]:
        check_same_settings(
            f"{folders[0]} is an evaluation",
            _game(read[0].settings),
            _game(other.settings),
            f"report {other.folder} apart",
            ignore={*_ALIKE} - (read[0].settings.keys() & other.settings.keys()),  # older versions kept less
        )
    short = [folder.resolve().name for folder in folders]
    names = short if len(set(short)) == len(short) else [str(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise SynthgymError("a folder is given twice; give each evaluation once")
    agents, budgets = ([{*one.rows[column]} for one in read] for column in ("agent", "budget"))
    common = set.intersection(*agents), set.intersection(*budgets)
    if not all(common):
        raise SynthgymError(
            "these evaluations have no agent, or no number of renders, in common; report them apart"
        )
    left_out = [f"{name}: {what}" for name, one in zip(names, read, strict=True) for what in one.left_out]
    left_out += [f"{agent}, which not all of them have" for agent in sorted(set.union(*agents) - common[0])]
    return [one.of(*common).named(f"{name}/") for name, one in zip(names, read, strict=True)], left_out


def _game(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what evaluations of one table have in common."""
    keywords = settings["env_kwargs"]
    common = {name: settings[name] for name in _ALIKE if name in settings}
    return common | {name: keywords[name] for name in _ALIKE_KEYWORDS if name in keywords}
