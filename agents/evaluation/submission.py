"""Submissions to the scoreboard: what one agent found, in one file of JSON that anybody can render again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgym.errors import SynthgymError
from synthgym.files import replaced, unwritable

from .results import OF_AN_EVALUATION

FORMAT = 1
_REMEDY = "synthgym evaluate --submit writes such files"
_OF_A_FILE = {"format": int, "agent": str, "by": str, "evaluations": list}
_OF_AN_EVALUATION = {
    "env": str,
    "env_kwargs": dict,
    "targets": str,
    "seeds": int,
    "budgets": list,
    "task": dict,
    "versions": dict,
    "rows": list,
}
_MOST_SEEDS = 100
_OF_A_ROW = {
    "target": str,
    "seed": int,
    "budget": int,
    "renders": int,
    "offline_renders": int,
    "distance": float,
    "parameters": list,
}


def check_asked(path: Path, agents: Sequence[str], targets: str) -> None:
    """Raise SynthgymError if what is asked for can be no submission, before anything is rendered.

    Args:
        path: of the file, which may be there with evaluations of other environments.
        agents: that are evaluated; a submission is of one.
        targets: that they search for; a submission is of held-out patches, which everybody has.
    """
    if len(agents) != 1:
        raise SynthgymError(f"a submission is of one agent; got {', '.join(agents)}: submit each by itself")
    if path.suffix != ".json":
        raise SynthgymError(f"a submission is a .json; got {path}")
    _count(targets, "--targets")
    if path.exists() and (of := read_file(path)["agent"]) != agents[0]:
        raise SynthgymError(f"{path} is of the agent {of}, not of {agents[0]}; choose another file")


def submit(path: Path, by: str | None, agent: str, settings: Mapping[str, Any], rows: pd.DataFrame) -> None:
    """Write the rows of an agent to a file, beside those of other environments that it holds.

    Args:
        path: of the file; an evaluation of the same environment, with the same keywords, is replaced.
        by: who submits it; None for who submitted what is there, or nobody.
        agent: whose rows they are.
        settings: of the evaluation, see ``Results``.
        rows: as ``Results.rows`` gives them; those of other agents are left out.

    Raises:
        SynthgymError: the file cannot be written.
    """
    count, own = _count(settings["targets"], "--targets"), rows[rows["agent"] == agent]
    own = own[own["target"].isin([f"test:{i}" for i in range(count)])]
    evaluation = {
        "env": settings["env"],
        "env_kwargs": settings["env_kwargs"],
        "targets": settings["targets"],
        "seeds": own["seed"].nunique(),
        "budgets": settings["budgets"],
        "task": {name: value for name, value in settings.items() if name not in OF_AN_EVALUATION},
        "versions": settings["versions"],
        "rows": [_row(row) for row in own.to_dict("records")],
    }
    kept: dict[str, Any] = read_file(path) if path.exists() else {"evaluations": [], "by": "anonymous"}
    others = [one for one in kept["evaluations"] if _game(one) != _game(evaluation)]
    together = sorted([*others, evaluation], key=_game)
    content = {"format": FORMAT, "agent": agent, "by": by or kept["by"], "evaluations": together}
    _check(content, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as temporary:
            temporary.write_text(_text(content), encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error


def read_file(path: Path) -> dict[str, Any]:
    """Return what is in the file of a submission; SynthgymError, of one line, if it is none."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except FileNotFoundError as error:
        raise SynthgymError(f"no such file: {path}; {_REMEDY}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise SynthgymError(f"{path} is no submission: {error}; {_REMEDY}") from error
    _check(content, path)
    return content


def read_submission(path: Path) -> pd.DataFrame:
    """Return the rows of a submission as ``Results.rows`` gives them, without measures.

    Raises:
        SynthgymError: the file is no submission, or leaves out rows.
    """
    content = read_file(path)
    return pd.DataFrame(
        {
            "env": evaluation["env"],
            "env_kwargs": json.dumps(evaluation["env_kwargs"], sort_keys=True),
            "targets": evaluation["targets"],
            "task": json.dumps(evaluation["task"], sort_keys=True),
            "agent": content["agent"],
            **row,
        }
        for evaluation in content["evaluations"]
        for row in evaluation["rows"]
    )


def other_versions(path: Path) -> list[str]:
    """Return which packages a submission was made with in other versions than those here."""
    made = {item for one in read_file(path)["evaluations"] for item in one["versions"].items()}
    here = {name: _version(name) for name, _ in made}
    return [f"{name} {there}, here {here[name]}" for name, there in sorted(made) if here[name] != there]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _check(content: Any, path: Path) -> None:
    """Raise SynthgymError, naming the place, if something is missing, or of another type."""
    _has(content, _OF_A_FILE, str(path))
    if content["format"] != FORMAT:
        raise SynthgymError(f"{path} has format {content['format']}, not {FORMAT}; {_REMEDY}")
    if not content["evaluations"]:
        raise SynthgymError(f"{path} holds no evaluation; {_REMEDY}")
    for evaluation in content["evaluations"]:
        _has(evaluation, _OF_AN_EVALUATION, f"{path}, an evaluation")
        where = f"{path}, {evaluation['env']}"
        if ":" in evaluation["env"]:  # which would import a module of the submitter's choice
            raise SynthgymError(f"{where}: its environment is none of synthgym's; {_REMEDY}")
        if not all(isinstance(text, str) for text in evaluation["versions"].values()):
            raise SynthgymError(f"{where}: its versions are no texts; {_REMEDY}")
        for number, row in enumerate(evaluation["rows"], 1):
            _has(row, _OF_A_ROW, f"{where}, row {number}")
            if not all(isinstance(value, int | float) for value in row["parameters"]):
                raise SynthgymError(f"{where}, row {number}: its parameters are no numbers; {_REMEDY}")
        _check_whole(evaluation, where)


def _check_whole(evaluation: Mapping[str, Any], where: str) -> None:
    """Raise SynthgymError unless there is a row for every target, seed and budget, and no other."""
    count, budgets = _count(evaluation["targets"], where), evaluation["budgets"]
    if not budgets or not all(type(budget) is int and budget > 0 for budget in budgets):
        raise SynthgymError(f"{where}: its budgets are no whole numbers from 1; {_REMEDY}")
    if not 1 <= evaluation["seeds"] <= _MOST_SEEDS or len(budgets) > _MOST_SEEDS:
        raise SynthgymError(f"{where}: its seeds or budgets are not 1 to {_MOST_SEEDS:,}; {_REMEDY}")
    targets = [f"test:{i}" for i in range(count)]
    wanted = set(product(targets, range(evaluation["seeds"]), budgets))
    there = [(row["target"], row["seed"], row["budget"]) for row in evaluation["rows"]]
    if not there or len(there) != len(wanted) or {*there} != wanted:
        raise SynthgymError(
            f"{where}: {len(there)} rows are not one for each of {count} targets, "
            f"{evaluation['seeds']} seeds and {len(budgets)} budgets; {_REMEDY}"
        )
    for row in evaluation["rows"]:
        if not 0 <= row["distance"] <= 1:
            raise SynthgymError(f"{where}: {row['target']} has distance {row['distance']}; {_REMEDY}")
        if not 1 <= row["renders"] <= row["budget"]:
            raise SynthgymError(
                f"{where}: {row['target']} has {row['renders']} renders of {row['budget']}; {_REMEDY}"
            )


def _has(value: Any, types: Mapping[str, type], where: str) -> None:
    if not isinstance(value, dict):
        raise SynthgymError(f"{where} is no object of JSON; {_REMEDY}")
    for name, kind in types.items():
        if name not in value:
            raise SynthgymError(f"{where} has no {name!r}; {_REMEDY}")
        found = value[name]
        good = isinstance(found, int | float) if kind is float else isinstance(found, kind)
        if not good or isinstance(found, bool):
            raise SynthgymError(f"{where}: {name!r} must be of type {kind.__name__}; {_REMEDY}")


def _count(targets: str, where: str) -> int:
    kind, _, count = targets.partition(":")
    good = kind == "test" and re.fullmatch(r"\d{1,4}", count, re.ASCII)
    if not good or not 1 <= int(count) <= 1000:
        raise SynthgymError(f"{where}: a submission is of held-out patches, test:N; got {targets!r}")
    return int(count)


def _game(evaluation: Mapping[str, Any]) -> str:
    return json.dumps([evaluation["env"], evaluation["env_kwargs"]], sort_keys=True)


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: kind(row[name]) for name, kind in _OF_A_ROW.items() if kind is not list}
    if not math.isfinite(kept["distance"]):
        kept["distance"] = 1.0  # the worst there is
    # The shortest text of a float32, which is read again as the same.
    return {**kept, "parameters": [float(str(np.float32(value))) for value in row["parameters"]]}


def _text(content: Mapping[str, Any]) -> str:
    """Return JSON with a row on each line, so that a change of one is seen."""
    head = json.dumps({name: value for name, value in content.items() if name != "evaluations"})
    parts = []
    for evaluation in content["evaluations"]:
        about = json.dumps({name: value for name, value in evaluation.items() if name != "rows"})
        rows = ",\n".join(json.dumps(row, allow_nan=False) for row in evaluation["rows"])
        parts.append(f'{about[:-1]}, "rows": [\n{rows}\n]}}')
    return f'{head[:-1]}, "evaluations": [\n' + ",\n".join(parts) + "\n]}\n"


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")
