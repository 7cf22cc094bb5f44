"""How the speed of the native vector environment goes with parameters, length and number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium as gym

from .section import Effort, Row, Section
from .turns import ENDLESS, median, ratio, steps_of_many, take_turns

NUM_ENVS = 16


class Point(NamedTuple):
    """What is measured."""

    env_id: str
    seconds: float = 1.0
    num_envs: int = NUM_ENVS


SERIES: dict[str, list[Point]] = {
    "parameters": [Point(f"Dexed{n}Op-v0") for n in range(1, 7)],
    "length, Dexed": [Point("Dexed1Op-v0", seconds=s) for s in (0.5, 1.0, 2.0, 4.0)],
    "length, FM": [Point("FM-v0", seconds=s) for s in (0.5, 1.0, 2.0, 4.0)],
    "batch, Dexed": [Point("Dexed1Op-v0", num_envs=n) for n in (1, 4, 16, 64, 256)],
    "batch, FM": [Point("FM-v0", num_envs=n) for n in (1, 4, 16, 64, 256)],
}


def measure(effort: Effort) -> list[Row]:
    """Measure every series; the points of one take turns."""
    return [row for name, points in SERIES.items() for row in _rows_of(name, points, effort)]


def _rows_of(series: str, points: list[Point], effort: Effort) -> Iterator[Row]:
    """Measure the points of a series."""
    all_envs = {str(i): make(point) for i, point in enumerate(points)}
    turns = {i: steps_of_many(envs, effort.calls(envs.num_envs)) for i, envs in all_envs.items()}
    figures = take_turns(effort.rounds, turns)
    for point, (i, envs) in zip(points, all_envs.items(), strict=True):
        yield {
            "series": series,
            "id": point.env_id,
            "parameters": envs.single_action_space.shape[0],
            "seconds": point.seconds,
            "num_envs": point.num_envs,
            "steps": median(figures[i]),
            "per_first": ratio(figures[i], figures["0"]),
            "rounds": {"steps": figures[i], "first": figures["0"]},
        }
        envs.close()


def make(point: Point) -> Any:
    """Return its vector environment."""
    hold = min(0.7, point.seconds)
    return gym.make_vec(point.env_id, point.num_envs, duration=point.seconds, hold=hold, **ENDLESS)


SECTION = Section(
    name="growth",
    title="How speed goes with size",
    text="Steps per second of gym.make_vec, within endless episodes.",
    columns={
        "series": "series",
        "id": "id",
        "parameters": "parameters",
        "seconds": "audio, s",
        "num_envs": "environments",
        "steps": "steps/s",
        "per_first": "of the series' first",
    },
    measure=measure,
)
