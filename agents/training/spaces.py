"""Where a sweep looks for hyperparameters, and what it tries next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from synthgym.errors import SynthgymError, installing

from .run_config import HYPERPARAMETERS

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Space = dict[str, Any]
"""By hyperparameter: a list of choices, or ``{low, high}``, with ``log: true`` or not."""


@dataclass(frozen=True)
class Tried:
    """What was tried before.

    Attributes:
        hyperparameters: that were suggested.
        distance: that it brought, in [0, 1]; None if it failed, or is not done.
        done: whether it is done.
    """

    hyperparameters: Mapping[str, Any]
    distance: float | None
    done: bool


def space_of(agent: str, instead: Mapping[str, Any], fixed: Mapping[str, Any]) -> Space:
    """Return where the hyperparameters of an agent are looked for.

    Args:
        agent: its name.
        instead: of its row in ``hyperparameters/spaces.yml``, if there is any.
        fixed: hyperparameters that are not looked for.

    Returns:
        The space.

    Raises:
        SynthgymError: the agent has no space, nothing is left of it, or a range is none.
    """
    rows = yaml.safe_load((HYPERPARAMETERS / "spaces.yml").read_text(encoding="utf-8"))
    if not instead and agent not in rows:
        raise SynthgymError(
            f"{agent} has no space of hyperparameters; give one, as --space 'learning_rate=[0.001,0.0003]', "
            f"or an agent that has one: {', '.join(rows)}"
        )
    space = {name: where for name, where in (instead or rows[agent]).items() if name not in fixed}
    if not space:
        raise SynthgymError("all hyperparameters of the space are given; leave some of them open")
    for name, where in space.items():
        _distribution(name, where)
    return space


def extremes(space: Space) -> Iterator[dict[str, Any]]:
    """Return every choice and both ends of every range, each alone.

    Args:
        space: where hyperparameters are looked for.

    Returns:
        A value by the name of its hyperparameter, one after the other.
    """
    for name, where in space.items():
        for value in where if isinstance(where, list) else (where["low"], where["high"]):
            yield {name: value}


def suggest(space: Space, tried: Sequence[Tried], seed: int) -> dict[str, Any]:
    """Return the hyperparameters to try next, by Optuna's tree-structured Parzen estimator.

    They depend on nothing but the arguments, so that an interrupted sweep goes on as if it had not been.

    Args:
        space: where to look.
        tried: so far, in order.
        seed: of the sweep.

    Returns:
        A value for each name.

    Raises:
        SynthgymError: Optuna is not installed.
    """
    optuna = _optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    where = {name: _distribution(name, each) for name, each in space.items()}
    states = optuna.trial.TrialState
    own = int(np.random.SeedSequence([seed, len(tried)]).generate_state(1)[0])
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=own))
    for each in tried:
        missing = states.FAIL if each.done else states.RUNNING
        state = missing if each.distance is None else states.COMPLETE
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(each.hyperparameters), distributions=where, value=each.distance, state=state
            )
        )
    params: dict[str, Any] = study.ask(where).params
    return params


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise SynthgymError(f"Optuna is not installed: {installing('sweep')}") from error
    return optuna


def _distribution(name: str, where: Any) -> BaseDistribution:
    distributions = _optuna().distributions
    try:
        if json.loads(json.dumps(where, allow_nan=False)) != where:  # as sweep.json keeps it
            raise ValueError
        if isinstance(where, list):
            found = distributions.CategoricalDistribution(where)
        else:
            log = where.get("log", False)
            kinds = {type(where["low"]), type(where["high"])}
            if kinds - {int, float} or {*where} - {"low", "high", "log"} or not isinstance(log, bool):
                raise ValueError
            kind = distributions.IntDistribution if kinds == {int} else distributions.FloatDistribution
            found = kind(where["low"], where["high"], log=log)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SynthgymError(
            f"the space of {name} is a list of choices or {{low: NUMBER, high: NUMBER, log: true}}; "
            f"got {where!r}"
        ) from error
    distribution: BaseDistribution = found
    return distribution
